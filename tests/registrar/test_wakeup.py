"""Tests for ``twisted_router.registrar.wakeup``."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.wakeup import Wakeup


class WakeupTests(SynchronousTestCase):
    """Whoever waits is woken at the earliest moment that was asked for."""

    def setUp(self) -> None:
        """Nothing asked for."""
        self.clock = Clock()
        self.wakeup = Wakeup(self.clock)

    def assert_wakes_after(self, delay_s: float) -> None:
        """Neither earlier nor later."""
        waiting = self.wakeup.wait()
        self.clock.advance(delay_s - 0.01)
        self.assertNoResult(waiting)
        self.clock.advance(0.01)
        self.assertIsNone(self.successResultOf(waiting))

    def test_it_wakes_in_time(self) -> None:
        """And leaves no timer behind."""
        self.wakeup.within(2)
        self.assert_wakes_after(2)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_the_earliest_counts(self) -> None:
        """Whichever was asked for first."""
        self.wakeup.within(2)
        self.wakeup.within(1)
        self.wakeup.within(3)
        self.assert_wakes_after(1)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_one_that_nobody_waited_for_is_kept(self) -> None:
        """Once, however many there were."""
        self.wakeup.within(1)
        self.clock.advance(1)
        self.wakeup.within(1)
        self.assertIsNone(self.successResultOf(self.wakeup.wait()))
        self.assertNoResult(self.wakeup.wait())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_after_one_there_can_be_another(self) -> None:
        """It is used over and over."""
        for _ in range(3):
            self.wakeup.within(1)
            self.assert_wakes_after(1)

    def test_a_waiter_can_leave(self) -> None:
        """The wake-up is the next one's."""
        waiting = self.wakeup.wait()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.wakeup.within(1)
        self.assert_wakes_after(1)

    def test_cancelling_forgets(self) -> None:
        """What is due as well as what is to come."""
        self.wakeup.within(0)
        self.clock.advance(0)
        self.wakeup.cancel()
        self.assertNoResult(self.wakeup.wait())
        self.wakeup.within(1)
        self.wakeup.cancel()
        self.assertEqual([], self.clock.getDelayedCalls())
