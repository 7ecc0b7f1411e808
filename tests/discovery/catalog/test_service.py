"""Listening, limits and stopping, on a reactor in memory."""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_router.discovery.catalog.kv import VALUE_LIMIT_BYTES
from twisted_router.discovery.catalog.service import CatalogService

WATCH = b"GET /v1/catalog/services?index=1&wait=1m HTTP/1.1\r\nHost: localhost\r\n\r\n"


class _TakenReactor(MemoryReactorClock):
    """All its ports are taken."""

    def listenTCP(self, port: int, *args: Any, **options: Any) -> Any:
        raise CannotListenError("127.0.0.1", port, OSError("Address already in use"))


class CatalogServiceTests(SynchronousTestCase):
    """CatalogService."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.service = CatalogService(self.reactor)
        self.service.startService()

    def factory(self) -> Any:
        """What makes the protocols of connections."""
        return self.reactor.tcpServers[0][1]

    def connect(self) -> tuple[Any, StringTransport]:
        """A client's connection; what the catalog writes is in the transport."""
        protocol = self.factory().buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        return protocol, transport

    def test_it_is_a_service(self) -> None:
        self.assertTrue(verifyObject(IService, self.service))

    def test_it_listens_on_loopback_where_consul_would(self) -> None:
        ((port, _, _, interface),) = self.reactor.tcpServers
        self.assertEqual((8500, "127.0.0.1"), (port, interface))

    def test_the_node_has_the_address_it_listens_on(self) -> None:
        for host, expected in (
            ("127.0.0.1", "127.0.0.1"),
            ("10.0.0.5", "10.0.0.5"),
            ("0.0.0.0", "127.0.0.1"),
            ("::", "127.0.0.1"),
        ):
            service = CatalogService(self.reactor, host=host, node="here")
            self.assertEqual(
                ("here", expected),
                (service.store.node.name, service.store.node.address),
            )

    def test_a_taken_port_fails_the_start(self) -> None:
        parent = MultiService()
        CatalogService(_TakenReactor(), port=8500).setServiceParent(parent)
        self.assertRaises(CannotListenError, parent.startService)

    def test_it_answers(self) -> None:
        protocol, transport = self.connect()
        protocol.dataReceived(
            b"GET /v1/catalog/services HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        self.assertIn(b"HTTP/1.1 200 OK\r\n", transport.value())
        self.assertTrue(transport.value().endswith(b"\r\n\r\n{}"), transport.value())

    def test_of_a_long_body_no_more_is_kept_than_shows_its_length(self) -> None:
        protocol, transport = self.connect()
        length = 100 * VALUE_LIMIT_BYTES
        protocol.dataReceived(
            b"PUT /v1/agent/service/register HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: %d\r\n\r\n" % length
        )
        for _ in range(99):
            protocol.dataReceived(b"x" * VALUE_LIMIT_BYTES)
        (request,) = protocol.wrappedProtocol._channel.requests
        self.assertEqual(VALUE_LIMIT_BYTES + 1, request.content.tell())
        self.assertEqual(b"", transport.value())
        protocol.dataReceived(b"x" * VALUE_LIMIT_BYTES)
        self.assertIn(b"HTTP/1.1 413 ", transport.value())

    def test_of_a_long_body_in_chunks_no_more_is_kept_either(self) -> None:
        protocol, transport = self.connect()
        protocol.dataReceived(
            b"PUT /v1/agent/service/register HTTP/1.1\r\nHost: localhost\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(100):
            protocol.dataReceived(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        (request,) = protocol.wrappedProtocol._channel.requests
        self.assertEqual(VALUE_LIMIT_BYTES + 1, request.content.tell())
        protocol.dataReceived(b"0\r\n\r\n")
        self.assertIn(b"HTTP/1.1 413 ", transport.value())

    def test_a_client_that_hangs_up_waits_no_more(self) -> None:
        protocol, _ = self.connect()
        protocol.dataReceived(WATCH)
        self.assertEqual(1, len(self.service.store.watchers))
        protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(0, len(self.service.store.watchers))

    def test_connections_are_limited(self) -> None:
        for _ in range(512):
            self.connect()
        self.assertIsNone(self.factory().buildProtocol(None))

    def test_stopping_answers_who_waits_hangs_up_and_leaves_nothing(self) -> None:
        protocol, transport = self.connect()
        protocol.dataReceived(WATCH)
        _, idle = self.connect()
        stopped = self.service.stopService()
        self.assertTrue(transport.value().endswith(b"\r\n\r\n{}"), transport.value())
        self.assertEqual([True, True], [transport.disconnecting, idle.disconnecting])
        self.assertNoResult(stopped)
        for one in list(self.factory().protocols):
            one.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(stopped)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_a_client_that_takes_no_answer_is_cut_off(self) -> None:
        protocol, transport = self.connect()
        stopped = self.service.stopService()
        self.reactor.advance(0.9)
        self.assertFalse(transport.disconnected)
        self.reactor.advance(0.2)
        self.assertTrue(transport.disconnected)
        protocol.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(stopped)

    def test_stopping_without_clients_is_done_at_once(self) -> None:
        self.successResultOf(self.service.stopService())

    def test_stopping_what_never_started_is_done_at_once(self) -> None:
        self.successResultOf(CatalogService(self.reactor).stopService())
