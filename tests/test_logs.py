"""Tests of twisted_router.logs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.logger import Logger
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from twisted_router import logs


class ObserverTests(SynchronousTestCase):
    """Events become lines, from the chosen level up."""

    def setUp(self) -> None:
        self.addCleanup(logs.choose, "info", None)

    def lines(self, level: str, emit: Callable[[Logger, Logger], None]) -> list[str]:
        """What our part and Twisted's write of the events that ``emit`` makes."""
        out = StringIO()
        with redirect_stdout(out):
            observer = namedAny(logs.choose(level, None))()
            emit(
                Logger("twisted_router.proxy", observer=observer),
                Logger("twisted.internet", observer=observer),
            )
        return out.getvalue().splitlines()

    def test_a_line_has_time_level_part_and_message(self) -> None:
        (line,) = self.lines("info", lambda ours, _: ours.info("{n} routes", n=3))
        self.assertRegex(line, r"\A\d{4}-\d\d-\d\dT\S+ info  proxy: 3 routes\Z")

    def test_what_is_below_the_level_is_left_out(self) -> None:
        def emit(ours: Logger, _: Logger) -> None:
            ours.debug("d")
            ours.info("i")
            ours.warn("w")

        self.assertEqual(["i", "w"], [x[-1] for x in self.lines("info", emit)])
        self.assertEqual(["w"], [x[-1] for x in self.lines("warn", emit)])

    def test_twisted_is_heard_when_it_warns_or_when_debugging(self) -> None:
        def emit(_: Logger, theirs: Logger) -> None:
            theirs.info("i")
            theirs.warn("w")

        self.assertEqual(["w"], [x[-1] for x in self.lines("info", emit)])
        self.assertEqual(["i", "w"], [x[-1] for x in self.lines("debug", emit)])

    def test_a_failure_comes_with_its_traceback(self) -> None:
        def emit(ours: Logger, _: Logger) -> None:
            try:
                raise ValueError("boom")
            except ValueError:
                ours.failure("it failed")

        lines = self.lines("info", emit)
        self.assertIn("critical proxy: it failed", lines[0])
        self.assertIn("ValueError: boom", lines[-1])

    def test_it_may_go_to_a_file(self) -> None:
        path = Path(self.mktemp()).absolute()
        observer = namedAny(logs.choose("info", str(path)))()
        Logger("twisted_router.x", observer=observer).info("here")
        self.assertTrue(path.read_text().endswith(" info  x: here\n"))


class PlainObserverTests(SynchronousTestCase):
    """Messages alone, for a command."""

    def test_where_each_level_goes(self) -> None:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            observer = logs.PlainObserver()
            ours = Logger("twisted_router.registrar", observer=observer)
            ours.debug("d")
            ours.info("{n} writes", n=3)
            ours.warn("w")
            twisteds = Logger("twisted.internet", observer=observer)
            twisteds.info("i")
            twisteds.error("e")
        self.assertEqual("3 writes\n", out.getvalue())
        self.assertEqual("warn: w\nerror: e\n", err.getvalue())
