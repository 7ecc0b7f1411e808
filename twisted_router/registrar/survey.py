"""Looks at both sides: the containers of an engine, and the services of an agent."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from ..config.schema import DockerConfig
from ..interfaces import IConsulClient, IDockerClient
from .comparison import Comparison, compare
from .desired import merge
from .draining import Draining
from .ending import failed_containers
from .identity import find_host
from .inventory import Inventory
from .maintenance import Maintenance, read_maintenance, told_to_stop
from .meta import CONTAINER
from .owner import Owner, meta_of
from .plan import Actual
from .reach import Host
from .registration import SHORT_ID


class Survey:
    """What is known of this host's containers, and how it compares with the agent.

    It only reads.

    :ivar inventory: the running containers.
    :ivar draining: those that are being stopped.
    """

    def __init__(
        self,
        docker: IDockerClient,
        consul: IConsulClient,
        config: DockerConfig,
        clock: IReactorTime,
    ) -> None:
        self._docker = docker
        self._consul = consul
        self._config = config
        self._clock = clock
        self.inventory = Inventory(docker, config, clock)
        self.draining = Draining(config.stop_timeout)
        self._host: Host | None = None
        self._has_compared = False
        # Short ids of the containers that have run while we looked, as far as the
        # agent still has services of theirs.
        self._met: set[str] = set()

    def forget_host(self) -> None:
        """Ask anew who this host is: agent or engine may have been replaced."""
        self._host = None

    async def refresh(self) -> None:
        """Ask the engine what runs now.

        :raises DockerError: it did not answer.
        """
        for container_id in self.draining:
            # Whether it has started since, only inspecting it can tell.
            self.inventory.mark_dirty(container_id)
        await self.inventory.refresh()

    async def compare(self) -> Comparison:
        """Ask the agent what it holds, and compare.

        :raises CatalogError: it did not answer.
        :raises DockerError: the engine did not.
        """
        if self._host is None:
            self._host = await find_host(self._docker, self._consul, self._config)
        host = self._host
        services = await self._consul.agent_services()
        checks = await self._consul.agent_checks()
        maintenance = read_maintenance(checks)
        statuses = {key: str(check.get("Status")) for key, check in checks.items()}
        draining = self._drain(services, maintenance)
        kept = await self._kept(services, host.owner)
        desired = merge(self.inventory.describe(host), draining)
        odd = self.inventory.odd()
        self._has_compared = True
        return compare(desired, services, maintenance, host.owner, odd, kept, statuses)

    def _drain(self, services: Actual, maintenance: Maintenance) -> dict[str, str]:
        """Why services are to be in maintenance mode, by their container's id."""
        running, now_s = self.inventory.running(), self._clock.seconds()
        if not self._has_compared:
            told = told_to_stop(services, maintenance)
            self.draining.adopt(running, told, now_s)
        reasons = self.draining.reasons(running, now_s)
        return reasons if self._config.drain else {}

    async def _kept(self, services: Actual, owner: Owner) -> frozenset[str]:
        """Containers that do not run any more, and whose services stay all the same."""
        running = {key[:SHORT_ID] for key in self.inventory.running()}
        registered = {
            meta_of(service).get(CONTAINER, "")
            for service in services.values()
            if owner.owns(service)
        }
        self._met = (self._met & registered) | running
        ended = registered - running
        kept = frozenset[str]()
        if not self._config.cleanup:
            kept = frozenset(ended - self._met)
        if self._config.deregister == "on-success":
            kept |= await failed_containers(self._docker, ended - kept - {""})
        return kept
