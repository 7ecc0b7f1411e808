"""Holds the current routing table and tells others when it is swapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from twisted.logger import Logger
from zope.interface import implementer

from ..interfaces import IFactsConsumer, IRouteTables
from ..model import Instance, Quarantined
from .build import TableBuilder
from .claims import RoutingRules
from .table import RouteTable, TableDiff

#: The source of changes that :meth:`RouteTables.reconcile` makes.
RECONCILED = "reconcile"

# A prefix that is wrong everywhere must not bury everything else in the log.
_LOGGED_ENTRIES_MAX = 10


@dataclass(frozen=True, slots=True)
class TableChange:
    """One swap of the table.

    :ivar source: whose facts made it.
    :ivar at_s: when, in seconds on the tables' clock.
    """

    old: RouteTable
    new: RouteTable
    diff: TableDiff
    source: str
    at_s: float


@implementer(IFactsConsumer, IRouteTables)
class RouteTables:
    """Takes facts from any number of sources and keeps one table that holds them all.

    :ivar table: the current table, replaced in one assignment.
    :ivar changed_at_s: when that was, on the clock given; ``None`` if never.
    """

    _log = Logger()

    def __init__(self, rules: RoutingRules, now_s: Callable[[], float]) -> None:
        """Start with an empty table.

        :param now_s: the clock, in seconds.
        """
        self._builder = TableBuilder(rules, now_s)
        self._listeners: list[Callable[[TableChange], None]] = []
        self.table = self._builder.table
        self.changed_at_s: float | None = None

    def subscribe(self, listener: Callable[[TableChange], None]) -> None:
        """Call ``listener`` after each swap, in the order of subscription.

        What it raises is logged; the others are called all the same.
        """
        self._listeners.append(listener)

    def apply(self, source: str, changes: Mapping[str, Sequence[Instance]]) -> None:
        """Replace what ``source`` said of each service named in ``changes``."""
        self._swap(source, self._builder.apply(source, changes))

    def replace(self, source: str, services: Mapping[str, Sequence[Instance]]) -> None:
        """Replace all that ``source`` ever said by ``services``."""
        self._swap(source, self._builder.replace(source, services))

    def reconcile(self) -> TableDiff:
        """Build the table anew, from the facts alone, and compare.

        Should the two differ, which is a fault of the router's, the one that was built
        anew is swapped in, and listeners are told as of any change, with
        :data:`RECONCILED` as its source. Takes as long as a start does, and blocks:
        a second for 100,000 routes.

        :returns: how the table differed; empty when it was right.
        """
        diff = self._builder.rebuild()
        self._swap(RECONCILED, diff)
        return diff

    def _swap(self, source: str, diff: TableDiff) -> None:
        old, new = self.table, self._builder.table
        if new is old:
            return
        self.table = new
        self.changed_at_s = new.built_at_s
        self._log.info(
            "routes: {added} added, {removed} removed, {changed} changed by {source}; "
            "{routes} in all",
            added=len(diff.added),
            removed=len(diff.removed),
            changed=len(diff.changed),
            source=source,
            routes=new.uri_count,
        )
        self._log_quarantine(diff.quarantined)
        change = TableChange(old, new, diff, source, new.built_at_s)
        for listener in tuple(self._listeners):
            try:
                listener(change)
            except Exception:
                self._log.failure("a listener to table changes raised")

    def _log_quarantine(self, entries: Sequence[Quarantined]) -> None:
        for entry in entries[:_LOGGED_ENTRIES_MAX]:
            self._log.warn(
                "not routed: {entry.source} {entry.text!r} of {entry.service} "
                "({entry.instance_id}): {entry.reason}",
                entry=entry,
            )
        if len(entries) > _LOGGED_ENTRIES_MAX:
            self._log.warn(
                "not routed: {more} more entries",
                more=len(entries) - _LOGGED_ENTRIES_MAX,
            )
