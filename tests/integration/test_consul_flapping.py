"""Checks fail and pass, again and again, in services that nobody asks for pages."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from tests.integration.backend import WebServer
from tests.integration.router import Router
from tests.integration.test_router_outage import Visitors
from tests.services import ConsulAgent, running_reactor, wait_for

HOST = "web.example.com"

#: Instances whose checks flap, and how often each fails and passes.
INSTANCES = 20
TURNS = 8


class FlappingTests(TestCase):
    """A service that stands still, and beside it two that do not."""

    timeout = 90

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.consul = await ConsulAgent.started(self)
        self.web = WebServer(self, b"web")
        await self.register("web", 1)
        for number in range(INSTANCES):
            check = {"TTL": "1h", "Status": "passing"}
            # Every other one is routed.
            name = ("batch", "other")[number % 2]
            await self.register(name, number, Check={"CheckID": str(number), **check})
        self.router = await Router.started(
            self, {"consul": {"address": self.consul.address}}
        )
        await self.router.varz_says(droplets=1 + INSTANCES // 2)

    async def register(self, name: str, number: int, **more: Any) -> None:
        registration = {
            "Name": name,
            "ID": f"{name}-{number}",
            "Address": "127.0.0.1",
            "Port": self.web.port,
            "Tags": [] if name == "batch" else [f"urlprefix-{name}.example.com/"],
            **more,
        }
        await self.consul.put("/v1/agent/service/register", registration)

    async def flap(self, verb: str) -> None:
        for number in range(INSTANCES):
            await self.consul.put(f"/v1/agent/check/{verb}/{number}")

    async def other_answers(self, code: int) -> None:
        async def does() -> bool:
            return await self.router.code("other.example.com") == code

        await wait_for(running_reactor(), does, 20, what=f"status {code}")

    async def test_the_others_requests_do_not_fail_and_the_end_is_right(self) -> None:
        visitors = Visitors(self, self.router, HOST)
        for _ in range(TURNS):
            await self.flap("fail")
            await self.flap("pass")
        await self.flap("fail")
        await self.other_answers(503)
        await self.flap("pass")
        await self.other_answers(200)
        codes = await visitors.leave()
        self.assertEqual([200], list(codes), codes)
        self.assertGreater(codes[200], 20)
