"""The router serves under every reactor that one may choose, not only its own."""

from __future__ import annotations

import hashlib
from typing import Any

import treq
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.iweb import UNKNOWN_LENGTH

from tests.integration.backend import (
    BLOCK_BYTES,
    BlockFile,
    WebServer,
    blocks_page,
    digest_of_blocks,
    digest_of_upload,
)
from tests.integration.router import Router
from tests.integration.websocket import echo_server, visit
from tests.services import running_reactor

HOST = "app.example.com"

#: 10 MiB.
COUNT = 160


class LeanReactorTests(TestCase):
    """The one that the router installs.

    :cvar options: of twistd.
    """

    timeout = 60
    options: tuple[str, ...] = ()

    async def start(self, **servers: Any) -> None:
        """Start a router with a route ``HOST/NAME`` for each server."""
        routes = [
            {"uri": f"{HOST}/{name}", "instances": [server.address]}
            for name, server in servers.items()
        ]
        self.router = await Router.started(
            self, {"routes": routes}, options=self.options
        )
        pool = HTTPConnectionPool(running_reactor(), persistent=True)
        pool.maxPersistentPerHost = 1
        pool.retryAutomatically = False
        self.addCleanup(pool.closeCachedConnections)
        self.agent = Agent(running_reactor(), pool=pool)

    async def ask(self, method: str, path: str, body: Any = None) -> bytes:
        response = await treq.request(
            method,
            self.router.url + path,
            headers={"Host": HOST},
            data=body,
            agent=self.agent,
            timeout=20,
        )
        self.assertEqual(200, response.code)
        content: bytes = await response.content()
        return content

    async def test_one_connection_serves_many_requests(self) -> None:
        server = WebServer(self, b"page")
        await self.start(page=server)
        pages = [await self.ask("GET", "/page") for _ in range(50)]
        self.assertEqual([b"page"] * 50, pages)
        self.assertEqual(1, (await self.router.varz())["accepted"])
        self.assertEqual(1, server.accepted)

    async def test_a_chunked_upload_arrives(self) -> None:
        await self.start(upload=WebServer(self, digest_of_upload))
        producer = FileBodyProducer(BlockFile(COUNT), readSize=BLOCK_BYTES)
        self.assertIs(UNKNOWN_LENGTH, producer.length)
        page = await self.ask("POST", "/upload", producer)
        expected = f"{COUNT * BLOCK_BYTES} {digest_of_blocks(COUNT)}"
        self.assertEqual(expected, page.decode())

    async def test_large_bodies_arrive(self) -> None:
        await self.start(
            sized=WebServer(self, blocks_page(COUNT)),
            chunked=WebServer(self, blocks_page(COUNT, chunked=True)),
        )
        for path in ("/sized", "/chunked"):
            body = await self.ask("GET", path)
            digest = hashlib.sha256(body).hexdigest()
            self.assertEqual(digest_of_blocks(COUNT), digest, path)

    async def test_a_websocket_is_tunnelled(self) -> None:
        await self.start(ws=echo_server(self))
        visitor = await visit(self, self.router, f"{HOST}/ws")
        payload = hashlib.shake_256(b"payload").digest(1024 * 1024)
        visitor.sendMessage(payload, isBinary=True)
        self.assertEqual(payload, await visitor.hears())
        visitor.sendClose(1000)
        clean, _, _ = await visitor.end()
        self.assertTrue(clean)
        await self.router.varz_says(tunnels=0, in_flight=0)


class EPollReactorTests(LeanReactorTests):
    """Twisted's own."""

    options = ("--reactor=epoll",)


class PollReactorTests(LeanReactorTests):
    """The one for systems without epoll."""

    options = ("--reactor=poll",)


class SelectReactorTests(LeanReactorTests):
    """The one that is everywhere."""

    options = ("--reactor=select",)
