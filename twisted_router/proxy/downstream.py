"""The connection of a client: it reads requests and serves them one by one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from ..net.transport import READ_BYTES
from .exchange import Exchange
from .own_answer import refuse
from .request_head import PLAIN_HEAD

if TYPE_CHECKING:
    from .engine import Engine
    from .tunnel import Tunnel

# What a connection is doing: waiting for a head, serving a request, taking in what
# the client still sends before it is closed, closing.
IDLE, SERVING, LINGERING, CLOSING = range(4)

#: How long and how much is read from a client after an early answer, in seconds and
#: bytes: closing at once would reset the connection, and the answer might be lost
#: with it (RFC 9112 9.6). nginx: lingering_timeout 5s.
LINGER_S = 5.0
LINGER_BYTES = 4 * 1024 * 1024

# Ignored before a request line (RFC 9112 2.2), however many: a limit would depend on
# how they are cut.
_EMPTY_LINES = re.compile(rb"(?>(?:\r\n)+)")


@implementer(IProtocol, IHalfCloseableProtocol, IPushProducer)
class ClientConnection:
    """Serves one client.

    :param peer: of the client: its address, and its address and port for the log.
    :ivar write: sends bytes to the client; see the transport's.
    """

    __slots__ = (
        "_blocked",
        "_buffer",
        "_exchange",
        "_lingered_bytes",
        "_paused",
        "_phase",
        "_reading_heads",
        "deadline_s",
        "engine",
        "peer",
        "transport",
        "write",
    )

    write: Callable[[bytes], None]

    def __init__(self, engine: Engine, peer: tuple[bytes, bytes]) -> None:
        self.engine = engine
        self.peer = peer
        self.transport: Any = None
        self.deadline_s = 0.0
        self._phase = IDLE
        self._exchange: Exchange | Tunnel | None = None
        # What came and could not be used yet: a part of a head, requests sent ahead,
        # a body that has no instance. READ_BYTES and one read more, at most.
        self._buffer = b""
        # The client does not read what it was sent.
        self._blocked = False
        # We do not read what the client sends.
        self._paused = False
        self._reading_heads = False
        self._lingered_bytes = 0

    # From the transport.

    def makeConnection(self, transport: Any) -> None:
        """Take an accepted connection."""
        self.transport = transport
        self.write = transport.write
        transport.registerProducer(self, True)
        engine = self.engine
        engine.counters.accepted += 1
        engine.counters.clients += 1
        engine.clients.add(self)
        engine.sweeper.add(self)
        self.deadline_s = engine.first_head_timeout.deadline_s
        self.connectionMade()

    def connectionMade(self) -> None:
        """Nothing is sent before the client asks."""

    def dataReceived(self, data: bytes) -> None:
        """Read requests, in any pieces."""
        phase = self._phase
        if phase == IDLE:
            self._read_heads(self._buffer + data if self._buffer else data)
        elif phase == SERVING:
            assert self._exchange is not None
            if not self._buffer:
                data = self._exchange.received(data)
                if not data:
                    return
            self._keep(data)
        elif phase == LINGERING:
            self._lingered_bytes += len(data)
            if self._lingered_bytes > LINGER_BYTES:
                self.abort()

    def readConnectionLost(self) -> None:
        """The client sends no more.

        In a tunnel that is passed on. Anywhere else it has left, as for nginx and
        Go: waiting for an answer with a half-closed connection cannot be told from
        leaving, and work for clients that left is what brings platforms down.
        """
        if self._phase != SERVING:
            self.close()
        elif self._exchange is None or not self._exchange.client_half_closed():
            self.abort()

    def writeConnectionLost(self) -> None:
        """Our half is closed, as we asked."""

    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        engine = self.engine
        self._phase = CLOSING
        self.deadline_s = 0.0
        engine.sweeper.remove(self)
        engine.clients.discard(self)
        engine.counters.clients -= 1
        self._buffer = b""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.client_gone()

    # As producer of its own transport: flow control of what is sent to the client.

    def pauseProducing(self) -> None:
        """The client reads slower than it is sent to."""
        self._blocked = True
        if self._exchange is not None:
            self._exchange.client_blocked()

    def resumeProducing(self) -> None:
        """The client has caught up."""
        self._blocked = False
        if self._exchange is not None:
            self._exchange.client_unblocked()
        elif self._phase == IDLE and self._buffer:
            data, self._buffer = self._buffer, b""
            self._read_heads(data)
            self._read_on()

    def stopProducing(self) -> None:
        """The connection is gone; connectionLost follows."""

    def deadline_passed(self) -> None:
        """The client took too long."""
        self.deadline_s = 0.0
        if self._phase == IDLE:
            if self._buffer and not self._blocked:
                self._refuse_partial_head(408, "request head took too long")
            else:
                self.close()
        elif self._phase == SERVING and self._exchange is not None:
            self._exchange.deadline_passed()
        else:
            self.abort()

    # At stop.

    def drain(self) -> None:
        """Take no further request; close at once if none is under way."""
        if self._phase == IDLE and not self._buffer:
            self.close()

    # Reading heads.

    def _read_heads(self, data: bytes) -> None:
        """Serve the requests that ``data`` holds, up to the first that must wait."""
        if self._reading_heads or self._blocked:
            # Called again by what it calls; or answers wait for the client to read.
            self._buffer = data
            if len(data) >= READ_BYTES:
                self.pause_reading()
            return
        self._reading_heads = True
        limit = self.engine.request_limits.head_bytes
        while True:
            plain = PLAIN_HEAD.match(data)
            if plain is None and data.startswith(b"\r\n"):
                data = _EMPTY_LINES.sub(b"", data, 1)
                plain = PLAIN_HEAD.match(data)
            end = plain.end() if plain is not None else data.find(b"\r\n\r\n") + 4
            if end < 4:
                self._keep_partial_head(data, limit)
                break
            if limit and end > limit:
                self._buffer = data
                self._refuse_large_head(limit)
                break
            self._buffer = data[end:]
            self._phase = SERVING
            self.deadline_s = 0.0
            self._exchange = exchange = Exchange(self, data[:end])
            exchange.begin(plain)
            if self._phase != IDLE or not self._buffer or self._blocked:
                break
            data, self._buffer = self._buffer, b""
        self._reading_heads = False

    def _keep_partial_head(self, data: bytes, limit: int) -> None:
        if not self._buffer and data:
            self.deadline_s = self.engine.read_header_timeout.deadline_s
        self._buffer = data
        if limit and len(data) > limit:
            self._refuse_large_head(limit)
        elif data.count(b"\n") != data.count(b"\r\n"):
            self._refuse_partial_head(400, "line feed without carriage return")

    def _refuse_large_head(self, limit: int) -> None:
        """Say what is wrong with the first ``limit`` bytes of what was kept."""
        start = self._buffer[:limit]
        if start.count(b"\n") != start.count(b"\r\n"):
            self._refuse_partial_head(400, "line feed without carriage return")
        elif self.engine.request_limits.target_bytes and b"\n" not in start:
            self._refuse_partial_head(414, "request target too long")
        else:
            self._refuse_partial_head(431, "request head too large")

    def _refuse_partial_head(self, status: int, reason: str) -> None:
        head, self._buffer = self._buffer, b""
        refuse(Exchange(self, head), status, reason)

    # For the exchange.

    def pause_reading(self) -> None:
        """Read no more from the client for now."""
        self._paused = True
        self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Read on, if reading was paused and what was kept has been used."""
        if self._paused and len(self._buffer) < READ_BYTES:
            self._paused = False
            self.transport.resumeProducing()

    def feed_exchange(self) -> None:
        """Give the exchange what came before it could take anything."""
        data, self._buffer = self._buffer, b""
        if data and self._exchange is not None:
            rest = self._exchange.received(data)
            # The exchange may have ended by that, and the buffer moved on.
            if rest:
                self._keep(rest)
        self.resume_reading()

    def enter(self, tunnel: Tunnel) -> None:
        """Let a tunnel go on where the exchange was, with what was sent ahead."""
        self._exchange = tunnel
        self.feed_exchange()

    def next(self) -> None:
        """The exchange is over: wait for the next request, or go on with it."""
        self._exchange = None
        self._phase = IDLE
        self.deadline_s = self.engine.client_idle_timeout.deadline_s
        data = self._buffer
        if data:
            self._buffer = b""
            self._read_heads(data)
        if self._paused:
            self._read_on()

    def half_close(self) -> None:
        """Nothing more will be sent to the client."""
        self.transport.loseWriteConnection()

    def linger(self) -> None:
        """Close our half, and take in what the client still sends, for a while."""
        self._end(LINGERING, LINGER_S)
        self.transport.loseWriteConnection()
        self._read_on()

    def close(self) -> None:
        """Close after what was written; not for longer than a body may stand still."""
        self._end(CLOSING, self.engine.config.body_idle_timeout or LINGER_S)
        self.transport.loseConnection()

    def abort(self) -> None:
        """Close now; the client sees a reset."""
        self.transport.abortConnection()

    def _end(self, phase: int, within_s: float) -> None:
        self._phase = phase
        self._exchange = None
        self._buffer = b""
        self.deadline_s = self.engine.sweeper.after(within_s)
        self.transport.unregisterProducer()

    def _keep(self, data: bytes) -> None:
        """Keep what cannot be used now, and read no further if that is much."""
        self._buffer = self._buffer + data if self._buffer else data
        if len(self._buffer) >= READ_BYTES:
            self.pause_reading()

    def _read_on(self) -> None:
        if self._phase in (IDLE, LINGERING):
            self.resume_reading()
