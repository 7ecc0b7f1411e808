"""Builds the routing table a second time, to see whether the first one is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from ..interfaces import IFactsConsumer
from ..model import Instance
from .alarms import Alarms

#: How long this works before requests have their turn, in seconds; and of how many
#: services or routes at a time.
_SLICE_S = 0.003
_BATCH = 10

#: Routes that one report names.
_NAMED_MAX = 10


@dataclass(frozen=True, slots=True)
class Blueprint:
    """How a second table is made and compared with the one in use.

    :ivar blank: gives a table without facts, which is told them as
        :meth:`IFactsConsumer.apply` is.
    :ivar beside: facts of other sources, which never change.
    :ivar differences: compares that table with the one in use, as both are at the call:
        gives for each route what is wrong with it in the latter, ``""`` for nothing.
    :ivar repair: lets the one in use be made anew. Blocks.
    """

    blank: Callable[[], Any]
    beside: Mapping[str, Mapping[str, Sequence[Instance]]]
    differences: Callable[[Any], Iterator[str]]
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
        self._work: Iterator[None] = iter(())
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
        self._work = self._check()

    def _stop(self) -> None:
        self._copy = self._checking = None
        self._work = iter(())
        self._missing = {}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        self._timer = None
        end_s = self._clock.seconds() + _SLICE_S
        for _ in self._work:
            if self._clock.seconds() > end_s:
                self._timer = self._clock.callLater(0, self._go_on)
                return

    def _check(self) -> Iterator[None]:
        """All of the work, in small steps."""
        for source, services in self._blueprint.beside.items():
            for names in _batches(services):
                self._copy.apply(source, {name: services[name] for name in names})
                yield
        while self._missing:
            names = list(islice(self._missing, _BATCH))
            for name in names:
                del self._missing[name]
            self._copy.apply(self._source, {name: self._facts[name] for name in names})
            yield
        # What changes from here on is in neither of the tables that are compared.
        copy, self._copy = self._copy, None
        wrong: list[str] = []
        for number, said in enumerate(self._blueprint.differences(copy)):
            if said:
                wrong.append(said)
            if number % _BATCH == 0:
                yield
        self._end(wrong)

    def _end(self, wrong: Sequence[str]) -> None:
        checking = self._checking
        assert checking is not None
        self._stop()
        if wrong:
            self._alarms.warn(
                "reconcile",
                f"{len(wrong)} routes were not what the facts make, and are mended: "
                + ", ".join(wrong[:_NAMED_MAX]),
            )
            self._blueprint.repair()
        checking.callback(not wrong)


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while batch := list(islice(rest, _BATCH)):
        yield batch
