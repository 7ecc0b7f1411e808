"""Clients and instances that do not behave; everybody else is served as always."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import TestCase

from tests.integration.backend import Server, WebServer, blocks_page
from tests.integration.raw import RawClient
from tests.integration.router import Router
from tests.services import free_port, running_reactor, wait_for

HOST = "app.example.com"
GOOD = "good.example.com"

GET = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


class RouterTestCase(TestCase):
    """A router with a good instance and those of a test.

    :cvar config: keys of the configuration.
    """

    timeout = 60
    config: ClassVar[dict[str, Any]] = {}

    async def start(self, *addresses: str) -> None:
        """Start a router; ``HOST`` is served by these instances."""
        self.good = WebServer(self, b"good")
        routes = [
            {"uri": HOST, "instances": list(addresses)},
            {"uri": GOOD, "instances": [self.good.address]},
        ]
        self.router = await Router.started(self, {"routes": routes, **self.config})

    async def all_is_well(self) -> None:
        """Nothing is left of the misbehaviour, and good requests are served."""
        await self.router.varz_says(in_flight=0, clients=0)
        self.assertEqual(200, await self.router.code(GOOD))


class StallingClientTests(RouterTestCase):
    """Clients that begin a request and do not go on."""

    config: ClassVar[dict[str, Any]] = {"read_header_timeout": "3s"}

    async def test_three_hundred_of_them_do_not_hurt_others(self) -> None:
        count = 300
        await self.start(free_address())
        half = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-".encode()
        clients: list[RawClient] = await gatherResults(
            Deferred.fromCoroutine(RawClient.to(self, self.router.port, half))
            for _ in range(count)
        )
        await self.router.varz_says(clients=count)
        clock = running_reactor()
        for _ in range(50):
            begun_s = clock.seconds()
            self.assertEqual(200, await self.router.code(GOOD))
            self.assertLess(clock.seconds() - begun_s, 1)

        for client in clients:
            reason = await client.closed()
            self.assertTrue(reason.check(ConnectionDone), reason)
            self.assertTrue(client.received.startswith(b"HTTP/1.1 408 "))
        await self.all_is_well()
        self.assertEqual({"408": count}, (await self.router.varz())["errors"])


class LeavingClientTests(RouterTestCase):
    """Clients that leave in the middle."""

    async def left(self, client: RawClient, server: Server, how: str) -> None:
        """Let a client leave; nothing goes on for it.

        :param how: of its transport.
        """
        await self.router.varz_says(in_flight=1, clients=1)
        getattr(client.transport, how)()
        await client.closed()
        await self.all_is_well()
        await wait_for(running_reactor(), lambda: not server.open, what="the instance")

    async def counted_as_cancelled(self) -> None:
        self.assertEqual({"499": 1}, (await self.router.varz())["errors"])

    async def upload(self, how: str) -> None:
        server = Server.of(self, Stalls)
        await self.start(server.address)
        head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000000\r\n\r\n"
        client = await RawClient.to(self, self.router.port, head.encode() + bytes(1000))
        await self.left(client, server, how)
        await self.counted_as_cancelled()

    async def test_a_reset_within_an_upload(self) -> None:
        await self.upload("abortConnection")

    async def test_a_close_within_an_upload(self) -> None:
        await self.upload("loseConnection")

    async def download(self, how: str) -> None:
        server = WebServer(self, blocks_page(1600))
        await self.start(server.address)
        client = await RawClient.to(self, self.router.port, GET)
        await client.receives(b"HTTP/1.1 200 OK\r\n")
        client.transport.pauseProducing()
        await self.left(client, server, how)

    async def test_a_reset_within_a_download(self) -> None:
        await self.download("abortConnection")

    async def test_a_close_within_a_download(self) -> None:
        await self.download("loseConnection")

    async def test_a_reset_while_the_instance_thinks(self) -> None:
        server = Server.of(self, Stalls)
        await self.start(server.address)
        client = await RawClient.to(self, self.router.port, GET)
        await self.left(client, server, "abortConnection")
        await self.counted_as_cancelled()


class DeafClientTests(RouterTestCase):
    """A client that asks and does not read."""

    config: ClassVar[dict[str, Any]] = {"body_idle_timeout": "1s"}

    async def test_it_is_let_go(self) -> None:
        server = WebServer(self, blocks_page(1600))
        await self.start(server.address)
        client = await RawClient.to(self, self.router.port)
        client.transport.pauseProducing()
        client.transport.write(GET)
        await self.router.varz_says(in_flight=1)
        await self.router.varz_says(in_flight=0)
        await wait_for(running_reactor(), lambda: not server.open, what="the instance")
        await self.all_is_well()


class Stalls(Protocol):
    """Takes everything and answers nothing."""


class ClosesAtOnce(Protocol):
    """Accepts and closes."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


class ResetsAtOnce(Protocol):
    """Accepts and resets."""

    transport: Any

    def connectionMade(self) -> None:
        self.transport.abortConnection()


class ResetsWhenAsked(Protocol):
    """Resets the connection at the first byte of a request."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.abortConnection()


class Garbles(Protocol):
    """Answers with what is no HTTP."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(b"\x00\xff220 smtp.example.com ESMTP\r\n\r\n")


class CutsOff(Protocol):
    """Answers with less than it said, and closes."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nless")
        self.transport.loseConnection()


class BadInstanceTests(RouterTestCase):
    """Instances that accept, and then fail."""

    config: ClassVar[dict[str, Any]] = {"endpoint_timeout": "500ms"}

    async def fails(self, protocol: type[Protocol], code: int) -> str:
        """Ask an instance that fails; the cause that the client is given."""
        await self.start(Server.of(self, protocol).address)
        answer = await self.router.get(HOST)
        self.assertEqual(code, answer.code)
        await self.all_is_well()
        self.assertEqual({str(code): 1}, (await self.router.varz())["errors"])
        (cause,) = answer.headers.getRawHeaders("X-Cf-RouterError") or ()
        return str(cause)

    async def test_one_that_closes_answers_502(self) -> None:
        cause = await self.fails(ClosesAtOnce, 502)
        self.assertRegex(
            cause, r"\Aendpoint_failure \((EOF|connection reset by peer)\)"
        )

    async def test_one_that_resets_at_once_answers_502(self) -> None:
        cause = await self.fails(ResetsAtOnce, 502)
        self.assertTrue(cause.startswith("endpoint_failure ("), cause)

    async def test_one_that_resets_when_asked_answers_502(self) -> None:
        cause = await self.fails(ResetsWhenAsked, 502)
        self.assertEqual("endpoint_failure (connection reset by peer)", cause)

    async def test_one_that_speaks_no_http_answers_502(self) -> None:
        cause = await self.fails(Garbles, 502)
        self.assertTrue(cause.startswith("endpoint_failure ("), cause)

    async def test_one_that_stalls_answers_504(self) -> None:
        begun_s = running_reactor().seconds()
        cause = await self.fails(Stalls, 504)
        self.assertEqual("endpoint_failure (timeout awaiting response headers)", cause)
        self.assertLess(running_reactor().seconds() - begun_s, 5)

    async def test_one_that_cuts_a_body_off_cuts_off_the_clients(self) -> None:
        await self.start(Server.of(self, CutsOff).address)
        client = await RawClient.to(self, self.router.port, GET)
        await client.closed()
        self.assertTrue(client.received.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertTrue(client.received.endswith(b"\r\n\r\nless"))
        await self.all_is_well()

    async def test_one_where_nobody_listens_answers_502(self) -> None:
        await self.start(free_address())
        self.assertEqual(502, await self.router.code(HOST))
        await self.all_is_well()


class DeadInstanceTests(RouterTestCase):
    """One instance of three is dead."""

    async def test_no_request_fails_where_nobody_listens(self) -> None:
        servers = [WebServer(self), WebServer(self)]
        await self.start(servers[0].address, free_address(), servers[1].address)
        codes = {await self.router.code(HOST) for _ in range(60)}
        self.assertEqual({200}, codes)
        self.assertEqual(60, sum(server.served for server in servers))
        self.assertGreater((await self.router.varz())["connect_failures"], 0)

    async def test_no_request_fails_when_one_goes_away_between_two(self) -> None:
        servers = [WebServer(self), WebServer(self), WebServer(self)]
        await self.start(*(server.address for server in servers))
        codes = [await self.router.code(HOST) for _ in range(30)]
        await servers[1].close()
        codes += [await self.router.code(HOST) for _ in range(30)]
        self.assertEqual([200] * 60, codes)
        self.assertEqual(10, servers[1].served)


def free_address() -> str:
    """An address at which nobody listens."""
    return f"127.0.0.1:{free_port()}"
