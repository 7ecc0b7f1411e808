"""What the router keeps of connections that have come and gone: nothing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import TestCase

from tests.integration.backend import Server
from tests.integration.raw import RawClient
from tests.integration.router import Router
from tests.services import free_port

HOST = "app.example.com"
GONE = "gone.example.com"

#: Connections in all, and at a time.
COUNT = 5000
AT_ONCE = 100


def get(host: str, fields: str = "") -> bytes:
    """A request."""
    return f"GET / HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode()


class Answers(Protocol):
    """Answers whatever comes, as one request."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


class LeavingTests(TestCase):
    """Connections that leave in every way that clients have."""

    timeout = 120

    async def come_and_go(self, count: int) -> None:
        """Let so many come and go; all of them are gone when this returns."""
        for _ in range(count // AT_ONCE):
            await gatherResults(
                Deferred.fromCoroutine(self.visit(number)) for number in range(AT_ONCE)
            )
        await self.router.varz_says(in_flight=0, clients=0)

    async def visit(self, number: int) -> None:
        requests = (
            get(HOST),
            get(HOST, "Connection: close\r\n"),
            get(HOST)[:20],
            get(HOST),
            get(GONE),
        )
        how = number % len(requests)
        client = await RawClient.to(self, self.router.port, requests[how])
        if how in (0, 4):
            await client.receives(b"\r\n\r\n")
            client.transport.loseConnection()
            await client.closed()
        elif how == 1:
            await client.closed()
        else:
            await client.leave()

    async def test_memory_is_what_it_was_before(self) -> None:
        server = Server.of(self, Answers)
        routes = [
            {"uri": HOST, "instances": [server.address]},
            {"uri": GONE, "instances": [f"127.0.0.1:{free_port()}"]},
        ]
        self.router = await Router.started(self, {"routes": routes})
        await self.come_and_go(COUNT // 5)
        before_kib = self.router.memory_kib()
        await self.come_and_go(COUNT)
        grown = self.router.memory_kib() / before_kib - 1
        self.assertLess(grown, 0.05)
