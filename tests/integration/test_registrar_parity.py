"""What registrator's users have, on a real Docker engine and a real Consul agent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.integration.registrar import RegistrarTestCase
from tests.services import docker
from twisted_router.registrar.meta import OWNER


class AdoptionTests(RegistrarTestCase):
    """``adopt``, on the day of the change."""

    rules = replace(RegistrarTestCase.rules, adopt=True)

    def start(self) -> None:
        """Not before registrator has been there."""

    async def left(self, service_id: str, port: int) -> None:
        """What registrator has registered, with a check that Consul found passing."""
        payload = {
            "ID": service_id,
            "Name": "shop",
            "Address": "127.0.0.1",
            "Port": port,
            "Meta": {"check_tcp": "1"},
            "Check": {
                "TCP": f"127.0.0.1:{port}",
                "Interval": "1000h",
                "Status": "passing",
            },
        }
        await self.consul.put("/v1/agent/service/register", payload)

    async def test_what_registrator_has_left(self) -> None:
        """It is replaced in place, its check still passing, or goes for ours."""
        environ = {"SERVICE_NAME": "shop", "SERVICE_CHECK_TCP": "1"}
        container = await self.run_web(
            environ={**environ, "SERVICE_CHECK_INTERVAL": "1000h"}
        )
        port = await self.containers.port(container, 80)
        other_id = f"3f2a9c:{self.name}:80"
        await self.left(self.service_id, port)
        await self.left(other_id, port)
        await self.left("by-hand", port)
        super().start()
        await self.until(lambda found: OWNER in (found["Meta"] or {}))
        await self.looks(1)
        self.assertEqual(
            [f"register {self.service_id}", f"deregister {other_id}"],
            self.own_writes(),
        )
        services = await self.consul.get("/v1/agent/services")
        self.assertIn("by-hand", services)
        checks: dict[str, Any] = await self.consul.get("/v1/agent/checks")
        check = checks[f"service:{self.service_id}"]
        self.assertEqual("passing", check["Status"])


class JoinedTests(RegistrarTestCase):
    """``--network container:NAME``."""

    async def test_a_container_in_the_network_of_another(self) -> None:
        """It is reached by what that one publishes."""
        pod = await self.run_web()
        image = f"{self.name}:exposes"
        await docker("commit", "--change", "EXPOSE 80", pod, image)
        self.addCleanup(docker, "image", "rm", "--force", image)
        member = f"{self.name}-app"
        options = ["--name", member, "--network", f"container:{pod}"]
        await self.containers.run("sleep", "60", image=image, options=options)
        self.service_id = f"test:{member}:80"
        service = await self.until(bool)
        port = await self.containers.port(pod, 80)
        self.assertEqual(("127.0.0.1", port), (service["Address"], service["Port"]))
        await docker("rm", "--force", member)
        await self.until(lambda found: found is None)
