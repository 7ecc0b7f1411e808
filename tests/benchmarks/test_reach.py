"""Tests of benchmarks.reach: what counts as reached."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.about import about
from benchmarks.kept import KeptCase
from benchmarks.reach import Reached, reached
from benchmarks.samples import Result, Sample


def case(key: str, **samples: Sample) -> KeptCase:
    """A case with three equal rounds of each proxy (``router_10`` is router-10)."""
    results = [
        Result(name.replace("_", "-"), (sample,) * 3)
        for name, sample in samples.items()
    ]
    return KeptCase(about(key), results, 4.0, "", {})


class ReachedTests(SynchronousTestCase):
    """``reached`` holds figures against floors and aims."""

    def only(self, *cases: KeptCase) -> Reached:
        (one,) = reached(cases)
        return one

    def verdict(self, router: float, **fields: Any) -> str:
        """Of small GETs, where nginx does 100 with 10 us each."""
        nginx = Sample(100.0, cpu_us=10.0)
        return self.only(
            case("a", nginx=nginx, router=Sample(router, **fields))
        ).verdict

    def test_below_the_floor_is_missed(self) -> None:
        self.assertEqual("MISSED", self.verdict(59.0))

    def test_the_floor_itself_is_met(self) -> None:
        self.assertEqual("met", self.verdict(60.0))

    def test_the_aim_itself_is_met(self) -> None:
        self.assertEqual("aim met", self.verdict(100.0))

    def test_processor_time_may_tell_another_story(self) -> None:
        self.assertEqual("met, by CPU MISSED", self.verdict(60.0, cpu_us=20.0))

    def test_errors_are_a_doubt(self) -> None:
        self.assertEqual("met (errors)", self.verdict(60.0, errors=1))

    def test_a_disturbed_run_is_a_doubt(self) -> None:
        self.assertEqual("met (disturbed)", self.verdict(60.0, others=0.2))

    def test_idle_ones_are_compared_with_the_same_round(self) -> None:
        one = self.only(case("f", router=Sample(94.0, alone=100.0)))
        self.assertEqual((0.94, "MISSED"), (one.figure.value, one.verdict))

    def test_memory_of_the_table_is_what_many_routes_add(self) -> None:
        few, many = (Sample(1.0, rss_mib=mib) for mib in (60.0, 160.0))
        ratio, memory = reached([case("h", router_10=few, router_100000=many)])
        self.assertEqual("met", ratio.verdict)
        self.assertEqual("MISSED", memory.verdict)
        self.assertAlmostEqual(104.86, memory.figure.value, 2)

    def test_latency_must_not_exceed_its_floor(self) -> None:
        nginx, router = Sample(2.0), Sample(3.1)
        one = self.only(case("i", nginx=nginx, router=router))
        self.assertEqual((1.55, "MISSED"), (one.figure.value, one.verdict))

    def test_without_the_router_there_is_nothing_to_say(self) -> None:
        self.assertEqual([], list(reached([case("a", nginx=Sample(1.0))])))
