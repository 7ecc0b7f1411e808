"""Tests of what the benchmark of discovery says and keeps."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.discovery.__main__ import keep
from benchmarks.discovery.figures import Figure, latencies, percentile, table


class FigureTests(SynchronousTestCase):
    """What is measured, beside what it is to reach."""

    def test_what_reaches_its_limit_is_good(self) -> None:
        verdicts = [Figure("10", "p50", ms, "ms", 4.0).good for ms in (3.9, 4.0, 4.1)]
        self.assertEqual([True, True, False], verdicts)

    def test_so_is_what_has_none(self) -> None:
        self.assertTrue(Figure("10", "max", 1e6, "ms").good)

    def test_a_percentile_is_one_of_the_values(self) -> None:
        values = [float(number) for number in range(100, 0, -1)]
        self.assertEqual(
            (50.0, 99.0, 100.0),
            tuple(percentile(values, rank) for rank in (0.5, 0.99, 1.0)),
        )

    def test_of_times_the_two_that_matter_have_limits(self) -> None:
        found = latencies("10", "new", [0.001, 0.002, 0.003], p50_ms=1, p99_ms=5)
        self.assertEqual(
            [("new, p50", 2.0, 1), ("new, p99", 3.0, 5), ("new, max", 3.0, None)],
            [(each.name, each.value, each.limit) for each in found],
        )

    def test_each_row_has_its_verdict(self) -> None:
        lines = table(
            [
                Figure("10", "p50", 3.0, "ms", 4.0),
                Figure("10", "p99", 16.0, "ms", 15.0),
                Figure("10", "max", 20.0, "ms"),
            ]
        ).splitlines()
        self.assertEqual(
            ["met", "MISSED", "ms"], [line.split()[-1] for line in lines[1:]]
        )


class KeepTests(SynchronousTestCase):
    """Figures stay, by case."""

    def test_a_case_replaces_its_own_figures_only(self) -> None:
        path = Path(self.mktemp())
        for case, value in (("10", 1.0), ("300", 2.0), ("10", 3.0)):
            keep(path, case, [Figure(case, "p50", value, "ms")])
        kept = json.loads(path.read_text())
        self.assertEqual(
            {"10": 3.0, "300": 2.0},
            {case: found["figures"][0]["value"] for case, found in kept.items()},
        )
