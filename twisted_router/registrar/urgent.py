"""Maintenance mode that cannot wait for the next look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.logger import Logger
from twisted.python.failure import Failure

from .plan import Maintain, Register, Step
from .writer import WRITERS, Writer


class UrgentWrites:
    """Begins to write at once, whatever a look is doing; a few at a time.

    Each write is tried once: what fails is in the next plan.
    """

    _log = Logger()

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._turns = DeferredSemaphore(WRITERS)
        self._under_way: dict[Maintain, Deferred[None]] = {}
        self._begun: set[Maintain] = set()
        self._waiter: Deferred[None] | None = None

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    def begin(self, steps: Iterable[Maintain]) -> None:
        """Take these steps, in any order; those that are under way only once."""
        for step in steps:
            if step not in self._under_way:
                self._begun.add(step)
                work = Deferred.fromCoroutine(self._write(step))
                self._under_way[step] = work
                work.addBoth(self._finished, step)

    def without_begun(self, steps: Sequence[Step]) -> list[Step]:
        """Leave out of a plan what was begun since :meth:`settled` was asked last.

        The agent did not have that yet when it was asked. What comes after a
        registration in the plan stays: that may end the mode, or be the first that
        lets it begin.
        """
        registered = {each.service_id for each in steps if isinstance(each, Register)}

        def is_begun(step: Step) -> bool:
            return isinstance(step, Maintain) and step in self._begun

        return [
            each
            for each in steps
            if each.service_id in registered or not is_begun(each)
        ]

    def settled(self) -> Deferred[None]:
        """Fires when nothing is under way; can be cancelled. Only one may wait."""
        self._begun.clear()
        waiter: Deferred[None] = Deferred(lambda _: self._leave())
        if self._under_way:
            self._waiter = waiter
        else:
            waiter.callback(None)
        return waiter

    def cancel(self) -> None:
        """Give up what is under way."""
        # The last first: those that are under way would hand their turn on.
        for work in reversed(tuple(self._under_way.values())):
            work.cancel()

    async def _write(self, step: Maintain) -> None:
        await self._turns.acquire()
        try:
            await self._writer.attempt(step)
        finally:
            self._turns.release()

    def _finished(self, result: Failure | None, step: Maintain) -> None:
        del self._under_way[step]
        if result is not None and not result.check(CancelledError):
            self._log.failure("registrar: a bug", result)
        if not self._under_way and self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            waiter.callback(None)

    def _leave(self) -> None:
        self._waiter = None
