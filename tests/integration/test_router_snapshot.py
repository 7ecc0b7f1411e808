"""A router that is restarted while Consul is away."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.integration.backend import WebServer
from tests.integration.router import Router
from tests.services import ConsulAgent, running_reactor, wait_for

HOST = "web.example.com"


class SnapshotTests(TestCase):
    """A service, and a router that keeps its facts on disk."""

    timeout = 90

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.consul = await ConsulAgent.started(self)
        self.snapshot = Path(self.mktemp()).absolute()

    async def start_router(self) -> Router:
        consul = {"address": self.consul.address, "snapshot": str(self.snapshot)}
        return await Router.started(self, {"consul": consul})

    async def register(self, server: WebServer) -> None:
        registration: dict[str, Any] = {
            "Name": "web",
            "Address": "127.0.0.1",
            "Port": server.port,
            "Tags": [f"urlprefix-{HOST}/"],
        }
        await self.consul.put("/v1/agent/service/register", registration)

    async def test_it_serves_what_it_knew_until_consul_is_there(self) -> None:
        await self.register(WebServer(self, b"old"))
        router = await self.start_router()
        await router.page_is(HOST, b"old")
        await router.stop()
        self.assertEqual(0o600, self.snapshot.stat().st_mode & 0o777)

        await self.consul.kill()
        router = await self.start_router()
        await router.page_is(HOST, b"old")
        health = await router.status("/health")
        self.assertEqual(200, health.code)
        self.assertRegex(
            health.body,
            rb"\Aok\nconsul does not answer: routes of \d+ s ago, from the snapshot\n",
        )

        await self.consul.start()
        await self.register(WebServer(self, b"new"))
        await router.page_is(HOST, b"new")

        async def is_well() -> bool:
            return (await router.status("/health")).body == b"ok\n"

        await wait_for(running_reactor(), is_well, 20, what="/health")

    async def test_a_damaged_file_is_told_and_does_no_harm(self) -> None:
        self.snapshot.write_bytes(b"\x00" * 100)
        await self.register(WebServer(self, b"new"))
        router = await self.start_router()
        await router.page_is(HOST, b"new")
        said = re.findall("snapshot: .*", router.program.output)
        self.assertEqual(
            [f"snapshot: {self.snapshot} is no file of this program; it is not used"],
            said,
        )
