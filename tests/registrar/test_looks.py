"""Tests of twisted_router.registrar.looks."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.looks import Looks


class LooksTests(SynchronousTestCase):
    """Figures of looks that were taken."""

    def setUp(self) -> None:
        """A registrar that has done nothing yet."""
        self.clock = Clock()
        self.clock.advance(100.0)
        self.looks = Looks(self.clock)

    def look(self, differences: int) -> None:
        """Look, and find so many differences after half a second."""
        self.looks.begin()
        self.clock.advance(0.5)
        self.looks.compared(differences)
        self.looks.done()

    def test_before_anything_has_happened(self) -> None:
        """There is nothing to tell."""
        self.assertEqual(
            (None, None, None, 0),
            (
                self.looks.event_at_s,
                self.looks.done_at_s,
                self.looks.took_s,
                self.looks.drift,
            ),
        )

    def test_when_things_happened(self) -> None:
        """And how long the last look took."""
        self.looks.event()
        self.clock.advance(2.0)
        self.look(0)
        self.assertEqual(
            (100.0, 102.5, 0.5),
            (self.looks.event_at_s, self.looks.done_at_s, self.looks.took_s),
        )

    def test_what_nothing_has_announced(self) -> None:
        """It adds up."""
        self.look(2)
        self.look(0)
        self.look(1)
        self.assertEqual(3, self.looks.drift)

    def test_what_was_announced(self) -> None:
        """It is no drift; but what a later look finds is."""
        self.looks.announce()
        self.look(2)
        self.assertEqual(0, self.looks.drift)
        self.look(1)
        self.assertEqual(1, self.looks.drift)

    def test_what_is_announced_during_a_look(self) -> None:
        """That look may find it, or the next one."""
        self.looks.begin()
        self.looks.announce()
        self.looks.compared(1)
        self.look(1)
        self.assertEqual(0, self.looks.drift)

    def test_a_look_that_failed(self) -> None:
        """It is no complete one."""
        self.look(0)
        self.looks.begin()
        self.clock.advance(9.0)
        self.assertEqual((100.5, 0.5), (self.looks.done_at_s, self.looks.took_s))
