"""Tells the agent again and again that what is registered is still there."""

from __future__ import annotations

from collections.abc import Collection

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import CatalogError, IConsulClient
from .concurrency import for_each
from .reports import PASSING
from .writer import WRITERS

_OUTPUT = "the registrar sees the container run"


class Heartbeat:
    """Keeps checks passing that would fail without it.

    Each round has all of them, a few at a time; none begins before the last one has
    ended. A check that the agent does not know is the next look's matter.

    :ivar beats: reports that the agent took, ever.
    """

    _log = Logger()

    def __init__(
        self, consul: IConsulClient, clock: IReactorTime, interval_s: float
    ) -> None:
        self._consul = consul
        self._clock = clock
        self._interval_s = interval_s
        self._check_ids: Collection[str] = ()
        self._call: IDelayedCall | None = None
        self._round: Deferred[None] | None = None
        self.beats = 0

    def keep(self, check_ids: Collection[str]) -> None:
        """Keep these passing from now on, and no others."""
        self._check_ids = check_ids
        if check_ids and self._call is None and self._round is None:
            self._call = self._clock.callLater(self._interval_s, self._begin)

    def stop(self) -> None:
        """Say no more."""
        self._check_ids = ()
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._round is not None:
            self._round.cancel()

    def _begin(self) -> None:
        self._call = None
        began_s = self._clock.seconds()
        self._round = Deferred.fromCoroutine(
            for_each(self._check_ids, self._beat, WRITERS)
        )
        self._round.addBoth(self._ended, began_s)

    def _ended(self, result: object, began_s: float) -> None:
        self._round = None
        if isinstance(result, Failure) and not result.check(
            CatalogError, CancelledError
        ):
            self._log.failure("registrar: a bug", result)
        if self._check_ids:
            took_s = self._clock.seconds() - began_s
            delay_s = max(0.0, self._interval_s - took_s)
            self._call = self._clock.callLater(delay_s, self._begin)

    async def _beat(self, check_id: str) -> None:
        try:
            await self._consul.report(check_id, PASSING, _OUTPUT)
        except CatalogError as error:
            # Without a status nobody answers: the others need not be tried.
            if not error.status:
                raise
        else:
            self.beats += 1
