"""The connection of a client: its requests, one after the other, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from ..model import Route
from ..net.transport import READ_BYTES
from ..routing.state import Candidate, InstanceState
from . import errors
from .errors import ErrorPage
from .forward import (
    interim_bytes,
    request_bytes,
    response_bytes,
    rewrite_target,
    switching_bytes,
)
from .framing import Body, ChunkedBody, LengthBody, encode_chunk, encode_end
from .head import CHUNKED, HeadError, RequestHead, ResponseHead, parse_request_head

if TYPE_CHECKING:
    from .engine import Engine
    from .pool import Dialling
    from .upstream import InstanceConnection

# What a connection is doing: waiting for a head, looking for an instance, relaying
# the request's body, waiting for the rest of the response, tunnelling, taking in what
# the client still sends before it is closed, closing, gone.
IDLE, DIALLING, BODY, WAITING, TUNNEL, LINGERING, CLOSING, GONE = range(8)

#: Methods whose request may be sent again when a kept connection turns out to be dead
#: before any byte of the response; gorouter's set. RFC 9110 9.2.2.
_REPEATABLE = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])

#: How long and how much is read from a client after an early answer, in seconds and
#: bytes: closing at once would reset the connection, and the answer might be lost
#: with it (RFC 9112 9.6). nginx: lingering_timeout 5s.
LINGER_S = 5.0
LINGER_BYTES = 4 * 1024 * 1024


@implementer(IProtocol, IHalfCloseableProtocol, IPushProducer)
class ClientConnection:
    """Serves one client.

    :param peer: of the client: its address, and its address and port for the log.
    :ivar request: the request being served; only valid while one is.
    :ivar request_done: all of it was read.
    """

    __slots__ = (
        "_attempts",
        "_blocked",
        "_body",
        "_buffer",
        "_candidate",
        "_chunked",
        "_dialling",
        "_half_closed",
        "_head",
        "_keep_alive",
        "_paused",
        "_received_bytes",
        "_request_id",
        "_route",
        "_sent_at_s",
        "_sent_bytes",
        "_serving",
        "_started_s",
        "_state",
        "_status",
        "_tried",
        "_upstream",
        "deadline_s",
        "engine",
        "peer",
        "request",
        "request_done",
        "transport",
    )

    request: RequestHead
    _route: Route
    _body: Body | None
    _status: int
    _tried: list[InstanceState]

    def __init__(self, engine: Engine, peer: tuple[bytes, bytes]) -> None:
        self.engine = engine
        self.peer = peer
        self.transport: Any = None
        self.deadline_s = 0.0
        self.request_done = True
        self._state = IDLE
        self._buffer = b""
        self._blocked = False
        self._paused = False
        self._serving = False
        self._half_closed = False
        self._upstream: InstanceConnection | None = None
        self._dialling: Dialling | None = None
        self._candidate: Candidate | None = None

    # From the transport.

    def makeConnection(self, transport: Any) -> None:
        """Take an accepted connection."""
        self.transport = transport
        transport.registerProducer(self, True)
        engine = self.engine
        engine.counters.accepted += 1
        engine.counters.clients += 1
        engine.clients.add(self)
        engine.sweeper.add(self)
        self.deadline_s = engine.sweeper.after(
            engine.read_header_timeout_s or engine.client_idle_timeout_s
        )
        self.connectionMade()

    def connectionMade(self) -> None:
        """Nothing is sent before the client asks."""

    def dataReceived(self, data: bytes) -> None:
        """Read requests, in any pieces."""
        state = self._state
        if state == IDLE:
            self._read_head(self._buffer + data if self._buffer else data)
        elif state == BODY:
            self._read_body(data)
        elif state == TUNNEL:
            assert self._upstream is not None
            self._received_bytes += len(data)
            self._upstream.tunnel(data)
        elif state in (DIALLING, WAITING):
            # A body that has no instance yet, or requests sent ahead of responses.
            self._buffer = self._buffer + data if self._buffer else data
            if len(self._buffer) >= READ_BYTES:
                self.pause_reading()
        elif state == LINGERING:
            self._received_bytes += len(data)
            if self._received_bytes > LINGER_BYTES:
                self._abort()

    def readConnectionLost(self) -> None:
        """The client sends no more.

        In a tunnel that is passed on. Anywhere else it has left, as for nginx and
        Go: waiting for an answer with a half-closed connection cannot be told from
        leaving, and work for clients that left is what brings platforms down.
        """
        if self._state == TUNNEL:
            assert self._upstream is not None
            if self._half_closed:
                self._end_tunnel()
            else:
                self._half_closed = True
                self._upstream.half_close()
        elif self._state == IDLE or self._state >= LINGERING:
            self._close()
        else:
            self._abort()

    def writeConnectionLost(self) -> None:
        """Our half is closed, as we asked."""

    def connectionLost(self, reason: Failure) -> None:
        """The client is gone: whatever is done for it ends."""
        engine = self.engine
        self.deadline_s = 0.0
        engine.sweeper.remove(self)
        engine.clients.discard(self)
        engine.counters.clients -= 1
        if self.busy:
            self._status = self._status or 499
            self._account(b"")
        self._state = GONE
        self._buffer = b""
        if self._dialling is not None:
            dialling, self._dialling = self._dialling, None
            dialling.cancel()
        if self._upstream is not None:
            upstream, self._upstream = self._upstream, None
            upstream.abandon()

    # As producer of its own transport: flow control of what is sent to the client.

    def pauseProducing(self) -> None:
        """The client reads slower than the instance sends: stop reading that."""
        self._blocked = True
        if self._upstream is not None:
            self._upstream.pause_reading()

    def resumeProducing(self) -> None:
        """The client has caught up."""
        self._blocked = False
        if self._upstream is not None:
            self._upstream.resume_reading()
        elif self._state == IDLE and self._buffer:
            self._read_head(self._buffer)

    def stopProducing(self) -> None:
        """The connection is gone; connectionLost follows."""

    # Flow control of what the client sends.

    def pause_reading(self) -> None:
        """Read no more from the client for now."""
        self._paused = True
        self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Read on, if reading was paused."""
        if self._paused:
            self._paused = False
            self.transport.resumeProducing()

    def deadline_passed(self) -> None:
        """The client took too long."""
        self.deadline_s = 0.0
        state = self._state
        if state == IDLE:
            if self._buffer and not self._blocked:
                self._refuse_partial_head(408, "request head took too long")
            else:
                self._close()
        elif state == BODY and not self._status:
            self._drop_upstream()
            self._fail(errors.refused(408, "request body took too long"))
        else:
            self._abort()

    # At stop.

    def drain(self) -> None:
        """Take no further request; close at once if none is under way."""
        if self._state == IDLE and not self._buffer:
            self._close()

    def abort(self) -> None:
        """Close now, whatever is under way."""
        self._abort()

    @property
    def busy(self) -> bool:
        """Whether a request or a tunnel is under way."""
        return DIALLING <= self._state <= TUNNEL

    # Reading requests.

    def _read_head(self, data: bytes) -> None:
        """Serve the requests that ``data`` holds, up to the first that must wait."""
        if self._serving or self._blocked:
            # Called again by what it calls; or answers wait for the client to read.
            self._buffer = data
            if len(data) >= READ_BYTES:
                self.pause_reading()
            return
        self._serving = True
        limit = self.engine.request_limits.head_bytes
        while True:
            if data[:2] == b"\r\n":
                # An empty line before the request line is ignored (RFC 9112 2.2).
                data = data[2:]
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                self._keep_partial_head(data, limit)
                break
            if limit and end > limit:
                self._buffer = data
                self._refuse_partial_head(431, "request head too large")
                break
            self._buffer = data[end:]
            self._begin(data[:end])
            if self._state != IDLE or not self._buffer or self._blocked:
                break
            data, self._buffer = self._buffer, b""
        self._serving = False

    def _keep_partial_head(self, data: bytes, limit: int) -> None:
        if not self._buffer and data:
            engine = self.engine
            self.deadline_s = engine.sweeper.after(engine.read_header_timeout_s)
        self._buffer = data
        if limit and len(data) > limit:
            target_bytes = self.engine.request_limits.target_bytes
            if target_bytes and data.find(b"\n", 0, limit) < 0:
                self._refuse_partial_head(414, "request target too long")
            else:
                self._refuse_partial_head(431, "request head too large")
        elif data.count(b"\n") != data.count(b"\r\n"):
            self._refuse_partial_head(400, "line feed without carriage return")

    def _refuse_partial_head(self, status: int, reason: str) -> None:
        head, self._buffer = self._buffer, b""
        self._start(head)
        self._refuse(status, reason)

    def _start(self, head: bytes) -> None:
        """Forget the request before this one."""
        self._started_s = self.engine.seconds()
        self._sent_at_s = 0.0
        self._head = head
        self._request_id = b""
        self._received_bytes = self._sent_bytes = self._status = self._attempts = 0
        self._candidate = None
        self._chunked = False
        self.deadline_s = 0.0

    def _begin(self, head: bytes) -> None:
        """Serve the request of a complete head; what follows is in the buffer."""
        engine = self.engine
        self._start(head)
        try:
            request = parse_request_head(head, engine.request_limits)
        except HeadError as error:
            self._refuse(error.status, error.reason)
            return
        self.request = request
        self._request_id = request.request_id or engine.make_request_id()
        length = request.length
        self.request_done = length == 0
        self._keep_alive = request.keep_alive
        self._body = None
        if length:
            if length == CHUNKED:
                self._body = ChunkedBody(
                    engine.max_chunk_line_bytes, engine.max_trailer_bytes
                )
            elif engine.max_body_bytes and length > engine.max_body_bytes:
                self._fail(errors.refused(413, "request body too large"))
                return
            else:
                self._body = LengthBody(length)
        if not request.host:
            self._fail(errors.empty_host())
            return
        route = engine.tables.table.lookup(request.host, request.path)
        if route is None:
            self._fail(errors.unknown_route(request.host))
            return
        self._route = route
        self._tried = []
        self._state = DIALLING
        engine.counters.in_flight += 1
        self._attempt(None)

    def _read_body(self, data: bytes) -> None:
        """Relay a part of the request's body."""
        body, upstream = self._body, self._upstream
        assert body is not None and upstream is not None
        try:
            payload, rest = body.feed(data)
        except HeadError as error:
            self._drop_upstream()
            self._fail(errors.refused(error.status, error.reason))
            return
        engine = self.engine
        self._received_bytes += len(payload)
        if engine.max_body_bytes and self._received_bytes > engine.max_body_bytes:
            self._drop_upstream()
            self._fail(errors.refused(413, "request body too large"))
            return
        chunked = self.request.length == CHUNKED
        if payload:
            upstream.send_body(encode_chunk(payload) if chunked else payload)
        if body.done:
            if chunked:
                upstream.send_body(encode_end(body.trailers))
            self.request_done = True
            self._buffer = rest
            self._state = WAITING
            self.deadline_s = 0.0
        else:
            self.deadline_s = engine.sweeper.after(engine.body_idle_timeout_s)

    # Finding an instance.

    def _attempt(self, last: ErrorPage | None) -> None:
        """Send the request to the next instance; ``last`` is why the one before
        did not take it.
        """
        engine = self.engine
        if last is not None and self._attempts >= engine.max_attempts:
            self._fail(last)
            return
        candidate = engine.balancer.choose(self._route, self._tried)
        if candidate is None:
            if last is None:
                host = self.request.host
                if engine.balancer.exhausted(self._route):
                    engine.counters.exhausted += 1
                    last = errors.exhausted(host)
                else:
                    last = errors.no_endpoints(host)
            self._fail(last)
            return
        if last is not None:
            engine.counters.retries += 1
        self._attempts += 1
        self._candidate = candidate
        state = candidate.state
        state.in_flight += 1
        state.requests += 1
        engine.counters.requests += 1
        upstream = engine.pool.acquire(state)
        if upstream is not None:
            self._send(upstream)
        else:
            self._dial()

    def _dial(self) -> None:
        assert self._candidate is not None
        dialling = self.engine.pool.dial(self._candidate.state, self)
        if dialling.active:
            self._dialling = dialling

    def dialled(self, connection: InstanceConnection) -> None:
        """The connection to the instance is there."""
        self._dialling = None
        assert self._candidate is not None
        self.engine.balancer.mark_ok(self._candidate.state)
        self._send(connection)

    def dial_failed(self, reason: Failure) -> None:
        """The instance cannot be reached. Nothing was sent, so the next may serve."""
        self._dialling = None
        assert self._candidate is not None
        state = self._candidate.state
        self.engine.counters.connect_failures += 1
        self.engine.balancer.mark_failed(state)
        self._release_instance()
        self._tried.append(state)
        self._attempt(
            errors.endpoint_failure(
                f"dial {state.address}:{state.port}: {reason.getErrorMessage()}"
            )
        )

    def _send(self, upstream: InstanceConnection) -> None:
        """Send the request over a connection."""
        self._upstream = upstream
        request, candidate = self.request, self._candidate
        assert candidate is not None
        self._sent_at_s = self.engine.seconds()
        target, prefix = request.target, b""
        if candidate.strip or candidate.prepend:
            target, prefix = rewrite_target(target, candidate.strip, candidate.prepend)
        upstream.send_head(
            self,
            request_bytes(
                request,
                target,
                candidate.host or request.host,
                prefix,
                self.peer[0],
                self._request_id,
            ),
        )
        if self.request_done:
            self._state = WAITING
            return
        self._state = BODY
        self.deadline_s = self.engine.sweeper.after(self.engine.body_idle_timeout_s)
        if self._buffer:
            data, self._buffer = self._buffer, b""
            self._read_body(data)
        if self._state == BODY:
            self.resume_reading()

    # From the instance.

    def interim(self, response: ResponseHead) -> None:
        """Pass on a 1xx response; HTTP/1.0 does not know them (RFC 9110 15.2)."""
        if self.request.minor:
            self.transport.write(interim_bytes(response))

    def respond(self, response: ResponseHead) -> None:
        """Pass on the head of the final response."""
        engine, request = self.engine, self.request
        self._status = response.status
        keep_alive = request.keep_alive and not engine.draining
        if not self.request_done and response.status >= 300:
            # Refused early: whatever is left of the body will not be read.
            keep_alive = False
        chunked = False
        if response.length < 0:
            if request.minor:
                chunked = True
            else:
                keep_alive = False
        connection = b""
        if not keep_alive:
            connection = b"close"
        elif not request.minor:
            connection = b"keep-alive"
        self._keep_alive = keep_alive
        self._chunked = chunked
        self.transport.write(
            response_bytes(
                response, self._request_id, engine.date(), chunked, connection
            )
        )

    def relay(self, payload: bytes) -> None:
        """Pass on a part of the response's body."""
        self._sent_bytes += len(payload)
        self.transport.write(encode_chunk(payload) if self._chunked else payload)

    def response_ended(self, trailers: bytes) -> None:
        """The response is complete."""
        if self._chunked:
            self.transport.write(encode_end(trailers))
        self._upstream = None
        self._account(b"")
        if not self.request_done:
            self._linger()
        elif self._keep_alive:
            self._next()
        else:
            self._close()

    def response_broken(self) -> None:
        """The response stopped in the middle; the client must see that it did."""
        self._upstream = None
        self._break_off(b"endpoint_failure (response body cut off)")

    def response_failed(self, page: ErrorPage, stale: bool = False) -> None:
        """No response came.

        :param stale: the connection had been kept, and ended without a byte: that says
            nothing of the instance, and a harmless request is sent again.
        """
        self._upstream = None
        assert self._candidate is not None
        request = self.request
        if stale and request.length == 0 and request.method in _REPEATABLE:
            state = self._candidate.state
            self._state = DIALLING
            self.engine.counters.retries += 1
            self.engine.counters.requests += 1
            state.requests += 1
            self._dial()
        else:
            self._fail(page)

    # Tunnels.

    def tunnel_opened(self, response: ResponseHead) -> None:
        """Pass on 101 and whatever either side sends from now on."""
        self._state = TUNNEL
        self._status = 101
        self._half_closed = False
        self.engine.counters.upgrades += 1
        self.engine.counters.tunnels += 1
        self.transport.write(switching_bytes(response))
        if self._buffer:
            data, self._buffer = self._buffer, b""
            self.dataReceived(data)
        self.resume_reading()

    def tunnelled(self, data: bytes) -> None:
        """Pass on bytes of the instance."""
        self._sent_bytes += len(data)
        self.transport.write(data)

    def tunnel_half_closed(self) -> None:
        """The instance sends no more."""
        if self._half_closed:
            self._end_tunnel()
        else:
            self._half_closed = True
            self.transport.loseWriteConnection()

    def tunnel_closed(self) -> None:
        """The instance is gone."""
        self._upstream = None
        self._account(b"")
        self._close()

    def _end_tunnel(self) -> None:
        """Both sides have sent all they had."""
        upstream, self._upstream = self._upstream, None
        assert upstream is not None
        upstream.close()
        self._account(b"")
        self._close()

    # Ending.

    def _refuse(self, status: int, reason: str) -> None:
        """Answer a request that could not be understood, and close."""
        counters = self.engine.counters
        counters.rejected += 1
        counters.count_error(status)
        page = errors.refused(status, reason)
        self._write_page(page, close=True, bodiless=False)
        self._log_access(page.cause)
        self._linger()

    def _fail(self, page: ErrorPage) -> None:
        """Answer a request with an error of the router's own."""
        counters = self.engine.counters
        status = page.status
        if status in (400, 404):
            counters.rejected += 1
        elif status == 502:
            counters.bad_gateways += 1
        if self.request.upgrade:
            counters.upgrade_failures += 1
        counters.count_error(status)
        if self._status:
            # The response had begun: there is no place for a page.
            self._break_off(page.cause)
            return
        keep_alive = self.request.keep_alive and not self.engine.draining
        if not self.request_done:
            keep_alive = self._skip_body() and keep_alive
        self._write_page(page, not keep_alive, self.request.method == b"HEAD")
        self._account(page.cause, own=True)
        if keep_alive:
            self._next()
        elif self.request_done:
            self._close()
        else:
            self._linger()

    def _skip_body(self) -> bool:
        """Skip the request's body if all of it is here already."""
        length = self.request.length
        if self._state == BODY or not 0 <= length <= len(self._buffer):
            return False
        self._buffer = self._buffer[length:]
        self.request_done = True
        return True

    def _write_page(self, page: ErrorPage, close: bool, bodiless: bool) -> None:
        self._status = page.status
        data = errors.render(page, self._request_id, close, self.engine.date())
        if bodiless:
            data = data[: data.index(b"\r\n\r\n") + 4]
        self.transport.write(data)

    def _break_off(self, cause: bytes) -> None:
        """End a response in the middle, so that the client can tell."""
        self._account(cause)
        if self._chunked or self.request.minor:
            # Without the last chunk, or with less than Content-Length said.
            self._close()
        else:
            # Its end is the connection's: only a reset tells it from a whole one.
            self._state = CLOSING
            self._abort()

    def _account(self, cause: bytes, own: bool = False) -> None:
        """Count and log the request that has just ended, whatever its end.

        :param own: the response was the router's, not an instance's.
        """
        counters = self.engine.counters
        if self.busy:
            counters.in_flight -= 1
            if self._state == TUNNEL:
                counters.tunnels -= 1
        now_s = self.engine.seconds()
        if self._status == 499:
            counters.count_error(499)
        elif not own:
            counters.count_response(self._status, now_s - self._started_s)
        self._log_access(cause, now_s)
        self._release_instance()

    def _release_instance(self) -> None:
        candidate, self._candidate = self._candidate, None
        if candidate is not None:
            candidate.state.in_flight -= 1

    def _log_access(self, cause: bytes, now_s: float = 0.0) -> None:
        access_log = self.engine.access_log
        if access_log is None:
            return
        now_s = now_s or self.engine.seconds()
        taken_s = now_s - self._started_s
        candidate = self._candidate
        access_log.record(
            self._head,
            self.engine.wall_s() - taken_s,
            self._status,
            self._received_bytes,
            self._sent_bytes,
            self.peer[1],
            candidate.authority if candidate is not None else b"",
            self._request_id,
            taken_s,
            now_s - self._sent_at_s if self._sent_at_s else 0.0,
            candidate.instance if candidate is not None else None,
            cause,
        )

    def _next(self) -> None:
        """Wait for the next request, or go on with one that is here."""
        engine = self.engine
        self._state = IDLE
        self.deadline_s = engine.sweeper.after(engine.client_idle_timeout_s)
        buffer = self._buffer
        if buffer:
            self._buffer = b""
            self._read_head(buffer)
        if self._state == IDLE:
            self.resume_reading()

    def _drop_upstream(self) -> None:
        """End the exchange with the instance; nobody waits for its response."""
        if self._upstream is not None:
            upstream, self._upstream = self._upstream, None
            upstream.abandon()

    def _linger(self) -> None:
        """Close our half, and take in what the client still sends, for a while."""
        self._state = LINGERING
        self._buffer = b""
        self._received_bytes = 0
        self.deadline_s = self.engine.sweeper.after(LINGER_S)
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()
        self.resume_reading()

    def _close(self) -> None:
        """Close after what was written; not for longer than a body may stand still."""
        if self._state != GONE:
            self._state = CLOSING
            self._buffer = b""
            engine = self.engine
            self.deadline_s = engine.sweeper.after(
                engine.body_idle_timeout_s or LINGER_S
            )
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def _abort(self) -> None:
        """Close now; the peer sees a reset."""
        self.transport.abortConnection()
