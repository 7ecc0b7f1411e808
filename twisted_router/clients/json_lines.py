"""A response body that never ends: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure


class BrokenLineError(Exception):
    """A line is over the limit or is no JSON object; the message says which."""


class JsonLines(Protocol):
    """Decodes lines as they come, whatever the pieces they come in.

    :param on_object: called with each object; must not raise.
    :param max_line_bytes: limit of one line, also of one that has not ended yet.
    :ivar finished: fires with ``None`` when the body is over, whether it came to its
        end or was cut off; with :class:`BrokenLineError` at the first line that
        cannot be taken, and the connection is closed. Cancel it to close it.
    """

    def __init__(
        self, on_object: Callable[[dict[str, Any]], None], max_line_bytes: int
    ) -> None:
        self._on_object = on_object
        self._max_line_bytes = max_line_bytes
        self._rest = b""
        self.finished: Deferred[None] = Deferred(lambda _: self._hang_up())

    def dataReceived(self, data: bytes) -> None:
        """Take the next piece; called by the response."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            # Cancelled, perhaps by the consumer of the line before.
            if self.finished.called:
                return
            self._take(line)
        if len(self._rest) > self._max_line_bytes and not self.finished.called:
            self._break_off(f"a line is over {self._max_line_bytes} bytes")

    def _take(self, line: bytes) -> None:
        if len(line) > self._max_line_bytes:
            self._break_off(f"a line is over {self._max_line_bytes} bytes")
            return
        if not line.strip():
            return
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            self._on_object(value)
        else:
            self._break_off(f"{line[:60]!r} is no JSON object")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take note of the end; called by the response."""
        if not self.finished.called:
            self.finished.callback(None)

    def _break_off(self, reason: str) -> None:
        self._rest = b""
        self.finished.errback(BrokenLineError(reason))
        self._hang_up()

    def _hang_up(self) -> None:
        # A response that ended has no transport any more.
        if self.transport is not None:
            self.transport.loseConnection()
