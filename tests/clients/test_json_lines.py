"""Tests for ``twisted_router.clients.json_lines``."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone, ResponseFailed

from twisted_router.clients.json_lines import BrokenLineError, JsonLines

LIMIT_BYTES = 40


class JsonLinesTests(SynchronousTestCase):
    """Objects come out whole, whatever the pieces they came in."""

    def setUp(self) -> None:
        """A body under way."""
        self.seen: list[dict[str, Any]] = []
        self.lines = JsonLines(self.seen.append, LIMIT_BYTES)
        self.transport = StringTransport()
        self.lines.makeConnection(self.transport)

    def assert_broken(self, reason: str) -> None:
        """The body was given up, for that reason."""
        error = self.failureResultOf(self.lines.finished, BrokenLineError).value
        self.assertIn(reason, str(error))
        self.assertTrue(self.transport.disconnecting)

    def test_one_byte_at_a_time(self) -> None:
        """A line is taken when it has ended."""
        for byte in b'{"a": 1}\n{"b": 2}':
            self.lines.dataReceived(bytes([byte]))
        self.assertEqual([{"a": 1}], self.seen)

    def test_two_lines_in_one_piece(self) -> None:
        """And the beginning of a third."""
        self.lines.dataReceived(b'{"a": 1}\r\n{"b": 2}\n{"c"')
        self.assertEqual([{"a": 1}, {"b": 2}], self.seen)

    def test_empty_lines_mean_nothing(self) -> None:
        """Some proxies send them to keep a connection."""
        self.lines.dataReceived(b'\n\r\n{"a": 1}\n\n')
        self.assertEqual([{"a": 1}], self.seen)

    def test_a_line_at_the_limit_is_taken(self) -> None:
        """Its end of line is not counted."""
        value = {"a": "x" * (LIMIT_BYTES - 9)}
        line = json.dumps(value).encode()
        self.assertEqual(LIMIT_BYTES, len(line))
        self.lines.dataReceived(line + b"\n")
        self.assertEqual([value], self.seen)

    def test_a_line_over_the_limit_ends_it(self) -> None:
        """Also before it has ended itself: nothing is gathered beyond the limit."""
        self.lines.dataReceived(b"x" * (LIMIT_BYTES + 1))
        self.assert_broken("over 40 bytes")

    def test_a_whole_line_over_the_limit_ends_it(self) -> None:
        """It came in one piece with its end."""
        self.lines.dataReceived(b'{"a": 1}\n' + b"x" * (LIMIT_BYTES + 1) + b"\n")
        self.assertEqual([{"a": 1}], self.seen)
        self.assert_broken("over 40 bytes")

    def test_what_is_no_object_ends_it(self) -> None:
        """Nothing after it can be believed."""
        for line in (b"nonsense", b"[1]", b"\xff"):
            self.setUp()
            self.lines.dataReceived(line + b'\n{"a": 1}\n')
            self.assertEqual([], self.seen)
            self.assert_broken("no JSON object")

    def test_the_end(self) -> None:
        """In order, or by a lost connection: it is over either way."""
        for reason in (ResponseDone(), ResponseFailed([])):
            self.setUp()
            self.lines.connectionLost(Failure(reason))
            self.assertIsNone(self.successResultOf(self.lines.finished))

    def test_cancelling_closes_the_connection(self) -> None:
        """And nothing that was on its way is taken any more."""
        self.lines.finished.addErrback(lambda _: None)
        self.lines.finished.cancel()
        self.lines.dataReceived(b'{"a": 1}\n')
        self.lines.connectionLost(Failure(ResponseFailed([])))
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual([], self.seen)

    def test_a_consumer_may_cancel_it(self) -> None:
        """Then the lines that came with the same piece are not taken."""
        lines = JsonLines(lambda _: lines.finished.cancel(), LIMIT_BYTES)
        lines.makeConnection(self.transport)
        lines.finished.addErrback(lambda _: self.seen.append({"ended": True}))
        lines.dataReceived(b'{"a": 1}\n{"b": 2}\n')
        self.assertEqual([{"ended": True}], self.seen)
