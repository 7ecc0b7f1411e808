"""The registrar without a proxy: in a process of its own, and as a command."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.integration.program import Program
from tests.integration.router import TWISTD, config_file, twistd
from tests.services import (
    Answer,
    ConsulAgent,
    Containers,
    docker,
    docker_endpoint,
    request,
    require_docker,
    running_reactor,
    wait_for,
)


class RegistrarAloneTestCase(TestCase):
    """Base: a Consul, and one container of the test's own."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        """The container runs, and nothing is registered."""
        require_docker(self)
        self.name = f"registrar-{uuid.uuid4().hex[:8]}"
        self.service_id = f"test:{self.name}:80"
        self.consul = await ConsulAgent.started(self)
        self.containers = Containers(self)
        self.container = await self.containers.run(
            *("httpd", "-f"),
            publish=["80"],
            options=["--init", "--name", self.name],
            labels={"SERVICE_NAME": "shop", "SERVICE_TAGS": "urlprefix-/shop"},
            environ={"SERVICE_API_KEY": "s3cret"},
        )

    def config(self, **more: Any) -> str:
        """The path of a configuration that has a registrar only."""
        consul = {"address": self.consul.address}
        engine = {"endpoint": docker_endpoint()}
        sections = {"consul": consul, "docker": engine, "status": {"port": 0}}
        text = json.dumps({"proxy": False, **sections, **more})  # JSON is YAML
        return config_file(self, text)

    async def service(self) -> Any:
        """What Consul has of our container."""
        return (await self.consul.get("/v1/agent/services")).get(self.service_id)


class CommandTests(RegistrarAloneTestCase):
    """It looks once and ends, whatever else ``twistd`` would have done."""

    async def run_router(self, *flags: str, **more: Any) -> tuple[int, str]:
        """Exit status and output of ``twistd -n router``."""
        program = twistd(self, "-c", self.config(**more), *flags)
        return await program.ended(60), program.output

    async def test_what_would_be_written(self) -> None:
        """It is told with its reason, without secrets, and it is not written."""
        status, output = await self.run_router("--registrar-dry-run")
        port = await self.containers.port(self.container, 80)
        self.assertEqual(0, status, output)
        short_id = self.container[:12]
        lines = output.splitlines()
        first = lines.index(f"register    {self.service_id}")
        self.assertEqual(
            [
                "  why       it is not registered",
                f"  service   shop at 127.0.0.1:{port}, container {short_id}",
                "  tags      urlprefix-/shop",
            ],
            lines[first + 1 : first + 4],
        )
        self.assertEqual("nothing was written", lines[-1])
        self.assertIn("SERVICE_API_KEY is not published", output)
        self.assertNotIn("s3cret", output)
        self.assertIsNone(await self.service())

    async def test_it_does_not_go_into_the_background(self) -> None:
        """Without ``-n`` neither: who has asked wants to see the answer."""
        flags = ("-c", self.config(), "--registrar-dry-run")
        pid_file = Path(self.mktemp()).absolute()
        options = ("--pidfile", pid_file)
        program = Program.started(self, *TWISTD, *options, "router", *flags)
        self.assertEqual(0, await program.ended(60), program.output)
        self.assertIn(f"register    {self.service_id}\n", program.output)
        self.assertFalse(pid_file.exists())

    async def test_once(self) -> None:
        """What runs is registered, what does not is deregistered, and that is all."""
        status, output = await self.run_router("--once")
        self.assertEqual(0, status, output)
        self.assertIn(f"registrar: registered {self.service_id}: shop at", output)
        self.assertTrue(await self.service())
        status, output = await self.run_router("--once")
        self.assertEqual(0, status, output)
        self.assertNotIn(self.service_id, output)
        await docker("rm", "--force", self.container)
        status, output = await self.run_router("--once")
        self.assertEqual(0, status, output)
        self.assertIn(f"registrar: deregistered {self.service_id}\n", output)
        self.assertIsNone(await self.service())

    async def test_who_does_not_answer(self) -> None:
        """It is named, on one line."""
        engine = {"endpoint": "unix:///nonexistent.sock"}
        agent = {"address": "127.0.0.1:1"}
        for flag, sections, where in (
            ("--registrar-dry-run", {"docker": engine}, "/nonexistent.sock"),
            ("--once", {"consul": agent}, "127.0.0.1:1"),
        ):
            status, output = await self.run_router(flag, **sections)
            self.assertEqual(1, status, output)
            self.assertRegex(output, r"\Atwisted_router: GET [^\n]+\n\Z")
            self.assertIn(where, output)


class ProcessTests(RegistrarAloneTestCase):
    """``proxy: false``: the registrar and the status site, and no proxy."""

    async def start(self) -> None:
        """Start one, and wait for its status site."""
        self.program = twistd(self, "-c", self.config())

        def listens() -> Any:
            return re.search(r"status: (http://[^/]+)/\n", self.program.output)

        self.url = (await wait_for(running_reactor(), listens, 30))[1]

    async def get(self, path: str) -> Answer:
        """GET a page of the status site."""
        return await request("GET", self.url + path)

    async def health(self) -> tuple[int, str]:
        """Status and first line of ``/health``."""
        answer = await self.get("/health")
        return answer.code, answer.body.decode().splitlines()[0]

    async def test_it_is_healthy_from_its_first_look_on(self) -> None:
        """Whoever is away later: what is registered stays."""
        await self.consul.stop()
        await self.start()

        async def consul_fails() -> bool:
            code, line = await self.health()
            self.assertEqual(503, code)
            return line == "registrar: nothing compared yet: Consul fails"

        async def is_healthy() -> bool:
            return (await self.health())[0] == 200

        await wait_for(running_reactor(), consul_fails, 15)
        await self.consul.start()
        await wait_for(running_reactor(), is_healthy, 30)
        self.assertTrue(await self.service())

        varz = (await self.get("/varz")).json()
        self.assertEqual(0, varz["proxy_port"])
        self.assertTrue(varz["registrar"]["docker_connected"])
        metrics = (await self.get("/metrics")).body.decode()
        self.assertIn("\ntwisted_router_registrar_consul_connected 1.0\n", metrics)
        self.assertNotIn("proxy: port", self.program.output)

        await self.consul.stop()
        # An event makes it look, and so notice.
        await docker("pause", self.container)

        async def says_so() -> bool:
            answer = await self.get("/health")
            self.assertEqual(200, answer.code)
            return b"registrar: Consul fails" in answer.body

        await wait_for(running_reactor(), says_so, 15)
        self.program.signal("TERM")
        self.assertEqual(0, await self.program.ended(), self.program.output)
        self.assertNotIn("Traceback", self.program.output)
