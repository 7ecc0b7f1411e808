"""Tests of twisted_router.status.service."""

from base64 import b64encode
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError, ConnectionLost
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.schema import Secret, StatusConfig
from twisted_router.model import Instance, Route, Target
from twisted_router.status.service import StatusService

from .support import FakeSource, facts, table_of

CONFIG = StatusConfig(port=8082)
LOST = Failure(ConnectionLost())
CLIENT = IPv4Address("TCP", "192.0.2.7", 51000)


class _Transport(StringTransport):
    """A connection that can be cut off, as a real one."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()


class _TakenReactor(MemoryReactorClock):
    """Every port is taken."""

    def listenTCP(
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        raise CannotListenError(interface, port, OSError(98, "Address already in use"))


class StatusServiceTests(SynchronousTestCase):
    """The site as its clients and the rest of the process see it."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()

    def started(self, config: StatusConfig = CONFIG, **more: Any) -> StatusService:
        """A running service, stopped after the test."""
        service = StatusService(self.reactor, config, facts(FakeSource(), **more))
        service.privilegedStartService()
        service.startService()
        self.addCleanup(lambda: service.stopService() if service.running else None)
        return service

    def connect(self) -> tuple[Any, _Transport]:
        """A client's connection: its protocol on our side, and what it gets."""
        protocol: Any = self.reactor.tcpServers[-1][1].buildProtocol(CLIENT)
        transport = _Transport(peerAddress=CLIENT)
        protocol.makeConnection(transport)
        return protocol, transport

    def ask(self, request: bytes) -> bytes:
        """What comes back for a request."""
        protocol, transport = self.connect()
        protocol.dataReceived(request)
        self.reactor.pump([0] * 5)
        answer: bytes = transport.value()
        return answer

    def get(self, path: bytes, *fields: bytes) -> bytes:
        """The answer to a GET."""
        return self.ask(
            b"\r\n".join((b"GET " + path + b" HTTP/1.1", b"Host: r", *fields, b"", b""))
        )

    def test_it_listens_where_the_configuration_says(self) -> None:
        service = self.started(StatusConfig(port=9000, host="127.0.0.7"))
        port, _, _, interface = self.reactor.tcpServers[0]
        self.assertEqual((9000, "127.0.0.7"), (port, interface))
        self.assertEqual(9000, service.port)

    def test_it_listens_once_and_before_privileges_are_given_up(self) -> None:
        service = StatusService(self.reactor, StatusConfig(), facts())
        service.privilegedStartService()
        self.assertEqual(1, len(self.reactor.tcpServers))
        service.startService()
        self.addCleanup(service.stopService)
        self.assertEqual(1, len(self.reactor.tcpServers))

    def test_where_it_listens_is_logged(self) -> None:
        with capturedLogs() as events:
            self.started(StatusConfig(port=9000, host="::1"))
        self.assertIn("[::1]:9000", [event.get("address") for event in events])

    def test_a_taken_port_stops_the_start_and_is_named(self) -> None:
        service = StatusService(_TakenReactor(), StatusConfig(port=8082), facts())
        error = self.assertRaises(CannotListenError, service.privilegedStartService)
        self.assertIn("127.0.0.1:8082", str(error))
        self.assertEqual(0, service.port)

    def test_every_page_is_there(self) -> None:
        self.started()
        pages = (
            b"/health", b"/healthz", b"/is-process-alive-do-not-use-for-loadbalancing",
            b"/routes", b"/routes?all", b"/routes?quarantine", b"/varz",
        )  # fmt: skip
        self.assertEqual(
            dict.fromkeys(pages, b"HTTP/1.1 200 OK"),
            {path: self.get(path).partition(b"\r\n")[0] for path in pages},
        )

    def test_anything_else_is_not(self) -> None:
        self.started()
        for path in (b"/", b"/varz/", b"/health/x", b"/favicon.ico", b"/%2e%2e/varz"):
            self.assertTrue(self.get(path).startswith(b"HTTP/1.1 404 "), path)

    def test_only_figures_and_routes_ask_for_the_password(self) -> None:
        self.started(StatusConfig(port=8082, user="admin", pass_=Secret("secret")))
        statuses = {
            path: int(self.get(path).split()[1])
            for path in (b"/health", b"/healthz", b"/routes", b"/varz", b"/nowhere")
        }
        self.assertEqual(
            {b"/health": 200, b"/healthz": 200, b"/routes": 401, b"/varz": 401,
             b"/nowhere": 404},
            statuses,
        )  # fmt: skip
        token = b64encode(b"admin:secret")
        for path in (b"/routes", b"/varz"):
            answer = self.get(path, b"Authorization: Basic " + token)
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "))

    def test_the_password_is_on_no_page_and_in_no_log(self) -> None:
        config = StatusConfig(port=8082, user="admin", pass_=Secret("hunter2"))
        with capturedLogs() as events:
            self.started(config)
            answers = b"".join(
                self.get(path, b"Authorization: Basic " + b64encode(b"admin:hunter2"))
                for path in (b"/varz", b"/routes?all", b"/health", b"/nowhere")
            )
        self.assertNotIn(b"hunter2", answers)
        self.assertNotIn("hunter2", repr(events))

    def test_no_answer_tells_the_software(self) -> None:
        self.started()
        for request in (
            b"GET /health HTTP/1.1\r\nHost: r\r\n\r\n",
            b"GET /nowhere HTTP/1.1\r\nHost: r\r\n\r\n",
            b"OPTIONS * HTTP/1.1\r\nHost: r\r\n\r\n",
            b"BREW /health HTTP/1.1\r\nHost: r\r\n\r\n",
        ):
            answer = self.ask(request)
            self.assertTrue(answer.startswith(b"HTTP/1.1 "), answer)
            self.assertNotIn(b"twistedweb", answer.lower())

    def test_visitors_do_not_fill_the_log(self) -> None:
        self.started()
        factory = self.reactor.tcpServers[0][1]
        with capturedLogs() as events:
            factory.doStart()
            self.get(b"/health")
            self.get(b"/nowhere")
            factory.doStop()
        self.assertEqual([], events)

    def test_a_body_is_not_kept(self) -> None:
        self.started()
        protocol, transport = self.connect()
        protocol.dataReceived(
            b"POST /health HTTP/1.1\r\nHost: r\r\nContent-Length: 10000000\r\n\r\n"
        )
        request = protocol.wrappedProtocol._channel.requests[0]
        for _ in range(100):
            protocol.dataReceived(b"x" * 99_999)
        self.assertEqual(b"", request.content.getvalue())
        protocol.dataReceived(b"x" * 100)
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 405 "))

    def test_a_silent_client_is_cut_off(self) -> None:
        self.started()
        protocol, transport = self.connect()
        protocol.dataReceived(b"GET /hea")
        self.reactor.advance(9.9)
        self.assertFalse(transport.disconnecting)
        self.reactor.advance(0.2)
        self.assertTrue(transport.disconnecting)

    def test_a_client_that_does_not_read_is_cut_off(self) -> None:
        self.started()
        protocol, transport = self.connect()
        protocol.dataReceived(b"GET /varz HTTP/1.1\r\nHost: r\r\n\r\n")
        self.reactor.advance(29)
        self.assertFalse(transport.aborted)
        self.reactor.advance(1)
        self.assertTrue(transport.aborted)

    def test_a_client_that_sends_its_head_byte_by_byte_is_cut_off(self) -> None:
        self.started()
        protocol, transport = self.connect()
        for byte in b"GET /a":
            protocol.dataReceived(bytes([byte]))
            self.reactor.advance(5)
        self.assertTrue(transport.aborted)

    def test_one_request_is_answered_on_each_connection(self) -> None:
        self.started()
        answers = self.ask(b"GET /health HTTP/1.1\r\nHost: r\r\n\r\n" * 3)
        self.assertEqual(1, answers.count(b"HTTP/1.1 200 OK"))
        self.assertIn(b"\r\nConnection: close\r\n", answers)

    def test_connections_are_bounded(self) -> None:
        self.started()
        factory = self.reactor.tcpServers[0][1]
        for _ in range(128):
            protocol, _ = self.connect()
        self.assertIdentical(None, factory.buildProtocol(CLIENT))
        protocol.connectionLost(LOST)
        self.connect()

    def test_a_client_that_leaves_stops_the_writing_of_routes(self) -> None:
        self.started(table=self.table())
        protocol, _ = self.connect()
        protocol.dataReceived(b"GET /routes HTTP/1.1\r\nHost: r\r\n\r\n")
        protocol.connectionLost(LOST)
        self.reactor.pump([0] * 5)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_stopping_leaves_nothing_behind(self) -> None:
        service = self.started(table=self.table())
        protocol, transport = self.connect()
        protocol.dataReceived(b"GET /routes HTTP/1.1\r\nHost: r\r\n\r\n")
        stopped = service.stopService()
        self.assertTrue(transport.aborted)
        protocol.connectionLost(LOST)
        self.successResultOf(stopped)
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.assertEqual(0, service.port)

    def test_stopping_what_never_listened_is_no_error(self) -> None:
        service = StatusService(self.reactor, StatusConfig(), facts())
        self.successResultOf(service.stopService())

    def table(self) -> Any:
        """A table that is written over several turns."""
        target = Target(Instance("web", "web-1", "10.0.0.1", 80))
        return table_of(*(Route(f"h{n}", "/", (target,)) for n in range(100)))
