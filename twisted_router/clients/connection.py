"""One HTTP connection that brings whole answers, one after the other."""

from __future__ import annotations

import typing
from typing import Any

from httptools import HttpParserError, HttpResponseParser
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer


class BadAnswerError(Exception):
    """What a server sent is too long or no HTTP; the message says which."""


class UnansweredError(Exception):
    """A kept connection was closed before the request came."""


class Keeper(typing.Protocol):
    """Who holds the connections."""

    def opened(self, connection: Connection) -> None:
        """A connection is there."""

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""

    def keep(self, connection: Connection) -> None:
        """A connection has brought its answer and can be used again."""

    def silent(self) -> None:
        """A request was given up that got not one byte of an answer."""


class Connection(Protocol):
    """One connection: a request, its answer, the next request.

    :param owner: told what becomes of it.
    :param max_answer_bytes: of an answer, with its head.
    :ivar idle_since_s: when its last answer came; the owner's to set.
    """

    def __init__(self, owner: Keeper, max_answer_bytes: int) -> None:
        self._owner = owner
        self._max_answer_bytes = max_answer_bytes
        self._parser = HttpResponseParser(self)
        self._answer: Deferred[WholeResponse] | None = None
        self._gone: list[Deferred[None]] = []
        self._is_used = False
        self._reset()
        self.idle_since_s = 0.0

    def _reset(self) -> None:
        self._fields: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._received_bytes = 0
        self._phrase = b""
        self._in_body = self._is_complete = self._is_kept = self._is_ahead = False

    def connectionMade(self) -> None:
        """Take note of the beginning."""
        self._owner.opened(self)

    def ask(self, head: bytes, body: IBodyProducer | None) -> Deferred[WholeResponse]:
        """Send a request; nothing else may be under way.

        :returns: fails with :class:`UnansweredError` if the request can be made again
            on another connection, with :class:`BadAnswerError` or what ended the
            connection otherwise. Cancel it to end the connection.
        """
        assert self.transport is not None
        answer: Deferred[WholeResponse] = Deferred(lambda _: self._give_up())
        self._answer = answer
        self.transport.write(head)
        if body is not None:
            body.startProducing(self.transport)
        return answer

    def close(self) -> Deferred[None]:
        """Close at once; fires when the connection is gone."""
        gone: Deferred[None] = Deferred()
        self._gone.append(gone)
        self._hang_up()
        return gone

    def _give_up(self) -> None:
        self._answer = None
        if not self._received_bytes:
            self._owner.silent()
        self._hang_up()

    def _hang_up(self) -> None:
        # Without a farewell: over TLS, that would wait for the other side's.
        transport: Any = self.transport
        transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Take a piece of the answer."""
        if self._answer is None:
            # Nobody has asked.
            self._hang_up()
            return
        self._received_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(BadAnswerError(f"the answer is no HTTP: {error}"))
            return
        if self._is_complete:
            self._finish(self._is_kept and not self._is_ahead)
        elif self._received_bytes > self._max_answer_bytes:
            said = f"the answer is over {self._max_answer_bytes} bytes"
            self._fail(BadAnswerError(said))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take note of the end."""
        self._owner.lost(self)
        answer = self._answer
        if answer is not None and self._in_body and self._ends_with_connection():
            self._finish(False)
        elif answer is not None:
            self._answer = None
            # The server closed it while the request was on its way.
            is_late = self._is_used and not self._received_bytes and not self._gone
            answer.errback(UnansweredError() if is_late else reason)
        for gone in self._gone:
            gone.callback(None)

    def _ends_with_connection(self) -> bool:
        """Whether nothing else tells where the body ends, so that it may be whole."""
        names = {name.lower() for name, _ in self._fields}
        return not names & {b"content-length", b"transfer-encoding"}

    def _finish(self, keep: bool) -> None:
        answer, self._answer = self._answer, None
        response = WholeResponse(
            self._parser.get_status_code(),
            self._phrase,
            self._fields,
            b"".join(self._body),
        )
        self._reset()
        self._is_used = True
        # First: whoever takes the answer may ask something else at once.
        if keep:
            self._owner.keep(self)
        else:
            self._hang_up()
        if answer is not None:
            answer.callback(response)

    def _fail(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        self._hang_up()
        if answer is not None:
            answer.errback(error)

    # What llhttp finds

    def on_message_begin(self) -> None:
        """Another answer begins; that it does so unasked is the server's fault."""
        self._is_ahead = self._is_complete

    def on_status(self, phrase: bytes) -> None:
        """The reason phrase."""
        self._phrase += phrase

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailer."""
        if not self._in_body:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head ends."""
        self._in_body = True

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """The answer ends; an interim one (RFC 9110, 15.2) counts for nothing."""
        if self._parser.get_status_code() >= 200:
            self._is_complete = True
            self._is_kept = self._parser.should_keep_alive()
        else:
            self._fields.clear()
            self._phrase = b""
            self._in_body = False


@implementer(IResponse)
class WholeResponse:
    """An answer that is there to its last byte."""

    version = (b"HTTP", 1, 1)
    request = None
    previousResponse = None  # noqa: N815 - the interface's name

    def __init__(
        self, code: int, phrase: bytes, fields: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        self.code = code
        self.phrase = phrase
        self.length = len(body)
        self._fields = fields
        self._body = body

    @property
    def headers(self) -> Headers:
        """The head's fields."""
        headers = Headers()
        for name, value in self._fields:
            headers.addRawHeader(name, value)
        return headers

    def deliverBody(self, protocol: Protocol) -> None:  # noqa: N802
        """Deliver it at once."""
        protocol.makeConnection(None)
        if self._body:
            protocol.dataReceived(self._body)
        protocol.connectionLost(Failure(ResponseDone()))

    def setPreviousResponse(self, response: IResponse) -> None:  # noqa: N802
        """For those who follow redirects."""
        raise NotImplementedError
