"""Tests for ``twisted_router.registrar.outage``."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.outage import Outage


class OutageTests(SynchronousTestCase):
    """A dependency that is away is not news every second."""

    def setUp(self) -> None:
        """A dependency that nobody has asked yet."""
        self.clock = Clock()
        self.outage = Outage("Docker", "waiting", self.clock, float)

    def test_waits_grow(self) -> None:
        """As the policy says, and from the start again after a success."""
        self.assertEqual([1, 2, 3], [self.outage.failed("x") for _ in range(3)])
        self.outage.succeeded()
        self.assertEqual(1, self.outage.failed("x"))

    def test_the_reason_is_the_newest(self) -> None:
        """Until it is back."""
        self.assertEqual("", self.outage.error)
        self.outage.failed("refused")
        self.outage.failed("timeout")
        self.assertEqual("timeout", self.outage.error)
        self.outage.succeeded()
        self.assertEqual("", self.outage.error)

    def test_it_is_said_once(self) -> None:
        """When it goes, and when it is back, and for how long it was away."""
        with capturedLogs() as logged:
            self.outage.succeeded()
            self.outage.failed("refused")
            self.clock.advance(2.5)
            self.outage.failed("timeout")
            self.outage.succeeded()
            self.outage.succeeded()
        self.assertEqual(
            [("warn", "refused", None), ("info", None, 2.5)],
            [
                (each["log_level"].name, each.get("reason"), each.get("seconds"))
                for each in logged
            ],
        )

    def test_when_to_try_again(self) -> None:
        """While it is not away, now."""
        self.assertEqual(0.0, self.outage.delay_s)
        self.outage.failed("x")
        self.clock.advance(0.25)
        self.assertEqual(0.75, self.outage.delay_s)
        self.outage.succeeded()
        self.assertEqual(0.0, self.outage.delay_s)
