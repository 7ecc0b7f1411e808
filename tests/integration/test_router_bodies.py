"""Large bodies and slow peers: everything arrives, and little of it is held."""

from __future__ import annotations

import hashlib
from typing import Any

import treq
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from tests.integration.backend import (
    BLOCK_BYTES,
    BlockFile,
    Blocks,
    Server,
    WebServer,
    block,
    digest_of_blocks,
)
from tests.integration.router import Router
from tests.services import running_reactor, wait_for

HOST = "app.example.com"

#: 100 MiB.
COUNT = 1600
TOTAL_BYTES = COUNT * BLOCK_BYTES

#: What may be on its way when nobody takes it: the kernel's buffers of two connections
#: and a few blocks; the kernel lets buffers grow while they are read, not otherwise.
ON_ITS_WAY_BYTES = TOTAL_BYTES // 4

#: How much the router may grow by, in KiB.
GROWTH_KIB = 4 * 1024


class SlowReader(Protocol):
    """Takes in a body, now and then.

    :ivar done: fires with the SHA-256 of all that came.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.received_bytes = 0
        self.done: Deferred[str] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received_bytes += len(data)
        self._digest.update(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.done.callback(self._digest.hexdigest())

    def pause(self) -> None:
        self.transport.pauseProducing()  # type: ignore[union-attr]  # it is connected

    def resume(self) -> None:
        self.transport.resumeProducing()  # type: ignore[union-attr]

    async def nap(self, times: int) -> None:
        """Read a little and rest a little, several times; then read on."""
        for _ in range(times):
            self.resume()
            await deferLater(running_reactor(), 0.002)
            self.pause()
            await deferLater(running_reactor(), 0.05)
        self.resume()


class SlowMessageReader(SlowReader):
    """The same on a connection of its own, where a head comes before the body."""

    transport: Any
    head = b""

    def dataReceived(self, data: bytes) -> None:
        if not self.head.endswith(b"\r\n\r\n"):
            head, end, data = (self.head + data).partition(b"\r\n\r\n")
            self.head = head + end
        super().dataReceived(data)


class SlowSink(SlowMessageReader):
    """An HTTP server for one upload; it reads as slowly as it is told to."""

    connections: list[SlowSink]

    def connectionMade(self) -> None:
        self.pause()
        self.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if self.received_bytes == TOTAL_BYTES:
            page = self._digest.hexdigest().encode()
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)
            )


@implementer(IPushProducer)
class TunnelSource(Protocol):
    """Switches to a protocol of blocks: as fast as they are taken, and then the end."""

    connections: list[TunnelSource]
    transport: Any
    sent_bytes = 0

    def connectionMade(self) -> None:
        self.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Connection: upgrade\r\nUpgrade: blocks\r\n\r\n"
        )
        self.transport.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        while not self._paused and self.sent_bytes < TOTAL_BYTES:
            self.sent_bytes += BLOCK_BYTES
            self.transport.write(block(self.sent_bytes // BLOCK_BYTES - 1))
        if not self._paused:
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._paused = True


class SlowPeerTests(TestCase):
    """One side stops, then dawdles, then catches up; 100 MiB in all.

    :cvar server: makes instances; ``web_server`` those with pages.
    """

    timeout = 90
    server: type[Server] = Server
    web_server: type[WebServer] = WebServer

    def agent(self) -> Agent:
        pool = HTTPConnectionPool(running_reactor(), persistent=False)
        return Agent(running_reactor(), pool=pool)

    async def start(self, server: Server) -> None:
        self.router = await Router.started(
            self, {"routes": [{"uri": HOST, "instances": [server.address]}]}
        )

    def watch_memory(self) -> None:
        self.router.forget_peak()
        self.before_kib = self.router.memory_kib()

    def assert_memory_is_as_before(self) -> None:
        grown_kib = self.router.memory_kib("VmHWM") - self.before_kib
        self.assertLess(grown_kib, GROWTH_KIB)

    async def stands_still(self, count: Any) -> int:
        """Wait until a count of bytes moves no more, and return it."""
        seen = -1

        def same_as_before() -> bool:
            nonlocal seen
            before, seen = seen, int(count())
            return 0 < seen == before

        await wait_for(running_reactor(), same_as_before, 20, every_s=0.3)
        return seen

    async def test_a_download_waits_for_a_slow_client(self) -> None:
        bodies: list[Blocks] = []

        def page(request: Any) -> int:
            bodies.append(Blocks(request, COUNT))
            return NOT_DONE_YET

        await self.start(self.web_server(self, page))
        self.watch_memory()
        response = await treq.get(
            self.router.url, headers={"Host": HOST}, agent=self.agent()
        )
        reader = SlowReader()
        response.original.deliverBody(reader)
        reader.pause()
        (body,) = bodies
        sent_bytes = await self.stands_still(lambda: body.sent_bytes)
        self.assertLess(sent_bytes, ON_ITS_WAY_BYTES)

        await reader.nap(20)
        self.assertEqual(digest_of_blocks(COUNT), await reader.done)
        self.assertEqual(TOTAL_BYTES, reader.received_bytes)
        self.assert_memory_is_as_before()

    async def test_an_upload_waits_for_a_slow_instance(self) -> None:
        SlowSink.connections = []
        await self.start(self.server.of(self, SlowSink))
        self.watch_memory()
        file = BlockFile(COUNT)
        producer = FileBodyProducer(file, readSize=BLOCK_BYTES)
        producer.length = TOTAL_BYTES
        answer = treq.post(
            self.router.url,
            headers={"Host": HOST},
            data=producer,
            agent=self.agent(),
        )
        sent_bytes = await self.stands_still(lambda: file.read_bytes)
        self.assertLess(sent_bytes, ON_ITS_WAY_BYTES)

        (sink,) = SlowSink.connections
        await sink.nap(20)
        response = await answer
        page = await response.text()
        self.assertEqual((200, digest_of_blocks(COUNT)), (response.code, page))
        self.assertEqual(TOTAL_BYTES, sink.received_bytes)
        self.assert_memory_is_as_before()

    async def test_a_tunnel_waits_for_a_slow_client(self) -> None:
        TunnelSource.connections = []
        await self.start(self.server.of(self, TunnelSource))
        self.watch_memory()
        reader: SlowMessageReader = await connectProtocol(
            TCP4ClientEndpoint(running_reactor(), "127.0.0.1", self.router.port),
            SlowMessageReader(),
        )
        reader.pause()
        reader.transport.write(
            b"GET / HTTP/1.1\r\nHost: app.example.com\r\n"
            b"Connection: upgrade\r\nUpgrade: blocks\r\n\r\n"
        )
        await self.router.varz_says(tunnels=1)
        (source,) = TunnelSource.connections
        sent_bytes = await self.stands_still(lambda: source.sent_bytes)
        self.assertLess(sent_bytes, ON_ITS_WAY_BYTES)

        await reader.nap(20)
        self.assertEqual(digest_of_blocks(COUNT), await reader.done)
        self.assertTrue(reader.head.startswith(b"HTTP/1.1 101 "))
        self.assert_memory_is_as_before()
        await self.router.varz_says(tunnels=0, clients=0)
