"""Tests of doing something at once, then not too often."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.discovery.pace import Pace


class PaceTests(SynchronousTestCase):
    """A pace of one call in two seconds."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.calls_s: list[float] = []
        self.pace = Pace(
            self.clock, 2.0, lambda: self.calls_s.append(self.clock.seconds())
        )

    def test_the_first_wake_calls_at_once(self) -> None:
        self.pace.wake()
        self.assertEqual([0.0], self.calls_s)

    def test_further_wakes_are_one_call_when_the_period_is_over(self) -> None:
        for _ in range(3):
            self.pace.wake()
        self.clock.pump([1.0, 1.0, 1.0, 1.0, 1.0])
        self.assertEqual([0.0, 2.0], self.calls_s)

    def test_after_a_quiet_period_it_is_at_once_again(self) -> None:
        self.pace.wake()
        self.clock.advance(2.0)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.clock.advance(0.5)
        self.pace.wake()
        self.assertEqual([0.0, 2.5], self.calls_s)

    def test_a_steady_stream_is_a_steady_pace(self) -> None:
        for _ in range(12):
            self.pace.wake()
            self.clock.advance(0.5)
        self.assertEqual([0.0, 2.0, 4.0, 6.0], self.calls_s)

    def test_another_period_counts_from_the_next_call_on(self) -> None:
        self.pace.wake()
        self.pace.period_s = 0.5
        for _ in range(6):
            self.pace.wake()
            self.clock.advance(0.5)
        self.assertEqual([0.0, 2.0, 2.5, 3.0], self.calls_s)

    def test_closed_it_calls_never_again(self) -> None:
        self.pace.wake()
        self.pace.wake()
        self.pace.close()
        self.pace.wake()
        self.clock.advance(10)
        self.assertEqual([0.0], self.calls_s)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_the_action_may_close_it(self) -> None:
        pace = Pace(self.clock, 2.0, lambda: pace.close())
        pace.wake()
        self.assertEqual([], self.clock.getDelayedCalls())
