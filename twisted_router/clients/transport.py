"""One HTTP request of the control plane: bounded, translated, cancellable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from ..interfaces import CatalogError

#: A response's body; a catalog of 10,000 instances is about 10 MB.
MAX_BODY_BYTES = 64 * 1024 * 1024

_EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """A response of status 200, read to its end."""

    headers: Headers
    body: bytes


class Transport:
    """Asks one server over HTTP, and never for longer or for more than it may.

    Nothing is packed, redirects are errors and cookies are dropped: an API on this
    machine or the next has no use for any.

    :param where: the server, as the messages of errors name it.
    :param secret: tells the text that no message may show, ``""`` for none.
    """

    def __init__(
        self,
        agent: IAgent,
        clock: IReactorTime,
        where: str,
        secret: Callable[[], str] = str,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._agent = agent
        self._clock = clock
        self._where = where
        self._secret = secret
        self._max_body_bytes = max_body_bytes

    def request(
        self,
        method: str,
        url: str,
        headers: Headers | None,
        body: bytes | None,
        limit_s: float,
    ) -> Deferred[Reply]:
        """Send a request; fire with its response once that was read to the end.

        :param url: percent-encoded already.
        :param limit_s: seconds for all of it, from connecting to the body's last byte.
        :returns: fails with :class:`CatalogError` for anything but a whole response
            of status 200, with ``CancelledError`` when it was cancelled. Either way
            the connection is given up.
        """

        def answered(response: IResponse) -> Deferred[Reply]:
            reading = _read(response, self._max_body_bytes)
            return reading.addCallback(read, response)

        def read(content: bytes, response: IResponse) -> Reply:
            if response.code == 200:
                return Reply(response.headers, content)
            said = content[: 4 * _EXCERPT_CHARS].decode("utf-8", "replace")
            said = " ".join(said.split())[:_EXCERPT_CHARS]
            reason = f"{response.code} {said}"
            raise self.error(method, url, reason, response.code)

        def give_up(reason: Exception) -> None:
            # First the verdict: what the cancelling brings up is not the reason.
            outcome.errback(reason)
            work.cancel()

        def too_late() -> None:
            reason = f"no answer within {limit_s:g} s"
            give_up(self.error(method, url, reason))

        def finished(result: Reply | Failure) -> None:
            if timer.active():
                timer.cancel()
            if outcome.called:
                return
            if not isinstance(result, Failure):
                outcome.callback(result)
            elif isinstance(result.value, CatalogError):
                outcome.errback(result)
            else:
                outcome.errback(self._translate(method, url, result.value))

        outcome: Deferred[Reply] = Deferred(lambda _: give_up(CancelledError()))
        timer = self._clock.callLater(limit_s, too_late)
        work: Deferred[Any] = self._agent.request(
            method.encode("ascii"),
            url.encode("ascii"),
            headers,
            None if body is None else _Body(body),
        )
        work.addCallback(answered).addBoth(finished)
        return outcome

    def _translate(
        self, method: str, url: str, cause: BaseException | None
    ) -> CatalogError:
        error = self.error(method, url, describe(cause))
        error.__cause__ = cause
        return error

    def error(
        self, method: str, url: str, reason: str, status: int = 0
    ) -> CatalogError:
        """An error that names the request, without its query and without secrets."""
        path = "/" + url.partition("://")[2].partition("/")[2].partition("?")[0]
        text = f"{method} {path} at {self._where}: {reason.strip()}"
        secret = self._secret()
        if secret:
            text = text.replace(secret, "***")
        return CatalogError(text, status)


@implementer(IBodyProducer)
class _Body:
    """A request's body, written at once: the calls of an API are small."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802
        """Write all of it."""
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Nothing is left to pause."""

    def resumeProducing(self) -> None:
        """Nothing is left to resume."""

    def stopProducing(self) -> None:
        """Nothing is left to stop."""


class _TooLargeError(Exception):
    """A body went over its limit."""


class _BodyReader(Protocol):
    """Gathers a body, up to a limit.

    ``twisted.web.client.readBody`` has no limit.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._chunks: list[bytes] = []
        self._size = 0
        self.finished: Deferred[bytes] = Deferred(lambda _: self._hang_up())

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._max_bytes:
            self._chunks.append(data)
        elif not self.finished.called:
            self._chunks.clear()
            self.finished.errback(
                _TooLargeError(f"the body is over {self._max_bytes} bytes")
            )
            self._hang_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.finished.called:
            return
        # A body that only the connection's end delimits may have lost its own end;
        # whoever parses it will notice.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.finished.callback(b"".join(self._chunks))
        else:
            self.finished.errback(reason)

    def _hang_up(self) -> None:
        # A response that ended has no transport any more.
        if self.transport is not None:
            self.transport.loseConnection()


def _read(response: IResponse, max_bytes: int) -> Deferred[bytes]:
    """The whole body; cancel it to close the connection."""
    reader = _BodyReader(max_bytes)
    response.deliverBody(reader)
    return reader.finished


def describe(error: Any) -> str:
    """What went wrong, in one line: the first cause, not its wrapping."""
    while reasons := getattr(error, "reasons", None):
        error = reasons[0].value
    text = " ".join(str(error).split()).rstrip(".")
    return text or type(error).__name__
