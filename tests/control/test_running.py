"""Working until told to stop."""

from __future__ import annotations

import os
import signal
import tempfile
from typing import BinaryIO

from twisted.trial.unittest import SynchronousTestCase

from tests.control.fakes import AWAY, FakeAgent, FakePause
from twisted_router.control.keeper import Keeper
from twisted_router.control.lines import Line
from twisted_router.control.registration import RouteRegistration
from twisted_router.control.running import SignalPause, run

WEB = RouteRegistration("web.example.com", "10.0.0.5", 9100, ttl_s=30.0)


class RunTests(SynchronousTestCase):
    """run()."""

    def setUp(self) -> None:
        self.agent = FakeAgent()
        self.pause = FakePause(stop_after=4)
        self.lines: list[Line] = []

    def keeper(self, refreshing: bool = True) -> Keeper:
        return Keeper(
            self.agent,
            self.pause.clock,
            lambda attempt: 1.0,
            lambda sentence: None,
            refreshing=refreshing,
        )

    def stream(self, content: bytes) -> BinaryIO:
        """A file to read."""
        file = tempfile.TemporaryFile(dir=".")
        self.addCleanup(file.close)
        file.write(content)
        file.flush()
        file.seek(0)
        return file

    def run_all(self, keeper: Keeper, content: bytes | None, once: bool) -> None:
        stream = None if content is None else self.stream(content)
        run(keeper, self.pause, stream, self.lines.append, once=once)

    def test_it_refreshes_until_it_is_stopped(self) -> None:
        keeper = self.keeper()
        keeper.register(WEB)
        self.run_all(keeper, None, once=False)
        self.assertEqual(["register", *["refresh"] * 3], self.agent.verbs())
        self.assertEqual([10.0] * 4, self.pause.waits)

    def test_once_it_ends_when_all_is_done(self) -> None:
        keeper = self.keeper(refreshing=False)
        keeper.register(WEB)
        self.run_all(keeper, None, once=True)
        self.assertEqual((["register"], []), (self.agent.verbs(), self.pause.waits))

    def test_once_it_ends_when_nobody_answers(self) -> None:
        self.agent.error = AWAY
        keeper = self.keeper(refreshing=False)
        keeper.register(WEB)
        self.run_all(keeper, None, once=True)
        self.assertEqual((["register"], []), (self.agent.verbs(), self.pause.waits))
        self.assertTrue(keeper.pending)

    def test_lines_are_taken_as_they_come(self) -> None:
        self.run_all(self.keeper(), b"one\ntwo", once=False)
        self.assertEqual([Line(1, b"one"), Line(2, b"two")], self.lines)

    def test_routes_are_kept_after_the_last_line(self) -> None:
        keeper = self.keeper()

        def take(line: Line) -> None:
            keeper.register(WEB)

        run(keeper, self.pause, self.stream(b"one"), take, once=False)
        self.assertEqual(["register", *["refresh"] * 3], self.agent.verbs())

    def test_without_routes_it_ends_with_the_last_line(self) -> None:
        self.run_all(self.keeper(), b"", once=False)
        self.assertEqual([], self.pause.waits)

    def test_a_wish_to_end_is_heard_before_anything_is_done(self) -> None:
        keeper = self.keeper()
        keeper.register(WEB)
        self.pause.stopped = True
        self.run_all(keeper, b"one\n", once=False)
        self.assertEqual(([], []), (self.agent.verbs(), self.lines))


class SignalPauseTests(SynchronousTestCase):
    """SignalPause."""

    def test_it_waits_for_its_time(self) -> None:
        with SignalPause() as pause:
            self.assertFalse(pause.wait(0.001, None))
            self.assertFalse(pause.stopped)

    def test_it_wakes_for_something_to_read(self) -> None:
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb") as other:
            with SignalPause() as pause:
                self.assertFalse(pause.wait(0.001, stream))
                other.write(b"x")
                other.flush()
                self.assertTrue(pause.wait(60.0, stream))

    def test_a_signal_wakes_and_the_next_one_is_not_ours(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        for number in (signal.SIGTERM, signal.SIGINT):
            with SignalPause() as pause:
                self.assertNotEqual(before, signal.getsignal(signal.SIGTERM))
                signal.raise_signal(number)
                self.assertFalse(pause.wait(60.0, None))
                self.assertTrue(pause.stopped)
                self.assertEqual(before, signal.getsignal(signal.SIGTERM))

    def test_signals_are_as_before_at_the_end(self) -> None:
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [signal.getsignal(number) for number in numbers]
        with SignalPause():
            pass
        self.assertEqual(before, [signal.getsignal(number) for number in numbers])
