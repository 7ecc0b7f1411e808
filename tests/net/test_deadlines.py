"""Tests of twisted_router.net.deadlines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.net.deadlines import Sweeper


class BugError(Exception):
    """What a watched object raises."""


class Watched:
    """Remembers when its deadline passed."""

    def __init__(self, clock: Clock) -> None:
        self.deadline_s = 0.0
        self.passed_at_s: list[float] = []
        self.act: Callable[[], object] = lambda: None
        self._clock = clock

    def deadline_passed(self) -> None:
        self.passed_at_s.append(self._clock.seconds())
        self.deadline_s = 0.0
        self.act()


class SweeperTests(SynchronousTestCase):
    """One delayed call for all deadlines."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.sweeper = Sweeper(self.clock)
        self.sweeper.start()

    def watch(self, timeout_s: float = 0) -> Watched:
        """One more object, with a deadline this far away."""
        watched = Watched(self.clock)
        watched.deadline_s = self.sweeper.timeout(timeout_s).deadline_s
        self.sweeper.add(watched)
        return watched

    def pass_time(self, seconds: float, step_s: float = 0.25) -> None:
        self.clock.pump([step_s] * int(seconds / step_s))

    def test_a_deadline_passes_neither_early_nor_two_intervals_late(self) -> None:
        for timeout_s in (0.001, 0.5, 1, 2.75, 60):
            for offset_s in (0.0, 0.125, 0.5, 0.875):
                self.pass_time(1)
                self.clock.advance(offset_s)
                started_s = self.clock.seconds()
                watched = self.watch(timeout_s)
                self.pass_time(timeout_s + 2.25, 0.125)
                self.assertEqual(1, len(watched.passed_at_s))
                late_s = watched.passed_at_s[0] - started_s - timeout_s
                self.assertTrue(0 <= late_s <= 2, (timeout_s, offset_s, late_s))

    def test_the_interval_is_the_precision(self) -> None:
        sweeper = Sweeper(self.clock, interval_s=0.125)
        sweeper.start()
        self.clock.advance(0.0625)
        watched = Watched(self.clock)
        watched.deadline_s = sweeper.timeout(1).deadline_s
        sweeper.add(watched)
        started_s = self.clock.seconds()
        self.pass_time(2, 0.0625)
        late_s = watched.passed_at_s[0] - started_s - 1
        self.assertTrue(0 <= late_s <= 0.25, late_s)

    def test_the_deadline_of_a_timeout_moves_with_time(self) -> None:
        """It is the one of what begins now."""
        timeout, never = self.sweeper.timeout(2), self.sweeper.timeout(0)
        self.assertEqual((1003, 0), (timeout.deadline_s, never.deadline_s))
        self.assertEqual((1003, 0), (self.sweeper.after(2), self.sweeper.after(0)))
        self.pass_time(10)
        self.assertEqual((1013, 0), (timeout.deadline_s, never.deadline_s))

    def test_zero_is_no_deadline(self) -> None:
        watched = [self.watch(0), self.watch(-1)]
        self.assertEqual([0.0, 0.0], [each.deadline_s for each in watched])
        self.pass_time(100, 1)
        self.assertEqual([[], []], [each.passed_at_s for each in watched])

    def test_it_passes_in_every_sweep_until_it_is_moved(self) -> None:
        watched = self.watch(1)
        deadline_s = watched.deadline_s
        watched.act = lambda: setattr(watched, "deadline_s", deadline_s)
        self.pass_time(4, 1)
        self.assertEqual([1002, 1003, 1004], watched.passed_at_s)
        watched.act = lambda: None
        self.pass_time(4, 1)
        self.assertEqual([1002, 1003, 1004, 1005], watched.passed_at_s)

    def test_a_deadline_that_is_moved_passes_later(self) -> None:
        watched = self.watch(2)
        self.pass_time(2, 1)
        watched.deadline_s = self.sweeper.timeout(2).deadline_s
        self.pass_time(2, 1)
        self.assertEqual([], watched.passed_at_s)
        self.pass_time(1, 1)
        self.assertEqual(1, len(watched.passed_at_s))

    def test_what_is_removed_is_not_watched(self) -> None:
        watched = self.watch(1)
        self.assertEqual(1, len(self.sweeper))
        self.sweeper.remove(watched)
        self.sweeper.remove(watched)
        self.assertEqual(0, len(self.sweeper))
        self.pass_time(4, 1)
        self.assertEqual([], watched.passed_at_s)

    def test_an_object_may_remove_itself(self) -> None:
        watched = self.watch(1)
        watched.act = lambda: self.sweeper.remove(watched)
        self.pass_time(4, 1)
        self.assertEqual((1, 0), (len(watched.passed_at_s), len(self.sweeper)))

    def test_one_of_two_may_remove_the_other_in_the_same_sweep(self) -> None:
        pair = [self.watch(1), self.watch(1)]
        for one, other in (pair, pair[::-1]):
            one.act = partial(self.sweeper.remove, other)
        self.pass_time(4, 1)
        self.assertEqual([0, 1], sorted(len(each.passed_at_s) for each in pair))

    def test_one_of_two_may_move_the_other_in_the_same_sweep(self) -> None:
        pair = [self.watch(1), self.watch(1)]
        for one, other in (pair, pair[::-1]):
            one.act = partial(setattr, other, "deadline_s", 0.0)
        self.pass_time(4, 1)
        self.assertEqual([0, 1], sorted(len(each.passed_at_s) for each in pair))

    def test_an_object_may_add_others(self) -> None:
        watched = self.watch(1)
        added: list[Watched] = []
        watched.act = lambda: added.append(self.watch(1))
        self.pass_time(6, 1)
        self.assertEqual(1, len(added[0].passed_at_s))

    def test_a_bug_in_one_is_logged_and_the_others_are_served(self) -> None:
        watched = [self.watch(1) for _ in range(3)]

        def fail() -> None:
            watched[1].deadline_s = self.clock.seconds()
            raise BugError

        watched[1].act = fail
        self.pass_time(6, 1)
        self.assertEqual(1, len(self.flushLoggedErrors(BugError)))
        self.assertEqual([1, 1, 1], [len(each.passed_at_s) for each in watched])

    def test_the_next_deadline_of_one_with_a_bug_counts(self) -> None:
        watched = self.watch(1)

        def fail() -> None:
            raise BugError

        watched.act = fail
        self.pass_time(3, 1)
        watched.deadline_s = self.sweeper.timeout(1).deadline_s
        self.pass_time(3, 1)
        self.assertEqual(2, len(self.flushLoggedErrors(BugError)))

    def test_after_stop_nothing_is_left_to_happen(self) -> None:
        watched = self.watch(1)
        self.sweeper.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.pass_time(4, 1)
        self.assertEqual([], watched.passed_at_s)
        self.sweeper.stop()

    def test_it_may_be_stopped_in_a_sweep(self) -> None:
        self.watch(1).act = self.sweeper.stop
        self.pass_time(4, 1)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_start_late_after_it_was_made_is_no_reason_to_fire_early(self) -> None:
        sweeper = Sweeper(self.clock)
        self.clock.advance(100)
        sweeper.start()
        self.assertEqual(self.clock.seconds() + 3, sweeper.timeout(2).deadline_s)
