"""The last changes of the routing table, and why they were made."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from zope.interface import implementer

from ..interfaces import Event, IEventLog
from ..model import Route, Target
from .state import Identity
from .table import TableDiff
from .tables import TableChange

#: Events that are remembered.
EVENTS_MAX = 256
#: Routes, services and instances that one event names; the rest is only counted. At
#: about 100 bytes each, that bounds all events to some megabytes.
NAMED_MAX = 50
# Instances that are looked at to find out why a change was made, about.
_TARGETS_MAX = 1000


@implementer(IEventLog)
class History:
    """A ring of the last events.

    Subscribe :meth:`table_changed` to the tables.

    :param wall_s: seconds since the epoch.
    :param index_of: the highest index that a source has seen, by the source's name.
    """

    def __init__(
        self, wall_s: Callable[[], float], index_of: Callable[[str], int]
    ) -> None:
        self._wall_s = wall_s
        self._index_of = index_of
        self._events: deque[Event] = deque(maxlen=EVENTS_MAX)
        self._number = 0

    def record(
        self,
        kind: str,
        source: str,
        text: str,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Remember one thing, of now; the oldest is forgotten for it."""
        self._number += 1
        index = self._index_of(source)
        self._events.append(
            Event(
                self._number, self._wall_s(), kind, source, index, text, details or {}
            )
        )

    def after(self, number: int) -> Sequence[Event]:
        """What is remembered of events with a higher number, the oldest first."""
        return tuple(event for event in self._events if event.number > number)

    def table_changed(self, change: TableChange) -> None:
        """Remember a swap of the table."""
        diff = change.diff
        text = (
            f"routes: {len(diff.added)} added, {len(diff.removed)} removed, "
            f"{len(diff.changed)} changed"
        )
        self.record("routes", change.source, text, describe(change))


def describe(change: TableChange) -> dict[str, Any]:
    """A change of the table as JSON can hold it, and bounded.

    :returns: ``added``, ``removed`` and ``changed`` hold the first URIs of each,
        ``services`` the first services they are of; ``cause`` tells what instances
        did, in words. ``quarantined`` is how many entries are not routed now.
    """
    diff = change.diff
    services = {
        name
        for old, new in islice(_pairs(diff), _TARGETS_MAX)
        for route in (old, new)
        if route is not None
        for name in route.services
    }
    return {
        "cause": list(islice(_causes(diff), NAMED_MAX)),
        "services": sorted(services)[:NAMED_MAX],
        "added": _uris(diff.added),
        "removed": _uris(diff.removed),
        "changed": _uris(after for _, after in diff.changed),
        "added_count": len(diff.added),
        "removed_count": len(diff.removed),
        "changed_count": len(diff.changed),
        "quarantined": change.new.quarantine_count,
    }


def _uris(routes: Iterable[Route]) -> list[str]:
    return [route.uri for route in islice(routes, NAMED_MAX)]


def _causes(diff: TableDiff) -> Iterator[str]:
    """What the instances behind these routes did."""
    before: dict[Identity, Target] = {}
    after: dict[Identity, Target] = {}
    for old, new in _pairs(diff):
        before.update((t.instance.identity, t) for t in _targets(old))
        after.update((t.instance.identity, t) for t in _targets(new))
        if len(before) + len(after) > _TARGETS_MAX:
            break
    for identity in sorted(before.keys() | after.keys()):
        was, now = before.get(identity), after.get(identity)
        if was is None:
            assert now is not None
            yield f"{_name(now)} joined, {now.instance.status}"
        elif now is None:
            left = "left" if identity in diff.departed else "left these routes"
            yield f"{_name(was)} {left}"
        elif was.instance.status != now.instance.status:
            yield f"{_name(now)} {was.instance.status} -> {now.instance.status}"
        elif was != now:
            yield f"{_name(now)} has other tags, Meta, weights or options"


def _pairs(diff: TableDiff) -> Iterator[tuple[Route | None, Route | None]]:
    """Routes before and after, ``None`` where there is none."""
    yield from diff.changed
    for route in diff.removed:
        yield route, None
    for route in diff.added:
        yield None, route


def _targets(route: Route | None) -> Iterable[Target]:
    return () if route is None else chain(route.targets, route.unusable)


def _name(target: Target) -> str:
    instance = target.instance
    return f"{instance.service} {instance.id} ({instance.address}:{instance.port})"
