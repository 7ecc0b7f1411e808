"""The registrar's work, done once: to see what it would do, or to have it done."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..config.schema import DockerConfig
from ..interfaces import IConsulClient, IDockerClient
from .comparison import Comparison
from .description import describe_plan
from .registration import SHORT_ID
from .remarks import Remarks
from .survey import Survey
from .writer import Writer


class OneLook:
    """One look at both sides, by the rules of the service that goes on looking.

    That one may be at work meanwhile: neither minds the other.

    :param clock: tells the time.
    """

    _log = Logger()

    def __init__(
        self,
        docker: IDockerClient,
        consul: IConsulClient,
        config: DockerConfig,
        clock: IReactorTime,
    ) -> None:
        self._docker = docker
        self._config = config
        self._survey = Survey(docker, consul, config, clock)
        self._writer = Writer(consul)

    async def plan(self) -> list[str]:
        """Say what would be written, and why; write nothing.

        :returns: lines; see :func:`.describe_plan`.
        :raises DockerError: the engine does not answer.
        :raises CatalogError: the agent does not, or knows no address of this host.
        """
        comparison = await self._compare()
        running = {key[:SHORT_ID] for key in self._survey.inventory.running()}
        return [*describe_plan(comparison, running), "nothing was written"]

    async def reconcile(self) -> bool:
        """Write what differs; the log has a line for each write.

        :returns: whether the agent took all of it.
        :raises DockerError: the engine does not answer.
        :raises CatalogError: the agent does not, or not any more.
        """
        comparison = await self._compare()
        Remarks().say(comparison.remarks)
        if self._config.ttl and comparison.services:
            self._log.warn(
                "registrar: services fail in {seconds:g} s, by docker.ttl, unless a "
                "registrar that goes on running says that they are there",
                seconds=self._config.ttl,
            )
        await self._writer.apply(comparison.steps)
        self._log.info(
            "registrar: {services} services of {containers} containers, "
            "{writes} writes, {failed} failed",
            services=len(comparison.services),
            containers=len(self._survey.inventory),
            writes=self._writer.writes,
            failed=self._writer.failed_writes,
        )
        return not self._writer.failed_writes

    async def _compare(self) -> Comparison:
        await self._docker.ping()
        await self._survey.refresh()
        return await self._survey.compare()
