"""When checks are run, on a clock of the tests."""

from __future__ import annotations

import random

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.catalog.runs import Runs
from twisted_router.discovery.catalog.model import (
    Check,
    CheckStatus,
    Probe,
    TcpTarget,
)
from twisted_router.discovery.catalog.rounds import CheckRounds, Outcome

PASSING, WARNING, CRITICAL = CheckStatus


def check(check_id: str = "c", successes: int = 0, failures: int = 0) -> Check:
    """A check with an interval of 10 seconds."""
    target = TcpTarget(f"{check_id}.test:80")
    probe = Probe(target, 10.0, 5.0, 4096, successes, failures)
    return Check(check_id, "n", "web-1", probe=probe)


class _HalfWay(random.Random):
    """Always in the middle."""

    def random(self) -> float:
        return 0.5


class RoundsTestCase(SynchronousTestCase):
    """Has rounds in which two checks may run at once."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.runs = Runs()
        self.reports: list[tuple[str, CheckStatus, str]] = []
        self.rounds = CheckRounds(
            self.clock,
            _HalfWay(),
            self.runs,
            lambda *report: self.reports.append(report),
            at_once=2,
        )


class RhythmTests(RoundsTestCase):
    """When a check is run."""

    def test_the_first_run_comes_after_a_random_part_of_the_interval(self) -> None:
        self.rounds.begin(check())
        self.clock.advance(4.9)
        self.assertEqual([], self.runs.asked)
        self.clock.advance(0.2)
        self.assertEqual([check().probe], self.runs.asked)

    def test_the_next_comes_an_interval_after_the_end_of_the_last(self) -> None:
        self.rounds.begin(check())
        self.clock.advance(5.0)
        self.clock.advance(3.0)
        self.runs.end(PASSING)
        self.clock.advance(9.9)
        self.assertEqual(1, len(self.runs.asked))
        self.clock.advance(0.2)
        self.assertEqual(2, len(self.runs.asked))

    def test_what_is_found_is_reported(self) -> None:
        self.rounds.begin(check())
        for status, output in ((PASSING, "a"), (WARNING, "b"), (CRITICAL, "c")):
            self.clock.advance(10.0)
            self.runs.end(status, output)
        self.assertEqual(
            [("c", PASSING, "a"), ("c", WARNING, "b"), ("c", CRITICAL, "c")],
            self.reports,
        )

    def test_the_same_again_keeps_its_rhythm(self) -> None:
        self.rounds.begin(check())
        self.clock.advance(4.0)
        self.rounds.begin(check())
        self.clock.advance(1.0)
        self.rounds.begin(check())
        self.assertEqual((1, 0), (len(self.runs.asked), self.runs.cancelled))

    def test_another_probe_begins_anew(self) -> None:
        self.rounds.begin(check())
        self.clock.advance(5.0)
        self.rounds.begin(check(failures=1))
        self.assertEqual(1, self.runs.cancelled)
        self.clock.advance(5.0)
        self.assertEqual(check(failures=1).probe, self.runs.asked[-1])

    def test_a_check_without_a_probe_is_not_run(self) -> None:
        self.rounds.begin(check())
        self.rounds.begin(Check("c", "n", ttl_s=5.0))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_run_that_fails_is_logged_and_the_next_one_comes(self) -> None:
        self.rounds.begin(check())
        self.clock.advance(5.0)
        self.runs.under_way.pop().errback(RuntimeError("a mistake"))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.clock.advance(10.0)
        self.assertEqual((2, []), (len(self.runs.asked), self.reports))


class ForgettingTests(RoundsTestCase):
    """Checks that go."""

    def test_a_check_that_waits_is_not_run(self) -> None:
        self.rounds.begin(check())
        self.rounds.forget("c")
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_run_under_way_is_given_up_and_makes_room(self) -> None:
        for name in "abc":
            self.rounds.begin(check(name))
        self.clock.advance(5.0)
        self.rounds.forget("a")
        self.assertEqual((3, 1), (len(self.runs.asked), self.runs.cancelled))
        self.assertEqual([], self.reports)

    def test_a_check_whose_turn_has_not_come_is_not_run(self) -> None:
        for name in "abc":
            self.rounds.begin(check(name))
        self.clock.advance(5.0)
        self.rounds.forget("c")
        self.runs.end(PASSING)
        self.assertEqual(2, len(self.runs.asked))

    def test_an_unknown_check_is_forgotten_already(self) -> None:
        self.rounds.forget("c")
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_stopping_leaves_nothing(self) -> None:
        for name in "abc":
            self.rounds.begin(check(name))
        self.clock.advance(5.0)
        self.runs.end(PASSING)
        self.rounds.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual([], self.runs.under_way)
        self.clock.advance(60.0)
        self.assertEqual(3, len(self.runs.asked))

    def test_a_report_may_end_its_check(self) -> None:
        rounds = CheckRounds(
            self.clock,
            _HalfWay(),
            lambda _: succeed(Outcome(PASSING, "")),
            lambda check_id, *_: rounds.forget(check_id),
        )
        rounds.begin(check())
        self.clock.advance(5.0)
        self.assertEqual([], self.clock.getDelayedCalls())


class TurnTests(RoundsTestCase):
    """No more than so many at once."""

    def test_the_others_wait_for_their_turn(self) -> None:
        for name in "abcd":
            self.rounds.begin(check(name))
        self.clock.advance(5.0)
        self.assertEqual(2, len(self.runs.asked))
        self.runs.end(PASSING)
        self.assertEqual(3, len(self.runs.asked))
        self.runs.end(PASSING)
        self.assertEqual([check(name).probe for name in "abcd"], self.runs.asked)
        self.assertEqual(2, len(self.runs.under_way))

    def test_many_that_end_at_once_are_run_one_after_the_other(self) -> None:
        held: Deferred[Outcome] = Deferred()
        outcomes = [held, Deferred()]
        rounds = CheckRounds(
            self.clock,
            _HalfWay(),
            lambda _: outcomes.pop() if outcomes else succeed(Outcome(PASSING, "")),
            lambda *report: self.reports.append(report),
            at_once=2,
        )
        for number in range(5_000):
            rounds.begin(check(str(number)))
        self.clock.advance(5.0)
        self.assertEqual([], self.reports)
        held.callback(Outcome(PASSING, ""))
        self.assertEqual(4_999, len(self.reports))


class BeliefTests(RoundsTestCase):
    """How many outcomes it takes."""

    def reported(self, tested: Check, *outcomes: CheckStatus) -> list[CheckStatus]:
        """What is reported when the runs of a check find these."""
        self.rounds.begin(tested)
        for status in outcomes:
            self.clock.advance(10.0)
            self.runs.end(status)
        return [status for _, status, _ in self.reports]

    def test_some_failures_in_a_row_make_critical(self) -> None:
        found = self.reported(
            check(failures=2), CRITICAL, PASSING, CRITICAL, CRITICAL, CRITICAL
        )
        self.assertEqual([PASSING, CRITICAL, CRITICAL], found)

    def test_some_successes_in_a_row_make_passing(self) -> None:
        found = self.reported(
            check(successes=2), PASSING, CRITICAL, WARNING, PASSING, PASSING
        )
        self.assertEqual([CRITICAL, PASSING, PASSING], found)
