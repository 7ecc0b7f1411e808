"""Tests of kept connections: requests, reuse, ends."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface.verify import verifyObject

from tests.clients.connecting import OK, ConnectionsTestCase, Server
from twisted_router.clients.connections import IDLE_S, MAX_IDLE
from twisted_router.clients.transport import Transport


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

    def test_if_nothing_had_come_the_idle_ones_end_too(self) -> None:
        """A packet filter that has forgotten one may have forgotten all."""
        idle, asking = self.ask(), self.ask()
        self.endpoint.servers[0].says(OK)
        self.successResultOf(idle)
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        self.assertTrue(self.endpoint.servers[0].disconnecting)

    def test_if_something_had_come_they_are_kept(self) -> None:
        idle, asking = self.ask(), self.ask()
        self.endpoint.servers[0].says(OK)
        self.successResultOf(idle)
        self.endpoint.servers[1].says(OK[:20])
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        self.assertFalse(self.endpoint.servers[0].disconnecting)

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
