"""A router without a configuration, as a newcomer starts it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.integration.network import Network
from tests.integration.program import Program
from tests.integration.router import twistd
from tests.services import require_consul, running_reactor, wait_for
from tests.services.needs import missing

HOST = "web.localhost"


class FirstMinuteTestCase(TestCase):
    """A machine on which nothing listens yet: a network of its own."""

    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        if shutil.which("curl") is None:
            raise missing(f"{self.id()} needs curl, as a newcomer does")
        self.network = await Network.started(self)

    async def start(self, until: str, **environ: str) -> None:
        """Start ``twistd -n router`` and wait until it has said something."""
        self.router = twistd(self, environ=environ, within=self.network.within)
        await self.says(until)
        # It may say so before the reactor runs.
        await self.comes("ok\n", "http://127.0.0.1:8082/health")

    async def says(self, text: str) -> None:
        await wait_for(
            running_reactor(),
            lambda: text in self.router.output or self.router.status is not None,
            what=f"{text!r}",
        )
        self.assertIn(text, self.router.output)

    async def comes(self, page: str, *arguments: str) -> None:
        """Wait until curl gets a page."""

        async def got() -> bool:
            curl = Program.started(
                self, *self.network.within, "curl", "--silent", *arguments
            )
            return await curl.ended() == 0 and curl.output == page

        await wait_for(running_reactor(), got, what=f"{page!r} of {arguments}")

    async def stop(self) -> None:
        self.router.signal("TERM")
        self.assertEqual(0, await self.router.ended(), self.router.output)
        self.assertNotIn("Traceback", self.router.output)


class EmbeddedCatalogTests(FirstMinuteTestCase):
    """Without a Consul agent, the router brings a catalog of its own."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        await self.start("To see it work")
        self.addCleanup(self.stop)

    async def test_it_says_what_is_where(self) -> None:
        self.assertIn("running with an embedded catalog", self.router.output)
        for what in (
            "proxy    http://127.0.0.1:8081/",
            "status   http://127.0.0.1:8082/health",
            "catalog  http://127.0.0.1:8500/v1/catalog/services",
        ):
            self.assertIn(what, self.router.output)
        services = await self.network.run(
            "curl", "--silent", "http://127.0.0.1:8500/v1/catalog/services"
        )
        self.assertEqual({}, json.loads(services))

    async def test_the_lines_to_paste_work_at_once(self) -> None:
        home = Path(self.mktemp()).absolute()
        home.mkdir()
        (home / "index.html").write_text("it works\n")
        _, _, explained = self.router.output.partition("To see it work")
        lines = re.findall(r"^  (.*)$", explained, re.MULTILINE)
        self.assertEqual(3, len(lines), lines)
        script = ["trap 'kill $(jobs -p)' EXIT", f"cd {home}", *lines]
        pasted = Program.started(
            self, *self.network.within, "bash", "-c", "\n".join(script)
        )
        self.assertEqual(0, await pasted.ended(), pasted.output)
        self.assertTrue(pasted.output.endswith("it works\n"), pasted.output)


class AgentTests(FirstMinuteTestCase):
    """With a Consul agent, the router uses that one, and says so."""

    async def start_consul(self, port: int) -> None:
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        self.consul = Program.started(
            self,
            *(*self.network.within, require_consul(self), "agent", "-dev"),
            *(f"-http-port={port}", "-bind=127.0.0.1", "-client=127.0.0.1"),
        )
        self.catalog = f"http://127.0.0.1:{port}"

        async def leads() -> bool:
            curl = Program.started(
                self,
                *(*self.network.within, "curl", "--silent", "--fail"),
                f"{self.catalog}/v1/catalog/service/consul",
            )
            return await curl.ended() == 0 and "ServicePort" in curl.output

        await wait_for(running_reactor(), leads, 20, what="consul's leader")

    async def assert_served(self) -> None:
        """What is registered there is routed."""
        registration = {
            "Name": "web",
            "Address": "127.0.0.1",
            "Port": 8082,  # the router's own status site is a web server
            "Tags": [f"urlprefix-{HOST}/"],
        }
        await self.network.run(
            *("curl", "--silent", "--fail", "-X", "PUT"),
            *("-d", json.dumps(registration)),
            f"{self.catalog}/v1/agent/service/register",
        )
        url = "http://127.0.0.1:8081/health"
        await self.comes("ok\n", "-H", f"Host: {HOST}", url)
        self.assertNotIn("embedded", self.router.output)
        await self.stop()

    async def test_at_the_usual_address(self) -> None:
        await self.start_consul(8500)
        await self.start("using the Consul agent that answers at 127.0.0.1:8500.")
        await self.assert_served()

    async def test_at_the_address_in_the_environment(self) -> None:
        await self.start_consul(9500)
        address = "127.0.0.1:9500"
        await self.start(
            f"using the Consul agent that answers at {address}.",
            CONSUL_HTTP_ADDR=address,
        )
        await self.assert_served()
