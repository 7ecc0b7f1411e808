"""A registrar between a real Docker engine and a real Consul agent, for tests."""

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
    require_docker,
    running_reactor,
    wait_for,
)
from twisted_router.clients.consul import ConsulClient
from twisted_router.clients.docker import DockerClient
from twisted_router.config.schema import ConsulConfig, DockerConfig, Seconds
from twisted_router.registrar.service import RegistrarService
from twisted_router.retry import backoff_policy

INTERVAL_S = 2.0


class RecordingClient(ConsulClient):
    """Remembers the IDs that were written, in all its lives.

    Others run containers on the same engine meanwhile, so the registrar's own count
    tells nothing.

    :ivar written: ``register ID`` and the like.
    :ivar switched_s: when the agent had taken each change of maintenance mode, on the
        wall clock.
    """

    written: list[str]
    switched_s: list[float]

    def register(
        self, payload: Mapping[str, Any], keep_checks: bool = False
    ) -> Deferred[None]:
        """Register, and remember it."""
        self.written.append(f"register {payload['ID']}")
        return super().register(payload, keep_checks)

    def deregister(self, service_id: str) -> Deferred[None]:
        """Deregister, and remember it."""
        self.written.append(f"deregister {service_id}")
        return super().deregister(service_id)

    def maintenance(
        self, service_id: str, enable: bool, reason: str = ""
    ) -> Deferred[None]:
        """Switch, and remember it."""
        self.written.append(f"{'maintain' if enable else 'resume'} {service_id}")

        def taken(_: None) -> None:
            self.switched_s.append(running_reactor().seconds())

        return super().maintenance(service_id, enable, reason).addCallback(taken)


class RegistrarTestCase(TestCase):
    """Base: a registrar at work, and one container of the test's own.

    :cvar rules: what its operator wants.
    """

    timeout = 120
    rules = DockerConfig(reconcile_interval=Seconds(INTERVAL_S))

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        """An empty Consul, and a registrar at work."""
        require_docker(self)
        self.reactor = running_reactor()
        self.name = f"registrar-{uuid.uuid4().hex[:8]}"
        self.service_id = f"test:{self.name}:80"
        self.written: list[str] = []
        self.switched_s: list[float] = []
        self.consul = await ConsulAgent.started(self)
        self.containers = Containers(self)
        self.start()

    def start(self) -> None:
        """Start a registrar, as a new process would have it."""
        client = RecordingClient(
            self.reactor, ConsulConfig(address=(self.consul.address,))
        )
        client.written, client.switched_s = self.written, self.switched_s
        rng = random.Random()
        registrar = self.registrar = RegistrarService(
            DockerClient(self.reactor, DockerConfig(), os.environ),
            client,
            self.rules,
            self.reactor,
            backoff_policy(rng, maximum_s=1.0),
            rng,
            lambda: None,
        )

        async def stop() -> None:
            if registrar.running:
                await registrar.stopService()
            await deferLater(self.reactor, 0)
            await client.close()

        self.addCleanup(stop)
        registrar.startService()

    async def run_web(self, *options: str, **facts: Any) -> str:
        """Start a container that serves on a published port.

        Its program is process 1 there, and so ignores all signals but KILL.
        """
        return await self.containers.run(
            "httpd",
            "-f",
            "-h",
            "/www",
            publish=["80"],
            options=["--name", self.name, *options],
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
