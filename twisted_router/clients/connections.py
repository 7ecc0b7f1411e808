"""Connections to one HTTP server, kept and used again: an agent for small answers."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from .connection import Connection, UnansweredError

#: An answer with its head; a catalog of 10,000 instances is about 10 MB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024

#: Idle connections kept, and for how many seconds. A Consul agent allows 200 for each
#: client address, all processes of the host together (``http_max_conns_per_client``).
MAX_IDLE = 16
IDLE_S = 60.0


@implementer(IAgent)
class KeptConnections:
    """Makes requests of one server and gathers each answer whole.

    That is what an API of small answers needs, at a fraction of the time that
    ``twisted.web.client.Agent`` takes: a router reads thousands of them. Grammar is
    the business of llhttp.

    A request on a kept connection that the server has closed meanwhile is made again
    on another, so it must do no harm twice.

    :param endpoint: of the server, whatever the URI of a request.
    :param max_answer_bytes: of one answer, with its head.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._factory = Factory.forProtocol(lambda: Connection(self, max_answer_bytes))
        self._factory.noisy = False
        self._open: set[Connection] = set()
        # The one used last is the next to be used, so that a burst's others age.
        self._idle: list[Connection] = []
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
            except UnansweredError:
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

    def opened(self, connection: Connection) -> None:
        """A connection is there."""
        self._open.add(connection)

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def silent(self) -> None:
        """A request was given up that got not one byte of an answer.

        If its packets are lost, so may be those of the idle connections, and nobody
        tells: another request would wait as long.
        """
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def keep(self, connection: Connection) -> None:
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
