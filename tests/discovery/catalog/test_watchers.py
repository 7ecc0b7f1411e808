"""Who waits for which index."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.discovery.catalog.model import RefusedError
from twisted_router.discovery.catalog.watchers import Watchers


class WatchersTests(SynchronousTestCase):
    """Watchers, over an index that the tests move."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.watchers = Watchers(self.clock, limit=2)
        self.index = 5

    def current(self) -> int:
        return self.index

    def test_an_index_that_has_moved_already_does_not_wait(self) -> None:
        self.successResultOf(self.watchers.wait(self.current, 4, 60.0))
        self.assertEqual(0, len(self.watchers))

    def test_a_move_wakes(self) -> None:
        waiting = self.watchers.wait(self.current, 5, 60.0)
        self.index = 6
        self.watchers.wake()
        self.successResultOf(waiting)

    def test_a_wake_without_a_move_does_not(self) -> None:
        waiting = self.watchers.wait(self.current, 5, 60.0)
        self.watchers.wake()
        self.assertNoResult(waiting)

    def test_an_index_from_the_future_waits_until_it_is_passed(self) -> None:
        waiting = self.watchers.wait(self.current, 7, 60.0)
        self.index = 7
        self.watchers.wake()
        self.assertNoResult(waiting)
        self.index = 8
        self.watchers.wake()
        self.successResultOf(waiting)

    def test_time_runs_out(self) -> None:
        waiting = self.watchers.wait(self.current, 5, 60.0)
        self.clock.advance(59.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.successResultOf(waiting)

    def test_whoever_leaves_is_forgotten(self) -> None:
        waiting = self.watchers.wait(self.current, 5, 60.0)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual((0, []), (len(self.watchers), self.clock.getDelayedCalls()))

    def test_whoever_was_woken_leaves_no_clock_running(self) -> None:
        self.watchers.wait(self.current, 5, 60.0)
        self.index = 6
        self.watchers.wake()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_one_may_leave_because_another_was_woken(self) -> None:
        first = self.watchers.wait(self.current, 5, 60.0)
        second = self.watchers.wait(self.current, 5, 60.0)
        first.addCallback(lambda _: second.cancel())
        self.index = 6
        self.watchers.wake()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)

    def test_one_too_many_is_refused(self) -> None:
        waiting = [self.watchers.wait(self.current, 5, 60.0) for _ in range(2)]
        error = self.assertRaises(
            RefusedError, self.watchers.wait, self.current, 5, 60.0
        )
        self.assertEqual(429, error.status)
        waiting[0].cancel()
        self.failureResultOf(waiting[0], CancelledError)
        self.assertNoResult(self.watchers.wait(self.current, 5, 60.0))

    def test_closing_lets_everyone_go_and_nobody_in(self) -> None:
        waiting = self.watchers.wait(self.current, 5, 60.0)
        self.watchers.close()
        self.successResultOf(waiting)
        self.successResultOf(self.watchers.wait(self.current, 5, 60.0))
        self.assertEqual([], self.clock.getDelayedCalls())
