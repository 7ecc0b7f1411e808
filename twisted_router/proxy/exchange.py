"""One request and its response, from the client's head to the last byte back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from ..model import Route
from ..routing.state import Candidate, InstanceState
from . import errors
from .errors import ErrorPage
from .forward import (
    interim_bytes,
    request_bytes,
    response_bytes,
    rewrite_target,
)
from .framing import Body, ChunkedBody, LengthBody, encode_chunk, encode_end
from .head import CHUNKED, HeadError
from .last_hop import last_hop_bytes
from .request_head import LastHopError, RequestHead, parse_request_head
from .response_head import ResponseHead

if TYPE_CHECKING:
    from .downstream import ClientConnection
    from .pool import Dialling
    from .upstream import InstanceConnection

# What an exchange is doing: reading its head, looking for an instance, relaying the
# request's body, waiting for the (rest of the) response, tunnelling, nothing more.
STARTED, DIALLING, BODY, WAITING, TUNNEL, OVER = range(6)

#: Methods whose request may be sent again when a kept connection turns out to be dead
#: before any byte of the response; gorouter's set. RFC 9110 9.2.2.
_REPEATABLE = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])


class Exchange:
    """Serves one request of a client.

    :param head: the request's head as it came, or what there is of it.
    :ivar phase: what it is doing.
    :ivar request: what the head says; not there if it says nothing sensible.
    :ivar request_done: all of the request was read.
    """

    __slots__ = (
        "_attempts",
        "_body",
        "_candidate",
        "_chunked",
        "_dialling",
        "_half_closed",
        "_head",
        "_keep_alive",
        "_received_bytes",
        "_request_id",
        "_route",
        "_sent_at_s",
        "_sent_bytes",
        "_started_s",
        "_status",
        "_tried",
        "_upstream",
        "client",
        "engine",
        "phase",
        "request",
        "request_done",
    )

    request: RequestHead
    _route: Route
    _body: Body

    def __init__(self, client: ClientConnection, head: bytes) -> None:
        self.client = client
        self.engine = engine = client.engine
        self._head = head
        self._started_s = engine.seconds()
        self._sent_at_s = 0.0
        self.phase = STARTED
        self.request_done = True
        self._request_id = b""
        self._received_bytes = self._sent_bytes = self._status = self._attempts = 0
        self._chunked = self._keep_alive = self._half_closed = False
        self._candidate: Candidate | None = None
        self._upstream: InstanceConnection | None = None
        self._dialling: Dialling | None = None
        self._tried: list[InstanceState] = []

    # From the client.

    def begin(self) -> None:
        """Read the head and look for an instance; or answer with an error."""
        engine = self.engine
        try:
            request = parse_request_head(self._head, engine.request_limits)
        except HeadError as error:
            self.refuse(error.status, error.reason)
            return
        except LastHopError as error:
            self._answer_here(error.request)
            return
        if engine.via:
            request.fields += engine.via[request.minor]
        self.request = request
        self._request_id = request.request_id or engine.make_request_id()
        self._keep_alive = request.keep_alive
        length = request.length
        if length:
            self.request_done = False
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
        self.phase = DIALLING
        engine.counters.in_flight += 1
        self._attempt(None)

    def refuse(self, status: int, reason: str) -> None:
        """Answer a request that cannot be understood, and close."""
        counters = self.engine.counters
        counters.rejected += 1
        counters.count_error(status)
        page = errors.refused(status, reason)
        self._write_page(page, True, self._head.startswith(b"HEAD "))
        self._account(page.cause, own=True)
        self.client.linger()

    def _answer_here(self, request: RequestHead) -> None:
        """Answer a request that goes no further."""
        engine = self.engine
        self.request = request
        self.request_done = not request.length
        self._request_id = request.request_id or engine.make_request_id()
        self._status = 200
        keep_alive = self._may_keep_client()
        self.client.write(
            last_hop_bytes(
                request.method,
                self._head,
                self._request_id,
                not keep_alive,
                engine.date(),
            )
        )
        self._account(b"", own=True)
        self._end_answer(keep_alive)

    def received(self, data: bytes) -> bytes:
        """Take what the client sent on; what is not taken is given back.

        While there is no instance for a body, and behind the end of the request, it
        is the client's connection that keeps it.
        """
        if self.phase == BODY:
            return self._read_body(data)
        if self.phase == TUNNEL:
            assert self._upstream is not None
            self._received_bytes += len(data)
            self._upstream.tunnel(data)
            return b""
        return data

    def client_half_closed(self) -> bool:
        """The client sends no more; whether it may still want to read."""
        if self.phase != TUNNEL:
            return False
        assert self._upstream is not None
        if self._half_closed:
            self._end_tunnel()
        else:
            self._half_closed = True
            self._upstream.half_close()
        return True

    def client_gone(self) -> None:
        """The client has left: whatever is done for it ends."""
        if self.phase != OVER:
            unanswered = not self._status
            if unanswered:
                self._status = 499
                self.engine.counters.count_error(499)
            self._drop_upstream()
            self._account(b"", own=unanswered)

    def client_blocked(self) -> None:
        """The client reads slower than the instance sends: stop reading that."""
        if self._upstream is not None:
            self._upstream.pause_reading()

    def client_unblocked(self) -> None:
        """The client has caught up."""
        if self._upstream is not None:
            self._upstream.resume_reading()

    def deadline_passed(self) -> None:
        """The request's body stands still."""
        upstream = self._upstream
        if self.phase == BODY and upstream is not None and not self._status:
            # A client that waits for 100 (Continue) is not to blame either.
            waits = not self._received_bytes and b"100-continue" in self._head.lower()
            stalled = upstream.stalled
            self._drop_upstream()
            if stalled or waits:
                self._fail(errors.endpoint_timeout("timeout sending the request body"))
            else:
                self._fail(errors.refused(408, "request body took too long"))
        else:
            self.client.abort()

    def _read_body(self, data: bytes) -> bytes:
        """Relay a part of the request's body; give back what follows it."""
        body, upstream, engine = self._body, self._upstream, self.engine
        assert upstream is not None
        try:
            payload, rest = body.feed(data)
        except HeadError as error:
            self._drop_upstream()
            self._fail(errors.refused(error.status, error.reason))
            return b""
        self._received_bytes += len(payload)
        if engine.max_body_bytes and self._received_bytes > engine.max_body_bytes:
            self._drop_upstream()
            self._fail(errors.refused(413, "request body too large"))
            return b""
        chunked = self.request.length == CHUNKED
        if payload:
            upstream.send_body(encode_chunk(payload) if chunked else payload)
        if body.done:
            if chunked:
                upstream.send_body(encode_end(body.trailers))
            self.request_done = True
            self.phase = WAITING
            self.client.deadline_s = 0.0
            upstream.request_sent()
        else:
            self.client.deadline_s = engine.sweeper.after(engine.body_idle_timeout_s)
        return rest

    # Finding an instance.

    def _attempt(self, last: ErrorPage | None) -> None:
        """Send the request to the next instance.

        :param last: why the one before did not take it.
        """
        engine = self.engine
        if last is not None and self._attempts >= engine.max_attempts:
            self._fail(last)
            return
        candidate = engine.balancer.choose(self._route, self._tried)
        if candidate is None:
            self._fail(last or self._why_none())
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

    def _why_none(self) -> ErrorPage:
        engine, host = self.engine, self.request.host
        if engine.balancer.exhausted(self._route):
            engine.counters.exhausted += 1
            return errors.exhausted(host)
        return errors.no_endpoints(host)

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
        self._release_instance(self._candidate)
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
                self.client.peer[0],
                self._request_id,
            ),
        )
        if self.request_done:
            self.phase = WAITING
            return
        self.phase = BODY
        self.client.deadline_s = self.engine.sweeper.after(
            self.engine.body_idle_timeout_s
        )
        self.client.feed_exchange()

    # From the instance.

    def interim(self, response: ResponseHead) -> None:
        """Pass on a 1xx response; HTTP/1.0 does not know them (RFC 9110 15.2)."""
        if self.request.minor:
            engine = self.engine
            if engine.via:
                response.fields += engine.via[response.minor]
            self.client.write(interim_bytes(response, engine.date()))

    def respond(self, response: ResponseHead, body: bytes) -> None:
        """Pass on the head of the final response.

        :param body: all of it, if it came with the head and is not to be chunked.
        """
        engine, request = self.engine, self.request
        self._status = response.status
        if engine.via:
            response.fields += engine.via[response.minor]
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
        date = b"" if response.has_date else engine.date()
        head = response_bytes(response, self._request_id, date, chunked, connection)
        self._sent_bytes = len(body)
        self.client.write(head + body)

    def relay(self, payload: bytes) -> None:
        """Pass on a part of the response's body."""
        self._sent_bytes += len(payload)
        self.client.write(encode_chunk(payload) if self._chunked else payload)

    def response_ended(self, trailers: bytes) -> None:
        """The response is complete."""
        if self._chunked:
            self.client.write(encode_end(trailers))
        self._upstream = None
        self._account(b"")
        if not self.request_done:
            self.client.linger()
        elif self._keep_alive:
            self.client.next()
        else:
            self.client.close()

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
        request = self.request
        if stale and request.length == 0 and request.method in _REPEATABLE:
            assert self._candidate is not None
            self.phase = DIALLING
            self.engine.counters.retries += 1
            self.engine.counters.requests += 1
            self._candidate.state.requests += 1
            self._dial()
        else:
            self._fail(page)

    # Tunnels.

    def tunnel_opened(self, response: ResponseHead) -> None:
        """Pass on 101 and whatever either side sends from now on."""
        self.phase = TUNNEL
        self._status = 101
        self.engine.counters.upgrades += 1
        self.engine.counters.tunnels += 1
        self.interim(response)
        self.client.feed_exchange()

    def tunnelled(self, data: bytes) -> None:
        """Pass on bytes of the instance."""
        self._sent_bytes += len(data)
        self.client.write(data)

    def tunnel_half_closed(self) -> None:
        """The instance sends no more."""
        if self._half_closed:
            self._end_tunnel()
        else:
            self._half_closed = True
            self.client.half_close()

    def tunnel_closed(self) -> None:
        """The instance is gone."""
        self._upstream = None
        self._account(b"")
        self.client.close()

    def _end_tunnel(self) -> None:
        """Both sides have sent all they had."""
        upstream, self._upstream = self._upstream, None
        assert upstream is not None
        upstream.close()
        self._account(b"")
        self.client.close()

    # Ending.

    def _fail(self, page: ErrorPage) -> None:
        """Answer with an error of the router's own."""
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
        keep_alive = self._may_keep_client()
        self._write_page(page, not keep_alive, self.request.method == b"HEAD")
        self._account(page.cause, own=True)
        self._end_answer(keep_alive)

    def _may_keep_client(self) -> bool:
        """Whether another request can follow an answer of the router's own."""
        keep_alive = self.request.keep_alive and not self.engine.draining
        return (self.request_done or self._skip_body()) and keep_alive

    def _end_answer(self, keep_alive: bool) -> None:
        """An answer of the router's own was sent in whole."""
        if keep_alive:
            self.client.next()
        elif self.request_done:
            self.client.close()
        else:
            self.client.linger()

    def _skip_body(self) -> bool:
        """Skip the request's body if all of it is here already."""
        length = self.request.length
        if self.phase == BODY or length == CHUNKED or not self.client.skip(length):
            return False
        self.request_done = True
        return True

    def _break_off(self, cause: bytes) -> None:
        """End a response in the middle, so that the client can tell."""
        self._account(cause)
        if self._chunked or self.request.minor:
            # Without the last chunk, or with less than Content-Length said.
            self.client.close()
        else:
            # Its end is the connection's: only a reset tells it from a whole one.
            self.client.abort()

    def _write_page(self, page: ErrorPage, close: bool, bodiless: bool) -> None:
        self._status = page.status
        data = errors.render(page, self._request_id, close, self.engine.date())
        if bodiless:
            data = data[: data.index(b"\r\n\r\n") + 4]
        self.client.write(data)

    def _drop_upstream(self) -> None:
        """End what goes on with an instance; nobody waits for its response."""
        if self._dialling is not None:
            dialling, self._dialling = self._dialling, None
            dialling.cancel()
        if self._upstream is not None:
            upstream, self._upstream = self._upstream, None
            upstream.abandon()

    def _account(self, cause: bytes, own: bool = False) -> None:
        """Count and log the request, whatever its end was; it is over now.

        :param own: the response was the router's, not an instance's.
        """
        engine = self.engine
        counters = engine.counters
        if self.phase != STARTED:
            counters.in_flight -= 1
            if self.phase == TUNNEL:
                counters.tunnels -= 1
        self.phase = OVER
        status = self._status
        now_s = engine.seconds()
        taken_s = now_s - self._started_s
        if not own:
            counters.count_response(status, taken_s)
        candidate = self._candidate
        if engine.access_log is not None:
            engine.access_log.record(
                self._head,
                engine.wall_s() - taken_s,
                status,
                self._received_bytes,
                self._sent_bytes,
                self.client.peer[1],
                candidate.authority if candidate is not None else b"",
                self._request_id,
                taken_s,
                now_s - self._sent_at_s if self._sent_at_s else 0.0,
                candidate.instance if candidate is not None else None,
                cause,
            )
        if candidate is not None:
            self._release_instance(candidate)

    def _release_instance(self, candidate: Candidate) -> None:
        candidate.state.in_flight -= 1
        self._candidate = None
