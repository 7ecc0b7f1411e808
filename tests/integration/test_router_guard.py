"""A Consul that has forgotten its services, or does not show them any more."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from tests.integration.backend import WebServer
from tests.integration.router import Router
from tests.integration.test_router_outage import Visitors
from tests.services import ConsulAgent, request, running_reactor, wait_for

HOST = "web.example.com"

#: More than the guard lets go: four of each of these.
SERVICES = ("web", "a", "b")

_RULES = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'


class GuardTestCase(TestCase):
    """Twelve instances, four of which are asked for pages all the time."""

    timeout = 90
    token = ""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.consul = await ConsulAgent.started(self, token=self.token)
        self.servers = [WebServer(self, b"web") for _ in range(4)]

    async def register(self, *services: str) -> None:
        for service in services:
            for number, server in enumerate(self.servers):
                registration = {
                    "Name": service,
                    "ID": f"{service}-{number}",
                    "Address": f"127.0.0.{1 + SERVICES.index(service)}",
                    "Port": server.port,
                    "Tags": [f"urlprefix-{service}.example.com/"],
                }
                await self.consul.put("/v1/agent/service/register", registration)

    async def serving(self, **consul: Any) -> None:
        """Start a router, and visitors that come again and again."""
        await self.register(*SERVICES)
        self.router = await Router.started(
            self, {"consul": {"address": self.consul.address, **consul}}
        )
        await self.router.varz_says(droplets=12)
        self.visitors = Visitors(self, self.router, HOST)

    async def held(self, count: int) -> None:
        """Wait until so many instances are held."""

        async def are_held() -> bool:
            (source,) = (await self.router.varz())["sources"]
            return bool(source["held"] == count)

        await wait_for(running_reactor(), are_held, 20, what=f"{count} held")

    async def release(self, query: str = "") -> Any:
        url = f"{self.router.status_url}/guard/release{query}"
        return (await request("POST", url)).json()

    async def told(self) -> str:
        """What the event log says of the guard."""
        events = (await self.router.status("/events")).json()["events"]
        return "\n".join(e["text"] for e in events if e["kind"] == "guard")

    async def nobody_failed(self) -> None:
        codes = await self.visitors.leave()
        self.assertEqual([200], list(codes), codes)
        self.assertGreater(codes[200], 5)


class LostDataTests(GuardTestCase):
    """The agent is killed, and comes back with an empty data directory."""

    async def test_no_request_fails_until_what_is_held_is_released(self) -> None:
        await self.serving()
        await self.consul.kill()
        await self.consul.start()
        await self.held(12)
        self.assertIn("12 of 12 instances are gone", await self.told())
        health = await self.router.status("/health")
        self.assertEqual(200, health.code)
        self.assertIn(b"consul has lost 12 instances", health.body)
        shown = (await self.router.status("/guard")).json()
        self.assertEqual(
            [("a", 4), ("b", 4), ("web", 4)],
            [(each["service"], each["instances"]) for each in shown["services"]],
        )

        await self.register("web")
        await self.held(8)
        await self.nobody_failed()
        self.assertEqual({"released": 4}, await self.release("?service=a"))
        self.assertEqual(404, await self.router.code("a.example.com"))
        self.assertEqual({"released": 4}, await self.release())
        self.assertEqual(404, await self.router.code("b.example.com"))
        self.assertEqual(200, await self.router.code(HOST))


class LostRightsTests(GuardTestCase):
    """The router's token loses its rights, gets them back, and is revoked."""

    token = "11111111-2222-3333-4444-555555555555"

    async def test_no_request_fails_whatever_becomes_of_the_token(self) -> None:
        policy = {"Name": "router", "Rules": _RULES}
        made = await self.consul.put("/v1/acl/policy", policy)
        token = await self.consul.put(
            "/v1/acl/token", {"Policies": [{"Name": "router"}]}
        )
        await self.serving(token=token["SecretID"], wait="1s")

        # Consul answers, with less and less.
        await self.consul.put(f"/v1/acl/policy/{made['ID']}", {**policy, "Rules": ""})
        await self.held(12)
        self.assertIn("12 of 12 instances are gone", await self.told())
        await self.consul.put(f"/v1/acl/policy/{made['ID']}", policy)
        await self.held(0)

        # Consul refuses to answer.
        await self.consul.delete(f"/v1/acl/token/{token['AccessorID']}")

        async def is_refused() -> bool:
            (source,) = (await self.router.varz())["sources"]
            return "403" in source["error"]

        await wait_for(running_reactor(), is_refused, 20)
        await self.held(0)
        await self.nobody_failed()
