"""What a run asks and what it finds, on a reactor in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.discovery.catalog.model import (
    CheckStatus,
    HttpTarget,
    Probe,
    TcpTarget,
)
from twisted_router.discovery.catalog.probing import Prober
from twisted_router.discovery.catalog.rounds import Outcome

PASSING, WARNING, CRITICAL = CheckStatus


class ProberTestCase(SynchronousTestCase):
    """Has a prober, and plays the server."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.prober = Prober(self.reactor)

    def run_probe(
        self, target: HttpTarget | TcpTarget, limit_bytes: int = 4096
    ) -> Deferred[Outcome]:
        """A run under way; it may take 5 seconds."""
        return self.prober.run(Probe(target, 10.0, 5.0, limit_bytes))

    def accept(self) -> tuple[Any, StringTransport]:
        """Take the connection that the run asks for last."""
        factory: Any = self.reactor.tcpClients[-1][2]
        protocol = factory.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        return protocol, transport

    def refuse(self, error: Exception) -> None:
        """Fail the connection that the run asks for last."""
        factory: Any = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(error))
        # Twisted looks for another address for a moment.
        self.reactor.advance(1.0)

    def answered(self, answer: bytes, **options: Any) -> Outcome:
        """What is found when the server answers this to a GET."""
        run = self.run_probe(HttpTarget("http://127.0.0.1:80/h"), **options)
        protocol, _ = self.accept()
        protocol.dataReceived(answer)
        found = self.successResultOf(run)
        self.assertEqual([], self.reactor.getDelayedCalls())
        return found


class HttpTests(ProberTestCase):
    """A URL."""

    def test_the_status_decides(self) -> None:
        for answer, expected in (
            (b"200 OK", PASSING),
            (b"204 No Content", PASSING),
            (b"299 ", PASSING),
            (b"304 Not Modified", CRITICAL),
            (b"404 Not Found", CRITICAL),
            (b"429 Too Many Requests", WARNING),
            (b"500 Internal Server Error", CRITICAL),
        ):
            found = self.answered(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % answer)
            self.assertEqual(
                (
                    expected,
                    f"HTTP GET http://127.0.0.1:80/h: {answer.decode()} Output: ",
                ),
                found,
            )

    def test_a_request_says_who_asks_and_what_the_check_says(self) -> None:
        headers = (("X-A", ("1", "2")), ("Host", ("h.example",)))
        self.run_probe(HttpTarget("http://127.0.0.1/a?b", "POST", headers, "body"))
        host, port = self.reactor.tcpClients[-1][:2]
        self.assertEqual(("127.0.0.1", 80), (host, port))
        _, transport = self.accept()
        self.reactor.advance(0)
        head, _, body = transport.value().partition(b"\r\n\r\n")
        request, *lines = head.split(b"\r\n")
        self.assertEqual((b"POST /a?b HTTP/1.1", b"body"), (request, body))
        for line in (
            b"User-Agent: Consul Health Check",
            b"Accept: text/plain, text/*, */*",
            b"X-A: 1",
            b"X-A: 2",
            b"Host: h.example",
            b"Content-Length: 4",
            b"Connection: close",
        ):
            self.assertEqual(1, lines.count(line), (line, lines))

    def test_a_user_and_password_are_sent_and_not_shown(self) -> None:
        run = self.run_probe(HttpTarget("http://me:secret@127.0.0.1/h"))
        protocol, transport = self.accept()
        self.assertIn(b"Authorization: Basic bWU6c2VjcmV0\r\n", transport.value())
        self.assertIn(b"Host: 127.0.0.1\r\n", transport.value())
        protocol.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(
            "HTTP GET http://me:xxxxx@127.0.0.1/h: 200 OK Output: ",
            self.successResultOf(run).output,
        )

    def test_the_end_of_the_body_is_kept(self) -> None:
        found = self.answered(
            b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello\nhello\n",
            limit_bytes=8,
        )
        self.assertEqual("o\nhello\n", found.output.partition("Output: ")[2])

    def test_a_body_without_an_end_is_read_for_so_long(self) -> None:
        run = self.run_probe(HttpTarget("http://127.0.0.1/"))
        protocol, transport = self.accept()
        protocol.dataReceived(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(17):
            protocol.dataReceived(b"x" * 65536)
        self.assertIs(PASSING, self.successResultOf(run).status)
        self.assertTrue(transport.disconnecting)

    def test_a_redirect_is_followed(self) -> None:
        run = self.run_probe(HttpTarget("http://127.0.0.1/a"))
        protocol, _ = self.accept()
        protocol.dataReceived(
            b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
        )
        protocol.connectionLost(Failure(ConnectionDone()))
        protocol, transport = self.accept()
        self.assertIn(b"GET /b HTTP/1.1", transport.value())
        protocol.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.assertIs(PASSING, self.successResultOf(run).status)

    def test_a_server_that_is_not_there_is_critical(self) -> None:
        for error, reason in (
            (
                ConnectionRefusedError(),
                "dial tcp 127.0.0.1:81: connect: connection refused",
            ),
            (DNSLookupError("x"), "dial tcp: lookup 127.0.0.1: no such host"),
        ):
            run = self.run_probe(HttpTarget("http://127.0.0.1:81/x"))
            self.refuse(error)
            self.assertEqual(
                (CRITICAL, f'Get "http://127.0.0.1:81/x": {reason}'),
                self.successResultOf(run),
            )

    def test_a_server_that_hangs_up_is_critical(self) -> None:
        run = self.run_probe(HttpTarget("http://127.0.0.1/"))
        protocol, _ = self.accept()
        protocol.connectionLost(Failure(ConnectionLost()))
        self.assertIs(CRITICAL, self.successResultOf(run).status)

    def test_what_is_no_url_of_a_server_is_critical(self) -> None:
        for url, reason in (
            ("nonsense", 'unsupported protocol scheme ""'),
            ("ftp://127.0.0.1/", 'unsupported protocol scheme "ftp"'),
        ):
            found = self.successResultOf(self.run_probe(HttpTarget(url)))
            self.assertEqual((CRITICAL, f'Get "{url}": {reason}'), found)
        for url in ("http://[::1/", "http://127.0.0.1:x/", "", "http://"):
            found = self.successResultOf(self.run_probe(HttpTarget(url)))
            self.assertIs(CRITICAL, found.status, url)

    def test_a_method_that_is_none_is_critical(self) -> None:
        target = HttpTarget("http://127.0.0.1/", method="bad method")
        run = self.run_probe(target)
        self.assertIs(CRITICAL, self.successResultOf(run).status)

    def test_a_server_that_says_nothing_is_critical_after_its_time(self) -> None:
        run = self.run_probe(HttpTarget("http://127.0.0.1/"))
        _, transport = self.accept()
        self.reactor.advance(4.9)
        self.assertNoResult(run)
        self.reactor.advance(0.2)
        self.assertEqual(
            (CRITICAL, 'Get "http://127.0.0.1/": context deadline exceeded'),
            self.successResultOf(run),
        )
        self.assertTrue(transport.disconnected or transport.disconnecting)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_a_body_that_stands_still_is_critical_after_its_time(self) -> None:
        run = self.run_probe(HttpTarget("http://127.0.0.1/"))
        protocol, transport = self.accept()
        protocol.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        self.reactor.advance(5.1)
        self.assertIs(CRITICAL, self.successResultOf(run).status)
        self.assertTrue(transport.disconnected or transport.disconnecting)

    def test_a_run_that_is_given_up_hangs_up(self) -> None:
        run = self.run_probe(HttpTarget("http://127.0.0.1/"))
        _, transport = self.accept()
        run.cancel()
        self.failureResultOf(run, CancelledError)
        self.assertTrue(transport.disconnected or transport.disconnecting)
        self.assertEqual([], self.reactor.getDelayedCalls())


class TcpTests(ProberTestCase):
    """An address."""

    def test_a_connection_is_enough_and_ends(self) -> None:
        run = self.run_probe(TcpTarget("127.0.0.1:81"))
        host, port = self.reactor.tcpClients[-1][:2]
        self.assertEqual(("127.0.0.1", 81), (host, port))
        _, transport = self.accept()
        self.assertEqual(
            (PASSING, "TCP connect 127.0.0.1:81: Success"), self.successResultOf(run)
        )
        self.assertTrue(transport.disconnecting)

    def test_a_server_that_is_not_there_is_critical(self) -> None:
        run = self.run_probe(TcpTarget("127.0.0.1:81"))
        self.refuse(ConnectionRefusedError())
        self.assertEqual(
            (CRITICAL, "dial tcp 127.0.0.1:81: connect: connection refused"),
            self.successResultOf(run),
        )

    def test_a_server_that_does_not_answer_is_critical_after_its_time(self) -> None:
        run = self.run_probe(TcpTarget("127.0.0.1:81"))
        self.reactor.advance(5.1)
        self.assertEqual(
            (CRITICAL, "dial tcp 127.0.0.1:81: i/o timeout"), self.successResultOf(run)
        )
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_what_is_no_address_is_critical(self) -> None:
        for address, reason in (
            ("nonsense", "no port from 1 to 65535"),
            ("127.0.0.1:0", "no port from 1 to 65535"),
            ("::1:80", "no host name or address"),
        ):
            run = self.run_probe(TcpTarget(address))
            self.assertEqual(
                (CRITICAL, f"dial tcp: address {address}: {reason}"),
                self.successResultOf(run),
            )

    def test_a_run_that_is_given_up_connects_no_more(self) -> None:
        run = self.run_probe(TcpTarget("127.0.0.1:81"))
        run.cancel()
        self.failureResultOf(run, CancelledError)
        self.assertEqual([], self.reactor.getDelayedCalls())
