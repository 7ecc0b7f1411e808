"""Builds the routing table a second time, to see whether the first one is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from ..interfaces import IFactsConsumer
from ..model import Instance
from .alarms import Alarms

#: How long the copy is built before requests have their turn, in seconds, and how
#: many services at a time.
_SLICE_S = 0.003
_BATCH = 10


@dataclass(frozen=True, slots=True)
class Blueprint:
    """How a second table is made and compared with the one in use.

    :ivar blank: gives a table that has no facts of this source; it is told them as
        :meth:`IFactsConsumer.apply` is.
    :ivar difference: takes that table, and says in a few words how the one in use
        differs from it; ``""`` if it does not.
    :ivar repair: lets the one in use be made anew. Blocks.
    """

    blank: Callable[[], Any]
    difference: Callable[[Any], str]
    repair: Callable[[], object]


@implementer(IFactsConsumer)
class Rebuilding:
    """Passes facts on to the tables, and remembers them all for a second table."""

    def __init__(
        self,
        clock: IReactorTime,
        tables: IFactsConsumer,
        blueprint: Blueprint,
        source: str,
        alarms: Alarms,
    ) -> None:
        self._clock = clock
        self._tables = tables
        self._blueprint = blueprint
        self._source = source
        self._alarms = alarms
        self._facts: dict[str, tuple[Instance, ...]] = {}
        self._copy: Any = None
        self._missing: dict[str, None] = {}
        self._timer: IDelayedCall | None = None
        self._checking: Deferred[bool] | None = None

    def apply(self, source: str, changes: Mapping[str, Sequence[Instance]]) -> None:
        """Pass it on, to the copy as well if one is being made."""
        self._tables.apply(source, changes)
        for name, found in changes.items():
            if found:
                self._facts[name] = tuple(found)
            else:
                self._facts.pop(name, None)
        if self._copy is not None:
            for name in changes:
                self._missing.pop(name, None)
            self._copy.apply(source, changes)

    def replace(self, source: str, services: Mapping[str, Sequence[Instance]]) -> None:
        """Pass it on; a copy that is being made begins anew."""
        self._tables.replace(source, services)
        self._facts = {name: tuple(found) for name, found in services.items() if found}
        if self._copy is not None:
            self._begin()

    def check(self) -> Deferred[bool]:
        """Build the table from the facts again, in slices between requests.

        Should it differ from the one in use, that is reported and mended.

        :returns: fires with whether the table was right. Cancel it to stop.
        """
        checking: Deferred[bool] = Deferred(lambda _: self._stop())
        self._checking = checking
        self._begin()
        self._timer = self._clock.callLater(0, self._go_on)
        return checking

    def _begin(self) -> None:
        self._copy = self._blueprint.blank()
        self._missing = dict.fromkeys(self._facts)

    def _stop(self) -> None:
        self._copy = self._checking = None
        self._missing = {}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        self._timer = None
        assert self._copy is not None and self._checking is not None
        end_s = self._clock.seconds() + _SLICE_S
        while self._missing:
            names = list(islice(self._missing, _BATCH))
            for name in names:
                del self._missing[name]
            self._copy.apply(self._source, {name: self._facts[name] for name in names})
            if self._clock.seconds() > end_s:
                self._timer = self._clock.callLater(0, self._go_on)
                return
        checking = self._checking
        difference = self._blueprint.difference(self._copy)
        self._stop()
        if difference:
            self._alarms.warn(
                "reconcile", f"the table was not what its facts make: {difference}"
            )
            self._blueprint.repair()
        checking.callback(not difference)
