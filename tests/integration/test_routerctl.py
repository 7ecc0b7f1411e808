"""routerctl as a program, with a real Consul and a real router."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.integration.backend import WebServer
from tests.integration.program import Program
from tests.integration.router import Router
from tests.services import ConsulAgent, ServiceError, running_reactor, wait_for
from twisted_router.discovery.catalog.service import CatalogService

ROUTERCTL = Path(sys.executable).with_name("routerctl")
HOST = "web.example.com"


class RouterctlTestCase(TestCase):
    """Has a web server, and runs routerctl."""

    timeout = 90
    address: str

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.web = WebServer(self, b"web")

    def start(self, *arguments: str, **environ: str) -> Program:
        """Start routerctl."""
        return Program.started(
            self,
            ROUTERCTL,
            *arguments,
            environ={"CONSUL_HTTP_ADDR": self.address, **environ},
        )

    async def run_to_end(self, *arguments: str, **environ: str) -> tuple[int, str]:
        """Exit status and output of routerctl."""
        program = self.start(*arguments, **environ)
        return await program.ended(), program.output

    async def until(self, program: Program, question: Any, what: str) -> None:
        """Wait for something while routerctl runs."""

        async def answered() -> bool:
            if program.status is not None:
                raise ServiceError(f"routerctl exited: {program.output}")
            return bool(await question())

        await wait_for(running_reactor(), answered, 20, what=what)


class ConsulRouterctlTests(RouterctlTestCase):
    """From a command to a request that is served, and back."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        self.consul = await ConsulAgent.started(self)
        self.address = self.consul.address
        self.router = await Router.started(
            self,
            {
                "consul": {"address": self.address},
                "status": {"port": 0, "user": "me", "pass": "t0k3n"},
            },
        )

    async def served(self) -> bool:
        return await self.router.code(HOST) == 200

    async def not_served(self) -> bool:
        return await self.router.code(HOST) != 200

    async def test_a_route_is_there_until_routerctl_is_stopped(self) -> None:
        program = self.start(
            "register", "--uri", HOST, "--address", self.web.address, "--ttl", "3s"
        )
        await self.until(program, self.served, "the route")
        self.assertEqual(b"web", await self.router.body(HOST))

        login = {
            "ROUTER_STATUS": self.router.status_url,
            "ROUTER_STATUS_USER": "me",
            "ROUTER_STATUS_PASS": "t0k3n",
        }
        status, output = await self.run_to_end("routes", **login)
        self.assertEqual(0, status, output)
        self.assertRegex(output, rf"{HOST} +{self.web.address} +web-example-com")
        for host, expected in ((HOST, 0), ("nope.example.com", 4)):
            status, output = await self.run_to_end("explain", "--url", host, **login)
            self.assertEqual(expected, status, output)
        status, output = await self.run_to_end(
            "routes", ROUTER_STATUS=login["ROUTER_STATUS"]
        )
        self.assertEqual(1, status)
        self.assertIn("it wants a user and a password", output)

        # A dev agent forgets everything.
        await self.consul.restart()

        async def registered() -> bool:
            return bool(await self.consul.get("/v1/agent/services"))

        await self.until(program, registered, "the route in a new Consul")

        program.signal("TERM")
        self.assertEqual(0, await program.ended(), program.output)
        self.assertEqual({}, await self.consul.get("/v1/agent/services"))
        await wait_for(running_reactor(), self.not_served, 20)
        self.assertNotIn("Traceback", program.output)

    async def test_messages_register_and_take_back(self) -> None:
        host, _, port = self.web.address.partition(":")
        message = {"host": host, "port": int(port), "uris": [HOST, "api.example.com"]}
        file = Path(self.mktemp()).absolute()
        file.write_text(f"router.register {json.dumps(message)}\nnonsense\n")
        status, output = await self.run_to_end(
            "register", "--once", "--messages", str(file)
        )
        self.assertEqual((1, "routerctl: line 2: skipped: no JSON\n"), (status, output))
        await wait_for(running_reactor(), self.served, 20)

        file.write_text(json.dumps({**message, "uris": [HOST]}))
        ended = await self.run_to_end("unregister", "--messages", str(file))
        self.assertEqual((0, ""), ended)
        await wait_for(running_reactor(), self.not_served, 20)
        self.assertEqual(200, await self.router.code("api.example.com"))


class EmbeddedRouterctlTests(RouterctlTestCase):
    """With the embedded catalog."""

    async def test_a_route_is_registered_refreshed_and_taken_back(self) -> None:
        catalog = CatalogService(running_reactor(), port=0)
        catalog.startService()
        self.addCleanup(catalog.stopService)
        self.address = f"127.0.0.1:{catalog.port}"
        program = self.start(
            "register", "--uri", HOST, "--address", self.web.address, "--ttl", "1s"
        )

        async def registered() -> bool:
            return bool(catalog.store.services())

        await self.until(program, registered, "the route")
        (row,) = catalog.store.services()
        index = catalog.store.indexes.last

        catalog.store.deregister(row.value.id)
        await self.until(program, registered, "the route once more")
        self.assertLess(index, catalog.store.indexes.last)

        program.signal("INT")
        self.assertEqual(0, await program.ended(), program.output)
        self.assertEqual([], catalog.store.services())
