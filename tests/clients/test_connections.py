"""Tests of kept connections: requests, framing of answers, reuse, ends."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface.verify import verifyObject

from twisted_router.clients.connections import (
    IDLE_S,
    MAX_IDLE,
    ConnectionsError,
    KeptConnections,
)
from twisted_router.clients.transport import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Server(StringTransport):
    """The server's side of one connection.

    :ivar client: the protocol on the other side.
    """

    client: IProtocol

    def asked(self) -> bytes:
        """What came since the last call."""
        data = self.value()
        self.clear()
        return bytes(data)

    def says(self, data: bytes) -> None:
        self.client.dataReceived(data)

    def leave(self, reason: Exception | None = None) -> None:
        self.client.connectionLost(Failure(reason or ConnectionDone()))


class Endpoint:
    """Connects at once.

    :ivar servers: of the connections so far.
    """

    def __init__(self) -> None:
        self.servers: list[Server] = []

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        server = Server()
        client: Any = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 8500))
        server.client = client
        self.servers.append(server)
        client.makeConnection(server)
        return succeed(client)


class ConnectionsTestCase(SynchronousTestCase):
    """Connections to a server that the test plays."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint()
        self.connections = self.made()

    def made(self, **more: Any) -> KeptConnections:
        endpoint: Any = self.endpoint
        return KeptConnections(endpoint, self.clock, **more)

    def ask(self, uri: bytes = b"http://consul:8500/v1/x?y=1") -> Deferred[IResponse]:
        return self.connections.request(b"GET", uri)

    def body_of(self, asking: Deferred[IResponse]) -> bytes:
        """The body of an answer that is there."""
        agent: Any = type("Answered", (), {"request": lambda *_: asking})()
        transport = Transport(agent, self.clock, "consul")
        return self.successResultOf(
            transport.request("GET", "http://consul/", None, None, 10)
        ).body


class RequestTests(ConnectionsTestCase):
    """What is sent."""

    def test_it_provides_its_interface(self) -> None:
        verifyObject(IAgent, self.connections)

    def test_a_request_names_its_target_and_its_host(self) -> None:
        self.ask()
        self.assertEqual(
            b"GET /v1/x?y=1 HTTP/1.1\r\nHost: consul:8500\r\n\r\n",
            self.endpoint.servers[0].asked(),
        )

    def test_it_has_the_given_fields(self) -> None:
        headers = Headers({"X-Consul-Token": ["abc"]})
        self.connections.request(b"GET", b"http://c/", headers)
        self.assertIn(b"\r\nX-Consul-Token: abc\r\n", self.endpoint.servers[0].asked())

    def test_a_body_goes_with_its_length(self) -> None:
        transport = Transport(self.connections, self.clock, "consul")
        transport.request("PUT", "http://c/", None, b"data", 10)
        self.assertEqual(
            b"PUT / HTTP/1.1\r\nHost: c\r\nContent-Length: 4\r\n\r\ndata",
            self.endpoint.servers[0].asked(),
        )


class AnswerTests(ConnectionsTestCase):
    """How answers are delimited."""

    def says(self, *pieces: bytes) -> Deferred[IResponse]:
        asking = self.ask()
        for piece in pieces:
            self.endpoint.servers[-1].says(piece)
        return asking

    def test_an_answer_has_status_phrase_and_fields(self) -> None:
        response = self.successResultOf(
            self.says(b"HTTP/1.1 403 Not You\r\nX-A: 1\r\nX-A: 2\r\n", OK[17:])
        )
        self.assertEqual((403, b"Not You"), (response.code, response.phrase))
        self.assertEqual(["1", "2"], response.headers.getRawHeaders("x-a"))

    def test_a_length_delimits_a_body(self) -> None:
        self.assertEqual(b"hi", self.body_of(self.says(OK)))

    def test_the_pieces_in_which_it_comes_do_not_matter(self) -> None:
        asking = self.says(*(bytes([byte]) for byte in OK[:-1]))
        self.assertNoResult(asking)
        self.endpoint.servers[0].says(OK[-1:])
        self.assertEqual(b"hi", self.body_of(asking))

    def test_chunks_are_joined_and_trailers_left_out(self) -> None:
        asking = self.says(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1\r\nh\r\n1\r\ni\r\n0\r\nX-Late: 1\r\n\r\n"
        )
        response = self.successResultOf(asking)
        self.assertIsNone(response.headers.getRawHeaders("x-late"))
        self.assertEqual(b"hi", self.body_of(succeed(response)))

    def test_the_end_of_the_connection_delimits_what_nothing_else_does(self) -> None:
        asking = self.says(b"HTTP/1.0 200 OK\r\n\r\nhi")
        self.assertNoResult(asking)
        self.endpoint.servers[0].leave()
        self.assertEqual(b"hi", self.body_of(asking))

    def test_a_body_that_breaks_off_is_an_error(self) -> None:
        for framing in (b"Content-Length: 9", b"Transfer-Encoding: chunked"):
            asking = self.says(b"HTTP/1.1 200 OK\r\n", framing, b"\r\n\r\n2\r\nhi")
            self.endpoint.servers[-1].leave(ConnectionLost())
            self.failureResultOf(asking, ConnectionLost)

    def test_an_interim_answer_is_none(self) -> None:
        interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        response = self.successResultOf(self.says(interim, OK))
        self.assertEqual((200, b"OK"), (response.code, response.phrase))
        self.assertIsNone(response.headers.getRawHeaders("link"))

    def test_what_is_no_http_is_an_error_and_ends_the_connection(self) -> None:
        asking = self.says(b"SSH-2.0-OpenSSH\r\n")
        error = self.failureResultOf(asking, ConnectionsError).value
        self.assertIn("no HTTP", str(error))
        self.assertTrue(self.endpoint.servers[0].disconnecting)

    def test_an_answer_over_the_limit_is_an_error_and_ends_the_connection(self) -> None:
        self.connections = self.made(max_answer_bytes=100)
        asking = self.says(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100)
        error = self.failureResultOf(asking, ConnectionsError).value
        self.assertIn("over 100 bytes", str(error))
        self.assertTrue(self.endpoint.servers[0].disconnecting)

    def test_so_is_a_head_without_end(self) -> None:
        self.connections = self.made(max_answer_bytes=100)
        asking = self.says(b"HTTP/1.1 200 OK\r\nX-A: ", b"x" * 100)
        self.failureResultOf(asking, ConnectionsError)


class ReuseTests(ConnectionsTestCase):
    """Which connection carries a request."""

    def answered(self, answer: bytes = OK) -> None:
        asking = self.ask()
        self.endpoint.servers[-1].says(answer)
        self.successResultOf(asking)

    def busy(self, count: int) -> list[Server]:
        """Ask so often at once; the servers that were asked."""
        before = len(self.endpoint.servers)
        for _ in range(count):
            self.ask().addErrback(lambda _: None)
        return self.endpoint.servers[before:]

    def test_a_connection_is_used_again(self) -> None:
        self.answered()
        self.answered()
        self.assertEqual(1, len(self.endpoint.servers))

    def test_so_it_is_by_whoever_takes_the_answer(self) -> None:
        asking = self.ask().addCallback(lambda _: self.ask())
        self.endpoint.servers[0].says(OK)
        self.endpoint.servers[0].says(OK)
        self.successResultOf(asking)
        self.assertEqual(1, len(self.endpoint.servers))

    def test_requests_at_the_same_time_have_one_each(self) -> None:
        self.assertEqual(2, len(self.busy(2)))

    def test_not_after_a_farewell(self) -> None:
        for head in (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n",
            b"HTTP/1.0 200 OK\r\n",
        ):
            self.answered(head + OK[17:])
            self.assertTrue(self.endpoint.servers[-1].disconnecting)
        self.answered()
        self.assertEqual(3, len(self.endpoint.servers))

    def test_not_after_more_than_was_asked_for(self) -> None:
        self.answered(OK + b"HTTP/1.1 200 OK\r\n")
        self.assertTrue(self.endpoint.servers[0].disconnecting)

    def test_not_after_a_word_that_nobody_asked_for(self) -> None:
        self.answered()
        self.endpoint.servers[0].says(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        self.assertTrue(self.endpoint.servers[0].disconnecting)

    def test_one_that_the_server_closed_meanwhile_is_forgotten(self) -> None:
        self.answered()
        self.endpoint.servers[0].leave()
        self.answered()
        self.assertEqual(2, len(self.endpoint.servers))

    def test_one_that_it_closes_just_now_is_replaced(self) -> None:
        self.answered()
        asking = self.ask()
        self.endpoint.servers[0].leave()
        self.endpoint.servers[1].says(OK)
        self.assertEqual(b"hi", self.body_of(asking))

    def test_a_request_that_got_half_an_answer_is_not_made_again(self) -> None:
        self.answered()
        asking = self.ask()
        self.endpoint.servers[0].says(OK[:10])
        self.endpoint.servers[0].leave()
        self.failureResultOf(asking, ConnectionDone)

    def test_a_new_connection_that_ends_is_an_error(self) -> None:
        asking = self.ask()
        self.endpoint.servers[0].leave()
        self.failureResultOf(asking, ConnectionDone)
        self.assertEqual(1, len(self.endpoint.servers))

    def test_no_more_are_kept_than_the_limit(self) -> None:
        servers = self.busy(MAX_IDLE + 1)
        for server in servers:
            server.says(OK)
        closed = [server for server in servers if server.disconnecting]
        self.assertEqual([servers[-1]], closed)

    def test_idle_ones_are_closed_in_time_and_those_in_use_are_not(self) -> None:
        first, second = self.busy(2)
        first.says(OK)
        self.clock.advance(IDLE_S - 1)
        second.says(OK)
        self.clock.advance(1)
        self.assertEqual((True, False), (first.disconnecting, second.disconnecting))
        first.leave()
        self.busy(1)
        self.clock.advance(IDLE_S)
        self.assertFalse(second.disconnecting)
        self.assertEqual([], self.clock.getDelayedCalls())


class EndTests(ConnectionsTestCase):
    """How requests and connections are given up."""

    def test_a_cancelled_request_ends_its_connection(self) -> None:
        asking = self.ask()
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        self.assertTrue(self.endpoint.servers[0].disconnecting)
        self.endpoint.servers[0].leave()

    def test_closing_ends_idle_connections_and_waits_for_them(self) -> None:
        asking = self.ask()
        self.endpoint.servers[0].says(OK)
        self.successResultOf(asking)
        closing = self.connections.close()
        self.assertNoResult(closing)
        self.endpoint.servers[0].leave()
        self.successResultOf(closing)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_aborting_fails_what_is_under_way(self) -> None:
        """Also on a connection that was used before, where it is not made again."""
        self.ask()
        self.endpoint.servers[0].says(OK)
        asking = self.ask()
        self.connections.abort()
        self.assertTrue(self.endpoint.servers[0].disconnecting)
        self.endpoint.servers[0].leave()
        self.failureResultOf(asking, ConnectionDone)
        self.assertEqual(1, len(self.endpoint.servers))
