"""Docker's event stream: opened within a limit, closed after a while, never silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IResponse

from ..interfaces import DockerError, EventStream
from .json_lines import BrokenLineError, JsonLines
from .transport import describe

#: Bytes of one event. It carries all labels of its container, and those are written
#: by people and by Compose: a few KB.
MAX_LINE_BYTES = 1024 * 1024

#: Seconds until the response's head.
OPEN_LIMIT_S = 10.0

# Note [Why a stream is closed after a while]
#
# The engine sends nothing while nothing happens, so a dead peer (a half-open TCP
# connection, a hung proxy before the socket) looks like a quiet one. The parameter
# `until` would leave the end to that very peer, and to its clock. So we close the
# stream ourselves, and whoever follows it opens the next one.
#: Seconds that one stream is followed.
STREAM_LIFE_S = 300.0


class Events:
    """One event stream, from the request to its end.

    :param where: the engine, as the messages of errors name it.
    :param on_event: see :meth:`twisted_router.interfaces.IDockerClient.events`.
    :ivar stream: what the caller gets.
    """

    _log = Logger()

    def __init__(
        self,
        http: HTTPClient,
        clock: IReactorTime,
        url: str,
        where: str,
        on_event: Callable[[dict[str, Any]], None],
    ) -> None:
        self._clock = clock
        self._where = where
        self._on_event = on_event
        self._lines: JsonLines | None = None
        self._closed = False
        self.stream = EventStream(
            Deferred(lambda _: self._close()), Deferred(lambda _: self._end())
        )
        self._timer = clock.callLater(OPEN_LIMIT_S, self._too_late)
        self._asking: Deferred[IResponse] = http.request(
            "GET", url, allow_redirects=False, unbuffered=True, reactor=clock
        )
        self._asking.addCallback(self._answered).addBoth(self._over)

    def _answered(self, response: IResponse) -> Deferred[None]:
        accepted = response.code == 200
        lines = JsonLines(self._on_event if accepted else _ignore, MAX_LINE_BYTES)
        self._lines = lines
        response.deliverBody(lines)
        if not accepted:
            self._fail(self._error(f"status {response.code}", response.code))
            self._close()
            return lines.finished
        self._timer.cancel()
        self._timer = self._clock.callLater(STREAM_LIFE_S, self._close)
        self.stream.opened.callback(None)
        return lines.finished

    def _over(self, result: object) -> None:
        if self._timer.active():
            self._timer.cancel()
        cause = result.value if isinstance(result, Failure) else None
        if isinstance(cause, BrokenLineError):
            self._log.warn(
                "docker: event stream of {where} is broken: {reason}",
                where=self._where,
                reason=cause,
            )
        self._fail(self._error(describe(cause)))
        self._end()

    def _too_late(self) -> None:
        self._fail(self._error(f"no answer within {OPEN_LIMIT_S:g} s"))
        self._close()

    def _fail(self, error: Exception) -> None:
        if not self.stream.opened.called:
            self.stream.opened.errback(error)

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        # First the verdict: what the closing brings up is not the reason.
        self._fail(CancelledError())
        if self._lines is None:
            self._asking.cancel()
        else:
            self._lines.finished.cancel()

    def _end(self) -> None:
        self._close()
        # The closing may have come here before.
        if not self.stream.ended.called:
            self.stream.ended.callback(None)

    def _error(self, reason: str, status: int = 0) -> DockerError:
        return DockerError(f"GET /events at {self._where}: {reason}", status)


def _ignore(event: dict[str, Any]) -> None:
    """Take the body of an error."""
