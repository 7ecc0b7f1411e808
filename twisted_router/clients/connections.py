"""Connections to one HTTP server, kept and used again: an agent for small answers."""

from __future__ import annotations

from typing import Any

from httptools import HttpParserError, HttpResponseParser
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

#: An answer with its head; a catalog of 10,000 instances is about 10 MB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024

#: Idle connections kept, and for how many seconds. A Consul agent allows 200 for each
#: client address, all processes of the host together (``http_max_conns_per_client``).
MAX_IDLE = 16
IDLE_S = 60.0


class ConnectionsError(Exception):
    """What a server sent is too long or no HTTP; the message says which."""


class _UnansweredError(Exception):
    """A kept connection was closed before the request came."""


@implementer(IAgent)
class KeptConnections:
    """Makes requests of one server and gathers each answer whole.

    That is what an API of small answers needs, at a fraction of the time that
    ``twisted.web.client.Agent`` takes: a router reads thousands of them. Grammar is
    the business of llhttp.

    A request on a kept connection that the server has closed meanwhile is made again
    on another, so it must do no harm twice.

    :param endpoint: of the server, whatever the URI of a request.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._factory = Factory.forProtocol(lambda: _Connection(self, max_answer_bytes))
        self._factory.noisy = False
        self._open: set[_Connection] = set()
        # The one used last is the next to be used, so that a burst's others age.
        self._idle: list[_Connection] = []
        self._expiry: IDelayedCall | None = None

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 - the interface's name
    ) -> Deferred[IResponse]:
        """See :meth:`IAgent.request`; fires when the body is there as well.

        :param uri: absolute and percent-encoded.
        :param bodyProducer: of a known length.
        """
        host, slash, target = uri.partition(b"://")[2].partition(b"/")
        lines = [b"%s %s%s HTTP/1.1\r\nHost: %s\r\n" % (method, slash, target, host)]
        if headers is not None:
            for name, values in headers.getAllRawHeaders():
                lines += [b"%s: %s\r\n" % (name, value) for value in values]
        if bodyProducer is not None:
            lines.append(b"Content-Length: %d\r\n" % bodyProducer.length)
        lines.append(b"\r\n")
        return Deferred.fromCoroutine(self._exchange(b"".join(lines), bodyProducer))

    async def _exchange(self, head: bytes, body: IBodyProducer | None) -> IResponse:
        while self._idle:
            try:
                return await self._idle.pop().ask(head, body)
            except _UnansweredError:
                pass
        connection: Any = await self._endpoint.connect(self._factory)
        response: IResponse = await connection.ask(head, body)
        return response

    def close(self) -> Deferred[None]:
        """Close idle connections; fires when they are gone."""
        idle, self._idle = self._idle, []
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        closed = DeferredList([connection.close() for connection in idle])
        return closed.addCallback(lambda _: None)

    def abort(self) -> None:
        """Give every connection up; requests under way fail."""
        for connection in list(self._open):
            connection.close()

    # For the connections

    def opened(self, connection: _Connection) -> None:
        """A connection is there."""
        self._open.add(connection)

    def lost(self, connection: _Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def keep(self, connection: _Connection) -> None:
        """A connection has brought its answer and can be used again."""
        if len(self._idle) >= MAX_IDLE:
            connection.close()
            return
        connection.idle_since_s = self._clock.seconds()
        self._idle.append(connection)
        if self._expiry is None:
            self._expiry = self._clock.callLater(IDLE_S, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        now_s = self._clock.seconds()
        while self._idle and now_s - self._idle[0].idle_since_s >= IDLE_S:
            self._idle.pop(0).close()
        if self._idle:
            wait_s = self._idle[0].idle_since_s + IDLE_S - now_s
            self._expiry = self._clock.callLater(wait_s, self._expire)


class _Connection(Protocol):
    """One connection: a request, its answer, the next request.

    :ivar idle_since_s: when its last answer came.
    """

    def __init__(self, owner: KeptConnections, max_answer_bytes: int) -> None:
        self._owner = owner
        self._max_answer_bytes = max_answer_bytes
        self._parser = HttpResponseParser(self)
        self._answer: Deferred[_Response] | None = None
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
        self._owner.opened(self)

    def ask(self, head: bytes, body: IBodyProducer | None) -> Deferred[_Response]:
        """Send a request; nothing else may be under way."""
        assert self.transport is not None
        answer: Deferred[_Response] = Deferred(lambda _: self._give_up())
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
        self._hang_up()

    def _hang_up(self) -> None:
        # Without a farewell: over TLS, that would wait for the other side's.
        transport: Any = self.transport
        transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        if self._answer is None:
            # Nobody has asked.
            self._hang_up()
            return
        self._received_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(ConnectionsError(f"the answer is no HTTP: {error}"))
            return
        if self._is_complete:
            self._finish(self._is_kept and not self._is_ahead)
        elif self._received_bytes > self._max_answer_bytes:
            said = f"the answer is over {self._max_answer_bytes} bytes"
            self._fail(ConnectionsError(said))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._owner.lost(self)
        answer = self._answer
        if answer is not None and self._in_body and self._ends_with_connection():
            self._finish(False)
        elif answer is not None:
            self._answer = None
            # The server closed it while the request was on its way.
            is_late = self._is_used and not self._received_bytes and not self._gone
            answer.errback(_UnansweredError() if is_late else reason)
        for gone in self._gone:
            gone.callback(None)

    def _ends_with_connection(self) -> bool:
        """Whether nothing else tells where the body ends, so that it may be whole."""
        names = {name.lower() for name, _ in self._fields}
        return not names & {b"content-length", b"transfer-encoding"}

    def _finish(self, keep: bool) -> None:
        answer, self._answer = self._answer, None
        response = _Response(
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
class _Response:
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
