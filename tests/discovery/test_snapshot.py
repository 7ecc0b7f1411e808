"""Tests of the facts on disk: when they are written, and when they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.discovery.support import Consumer, EventLog, instance
from twisted_router.discovery.alarms import Alarms
from twisted_router.discovery.facts_file import read_facts
from twisted_router.discovery.snapshot import (
    TOUCH_INTERVAL_S,
    WRITE_INTERVAL_S,
    Snapshot,
)
from twisted_router.interfaces import IFactsConsumer


class SlowClock(Clock):
    """Every look at it takes a millisecond.

    :ivar turns: how often something was put off to the next turn.
    """

    turns = 0

    def callLater(self, delay: float, *args: Any, **kwargs: Any) -> Any:  # noqa: N802
        self.turns += delay == 0
        return super().callLater(delay, *args, **kwargs)

    def seconds(self) -> float:
        self.rightNow += 0.001
        return self.rightNow


class SnapshotTests(SynchronousTestCase):
    """A snapshot, a file, and a disk that takes as long as the test wants."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "facts"
        self.clock = Clock()
        self.consumer = Consumer()
        self.events = EventLog()
        self.age_s: float | None = 0.0
        self.disk: list[tuple[Callable[[], Any], Deferred[Any]]] = []
        self.slow = False
        self.works = 0
        self.snapshot = self.started()

    def started(self, clock: Clock | None = None, max_age_s: float = 3600) -> Snapshot:
        snapshot = Snapshot(
            clock or self.clock,
            self.consumer,
            str(self.path),
            "consul",
            max_age_s,
            lambda: 1_000_000 + self.clock.rightNow,
            lambda: self.age_s,
            self.thread,
            Alarms(self.events, "consul"),
        )
        snapshot.start()
        self.addCleanup(snapshot.stop)
        return snapshot

    def thread(self, work: Callable[[], Any]) -> Deferred[Any]:
        self.works += 1
        if not self.slow:
            return maybeDeferred(work)
        done: Deferred[Any] = Deferred()
        self.disk.append((work, done))
        return done

    def disk_is_done(self) -> None:
        work, done = self.disk.pop(0)
        maybeDeferred(work).chainDeferred(done)

    def begin(self, *names: str) -> None:
        self.snapshot.replace("consul", {name: (instance(name),) for name in names})

    def stored(self) -> list[str]:
        """Services in the file."""
        return sorted(read_facts(str(self.path), "consul").services)

    def said(self) -> list[str]:
        return [text for _, _, text, _ in self.events.recorded]

    def test_it_provides_the_interface(self) -> None:
        self.assertTrue(verifyObject(IFactsConsumer, self.snapshot))

    def test_facts_are_passed_on_and_written_at_once(self) -> None:
        self.begin("a", "b")
        self.assertEqual(["a", "b"], sorted(self.consumer.knows()))
        self.assertEqual(["a", "b"], self.stored())

    def test_what_is_written_is_what_is_read(self) -> None:
        self.begin("a")
        loaded = self.started().load()
        assert loaded is not None
        self.assertEqual({"a": (instance("a"),)}, loaded[0].services)

    def test_changes_that_follow_are_written_together(self) -> None:
        self.begin("a")
        for name in ("b", "c"):
            self.snapshot.apply("consul", {name: (instance(name),)})
        self.assertEqual(1, self.works)
        self.clock.advance(WRITE_INTERVAL_S)
        self.assertEqual((2, ["a", "b", "c"]), (self.works, self.stored()))

    def test_what_is_gone_is_gone_from_the_file(self) -> None:
        self.begin("a", "b", "c")
        self.snapshot.apply("consul", {"b": ()})
        self.clock.advance(WRITE_INTERVAL_S)
        self.assertEqual(["a", "c"], self.stored())
        self.begin("c")
        self.clock.advance(WRITE_INTERVAL_S)
        self.assertEqual(["c"], self.stored())

    def test_before_everything_is_known_nothing_is_written(self) -> None:
        self.snapshot.apply("consul", {"a": (instance("a"),)})
        self.clock.advance(WRITE_INTERVAL_S)
        self.assertFalse(self.path.exists())

    def test_changes_during_a_write_are_written_after_it(self) -> None:
        self.slow = True
        self.begin("a")
        self.snapshot.apply("consul", {"b": (instance("b"),)})
        self.clock.advance(WRITE_INTERVAL_S)
        self.assertEqual(1, len(self.disk))
        self.disk_is_done()
        self.assertEqual(["a"], self.stored())
        self.clock.advance(WRITE_INTERVAL_S)
        self.disk_is_done()
        self.assertEqual(["a", "b"], self.stored())

    def test_requests_have_their_turn_between_slices(self) -> None:
        clock = SlowClock()
        self.snapshot = self.started(clock)
        self.begin(*(f"s{number}" for number in range(20)))
        self.assertFalse(self.path.exists())
        clock.advance(1)
        self.assertEqual(20, len(self.stored()))
        self.assertTrue(3 < clock.turns <= 20, clock.turns)

    def test_its_time_is_that_of_the_last_confirmation(self) -> None:
        self.age_s = 30.0
        self.begin("a")
        self.assertEqual(999_970.0, self.path.stat().st_mtime)

    def test_facts_that_stay_are_confirmed_without_a_write(self) -> None:
        self.begin("a")
        inode = self.path.stat().st_ino
        self.clock.advance(TOUCH_INTERVAL_S)
        self.assertEqual(1_000_000.0 + TOUCH_INTERVAL_S, self.path.stat().st_mtime)
        self.assertEqual(inode, self.path.stat().st_ino)

    def test_a_disk_that_fails_is_reported_once_and_tried_again(self) -> None:
        blocking = Path(f"{self.path}.new")
        blocking.mkdir()
        self.begin("a")
        self.clock.advance(TOUCH_INTERVAL_S)
        self.assertEqual(1, len(self.said()))
        self.assertIn("cannot be written", self.said()[0])
        blocking.rmdir()
        self.clock.advance(TOUCH_INTERVAL_S)
        self.assertEqual(["a"], self.stored())
        self.assertIn("is written again", self.said()[1])

    def test_a_file_that_vanished_is_written_again(self) -> None:
        self.begin("a")
        self.path.unlink()
        self.clock.advance(TOUCH_INTERVAL_S)
        self.clock.advance(TOUCH_INTERVAL_S)
        self.assertEqual(["a"], self.stored())

    def test_at_the_end_what_waits_is_written(self) -> None:
        self.begin("a")
        self.snapshot.apply("consul", {"b": (instance("b"),)})
        self.successResultOf(self.snapshot.stop())
        self.assertEqual(["a", "b"], self.stored())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_at_the_end_the_disk_is_waited_for(self) -> None:
        self.slow = True
        self.begin("a")
        self.snapshot.apply("consul", {"b": (instance("b"),)})
        stopping = self.snapshot.stop()
        self.assertNoResult(stopping)
        self.disk_is_done()
        self.assertNoResult(stopping)
        self.disk_is_done()
        self.successResultOf(stopping)
        self.assertEqual(["a", "b"], self.stored())

    def test_a_file_that_is_not_there_is_nothing_to_report(self) -> None:
        self.assertIsNone(self.snapshot.load())
        self.assertEqual([], self.said())

    def test_a_damaged_file_is_reported_and_not_used(self) -> None:
        self.path.write_bytes(b"nonsense")
        self.assertIsNone(self.snapshot.load())
        self.assertEqual(
            [f"{self.path} is no file of this program; it is not used"], self.said()
        )

    def test_facts_that_are_too_old_are_reported_and_not_used(self) -> None:
        self.age_s = 3601.0
        self.begin("a")
        self.assertIsNone(self.started().load())
        self.assertIn("was true 3601 s ago, more than 3600 s", self.said()[0])
        self.assertIsNotNone(self.started(max_age_s=0).load())

    def test_the_age_is_that_of_the_confirmation(self) -> None:
        for age_s, expected in ((60.0, 60.0), (-60.0, 0.0)):
            self.age_s = age_s
            self.snapshot = self.started()
            self.begin("a")
            loaded = self.started().load()
            assert loaded is not None
            self.assertApproximates(expected, loaded[1], 0.001)

    def test_a_bug_is_logged(self) -> None:
        self.slow = True
        self.begin("a")
        self.disk.pop()[1].errback(RuntimeError("bug"))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
