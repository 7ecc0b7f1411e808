"""Keeps the agent's services equal to what runs on this host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ..config.schema import DockerConfig
from ..interfaces import (
    CatalogError,
    DockerError,
    IConsulClient,
    IDockerClient,
    RegistrarState,
)
from ..retry import RetryPolicy
from .events import ContainerEvent, read_event
from .heartbeat import Heartbeat
from .looks import Looks
from .maintenance import PAUSED
from .outage import Outage
from .plan import Maintain
from .registration import SHORT_ID
from .remarks import Remarks
from .survey import Survey
from .urgent import UrgentWrites
from .wakeup import Wakeup
from .writer import Writer

# Note [Events only say when to look]
#
# Docker keeps 256 events, drops them for a slow reader, forgets them at a restart, and
# gives no order between a container's death and its networks'. So no event decides
# anything. Each makes us look soon; what counts is the list of containers, and what
# the agent holds. Whatever is missed is found at the next look, at the latest after
# `reconcile_interval`. A stream is open before the first look: what happens after the
# look is told by an event.
#
# One thing is done at an event: a container that is being stopped is taken out of use
# before anyone looks, since every moment counts. That is no decision either. It is what
# the next look finds done, or else does.

#: Seconds that a look waits for more events: a hundred containers that start together
#: want a few looks, not a hundred.
DEBOUNCE_S = 0.05

#: Seconds that an event stream must last for its end to be no failure.
STEADY_S = 5.0


class RegistrarService(Service):
    """Registers this host's containers with its Consul agent, and deregisters them.

    Neither Docker's absence nor Consul's ends it, and neither takes a service away: it
    keeps what is registered, and tries again until they are back. Only at the start it
    gives up, if ``docker.retry_attempts`` says so.

    Stopping it leaves all services registered: the containers go on without it, and
    the next start finds them by their marks. Then it closes the Docker client, which
    nobody else uses.

    :param clock: for all delays.
    :param policy: how long to wait after failures of Docker, Consul, or one write.
    :param rng: spreads the reconciliations of several hosts.
    :param give_up: end the process.
    """

    name = "registrar"
    _log = Logger()

    def __init__(
        self,
        docker: IDockerClient,
        consul: IConsulClient,
        config: DockerConfig,
        clock: IReactorTime,
        policy: RetryPolicy,
        rng: Random,
        give_up: Callable[[], object],
    ) -> None:
        self._give_up = give_up
        self._docker = docker
        self._consul = consul
        self._config = config
        self._clock = clock
        self._policy = policy
        self._rng = rng
        self._survey = Survey(docker, consul, config, clock)
        self._writer = Writer(consul)
        self._urgent = UrgentWrites(self._writer)
        refresh_s = config.ttl_refresh or config.ttl / 3
        self._heartbeat = Heartbeat(consul, clock, refresh_s)
        self._wakeup = Wakeup(clock)
        kept = "keeping what is registered"
        self._docker_outage = Outage("Docker", kept, clock, policy)
        self._consul_outage = Outage("Consul", kept, clock, policy)
        self._held: Mapping[str, Iterable[str]] = {}
        self._remarks = Remarks()
        self._refused_in_a_row = 0
        self._services = 0
        self._api_version = ""
        self._follows = False
        self._looks = Looks(clock)
        self._work: Deferred[None] | None = None

    def startService(self) -> None:
        """Begin to look."""
        super().startService()
        self._work = Deferred.fromCoroutine(self._run())
        self._work.addErrback(lambda failure: failure.trap(CancelledError))

    def stopService(self) -> Deferred[None]:
        """Stop looking; fires when nothing is under way any more."""
        super().stopService()
        if self._work is not None:
            self._work.cancel()
            self._work = None
        self._urgent.cancel()
        self._heartbeat.stop()
        self._wakeup.cancel()
        return self._docker.close()

    def state(self) -> RegistrarState:
        """How it is doing, for the status site."""
        docker, consul = self._docker_outage.error, self._consul_outage.error
        inventory, looks, writer = self._survey.inventory, self._looks, self._writer
        errors = [docker, consul, *writer.failing.values()]
        ready = looks.done_at_s is not None
        return {
            "ready": ready,
            "error": next((error for error in errors if error), ""),
            "docker_connected": self._follows and not docker,
            "consul_connected": ready and not consul,
            "api_version": self._api_version,
            "last_event_age_s": self._age_s(looks.event_at_s),
            "last_reconcile_age_s": self._age_s(looks.done_at_s),
            "last_reconcile_s": _milliseconds(looks.took_s),
            "drift": looks.drift,
            "containers": len(inventory),
            "odd_containers": len(inventory.odd()),
            "dirty_containers": inventory.dirty,
            "stopping_containers": len(self._survey.draining),
            "services": self._services,
            "refused_attributes": inventory.refused_attributes(),
            "writes": writer.writes,
            "pending_writes": writer.pending + len(self._urgent),
            "failed_writes": writer.failed_writes,
            "failing_services": len(writer.failing),
            "beats": self._heartbeat.beats,
        }

    def _age_s(self, at_s: float | None) -> float | None:
        return _milliseconds(None if at_s is None else self._clock.seconds() - at_s)

    def _failed(self, outage: Outage, error: Exception) -> float:
        """Take note that one is away; gives the seconds to wait before the next try."""
        delay_s = outage.failed(str(error))
        is_start = self._looks.done_at_s is None
        if is_start and 0 <= self._config.retry_attempts < outage.failures:
            self._log.critical(
                "registrar: giving up after {tries} tries, by docker.retry_attempts: "
                "{error}",
                tries=outage.failures,
                error=error,
            )
            self._give_up()
        return delay_s

    # Docker

    async def _run(self) -> None:
        stumbles = 0
        while True:
            began_s = self._clock.seconds()
            try:
                await self._follow()
            except DockerError as error:
                delay_s = self._failed(self._docker_outage, error)
            except CancelledError:
                raise
            except Exception:
                self._log.failure("registrar: a bug, starting again")
                stumbles += 1
                delay_s = self._policy(stumbles)
            else:
                # A stream lives some minutes. One that does not, although Docker
                # answers everything else, is not asked for in a hot loop.
                lived_s = self._clock.seconds() - began_s
                stumbles = stumbles + 1 if lived_s < STEADY_S else 0
                delay_s = self._policy(stumbles) if stumbles else 0.0
            await deferLater(self._clock, delay_s)

    async def _follow(self) -> None:
        """Follow one event stream, and look at each wake-up until it has ended."""
        version = await self._docker.ping()
        if version != self._api_version:
            self._log.info(
                "registrar: following Docker's API {version}", version=version
            )
            self._api_version = version
        self._survey.forget_host()
        stream = self._docker.events(self._on_event)
        stream.ended.addCallback(lambda _: self._wakeup.within(0))
        try:
            await stream.opened
            self._follows = True
            self._looks.announce()
            self._wakeup.within(0)
            while True:
                await self._wakeup.wait()
                if stream.ended.called:
                    return
                await self._look()
        finally:
            self._follows = False
            stream.ended.cancel()

    def _on_event(self, data: Mapping[str, Any]) -> None:
        self._looks.event()
        event = read_event(data)
        if event is not None and self._heed(event):
            self._looks.announce()
            # While Consul is away, looking can change nothing.
            self._wakeup.within(max(DEBOUNCE_S, self._consul_outage.delay_s))

    def _heed(self, event: ContainerEvent) -> bool:
        """Do what an event asks for at once; says whether to look as well."""
        container_id, action = event.container_id, event.action
        if action in ("connect", "disconnect"):
            # What is published may change with it. Before its start, a container is
            # connected as well, and not known yet: `start` will tell.
            return container_id in self._survey.inventory
        if action == "kill":
            is_news = container_id not in self._survey.draining
            container = self._survey.inventory.find(container_id)
            reason = self._survey.draining.signalled(
                event, container, self._clock.seconds()
            )
            if not reason:
                return False
            if is_news:
                self._maintain_now(container_id, reason)
        elif action == "pause":
            self._maintain_now(container_id, PAUSED)
        # Its entry in the list may look the same as before.
        self._survey.inventory.mark_dirty(container_id)
        return True

    def _maintain_now(self, container_id: str, reason: str) -> None:
        container = container_id[:SHORT_ID]
        held = self._held.get(container, ()) if self._config.drain else ()
        self._urgent.begin(Maintain(each, container, reason) for each in held)

    async def _look(self) -> None:
        """Bring the agent up to what runs now."""
        interval_s = self._config.reconcile_interval
        self._wakeup.within(interval_s * (0.9 + 0.2 * self._rng.random()))
        if self._survey.draining.next_end_s() <= self._clock.seconds():
            self._looks.announce()
        self._looks.begin()
        await self._survey.refresh()
        self._docker_outage.succeeded()
        try:
            await self._reconcile()
        except CatalogError as error:
            self._survey.forget_host()
            self._looks.announce()
            self._wakeup.within(self._failed(self._consul_outage, error))
            return
        self._consul_outage.succeeded()
        self._looks.done()
        if self._writer.failing:
            self._looks.announce()
            self._refused_in_a_row += 1
            self._wakeup.within(self._policy(self._refused_in_a_row))
        else:
            self._refused_in_a_row = 0

    # Consul

    async def _reconcile(self) -> None:
        # What is still being written would be planned once more.
        await self._urgent.settled()
        comparison = await self._survey.compare()
        self._looks.compared(len(comparison.steps))
        survivors_in_s = self._survey.draining.next_end_s() - self._clock.seconds()
        self._wakeup.within(min(survivors_in_s, self._config.reconcile_interval))
        self._held = comparison.held
        self._services = len(comparison.services)
        self._remarks.say(comparison.remarks)
        self._heartbeat.keep(comparison.alive if self._config.ttl else ())
        await self._writer.apply(self._urgent.without_begun(comparison.steps))


def _milliseconds(duration_s: float | None) -> float | None:
    """Seconds with no more digits than anybody reads."""
    return None if duration_s is None else round(duration_s, 3)
