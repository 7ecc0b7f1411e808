"""The whole engine in memory: clients and instances are lists of bytes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, ClassVar

from twisted.internet.address import IPv4Address
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.protocol import ClientFactory
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.schema import Config
from twisted_router.model import Instance, Status
from twisted_router.net.deadlines import Sweeper
from twisted_router.net.tls import ClientTls
from twisted_router.proxy.counters import Counters
from twisted_router.proxy.downstream import ClientConnection
from twisted_router.proxy.engine import Engine
from twisted_router.proxy.upstream import InstanceConnection
from twisted_router.routing.balance import Balancer
from twisted_router.routing.claims import RoutingRules
from twisted_router.routing.tables import RouteTables

from ..fakes.authenticator import FakeAuthenticator


class MemoryTransport:
    """A transport that keeps what is written, and behaves as the direct ones do.

    :ivar full: set it to let the kernel take no more.
    :ivar reading: whether the protocol wants to read.
    :ivar finished: whether the peer has closed its half.
    :ivar closed: ``""``, ``"half"``, ``"whole"`` or ``"aborted"``.
    """

    def __init__(self, clock: Clock, protocol: Any) -> None:
        self._clock = clock
        self.protocol = protocol
        self._written = bytearray()
        self.producer: Any = None
        self.reading = True
        self.closed = ""
        self.full = False
        self.finished = False
        self.lost = False
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        if type(data) is not bytes:
            raise TypeError(data)
        if self.closed in ("", "half"):
            if self.closed == "half":
                raise AssertionError("written after half-close")
            self._written += data
            if self.full and self.producer is not None:
                self.producer.pauseProducing()

    def take(self) -> bytes:
        """What was written since the last call."""
        data = bytes(self._written)
        self._written.clear()
        return data

    def drain(self) -> bytes:
        """Let the kernel take everything, and more from now on."""
        self.full = False
        data = self.take()
        if self.producer is not None:
            self.producer.resumeProducing()
        return data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming and self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def loseWriteConnection(self) -> None:
        self.closed = self.closed or "half"

    def loseConnection(self) -> None:
        if self.closed in ("", "half"):
            self.closed = "whole"
            self._clock.callLater(0, self.lose, ConnectionDone())

    def abortConnection(self) -> None:
        if self.closed != "aborted":
            self.closed = "aborted"
            self._clock.callLater(0, self.lose, ConnectionAborted())

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "203.0.113.9", 40000)

    # What the other end does.

    def deliver(self, data: bytes) -> None:
        """The peer sends ``data``; it must be allowed to."""
        if not self.reading:
            raise AssertionError("delivered while reading is paused")
        if self.finished:
            raise AssertionError("delivered after its end")
        self.protocol.dataReceived(data)

    def finish(self) -> None:
        """The peer closes its half."""
        self.finished = True
        self.protocol.readConnectionLost()

    def lose(self, reason: Exception | None = None) -> None:
        """The connection is gone."""
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(reason or ConnectionLost()))


class Dial:
    """One connection that the engine wants."""

    def __init__(self, clock: Clock, host: str, port: int, factory: Any) -> None:
        self._clock = clock
        self.host = host
        self.port = port
        self.factory = factory
        self.cancelled = False

    def disconnect(self) -> None:
        self.cancelled = True

    def succeed(self) -> MemoryTransport:
        """The instance accepts."""
        protocol: InstanceConnection = self.factory.buildProtocol(None)
        return MemoryTransport(self._clock, protocol)

    def fail(self, reason: Exception | None = None) -> None:
        """It does not."""
        self.factory.clientConnectionFailed(
            self, Failure(reason or ConnectionRefusedError())
        )


class MemoryEngine:
    """An engine with a route ``app.example.com``, and what is added to it."""

    def assemble(self, **changes: Any) -> None:
        """Make the engine, with changes to the default configuration."""
        self.clock = Clock()
        self.clock.advance(1000)
        self.counters = Counters()
        self.dials: list[Dial] = []
        self.log: list[tuple[Any, ...]] = []
        self.authenticator = FakeAuthenticator()
        rules = RoutingRules(auth_schemes=frozenset({"staff", "admin"}))
        self.tables = RouteTables(rules, self.clock.seconds)
        self.configure(**changes)
        self.serve("app", "urlprefix-app.example.com/")

    def configure(self, **changes: Any) -> None:
        """Make the engine anew with another configuration."""
        rng = random.Random(1)
        config = replace(Config(), **changes)
        balancer = Balancer(self.clock.seconds, rng, config.backends.max_conns)
        self.tables.subscribe(balancer.table_changed)
        self.sweeper = Sweeper(self.clock, 1.0)
        self.engine = Engine(
            config,
            self.tables,
            balancer,
            self.sweeper,
            self._connect,
            ClientTls(self.clock, config.backends.ca_cert),
            self.counters,
            self,  # type: ignore[arg-type]  # stands in for the access log
            self.authenticator,
            self.clock.seconds,
            lambda: 1_700_000_000.0,
            rng,
        )
        self.sweeper.start()

    def record(self, *fields: Any) -> None:
        """Stand in for the access log."""
        self.log.append(fields)

    def _connect(
        self, host: str, port: int, factory: ClientFactory, timeout_s: float
    ) -> Dial:
        dial = Dial(self.clock, host, port, factory)
        self.dials.append(dial)
        return dial

    def serve(self, service: str, *tags: str, count: int = 1, first: int = 1) -> None:
        """Let ``count`` instances of a service claim ``tags``."""
        self.tables.apply(
            "test",
            {
                service: [
                    Instance(service, f"{service}-{n}", f"10.0.0.{n}", 8080, tags=tags)
                    for n in range(first, first + count)
                ]
            },
        )

    def serve_unusable(self, service: str, *tags: str) -> None:
        """Let a critical instance claim ``tags``."""
        instance = Instance(
            service, service, "10.0.9.9", 80, status=Status.CRITICAL, tags=tags
        )
        self.tables.apply("test", {service: [instance]})

    def client(self) -> MemoryTransport:
        """A client connects."""
        connection = ClientConnection(
            self.engine, (b"203.0.113.9", b"203.0.113.9:40000")
        )
        return MemoryTransport(self.clock, connection)


class EngineTestCase(MemoryEngine, SynchronousTestCase):
    """An engine for each test.

    :cvar config: changes to the default configuration.
    """

    config: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        self.assemble(**self.config)

    def exchange(
        self,
        request: bytes = b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n",
        response: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ) -> tuple[MemoryTransport, MemoryTransport]:
        """Serve one whole request: (client, instance), nothing left to take."""
        client = self.client()
        client.deliver(request)
        instance = self.dials[-1].succeed()
        instance.deliver(response)
        client.take(), instance.take()
        return client, instance

    def begun(
        self, request: bytes = b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
    ) -> tuple[MemoryTransport, MemoryTransport]:
        """Send one request over a new connection: (client, instance)."""
        self.engine.pool.close_idle()
        self.clock.advance(0)
        client = self.client()
        client.deliver(request)
        instance = self.dials[-1].succeed()
        return client, instance

    def assert_idle(self) -> None:
        """Nothing is under way, and no count says otherwise."""
        self.assertEqual(0, self.counters.in_flight)
        self.assertEqual(0, self.counters.tunnels)
        states = self.engine.balancer.states.values()
        self.assertEqual({0}, {state.in_flight for state in states} or {0})


def head_of(message: bytes) -> bytes:
    """A message's head, with its empty line."""
    return message[: message.index(b"\r\n\r\n") + 4]


def field(message: bytes, name: bytes) -> bytes | None:
    """The value of a message's field, ``None`` if it has none."""
    for line in head_of(message).split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name.lower():
            return value.strip()
    return None


def status_of(message: bytes) -> int:
    """The status of a response."""
    return int(message.split(b" ", 2)[1])
