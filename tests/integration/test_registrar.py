"""The registrar between a real Docker engine and a real Consul agent."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.services import (
    ConsulAgent,
    Containers,
    docker,
    request,
    require_docker,
    running_reactor,
    wait_for,
)
from twisted_router.clients.consul import ConsulClient
from twisted_router.clients.docker import DockerClient
from twisted_router.config.schema import ConsulConfig, DockerConfig, Seconds
from twisted_router.registrar.meta import CONTAINER, OWNER
from twisted_router.registrar.service import RegistrarService
from twisted_router.retry import backoff_policy

INTERVAL_S = 2.0


class RecordingClient(ConsulClient):
    """Remembers the IDs that were written, in all its lives.

    Others run containers on the same engine meanwhile, so the registrar's own count
    tells nothing.
    """

    written: list[str]

    def register(self, payload: Mapping[str, Any]) -> Deferred[None]:
        """Register, and remember it."""
        self.written.append(f"register {payload['ID']}")
        return super().register(payload)

    def deregister(self, service_id: str) -> Deferred[None]:
        """Deregister, and remember it."""
        self.written.append(f"deregister {service_id}")
        return super().deregister(service_id)


class RegistrarTests(TestCase):
    """What runs is in Consul, and nothing else of ours."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        """An empty Consul, and a registrar at work."""
        require_docker(self)
        self.reactor = running_reactor()
        self.name = f"registrar-{uuid.uuid4().hex[:8]}"
        self.service_id = f"test:{self.name}:80"
        self.written: list[str] = []
        self.consul = await ConsulAgent.started(self)
        self.containers = Containers(self)
        self.start()

    def start(self) -> None:
        """Start a registrar, as a new process would have it."""
        client = RecordingClient(
            self.reactor, ConsulConfig(address=self.consul.address)
        )
        client.written = self.written
        rng = random.Random()
        registrar = self.registrar = RegistrarService(
            DockerClient(self.reactor, DockerConfig(), os.environ),
            client,
            DockerConfig(reconcile_interval=Seconds(INTERVAL_S)),
            self.reactor,
            backoff_policy(rng, maximum_s=1.0),
            rng,
        )

        async def stop() -> None:
            if registrar.running:
                await registrar.stopService()
            await deferLater(self.reactor, 0)
            await client.close()

        self.addCleanup(stop)
        registrar.startService()

    async def run_web(self, **facts: Any) -> str:
        """Start a container that serves on a published port."""
        return await self.containers.run(
            "httpd",
            "-f",
            "-h",
            "/www",
            publish=["80"],
            options=["--name", self.name],
            **facts,
        )

    async def service(self) -> dict[str, Any] | None:
        """What Consul has of our container."""
        services = await self.consul.get("/v1/agent/services")
        found: dict[str, Any] | None = services.get(self.service_id)
        return found

    async def until(self, predicate: Callable[[Any], object]) -> dict[str, Any]:
        """Wait until that is true of what Consul has; returns that."""
        found: list[Any] = []

        async def look() -> bool:
            found.append(await self.service())
            return bool(predicate(found[-1]))

        await wait_for(self.reactor, look, 15, what=self.service_id)
        return dict(found[-1] or {})

    def own_writes(self) -> list[str]:
        """Writes for our container."""
        return [write for write in self.written if self.name in write]

    async def looks(self, count: int) -> None:
        """Wait until the registrar has looked that many times."""
        await deferLater(self.reactor, count * 1.1 * INTERVAL_S)

    async def test_a_container_appears_and_goes(self) -> None:
        """With its name, tags and attributes, where it can be reached."""
        container = await self.run_web(
            environ={"SERVICE_NAME": "shop", "SERVICE_URIS": "shop.example.com"},
            labels={"SERVICE_TAGS": "urlprefix-/b,a"},
        )
        service = await self.until(bool)
        port = await self.containers.port(container, 80)
        self.assertEqual(
            ("shop", "127.0.0.1", port, ["urlprefix-/b", "a"]),
            (
                service["Service"],
                service["Address"],
                service["Port"],
                service["Tags"],
            ),
        )
        self.assertEqual(
            {OWNER: "test", CONTAINER: container[:12], "uris": "shop.example.com"},
            service["Meta"],
        )
        answer = await request("GET", f"http://127.0.0.1:{port}/")
        self.assertEqual(404, answer.code)
        await docker("stop", "--time=1", container)
        await self.until(lambda found: found is None)
        self.assertEqual(
            [f"register {self.service_id}", f"deregister {self.service_id}"],
            self.own_writes(),
        )

    async def test_a_second_run_writes_nothing(self) -> None:
        """Nor does any later look."""
        await self.run_web()
        await self.until(bool)
        await self.registrar.stopService()
        self.assertTrue(await self.service())
        self.written.clear()
        self.start()
        await wait_for(self.reactor, lambda: self.registrar.state()["ready"])
        await self.looks(2)
        self.assertEqual([], self.own_writes())

    async def test_a_container_that_died_meanwhile(self) -> None:
        """The next run takes its service away, and nobody else's."""
        foreign = {"ID": f"{self.name}-db", "Name": "db", "Port": 5432}
        await self.consul.put("/v1/agent/service/register", foreign)
        container = await self.run_web()
        await self.until(bool)
        await self.registrar.stopService()
        await self.containers.remove(container)
        self.start()
        await self.until(lambda found: found is None)
        services = await self.consul.get("/v1/agent/services")
        self.assertIn(f"{self.name}-db", services)

    async def test_a_restarted_container(self) -> None:
        """Its service moves to the new port."""
        container = await self.run_web()
        await self.until(bool)
        await docker("restart", "--time=0", container)
        port = await self.containers.port(container, 80)
        await self.until(lambda found: found and found["Port"] == port)

    async def test_a_renamed_container(self) -> None:
        """Its service goes by the new name, then no longer by the old one."""
        container = await self.run_web()
        await self.until(bool)
        await docker("rename", container, f"{self.name}-2")
        old, self.service_id = self.service_id, f"test:{self.name}-2:80"
        await self.until(bool)
        self.service_id = old
        await self.until(lambda found: found is None)

    async def test_a_check_passes(self) -> None:
        """It asks where the service listens; the check is the agent's from then on."""
        await self.run_web(
            labels={"SERVICE_CHECK_TCP": "yes", "SERVICE_CHECK_INTERVAL": "1s"}
        )
        await self.until(bool)

        async def passing() -> bool:
            checks = await self.consul.get("/v1/agent/checks")
            own = [
                each for each in checks.values() if each["ServiceID"] == self.service_id
            ]
            return [each["Status"] for each in own] == ["passing"]

        await wait_for(self.reactor, passing, 15)

    async def test_consul_restarts_without_its_data(self) -> None:
        """All is registered again."""
        await self.run_web()
        await self.until(bool)
        await self.consul.restart()
        await self.until(bool)
        self.assertEqual(2, len(self.own_writes()))

    async def test_consul_is_away_while_containers_start(self) -> None:
        """They are registered when it is back."""
        await self.consul.stop()
        await self.run_web()
        await wait_for(self.reactor, lambda: self.registrar.state()["error"])
        await self.consul.start()
        await self.until(bool)
        self.assertEqual("", self.registrar.state()["error"])
