"""Tests of twisted_router.proxy.service."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.python.failure import Failure

from twisted_router.config.schema import Seconds
from twisted_router.net.reactor import LeanEPollReactor
from twisted_router.proxy.downstream import ClientConnection
from twisted_router.proxy.service import ClientFactory, ProxyService

from .harness import EngineTestCase, MemoryTransport, field, status_of

GET = b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class ClientFactoryTests(EngineTestCase):
    """Each client gets a connection; too many get 503."""

    def accepted(self, address: Any) -> Any:
        return ClientFactory(self.engine).buildProtocol(address)

    def test_the_peer_is_known_as_bytes(self) -> None:
        connection = self.accepted(IPv4Address("TCP", "192.0.2.1", 1234))
        self.assertIsInstance(connection, ClientConnection)
        self.assertEqual((b"192.0.2.1", b"192.0.2.1:1234"), connection.peer)

    def test_an_ipv4_client_of_a_dual_listener_is_known_by_its_ipv4_address(
        self,
    ) -> None:
        connection = self.accepted(IPv6Address("TCP", "::ffff:192.0.2.1", 1234))
        self.assertEqual(b"192.0.2.1", connection.peer[0])

    def test_an_ipv6_client_is_bracketed_in_the_log(self) -> None:
        connection = self.accepted(IPv6Address("TCP", "2001:db8::1", 1234))
        self.assertEqual((b"2001:db8::1", b"[2001:db8::1]:1234"), connection.peer)

    def test_clients_over_the_limit_are_told_so(self) -> None:
        self.configure(max_connections=1)
        self.client()
        protocol = self.accepted(IPv4Address("TCP", "192.0.2.1", 1))
        transport = MemoryTransport(self.clock, protocol)
        data = transport.take()
        self.assertEqual(503, status_of(data))
        self.assertEqual(b"close", field(data, b"Connection"))
        self.assertEqual("whole", transport.closed)
        self.assertEqual(1, self.counters.clients)


class ProxyServiceTests(EngineTestCase):
    """Start listens or fails loudly; stop lets requests finish."""

    def setUp(self) -> None:
        super().setUp()
        self.reactor = LeanEPollReactor()
        self.addCleanup(self.close_reactor)

    def close_reactor(self) -> None:
        for selectable in self.reactor.removeAll():
            selectable.connectionLost(Failure(ConnectionDone()))

    def start(self, **config: Any) -> ProxyService:
        self.sweeper.stop()
        self.configure(port=0, host="127.0.0.1", **config)
        self.sweeper.stop()
        self.serve("app", "urlprefix-app.example.com/", first=7)
        service = ProxyService(self.engine, self.reactor, self.clock)
        service.startService()
        return service

    def assert_stopped(self, done: Deferred[None]) -> None:
        self.clock.advance(0)
        self.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_any_free_port_is_a_real_one(self) -> None:
        service = self.start()
        self.assertGreater(service.port, 0)
        self.assert_stopped(service.stopService())
        self.assertEqual(0, service.port)

    def test_a_taken_port_stops_the_start(self) -> None:
        taken = self.start().port
        self.configure(port=taken, host="127.0.0.1")
        self.sweeper.stop()
        other = ProxyService(self.engine, self.reactor, self.clock)
        self.assertRaises(CannotListenError, other.startService)

    def test_stop_closes_idle_connections_at_once(self) -> None:
        service = self.start()
        client, instance = self.exchange()
        done = service.stopService()
        self.assertEqual("whole", client.closed)
        self.assert_stopped(done)
        self.assertEqual("whole", instance.closed)

    def test_stop_waits_for_requests_and_then_closes_their_connections(self) -> None:
        service = self.start()
        client, instance = self.begun()
        done = service.stopService()
        self.clock.pump([0.1] * 20)
        self.assertNoResult(done)
        instance.deliver(OK)
        self.assertEqual(b"close", field(client.take(), b"Connection"))
        self.assertEqual("whole", client.closed)
        self.assert_stopped(done)

    def test_stop_waits_no_longer_than_it_may(self) -> None:
        service = self.start(drain_timeout=Seconds(2))
        client, _ = self.begun()
        done = service.stopService()
        self.clock.pump([0.1] * 22)
        self.assertEqual("aborted", client.closed)
        self.assert_stopped(done)
        self.assert_idle()

    def test_it_may_serve_on_for_a_while_first(self) -> None:
        service = self.start(drain_wait=Seconds(3))
        client, instance = self.exchange()
        done = service.stopService()
        self.assertTrue(self.engine.draining)
        self.clock.advance(2.9)
        client.deliver(GET)
        instance.deliver(OK)
        self.assertEqual(b"close", field(client.take(), b"Connection"))
        self.clock.advance(0.2)
        self.assert_stopped(done)

    def test_clients_that_come_meanwhile_are_served_too(self) -> None:
        service = self.start(drain_wait=Seconds(3))
        done = service.stopService()
        self.clock.advance(2.9)
        self.assertGreater(service.port, 0)
        client, _ = self.exchange()
        self.assertEqual("whole", client.closed)
        self.clock.advance(0.2)
        self.assertEqual(0, service.port)
        self.assert_stopped(done)

    def test_rates_move_with_the_clock(self) -> None:
        service = self.start()
        self.counters.requests = 600
        self.clock.advance(1)
        self.assertGreater(self.counters.rates[0], 1.0)
        self.assert_stopped(service.stopService())
