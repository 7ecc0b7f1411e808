"""Carries plans out, and what cannot wait for one."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from ..interfaces import CatalogError, IConsulClient
from .concurrency import for_each
from .plan import Deregister, Maintain, Register, Resume, Step, Tell

#: Containers that are written for at a time.
WRITERS = 8


class Writer:
    """The only one who writes to the agent.

    :ivar writes: writes that the agent took, ever.
    :ivar failed_writes: writes that it did not take, ever.
    :ivar pending: writes of the plan that is carried out now, and still to come.
    :ivar failing: services whose last write it refused, by ID, and why.
    """

    _log = Logger()

    def __init__(self, consul: IConsulClient) -> None:
        self._consul = consul
        self.writes = 0
        self.failed_writes = 0
        self.pending = 0
        self.failing: dict[str, str] = {}

    async def apply(self, steps: Sequence[Step]) -> None:
        """Carry out a plan, as far as the agent takes it.

        It is done for a few containers at a time, each one's steps in their order.

        What it refuses is in :attr:`failing` afterwards; other containers' steps are
        carried out all the same.

        :raises CatalogError: the agent does not answer; the rest was left undone.
        """
        groups: dict[str, list[Step]] = {}
        for step in steps:
            groups.setdefault(step.container, []).append(step)
        wanted = {step.service_id for step in steps}
        for service_id in self.failing.keys() - wanted:
            del self.failing[service_id]
        self.pending = len(steps)
        try:
            await for_each(groups.values(), self._apply_in_order, WRITERS)
        finally:
            self.pending = 0

    async def attempt(self, step: Step) -> None:
        """Write a step that is in no plan. If that fails, the next plan has it."""
        try:
            await self._write(step)
        except CatalogError as error:
            # 404: nothing is there that would have to be switched.
            if error.status != 404:
                self.failed_writes += 1
                self._log.debug("registrar: too early: {error}", error=error)
        else:
            self.writes += 1

    async def _apply_in_order(self, steps: Sequence[Step]) -> None:
        for step in steps:
            try:
                await self._write(step)
            except CatalogError as error:
                self.failed_writes += 1
                if not error.status:
                    raise
                self._refused(step, str(error))
                # The next step may rely on this one: an old ID is not given up for a
                # new one that is not there.
                return
            self.writes += 1
            self.pending -= 1
            self.failing.pop(step.service_id, None)

    async def _write(self, step: Step) -> None:
        match step:
            case Register(registration, keep_checks):
                await self._consul.register(registration.payload(), keep_checks)
                self._log.info(
                    "registrar: registered {id}: {name} at {address}:{port}",
                    id=step.service_id,
                    name=registration.name,
                    address=registration.address,
                    port=registration.port,
                )
            case Deregister(service_id):
                await self._consul.deregister(service_id)
                self._log.info("registrar: deregistered {id}", id=service_id)
            case Maintain(service_id, _, reason):
                await self._consul.maintenance(service_id, True, reason)
                self._log.info(
                    "registrar: {id} gets no more requests: {reason}",
                    id=service_id,
                    reason=reason,
                )
            case Tell(service_id, _, report):
                await self._consul.report(report.check_id, report.status, report.output)
                self._log.info(
                    "registrar: {id} is {status}: {reason}",
                    id=service_id,
                    status=report.status,
                    reason=report.output,
                )
            case Resume(service_id):
                await self._consul.maintenance(service_id, False)
                self._log.info("registrar: {id} gets requests again", id=service_id)

    def _refused(self, step: Step, reason: str) -> None:
        if self.failing.get(step.service_id) != reason:
            self._log.warn(
                "registrar: Consul does not take {id}: {reason}",
                id=step.service_id,
                reason=reason,
            )
        self.failing[step.service_id] = reason
