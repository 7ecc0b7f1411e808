"""Reads everything anew, now and then, to see whether anything was missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import CatalogError, IConsulClient, IFactsConsumer
from ..model import Instance
from .alarms import Alarms
from .rebuilding import Rebuilding

#: Seconds after which a service that was found to differ is read once more. A change
#: that was under way has arrived by then.
SETTLE_S = 5.0

#: Seconds between one read and the next, at most. The reads of thousands of services
#: are spread over a quarter of the interval.
_MAX_PAUSE_S = 0.1
_SPREAD = 0.25

_NAMED_MAX = 50

# What every catalog has, and nobody routes to.
_CONSUL_ITSELF = "consul"


class Reconcile:
    """Compares the table with the facts, and the facts with Consul, every so often.

    What differs is a fault of this program's: it is reported, counted and mended.

    :param facts: what the source has told, by service.
    :param idle: whether there is nothing to compare with now, as Consul is away.
    :param consumer: of the source; is told what is right.
    :param reread: tells the source to believe nothing that it has read.
    :param interval_s: 0 never compares.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        client: IConsulClient,
        table: Rebuilding,
        facts: Callable[[], Mapping[str, tuple[Instance, ...]]],
        idle: Callable[[], bool],
        consumer: IFactsConsumer,
        source: str,
        reread: Callable[[], None],
        interval_s: float,
        alarms: Alarms,
    ) -> None:
        self._clock = clock
        self._client = client
        self._table = table
        self._facts = facts
        self._idle = idle
        self._consumer = consumer
        self._source = source
        self._reread = reread
        self._interval_s = interval_s
        self._alarms = alarms
        self._timer: IDelayedCall | None = None
        self._running: Deferred[None] | None = None
        #: How often everything was compared, to the end.
        self.runs = 0

    def start(self) -> None:
        """Compare after an interval, and again after each."""
        if self._interval_s:
            self._timer = self._clock.callLater(self._interval_s, self._begin)

    def stop(self) -> None:
        """Compare no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    def _begin(self) -> None:
        self._timer = None
        self._running = running = Deferred.fromCoroutine(self._run())

        def over(result: Failure | None) -> None:
            if isinstance(result, Failure) and not result.check(CancelledError):
                if result.check(CatalogError):
                    self._log.info(
                        "not reconciled with Consul: {reason}", reason=result.value
                    )
                else:
                    self._log.failure("reconciling with Consul", result)
            if self._running is running:  # not stopped
                self._running = None
                self.start()

        running.addBoth(over)

    async def _run(self) -> None:
        await self._table.check()
        if self._idle():
            return
        answer = await self._client.services()
        names = sorted({*answer.data, *self._facts()} - {_CONSUL_ITSELF})
        pause_s = min(_MAX_PAUSE_S, self._interval_s * _SPREAD / max(1, len(names)))
        suspects = []
        for name in names:
            if await self._differing(name) is not None:
                suspects.append(name)
            await deferLater(self._clock, pause_s)
        if suspects:
            await deferLater(self._clock, SETTLE_S)
            found = {name: await self._differing(name) for name in suspects}
            self._mend({name: data for name, data in found.items() if data is not None})
        self.runs += 1

    async def _differing(self, name: str) -> tuple[Instance, ...] | None:
        """What Consul says of a service if we know something else, and no news came."""
        before = self._facts().get(name, ())
        answer = await self._client.health(name)
        known = self._facts().get(name, ())
        data: tuple[Instance, ...] = tuple(answer.data)
        return data if known is before and data != known else None

    def _mend(self, wrong: Mapping[str, tuple[Instance, ...]]) -> None:
        if not wrong:
            return
        names = sorted(wrong)
        self._alarms.warn(
            "reconcile",
            f"the facts of {len(names)} services were not Consul's: "
            f"{', '.join(names[:_NAMED_MAX])}; all is read again",
            {"services": names[:_NAMED_MAX]},
        )
        self._consumer.apply(self._source, wrong)
        self._reread()
