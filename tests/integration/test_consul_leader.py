"""A cluster of three servers loses its leader."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.integration.backend import WebServer
from tests.integration.router import Router
from tests.integration.test_router_outage import Visitors
from tests.services import ConsulAgent

HOST = "web.example.com"


class LeaderTests(TestCase):
    """A router that asks one of the two servers which are left."""

    timeout = 90

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        agents = await ConsulAgent.cluster(
            self, ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
        )
        leading = str(await agents[0].get("/v1/status/leader")).partition(":")[0]
        (self.leader,) = (agent for agent in agents if agent.host == leading)
        self.consul = next(agent for agent in agents if agent is not self.leader)
        await self.register(WebServer(self, b"old"), 1)
        self.router = await Router.started(
            self, {"consul": {"address": self.consul.address}}
        )
        await self.router.page_is(HOST, b"old", 40)

    async def register(self, server: WebServer, number: int) -> None:
        registration = {
            "Name": "web",
            "ID": f"web-{number}",
            "Address": "127.0.0.1",
            "Port": server.port,
            "Tags": [f"urlprefix-{HOST}/"],
        }
        await self.consul.put("/v1/agent/service/register", registration)

    async def test_no_request_fails_and_changes_come_from_the_next_leader(
        self,
    ) -> None:
        visitors = Visitors(self, self.router, HOST)
        await self.leader.kill()
        # The agent takes it at once, and tells the servers when it can.
        await self.register(WebServer(self, b"new"), 2)
        await self.router.page_is(HOST, b"new", 40)
        codes = await visitors.leave()
        self.assertEqual([200], list(codes), codes)
        self.assertGreater(codes[200], 20)
