"""The engine in memory, with instances that understand what they are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.proxy.harness import Dial, MemoryEngine, MemoryTransport
from tests.proxy.readers import PART, WHOLE, LlhttpRequest, Reading
from twisted_router.config.schema import BackendsConfig, Bytes, Seconds
from twisted_router.net.transport import READ_BYTES
from twisted_router.proxy.downstream import ClientConnection

#: Small enough that inputs reach them. Steps of time pass one timeout, not two: which
#: of those that end together is seen first does not matter, but would differ.
HEAD_BYTES, TARGET_BYTES, FIELDS = 2048, 512, 24
LINE_BYTES, TRAILER_BYTES, BODY_BYTES = 64, 256, 20_000
TIMEOUT_S, STEP_S = 10.0, 12.0

LIMITS: dict[str, Any] = {
    "max_request_header_bytes": Bytes(HEAD_BYTES),
    "max_request_headers": FIELDS,
    "max_request_target_bytes": Bytes(TARGET_BYTES),
    "max_request_body_bytes": Bytes(BODY_BYTES),
    "max_response_header_bytes": Bytes(HEAD_BYTES),
    "max_response_headers": FIELDS,
    "max_chunk_line_bytes": Bytes(LINE_BYTES),
    "max_trailer_bytes": Bytes(TRAILER_BYTES),
    "read_header_timeout": Seconds(TIMEOUT_S),
    "endpoint_timeout": Seconds(2 * TIMEOUT_S),
    "body_idle_timeout": Seconds(TIMEOUT_S),
    "frontend_idle_timeout": Seconds(TIMEOUT_S),
    "tunnel_idle_timeout": Seconds(TIMEOUT_S),
    "backends": BackendsConfig(idle_timeout=Seconds(TIMEOUT_S)),
}

TAGS = (
    "urlprefix-app.example.com/",
    "urlprefix-app.example.com/strip strip=/strip prepend=/pre",
)

#: The field of responses that says which target they are for.
ECHO = b"x-fuzz-echo"


class BrokenInvariantError(Exception):
    """What must never happen has happened."""


def require(condition: object, what: str, *values: object) -> None:
    """Raise :exc:`BrokenInvariantError` unless ``condition`` holds."""
    if not condition:
        raise BrokenInvariantError(what, *values)


def pieces(data: bytes, cuts: tuple[int, ...]) -> list[bytes]:
    """``data`` as it is read: cut there, and wherever a read is full."""
    parts = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        for at in range(start, end, READ_BYTES):
            parts.append(data[at : min(end, at + READ_BYTES)])
    return parts


@dataclass
class Received:
    """A request as an instance received it.

    :ivar tunnel: what came after it had switched protocols.
    :ivar answer: what it answered, ``b""`` for nothing yet.
    """

    parser: LlhttpRequest = field(default_factory=LlhttpRequest)
    data: bytes = b""
    reading: Reading = field(default_factory=Reading)
    answer: bytes = b""
    tunnel: bytes = b""

    @property
    def own_id(self) -> bytes:
        """The id that the engine gave it, ``b""`` if it is the client's."""
        request_id = dict(self.reading.fields).get(b"x-request-id", b"")
        return request_id if request_id.startswith(b"id-") else b""

    @property
    def switched(self) -> bool:
        """Whether it is a tunnel by now."""
        return self.answer.startswith(b"HTTP/1.1 101 ")

    def take(self, data: bytes) -> None:
        """Read on."""
        if self.switched:
            self.tunnel += data
            return
        require(self.reading.end is not WHOLE, "sent behind a whole request", data)
        self.data += data
        self.reading = reading = self.parser.feed(data)
        require(reading.end in (PART, WHOLE), "forwarded but refused", reading.reason)
        require(self.parser.messages < 2, "two requests at once", self.data)
        require(not reading.rest, "more than a request", reading.rest)


#: Says what to answer to a whole request, and whether the connection then ends.
Answer = Callable[[Reading], tuple[bytes, bool]]


class Instance:
    """The instance's end of one connection."""

    def __init__(
        self, transport: MemoryTransport, answer: Answer, received: list[Received]
    ) -> None:
        self.transport = transport
        self._all_received = received
        self._current: Received | None = None
        self._answer = answer

    def take(self) -> bool:
        """Read what was sent and answer it; whether there was anything."""
        data = self.transport.take()
        if not data:
            return False
        request = self._current
        if request is None or (request.answer and not request.switched):
            request = self._current = Received()
            self._all_received.append(request)
        request.take(data)
        if request.reading.end is WHOLE and not request.answer:
            request.answer, over = self._answer(request.reading)
            if request.answer:
                self.transport.deliver(request.answer)
            if over and self.can_send():
                self.transport.finish()
        return True

    def can_send(self) -> bool:
        """Whether anything it sends is read."""
        return can_send(self.transport)


def can_send(transport: MemoryTransport) -> bool:
    """Whether its peer can send, and the engine reads what it sends."""
    gone = transport.lost or transport.finished
    return transport.reading and not gone and transport.closed in ("", "half")


class World(MemoryEngine):
    """An engine with a few routes, and all that talk to it.

    :param instances: how many there are.
    """

    def __init__(self, instances: int = 1) -> None:
        self.assemble(**LIMITS)
        self.serve_app(instances)
        self.reset()

    def serve_app(self, instances: int, first: int = 1) -> None:
        """Let these instances answer for app.example.com."""
        self.serve("app", *TAGS, count=instances, first=first)

    def reset(self) -> None:
        """Begin anew, with the same request ids and nothing left of before."""
        self.instances: list[Instance] = []
        self.clients: list[MemoryTransport] = []
        self.received: list[Received] = []
        self.log.clear()
        self.dials.clear()
        self.engine.make_request_id = map(b"id-%d".__mod__, count()).__next__

    def connect(self) -> MemoryTransport:
        """A client connects."""
        peer = b"203.0.113.9:%d" % (40000 + len(self.clients))
        connection = ClientConnection(self.engine, (b"203.0.113.9", peer))
        client = MemoryTransport(self.clock, connection)
        self.clients.append(client)
        return client

    def accept(self, dial: Dial, answer: Answer) -> Instance:
        """An instance accepts."""
        instance = Instance(dial.succeed(), answer, self.received)
        self.instances.append(instance)
        return instance

    def settle(self, answer: Answer) -> None:
        """Let everything happen that needs no more input."""
        busy = True
        while busy:
            busy = False
            while self.dials:
                self.accept(self.dials.pop(0), answer)
            for instance in self.instances:
                busy = instance.take() or busy
            self.clock.advance(0)
            busy = busy or bool(self.dials)
        self.check_buffers()

    def check_buffers(self) -> None:
        """Nothing grows with what was sent."""
        for client in self.clients:
            kept = len(client.protocol._buffer)
            require(kept <= 2 * READ_BYTES, "client buffer", kept)
        for instance in self.instances:
            kept = len(instance.transport.protocol._buffer)
            require(kept <= HEAD_BYTES + READ_BYTES, "instance buffer", kept)

    def finish(self) -> None:
        """Everybody leaves; nothing may be left of them."""
        for client in self.clients:
            client.lose()
        self.engine.pool.close_idle()
        self.clock.advance(0)
        for instance in self.instances:
            instance.transport.lose()
        self.clock.advance(0)
        engine, counters = self.engine, self.counters
        require(counters.in_flight == 0, "in flight", counters.in_flight)
        require(counters.tunnels == 0, "tunnels", counters.tunnels)
        require(counters.clients == 0, "clients", counters.clients)
        require(not engine.clients, "client connections", engine.clients)
        require(len(engine.pool) == 0, "instance connections", len(engine.pool))
        require(len(self.sweeper) == 0, "deadlines", len(self.sweeper))
        for state in engine.balancer.states.values():
            require(not state.idle, "idle connections", state.idle)
            require(state.in_flight == 0, "in flight at instance", state.in_flight)
