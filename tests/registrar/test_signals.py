"""Tests for ``twisted_router.registrar.signals``."""

from __future__ import annotations

from signal import SIGRTMAX, SIGRTMIN

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.signals import signal_number, stops


class SignalNumberTests(SynchronousTestCase):
    """Docker takes signals in many spellings."""

    def test_spellings(self) -> None:
        """By number or name, with or without SIG, in any case."""
        for text, expected in (
            ("15", 15),
            ("TERM", 15),
            ("SIGTERM", 15),
            ("sigquit", 3),
            ("RTMIN", SIGRTMIN),
            ("SIGRTMIN+3", SIGRTMIN + 3),
            ("RTMAX-14", SIGRTMAX - 14),
        ):
            self.assertEqual(expected, signal_number(text), text)

    def test_what_is_no_signal(self) -> None:
        """It is nothing."""
        for text in ("", "SIG", "NOPE", "_IGN", "-9", "1.5", "RTMIN+", "RTMIN*2", "²"):
            self.assertIsNone(signal_number(text), text)


class StopsTests(SynchronousTestCase):
    """Some signals are sent to stop a container, others to tell it something."""

    def test_what_stops_any_program(self) -> None:
        """TERM, QUIT, INT and KILL."""
        for signal in ("15", "3", "2", "9", "TERM"):
            self.assertTrue(stops(signal, ""), signal)

    def test_what_stops_none(self) -> None:
        """HUP, USR1, WINCH, and what is no signal."""
        for signal in ("1", "10", "28", "HUP", "", "x"):
            self.assertFalse(stops(signal, ""), signal)

    def test_a_containers_own(self) -> None:
        """What stops it may be anything; the others still stop it as well."""
        for own in ("WINCH", "SIGWINCH", "28"):
            self.assertTrue(stops("28", own), own)
        self.assertTrue(stops("37", "SIGRTMIN+3"))
        self.assertTrue(stops("15", "SIGWINCH"))
        self.assertFalse(stops("1", "SIGWINCH"))
        self.assertFalse(stops("", "nonsense"))
