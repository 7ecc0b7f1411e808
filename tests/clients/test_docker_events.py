"""Tests for ``twisted_router.clients.docker_events``."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import capturedLogs

from tests.clients.test_docker import ClientTestCase
from twisted_router.clients.docker_events import OPEN_LIMIT_S, STREAM_LIFE_S
from twisted_router.interfaces import DockerError, EventStream


class EventsTests(ClientTestCase):
    """A stream is open until somebody ends it, and then that is known."""

    def setUp(self) -> None:
        """Nothing seen yet."""
        super().setUp()
        self.seen: list[dict[str, Any]] = []

    def open(self, since: str = "") -> EventStream:
        """Open a stream that is expected to open."""
        stream = self.client.events(self.seen.append, since)
        self.successResultOf(stream.opened)
        return stream

    def actions(self) -> list[str]:
        """What has been seen, in short."""
        return [f"{event['Type']} {event['Action']}" for event in self.seen]

    def assert_left_nothing(self) -> None:
        """Neither a connection nor a timer."""
        self.agent.flush()
        self.assertEqual(0, self.engine.streams)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_events_arrive(self) -> None:
        """Those that can change a registration; not every one there is."""
        self.open()
        self.engine.run("web")
        self.engine.stop("web")
        self.assertEqual(
            [
                "network connect",
                "container start",
                "container kill",
                "container die",
                "network disconnect",
            ],
            self.actions(),
        )

    def test_the_negotiated_version_is_used(self) -> None:
        """As in every other request."""
        self.successResultOf(self.client.ping())
        self.open()
        self.assertEqual("/v1.41/events", self.engine.requests[-1])

    def test_events_of_the_past(self) -> None:
        """From a moment on, inclusive."""
        self.engine.run("web")
        self.engine.kill("web")
        self.open()
        self.assertEqual([], self.actions())
        self.open("0")
        death = self.seen[-2]
        self.assertEqual("die", death["Action"])
        self.seen.clear()
        self.open(f"{death['time']}.{death['timeNano'] % 10**9:09}")
        self.assertEqual(["container die", "network disconnect"], self.actions())

    def test_the_engine_ends_it(self) -> None:
        """A restart, for one."""
        stream = self.open()
        self.engine.restart_daemon()
        self.assertIsNone(self.successResultOf(stream.ended))
        self.assert_left_nothing()

    def test_it_does_not_outlive_its_life(self) -> None:
        """A silent peer looks like a quiet one."""
        stream = self.open()
        self.clock.advance(STREAM_LIFE_S - 1)
        self.assertNoResult(stream.ended)
        self.clock.advance(1)
        self.assertIsNone(self.successResultOf(stream.ended))
        self.assert_left_nothing()

    def test_cancelling_closes_it(self) -> None:
        """Which is no failure."""
        stream = self.open()
        stream.ended.cancel()
        self.assertIsNone(self.successResultOf(stream.ended))
        self.assert_left_nothing()

    def test_the_consumer_may_close_it_as_it_opens(self) -> None:
        """And as an event arrives."""
        stream = self.client.events(lambda _: stream.ended.cancel())
        self.engine.run("web")
        self.assertIsNone(self.successResultOf(stream.ended))
        self.assert_left_nothing()
        self.engine.hung = True
        stream = self.client.events(self.seen.append)
        stream.opened.addBoth(lambda _: stream.ended.cancel())
        stream.opened.cancel()
        self.assertIsNone(self.successResultOf(stream.ended))
        self.agent.flush()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_nobody_listens(self) -> None:
        """It has neither opened nor anything left to end."""
        self.engine.away = True
        stream = self.client.events(self.seen.append)
        error = self.failureResultOf(stream.opened, DockerError).value
        self.assertIn("refused", str(error))
        self.assertIsNone(self.successResultOf(stream.ended))
        self.assert_left_nothing()

    def test_the_engine_says_no(self) -> None:
        """Its message is no event."""
        stream = self.client.events(self.seen.append, "yesterday")
        error = self.failureResultOf(stream.opened, DockerError).value
        assert isinstance(error, DockerError)
        self.assertEqual(500, error.status)
        self.assertEqual([], self.seen)
        self.assertIsNone(self.successResultOf(stream.ended))
        self.assert_left_nothing()

    def test_the_engine_hangs(self) -> None:
        """Opening has a limit."""
        self.engine.hung = True
        stream = self.client.events(self.seen.append)
        self.clock.advance(OPEN_LIMIT_S)
        error = self.failureResultOf(stream.opened, DockerError).value
        self.assertIn("no answer within 10 s", str(error))
        self.assertIsNone(self.successResultOf(stream.ended))
        self.assert_left_nothing()

    def test_cancelling_while_it_opens(self) -> None:
        """That is no error of the engine's."""
        self.engine.hung = True
        stream = self.client.events(self.seen.append)
        stream.opened.cancel()
        self.failureResultOf(stream.opened, CancelledError)
        self.assertIsNone(self.successResultOf(stream.ended))
        self.assert_left_nothing()

    def test_an_event_that_cannot_be_understood_ends_it(self) -> None:
        """With a word in the log: what it said is lost."""
        stream = self.open()
        with capturedLogs() as logged:
            self.engine.emit_raw(b"nonsense\n")
        self.assertIsNone(self.successResultOf(stream.ended))
        self.assert_left_nothing()
        self.assertEqual(
            ["docker: event stream of {where} is broken: {reason}"],
            [event["log_format"] for event in logged],
        )
