"""Consul goes, comes back, or was never there: requests are served all the while."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.trial.unittest import TestCase

from tests.integration.backend import WebServer
from tests.integration.router import Router
from tests.services import ConsulAgent, require_consul, running_reactor, wait_for

HOST = "web.example.com"
STATIC = "static.example.com"


class Visitors:
    """Asks for a page again and again, and counts how that went.

    :ivar codes: ``{status: how often}``; what raised counts by its name.
    """

    def __init__(self, testcase: TestCase, router: Router, host: str) -> None:
        self._router = router
        self._host = host
        self.codes: dict[Any, int] = {}
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self._visit()))
        self._done = self._loop.start(0.02)
        testcase.addCleanup(self.leave)

    async def _visit(self) -> None:
        try:
            code: Any = await self._router.code(self._host)
        except Exception as error:
            code = repr(error)
        self.codes[code] = self.codes.get(code, 0) + 1

    async def leave(self) -> dict[Any, int]:
        """Finish the last request and say how all of them went."""
        if self._loop.running:
            self._loop.stop()
            await self._done
        return self.codes


class OutageTestCase(TestCase):
    """A service in a Consul, a static route, and a router.

    :cvar durable: whether Consul knows after a restart what it knew before.
    """

    timeout = 90
    durable = True

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.consul = ConsulAgent(
            require_consul(self), Path(self.mktemp()).absolute(), durable=self.durable
        )
        self.addCleanup(self.consul.kill)
        self.web = WebServer(self, b"web")
        self.static = WebServer(self, b"static")

    async def start_router(self) -> None:
        routes = [{"uri": STATIC, "instances": [self.static.address]}]
        self.router = await Router.started(
            self, {"consul": {"address": self.consul.address}, "routes": routes}
        )

    async def register(self, server: WebServer, service_id: str = "web-1") -> None:
        registration = {
            "Name": "web",
            "ID": service_id,
            "Address": "127.0.0.1",
            "Port": server.port,
            "Tags": [f"urlprefix-{HOST}/"],
        }
        await self.consul.put("/v1/agent/service/register", registration)

    async def source(self) -> dict[str, Any]:
        """What ``/varz`` says of Consul."""
        (state,) = (await self.router.varz())["sources"]
        return dict(state)

    async def contact_is(self, there: bool) -> None:
        async def is_so() -> bool:
            return bool((await self.source())["error"]) != there

        await wait_for(running_reactor(), is_so, 20, what=f"contact: {there}")


class RestartTests(OutageTestCase):
    """A Consul that knows afterwards what it knew before."""

    async def test_not_one_request_fails_when_consul_is_killed(self) -> None:
        await self.consul.start()
        await self.start_router()
        await self.register(self.web)
        await self.router.page_is(HOST, b"web")

        visitors = Visitors(self, self.router, HOST)
        await self.consul.kill()
        await self.contact_is(False)
        self.assertEqual(200, await self.router.health())
        self.assertTrue((await self.source())["ready"])
        (web,) = (await self.router.status("/services")).json()["services"]
        self.assertEqual(("web", 1), (web["service"], web["instances"]))
        self.assertGreater(web["age_s"], 0)
        await self.consul.start()
        await self.contact_is(True)
        codes = await visitors.leave()
        self.assertEqual([200], list(codes), codes)
        self.assertGreater(codes[200], 20)

        # It hears of changes again.
        await self.consul.put("/v1/agent/service/deregister/web-1")
        await self.register(WebServer(self, b"new"), "web-2")
        await self.router.page_is(HOST, b"new")


class LostDataTests(OutageTestCase):
    """A Consul that has forgotten everything, and counts from the beginning again."""

    durable = False

    async def test_what_it_learns_anew_is_served(self) -> None:
        await self.consul.start()
        await self.start_router()
        await self.register(self.web)
        for number in range(2, 6):
            await self.register(self.web, f"web-{number}")
        await self.router.page_is(HOST, b"web")

        await self.consul.restart()
        new = WebServer(self, b"new")
        await self.register(new)
        await self.router.page_is(HOST, b"new")
        pages = {await self.router.body(HOST) for _ in range(5)}
        self.assertEqual({b"new"}, pages)
        self.assertEqual(b"static", await self.router.body(STATIC))


class AbsentTests(OutageTestCase):
    """A Consul that comes after the router."""

    durable = False

    async def test_the_router_serves_what_it_can_and_the_rest_once_consul_comes(
        self,
    ) -> None:
        await self.start_router()
        await self.contact_is(False)
        health = await self.router.status("/health")
        self.assertEqual(
            (503, b"no routes yet from consul\n"), (health.code, health.body)
        )
        self.assertEqual(b"static", await self.router.body(STATIC))
        self.assertEqual(404, await self.router.code(HOST))
        self.assertEqual(1, self.router.program.output.count("no contact with Consul"))

        await self.consul.start()
        await self.register(self.web)
        await self.router.page_is(HOST, b"web")
        self.assertEqual(200, await self.router.health())
        self.assertEqual(b"static", await self.router.body(STATIC))
