"""The connection to an instance: one request at a time, one response back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..routing.state import Candidate
from . import errors
from .forward import switched_to_offered
from .framing import Body, ChunkedBody, EndlessBody, LengthBody
from .head import CHUNKED, UNTIL_CLOSE, HeadError
from .response_head import (
    PLAIN_HEAD,
    ResponseHead,
    read_any_head,
    read_plain_head,
)

if TYPE_CHECKING:
    from .engine import Engine
    from .exchange import Exchange
    from .tunnel import Tunnel

# What a connection is doing.
IDLE, HEAD, BODY, TUNNEL, GONE = range(5)


@implementer(IProtocol, IHalfCloseableProtocol, IPushProducer)
class InstanceConnection:
    """Sends requests to an instance and its responses to the client that asked.

    :param connected: called with the connection when it is open.
    :param candidate: the target that it is for; others of the same instance may use it.
    :ivar exchange: what it serves, ``None`` while it is idle.
    :ivar idle: where it is kept between requests.
    :ivar stalled: the instance does not take what it is sent.
    :ivar uses: requests it has completed.
    """

    __slots__ = (
        "_body",
        "_buffer",
        "_connected",
        "_paused",
        "_phase",
        "_reusable",
        "_tunnel",
        "deadline_s",
        "engine",
        "exchange",
        "idle",
        "stalled",
        "state",
        "transport",
        "uses",
    )

    _log = Logger()

    _tunnel: Tunnel

    def __init__(
        self,
        engine: Engine,
        candidate: Candidate,
        connected: Callable[[InstanceConnection], None],
    ) -> None:
        self.engine = engine
        self.state = candidate.state
        self.idle = candidate.idle
        self.exchange: Exchange | None = None
        self.stalled = False
        self.uses = 0
        self.deadline_s = 0.0
        self.transport: Any = None
        self._connected: Callable[[InstanceConnection], None] | None = connected
        self._phase = IDLE
        self._paused = False
        self._buffer = b""
        self._body: Body | None = None
        self._reusable = False

    # From the transport.

    def makeConnection(self, transport: Any) -> None:
        """Take the connection that was dialled."""
        self.transport = transport
        transport.registerProducer(self, True)
        self.engine.pool.opened(self)
        self.engine.sweeper.add(self)
        self.connectionMade()

    def connectionMade(self) -> None:
        """Hand it to who dialled."""
        connected, self._connected = self._connected, None
        if connected is not None:
            connected(self)

    def dataReceived(self, data: bytes) -> None:
        """Read a response, in any pieces."""
        phase = self._phase
        if phase == HEAD:
            if self._buffer:
                data = self._buffer + data
            self._read_head(data)
        elif phase == BODY:
            self._read_body(data)
        elif phase == TUNNEL:
            self.deadline_s = self.engine.tunnel_idle_timeout.deadline_s
            self._tunnel.tunnelled(data)
        elif phase == IDLE:
            # Nothing was asked. Whatever this is, it must not become the answer to
            # the next request.
            self.engine.counters.protocol_errors += 1
            self._log.debug("unasked data from {address}", address=self.state.address)
            self.close()

    def readConnectionLost(self) -> None:
        """The instance sends no more."""
        if self._phase == TUNNEL:
            self._tunnel.instance_half_closed()
        elif self._phase == IDLE:
            self.transport.loseConnection()
        else:
            self._lose(clean=True)
            self.transport.abortConnection()

    def writeConnectionLost(self) -> None:
        """Our half is closed, as we asked."""

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""
        self._lose(clean=bool(reason.check(ConnectionDone)))
        self._phase = GONE
        self.deadline_s = 0.0
        self.engine.sweeper.remove(self)
        self.engine.pool.lost(self)

    # As producer of its own transport: flow control of what is sent to the instance.

    def pauseProducing(self) -> None:
        """The instance reads slower than the client sends: stop reading it."""
        self.stalled = True
        if self.exchange is not None:
            self.exchange.client.pause_reading()

    def resumeProducing(self) -> None:
        """The instance has caught up."""
        self.stalled = False
        if self.exchange is not None:
            self.exchange.client.resume_reading()

    def stopProducing(self) -> None:
        """The connection is gone; connectionLost tells the exchange."""

    # From the client's side.

    def send_head(self, exchange: Exchange, head: bytes) -> None:
        """Begin a request."""
        self.exchange = exchange
        self._phase = HEAD
        self._buffer = b""
        engine = self.engine
        # While the body is under way, it is the body's time that counts.
        self.deadline_s = (
            engine.endpoint_timeout.deadline_s if exchange.request_done else 0.0
        )
        self.transport.write(head)

    def send_body(self, data: bytes) -> None:
        """Send a part of the request's body, framed already."""
        self.transport.write(data)

    def request_sent(self) -> None:
        """The request is complete: from now on, the response is waited for."""
        if self._phase == HEAD:
            self.deadline_s = self.engine.endpoint_timeout.deadline_s

    def tunnel(self, data: bytes) -> None:
        """Send bytes of an upgraded connection."""
        self.deadline_s = self.engine.tunnel_idle_timeout.deadline_s
        self.transport.write(data)

    def half_close(self) -> None:
        """Tell the instance that nothing more will be sent through the tunnel."""
        self.transport.loseWriteConnection()

    def pause_reading(self) -> None:
        """Read no more from the instance for now."""
        self._paused = True
        self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Read on, if reading was paused."""
        if self._paused:
            self._paused = False
            self.transport.resumeProducing()

    def abandon(self) -> None:
        """The client does not want the response any more."""
        self.exchange = None
        self._phase = GONE
        self.transport.abortConnection()

    def close(self) -> None:
        """Close it after what was written."""
        self.exchange = None
        self._phase = GONE
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def deadline_passed(self) -> None:
        """The instance took too long, or the connection was idle for long enough."""
        self.deadline_s = 0.0
        exchange, phase = self.exchange, self._phase
        if exchange is None:
            self.close()
            return
        self.abandon()
        if phase == HEAD:
            exchange.response_failed(
                errors.endpoint_timeout("timeout awaiting response headers")
            )
        elif phase == TUNNEL:
            self._tunnel.instance_gone()
        else:
            exchange.response_broken()

    # Reading a response.

    def _read_head(self, data: bytes) -> None:
        limits = self.engine.response_limits
        limit = limits.head_bytes
        exchange = self.exchange
        assert exchange is not None
        is_head = exchange.request.method == b"HEAD"
        while True:
            plain = None if is_head else PLAIN_HEAD.match(data)
            end = plain.end() if plain is not None else data.find(b"\r\n\r\n") + 4
            if end < 4 or (limit and end > limit):
                if limit and (end > limit or len(data) > limit):
                    self._refuse("response header list larger than allowed")
                else:
                    self._buffer = data
                return
            try:
                if plain is not None:
                    response = read_plain_head(plain, limits)
                else:
                    response = read_any_head(data[:end], limits, is_head)
            except HeadError as error:
                self._refuse(error.reason)
                return
            data = data[end:]
            if response.status >= 200:
                break
            if response.status == 101:
                self._switch(response, data)
                return
            exchange.interim(response)
            if not data:
                self._buffer = b""
                return
        self._buffer = b""
        self._phase = BODY
        self._reusable = response.reusable
        length = response.length
        if 0 <= length <= len(data):
            exchange.respond(response, data[:length])
            self._end(data[length:], b"")
            return
        exchange.respond(response, b"")
        if length == CHUNKED:
            self._body = ChunkedBody(
                self.engine.max_chunk_line_bytes, self.engine.max_trailer_bytes
            )
        elif length == UNTIL_CLOSE:
            self._body = EndlessBody()
        else:
            self._body = LengthBody(length)
        self.deadline_s = self.engine.body_idle_timeout.deadline_s
        if data:
            self._read_body(data)

    def _read_body(self, data: bytes) -> None:
        body, exchange = self._body, self.exchange
        assert body is not None and exchange is not None
        try:
            payload, rest = body.feed(data)
        except HeadError as error:
            self.engine.counters.protocol_errors += 1
            self._log.warn(
                "{address}:{port} sent a broken body: {reason}",
                address=self.state.address,
                port=self.state.port,
                reason=error.reason,
            )
            self.abandon()
            exchange.response_broken()
            return
        if payload:
            exchange.relay(payload)
        if body.done:
            self._end(rest, body.trailers)
        else:
            self.deadline_s = self.engine.body_idle_timeout.deadline_s

    def _end(self, extra: bytes, trailers: bytes) -> None:
        """The response is complete; ``extra`` is what came behind it."""
        exchange, self.exchange, self._body = self.exchange, None, None
        assert exchange is not None
        self.uses += 1
        if extra:
            # More than was asked for: nobody knows what the next bytes would mean.
            self.engine.counters.protocol_errors += 1
        if self._reusable and not extra and exchange.request_done:
            self._phase = IDLE
            self.deadline_s = self.engine.backend_idle_timeout.deadline_s
            if self._paused:
                # It was the client who could not take more.
                self.resume_reading()
            self.engine.pool.release(self)
        else:
            self.close()
        exchange.response_ended(trailers)

    def _switch(self, response: ResponseHead, data: bytes) -> None:
        """The instance changes the protocol, if the client offered that one."""
        exchange = self.exchange
        assert exchange is not None
        if not switched_to_offered(exchange.request.upgrade, response.upgrade):
            self._refuse("switched to a protocol that was not offered")
            return
        self._phase = TUNNEL
        self._buffer = b""
        self.deadline_s = self.engine.tunnel_idle_timeout.deadline_s
        self._tunnel = exchange.tunnel_opened(response)
        if data:
            self._tunnel.tunnelled(data)

    def _refuse(self, reason: str) -> None:
        """Answer 502 in place of a head that cannot be passed on."""
        exchange = self.exchange
        assert exchange is not None
        self.engine.counters.protocol_errors += 1
        self._log.warn(
            "{address}:{port} sent a response that is refused: {reason}",
            address=self.state.address,
            port=self.state.port,
            reason=reason,
        )
        self.abandon()
        exchange.response_failed(errors.endpoint_failure(reason))

    def _lose(self, clean: bool) -> None:
        """The instance is gone: tell the client whose response it was sending."""
        exchange, phase = self.exchange, self._phase
        self.exchange = None
        self._phase = GONE
        if exchange is None:
            return
        if phase == HEAD:
            if self._buffer:
                reason = "connection closed within the response head"
            else:
                reason = "EOF" if clean else "connection reset by peer"
            exchange.response_failed(
                errors.endpoint_failure(reason),
                # An idle connection may have been closed just as we wrote to it.
                stale=self.uses > 0 and not self._buffer,
            )
        elif phase == TUNNEL:
            self._tunnel.instance_gone()
        elif clean and isinstance(self._body, EndlessBody):
            exchange.response_ended(b"")
        else:
            exchange.response_broken()
