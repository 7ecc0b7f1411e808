"""Carries a plan out: a few containers at a time, each one's steps in their order."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from ..interfaces import CatalogError, IConsulClient
from .concurrency import for_each
from .plan import Register, Step

#: Containers that are written for at a time.
WRITERS = 8


class Writer:
    """The only one who writes to the agent.

    :ivar writes: writes that the agent took, ever.
    :ivar failed_writes: writes that it did not take, ever.
    :ivar failing: services whose last write it refused, by ID, and why.
    """

    _log = Logger()

    def __init__(self, consul: IConsulClient) -> None:
        self._consul = consul
        self.writes = 0
        self.failed_writes = 0
        self.failing: dict[str, str] = {}

    async def apply(self, steps: Sequence[Step]) -> None:
        """Carry out a plan, as far as the agent takes it.

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
        await for_each(groups.values(), self._apply_in_order, WRITERS)

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
            self.failing.pop(step.service_id, None)

    async def _write(self, step: Step) -> None:
        if isinstance(step, Register):
            await self._consul.register(step.registration.payload())
            self._log.info(
                "registrar: registered {id}: {name} at {address}:{port}",
                id=step.service_id,
                name=step.registration.name,
                address=step.registration.address,
                port=step.registration.port,
            )
        else:
            await self._consul.deregister(step.service_id)
            self._log.info("registrar: deregistered {id}", id=step.service_id)

    def _refused(self, step: Step, reason: str) -> None:
        if self.failing.get(step.service_id) != reason:
            self._log.warn(
                "registrar: Consul does not take {id}: {reason}",
                id=step.service_id,
                reason=reason,
            )
        self.failing[step.service_id] = reason
