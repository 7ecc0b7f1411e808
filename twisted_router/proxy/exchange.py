"""One request and its response, from the client's head to the last byte back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..model import Route
from ..routing.state import Candidate
from . import errors
from .accounting import account
from .admission import Admission
from .errors import ErrorPage
from .forward import (
    interim_bytes,
    request_bytes,
    response_bytes,
    rewrite_target,
)
from .framing import encode_chunk, encode_end
from .head import HeadError
from .own_answer import answer_error, answer_last_hop, refuse
from .request_head import (
    LastHopError,
    RequestHead,
    read_any_head,
    read_plain_head,
)
from .response_head import ResponseHead
from .search import Search
from .tunnel import Tunnel
from .upload import Upload

if TYPE_CHECKING:
    from .downstream import ClientConnection
    from .upstream import InstanceConnection

# What an exchange is doing: reading its head, looking for an instance, relaying the
# request's body, waiting for the (rest of the) response, nothing more.
STARTED, DIALLING, BODY, WAITING, OVER = range(5)

#: Methods whose request may be sent again when a kept connection turns out to be dead
#: before any byte of the response; gorouter's set. RFC 9110 9.2.2.
_REPEATABLE = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])


class Exchange:
    """Serves one request of a client.

    :param head: the request's head as it came, or what there is of it.
    :ivar candidate: whom it was sent to, while that is counted as being in flight.
    :ivar phase: what it is doing.
    :ivar received_bytes: of the request's body; ``sent_bytes`` of the response's.
    :ivar request: what the head says; not there if it says nothing sensible.
    :ivar request_done: all of the request was read.
    :ivar sent_at_s: when it was sent to an instance, 0 while it was not; as
        ``started_s``, when it came, by the engine's ``seconds``.
    :ivar status: of the response, 0 before there is one.
    """

    __slots__ = (
        "_chunked",
        "_keep_alive",
        "_route",
        "_search",
        "_upload",
        "_upstream",
        "candidate",
        "client",
        "engine",
        "head",
        "phase",
        "received_bytes",
        "request",
        "request_done",
        "request_id",
        "sent_at_s",
        "sent_bytes",
        "started_s",
        "status",
    )

    request: RequestHead
    _route: Route
    _upload: Upload

    def __init__(self, client: ClientConnection, head: bytes) -> None:
        self.client = client
        self.engine = engine = client.engine
        self.head = head
        self.started_s = engine.seconds()
        self.sent_at_s = 0.0
        self.phase = STARTED
        self.request_done = True
        self.request_id = b""
        self.received_bytes = self.sent_bytes = self.status = 0
        self._chunked = self._keep_alive = False
        self.candidate: Candidate | None = None
        self._upstream: InstanceConnection | None = None
        self._search: Admission | Search | None = None

    # From the client.

    def begin(self, plain: re.Match[bytes] | None) -> None:
        """Read the head and look for an instance; or answer with an error.

        :param plain: the head's match with :data:`PLAIN_HEAD`, if it has one.
        """
        engine = self.engine
        try:
            if plain is not None:
                request = read_plain_head(plain, engine.request_limits)
            else:
                request = read_any_head(self.head, engine.request_limits)
        except HeadError as error:
            refuse(self, error.status, error.reason)
            return
        except LastHopError as error:
            answer_last_hop(self, error.request)
            return
        if engine.via:
            request.fields += engine.via[request.minor]
        self.request = request
        self.request_id = request.request_id or engine.make_request_id()
        self._keep_alive = request.keep_alive
        if request.length:
            self.request_done = False
            try:
                self._upload = Upload(
                    request.length,
                    engine.max_body_bytes,
                    engine.max_chunk_line_bytes,
                    engine.max_trailer_bytes,
                )
            except HeadError as error:
                self._fail(errors.refused(error.status, error.reason))
                return
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
        if route.gate is not None:
            self._search = admission = Admission(self, route.gate)
            admission.begin()
            return
        candidate = engine.balancer.choose(route)
        if candidate is None:
            self._fail(self.why_none())
            return
        self.take_instance(candidate)
        upstream = engine.pool.acquire(candidate)
        if upstream is not None:
            self._send(upstream)
        else:
            self._dial()

    def received(self, data: bytes) -> bytes:
        """Take what the client sent on; what is not taken is given back.

        While there is no instance for a body, and behind the end of the request, it
        is the client's connection that keeps it.
        """
        return self._read_body(data) if self.phase == BODY else data

    def client_half_closed(self) -> bool:
        """The client sends no more; whether it may still want to read."""
        return False

    def client_gone(self) -> None:
        """The client has left: whatever is done for it ends."""
        if self.phase != OVER:
            unanswered = not self.status
            if unanswered:
                self.status = 499
                self.engine.counters.count_error(499)
            self._drop_upstream()
            account(self, own=unanswered)

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
        if self.phase == BODY and upstream is not None and not self.status:
            # A client that waits for 100 (Continue) is not to blame either.
            waits = not self.received_bytes and b"100-continue" in self.head.lower()
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
        upload, upstream = self._upload, self._upstream
        assert upstream is not None
        try:
            to_send, rest = upload.feed(data)
        except HeadError as error:
            self.received_bytes = upload.received_bytes
            self._drop_upstream()
            self._fail(errors.refused(error.status, error.reason))
            return b""
        self.received_bytes = upload.received_bytes
        if to_send:
            upstream.send_body(to_send)
        if upload.done:
            self.request_done = True
            self.phase = WAITING
            self.client.deadline_s = 0.0
            upstream.request_sent()
        else:
            engine = self.engine
            self.client.deadline_s = engine.body_idle_timeout.deadline_s
        return rest

    # Finding an instance.

    def take_instance(self, candidate: Candidate) -> None:
        """Count the request as sent to this instance, and in flight there."""
        self.candidate = candidate
        state = candidate.state
        state.in_flight += 1
        state.requests += 1
        self.engine.counters.requests += 1

    def release_instance(self) -> None:
        """The request is not in flight at its instance any more."""
        if self.candidate is not None:
            self.candidate.state.in_flight -= 1
            self.candidate = None

    def why_none(self) -> ErrorPage:
        """What to answer when nobody may be asked."""
        engine, host = self.engine, self.request.host
        if engine.balancer.exhausted(self._route):
            engine.counters.exhausted += 1
            return errors.exhausted(host)
        return errors.no_endpoints(host)

    def admitted(self) -> None:
        """The gate of the route is passed."""
        self._search = search = Search(self, self._route)
        search.begin()

    def _dial(self) -> None:
        self._search = Search(self, self._route)
        self._search.dial()

    def found(self, connection: InstanceConnection) -> None:
        """There is a connection to an instance."""
        self._search = None
        self._send(connection)

    def answer(self, page: ErrorPage) -> None:
        """The request goes no further: no instance is asked, or none is reached."""
        self._search = None
        self._fail(page)

    def _send(self, upstream: InstanceConnection) -> None:
        """Send the request over a connection."""
        self._upstream = upstream
        request, candidate = self.request, self.candidate
        assert candidate is not None
        self.sent_at_s = self.engine.seconds()
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
                self.request_id,
            ),
        )
        if self.request_done:
            self.phase = WAITING
            return
        self.phase = BODY
        self.client.deadline_s = self.engine.body_idle_timeout.deadline_s
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
        self.status = response.status
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
        self.sent_bytes = len(body)
        self.client.write(
            response_bytes(response, self.request_id, date, chunked, connection, body)
        )

    def relay(self, payload: bytes) -> None:
        """Pass on a part of the response's body."""
        self.sent_bytes += len(payload)
        self.client.write(encode_chunk(payload) if self._chunked else payload)

    def response_ended(self, trailers: bytes) -> None:
        """The response is complete."""
        if self._chunked:
            self.client.write(encode_end(trailers))
        self._upstream = None
        account(self)
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
            assert self.candidate is not None
            self.phase = DIALLING
            self.engine.counters.retries += 1
            self.engine.counters.requests += 1
            self.candidate.state.requests += 1
            self._dial()
        else:
            self._fail(page)

    def tunnel_opened(self, response: ResponseHead) -> Tunnel:
        """Pass on 101; the tunnel serves both sides from now on."""
        upstream, self._upstream = self._upstream, None
        assert upstream is not None
        self.status = 101
        self.interim(response)
        tunnel = Tunnel(self, self.client, upstream)
        self.client.enter(tunnel)
        return tunnel

    # Ending.

    def _fail(self, page: ErrorPage) -> None:
        """Answer with an error of the router's own."""
        counters = self.engine.counters
        status = page.status
        if status in (400, 401, 403, 404):
            counters.rejected += 1
        elif status == 502:
            counters.bad_gateways += 1
        if self.request.upgrade:
            counters.upgrade_failures += 1
        counters.count_error(status)
        if self.status:
            # The response had begun: there is no place for a page.
            self._break_off(page.cause)
        else:
            answer_error(self, page)

    def _break_off(self, cause: bytes) -> None:
        """End a response in the middle, so that the client can tell."""
        account(self, cause)
        if self._chunked or self.request.minor:
            # Without the last chunk, or with less than Content-Length said.
            self.client.close()
        else:
            # Its end is the connection's: only a reset tells it from a whole one.
            self.client.abort()

    def _drop_upstream(self) -> None:
        """End what goes on with an instance; nobody waits for its response."""
        if self._search is not None:
            search, self._search = self._search, None
            search.cancel()
        if self._upstream is not None:
            upstream, self._upstream = self._upstream, None
            upstream.abandon()

    def end(self) -> None:
        """It is over, and accounted for: let go of the instance."""
        if self.phase != STARTED:
            self.engine.counters.in_flight -= 1
        self.phase = OVER
        self.release_instance()
