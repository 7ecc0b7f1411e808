"""HEALTHCHECK and TTL, with a real Docker engine and a real Consul agent."""

from __future__ import annotations

from typing import Any

from tests.integration.registrar import RegistrarTestCase
from tests.services import docker, wait_for
from twisted_router.config.schema import DockerConfig, Seconds


class RegistrarHealthTests(RegistrarTestCase):
    """Checks whose status the registrar reports."""

    rules = DockerConfig(reconcile_interval=Seconds(2.0), ttl=Seconds(3.0))

    async def statuses(self) -> dict[str, str]:
        """Of our service's checks, by the last word of their ids."""
        checks: dict[str, Any] = await self.consul.get("/v1/agent/checks")
        return {
            check_id.rpartition(":")[2]: check["Status"]
            for check_id, check in checks.items()
            if check["ServiceID"] == self.service_id
        }

    async def until_statuses(self, **expected: str) -> None:
        """Wait until the checks have these."""

        async def look() -> bool:
            return await self.statuses() == expected

        await wait_for(self.reactor, look, 20, what=repr(expected))

    async def test_a_container_gets_well_and_falls_ill(self) -> None:
        """Its check follows, whichever way it goes; the registrar's own stays."""
        container = await self.run_web(
            "--health-cmd=test -e /tmp/well",
            "--health-interval=500ms",
            "--health-retries=1",
        )
        await self.until_statuses(health="critical", alive="passing")
        await docker("exec", container, "touch", "/tmp/well")
        await self.until_statuses(health="passing", alive="passing")
        await docker("exec", container, "rm", "/tmp/well")
        await self.until_statuses(health="critical", alive="passing")

    async def test_a_registrar_that_falls_silent(self) -> None:
        """Its services fail after their ttl, and pass when it is back."""
        await self.run_web()
        await self.until_statuses(alive="passing")
        await self.registrar.stopService()
        await self.until_statuses(alive="critical")
        self.start()
        await self.until_statuses(alive="passing")
