"""A registrar that is killed, and everything around it that is."""

from __future__ import annotations

import os
import shutil
import sys

from twisted.trial.unittest import SkipTest, TestCase

from tests.integration.program import Program
from tests.integration.router import twistd
from tests.integration.test_registrar_alone import RegistrarAloneTestCase
from tests.services import (
    docker,
    require_consul,
    require_docker,
    running_reactor,
    wait_for,
)


class KilledRegistrarTests(RegistrarAloneTestCase):
    """What it has registered is known again by the next one."""

    async def until_port(self, port: int | None) -> None:
        """Wait until our service has this port; ``None``: until there is none."""

        async def found() -> bool:
            return ((await self.service() or {}).get("Port")) == port

        await wait_for(running_reactor(), found, 30, what=f"port {port}")

    async def test_what_goes_meanwhile_goes(self) -> None:
        """And what moves meanwhile is found where it is."""
        foreign = {"ID": f"{self.name}-db", "Name": "db", "Port": 5432}
        await self.consul.put("/v1/agent/service/register", foreign)
        first = twistd(self, "-c", self.config())
        await self.until_port(await self.containers.port(self.container, 80))
        await first.kill()
        await docker("restart", "--time=1", self.container)
        second = twistd(self, "-c", self.config())
        await self.until_port(await self.containers.port(self.container, 80))
        await second.kill()
        await self.containers.remove(self.container)
        twistd(self, "-c", self.config())
        await self.until_port(None)
        services = await self.consul.get("/v1/agent/services")
        self.assertIn(f"{self.name}-db", services)


class StressTests(TestCase):
    """Containers come and go while registrar, engine and agent are killed."""

    timeout = 240

    async def test_in_the_end_consul_has_what_docker_runs(self) -> None:
        """On an engine of the rig's own: others need theirs."""
        require_docker(self)
        require_consul(self)
        if os.geteuid() != 0 or not shutil.which("containerd"):
            raise SkipTest("only root can start an engine of his own")
        rig = Program.started(
            self,
            *(sys.executable, "-m", "benchmarks.registrar", "stress"),
            *("--cycles", "16", "--calm", "1.5"),
        )

        async def interrupt() -> None:
            # Killed, it would leave its engine behind.
            rig.signal("TERM")
            await rig.ended(60)

        self.addCleanup(interrupt)
        status = await rig.ended(200)
        self.assertEqual(0, status, rig.output)
        for kind in ("registrar", "dockerd", "Consul"):
            self.assertRegex(rig.output, f"(kill|restart|losse)s of (the )?{kind}")
