"""Builds routing tables: each from the one before it, by what has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import chain
from typing import TypeVar

from ..model import Instance, Quarantined, Route
from .claims import Claim, Owner, RoutingRules, read_service
from .table import RouteTable, TableDiff
from .uris import RouteKey

Identity = tuple[str, str, str, int]
_K = TypeVar("_K")
_V = TypeVar("_V")


class TableBuilder:
    """Keeps what every source said, and the table that follows from it.

    A change costs what the services that it names cost: their own entries are read
    again and the routes they had or have a part in are merged again. All other routes
    stay the same objects. (The dict of hosts is copied, which is quick.)

    What the table holds depends on the facts alone, never on their order of arrival.

    :ivar table: the current table; another object after each call that changed it.
    """

    def __init__(self, rules: RoutingRules, now_s: Callable[[], float]) -> None:
        """Start with an empty table.

        :param now_s: the clock that stamps tables, in seconds.
        """
        self.table = RouteTable()
        self._rules = rules
        self._now_s = now_s
        self._said: dict[str, dict[str, tuple[Instance, ...]]] = {}
        self._claims: dict[RouteKey, tuple[Claim, ...]] = {}
        self._unread: dict[Owner, tuple[Quarantined, ...]] = {}
        self._conflicts: dict[RouteKey, tuple[Quarantined, ...]] = {}
        self._named: Counter[Identity] = Counter()

    def replace(
        self, source: str, services: Mapping[str, Sequence[Instance]]
    ) -> TableDiff:
        """Replace all that ``source`` ever said by ``services``."""
        gone = {name: () for name in self._said.get(source, {})}
        return self.apply(source, {**gone, **services})

    def apply(
        self, source: str, changes: Mapping[str, Sequence[Instance]]
    ) -> TableDiff:
        """Replace what ``source`` said of each service named in ``changes``.

        :returns: how :attr:`table` differs from the one before.
        """
        said = self._said.setdefault(source, {})
        news: dict[Owner, tuple[Instance, ...]] = {}
        unread: dict[Owner, tuple[Quarantined, ...]] = {}
        fresh: dict[RouteKey, list[Claim]] = {}
        for service, facts in changes.items():
            before = said.get(service, ())
            instances = tuple(sorted(facts, key=lambda i: i.identity))
            if instances == before:
                continue
            owner = (source, service)
            # Read again and not remembered: it is quick, and memory is for routes.
            for claim in read_service(owner, before, self._rules).claims:
                fresh.setdefault(claim.key, [])
            reading = read_service(owner, instances, self._rules)
            for claim in reading.claims:
                fresh.setdefault(claim.key, []).append(claim)
            news[owner] = instances
            unread[owner] = reading.quarantine
        claims = {key: self._claims_with(key, new, news) for key, new in fresh.items()}
        merged = {key: _merge(key, them) for key, them in claims.items()}

        # Nothing was touched up to here: an error above leaves the old state whole.
        for (_, service), instances in news.items():
            _put(said, service, instances)
        for key, them in claims.items():
            _put(self._claims, key, them)
        quarantine = self._settle_quarantine(
            unread, {key: conflicts for key, (_, conflicts) in merged.items()}
        )
        routes = {key: route for key, (route, _) in merged.items()}
        return self._settle(routes, quarantine)

    def _claims_with(
        self, key: RouteKey, fresh: Iterable[Claim], owners: Collection[Owner]
    ) -> tuple[Claim, ...]:
        """All claims to a route, when those of ``owners`` are ``fresh`` ones now."""
        kept = (c for c in self._claims.get(key, ()) if c.owner not in owners)
        return tuple(sorted((*kept, *fresh), key=_claim_order))

    def _settle_quarantine(
        self,
        unread: Mapping[Owner, tuple[Quarantined, ...]],
        conflicts: Mapping[RouteKey, tuple[Quarantined, ...]],
    ) -> tuple[Quarantined, ...]:
        changed = False
        for owner, entries in unread.items():
            changed |= _put(self._unread, owner, entries)
        for key, entries in conflicts.items():
            changed |= _put(self._conflicts, key, entries)
        if not changed:
            return self.table.quarantine
        everything = (*self._unread.values(), *self._conflicts.values())
        return tuple(sorted(chain.from_iterable(everything), key=_entry_order))

    def _settle(
        self,
        merged: Mapping[RouteKey, Route | None],
        quarantine: tuple[Quarantined, ...],
    ) -> TableDiff:
        """Make the next table, if it is another one than the last."""
        old = self.table
        changes: dict[RouteKey, Route | None] = {}
        added: list[Route] = []
        removed: list[Route] = []
        changed: list[tuple[Route, Route]] = []
        for key in sorted(merged):
            before, after = old.get(*key), merged[key]
            if before == after:
                continue
            changes[key] = after
            if after is None:
                assert before is not None
                removed.append(before)
            elif before is None:
                added.append(after)
            else:
                changed.append((before, after))
        if not changes and quarantine == old.quarantine:
            return TableDiff()
        departed = self._count_instances(
            lost=[*removed, *(before for before, _ in changed)],
            gained=[*added, *(after for _, after in changed)],
        )
        self.table = old.replaced(
            changes,
            quarantine=quarantine,
            instance_count=len(self._named),
            built_at_s=self._now_s(),
        )
        return TableDiff(tuple(added), tuple(removed), tuple(changed), departed)

    def _count_instances(
        self, lost: Iterable[Route], gained: Iterable[Route]
    ) -> frozenset[Identity]:
        """Keep count of who is named how often; returns those that are no more."""
        named = self._named
        named.update(_identities(gained))
        lost_identities = list(_identities(lost))
        named.subtract(lost_identities)
        departed = frozenset(i for i in lost_identities if not named[i])
        for identity in departed:
            del named[identity]
        return departed


def _merge(
    key: RouteKey, claims: Sequence[Claim]
) -> tuple[Route | None, tuple[Quarantined, ...]]:
    """The route that follows from all claims to one host and path, in order.

    Explicit claims put implied ones out. An instance counts once.
    """
    if not claims:
        return None, ()
    claims = [claim for claim in claims if not claim.implied] or claims
    first_of: dict[Identity, Claim] = {}
    conflicts = []
    for claim in claims:
        instance = claim.target.instance
        first = first_of.setdefault(instance.identity, claim)
        if first is not claim and _terms(first) != _terms(claim):
            reason = f"the same instance is here by {first.text!r}, with other options"
            conflicts.append(
                Quarantined(
                    claim.owner[1], instance.id, claim.source, claim.text, reason
                )
            )
    served = first_of.values()
    route = Route(
        *key,
        targets=tuple(c.target for c in served if c.usable),
        unusable=tuple(c.target for c in served if not c.usable),
        services=tuple(sorted({c.owner[1] for c in served})),
    )
    return route, tuple(conflicts)


def _terms(claim: Claim) -> tuple[object, ...]:
    return (claim.target.options, claim.closed)


def _identities(routes: Iterable[Route]) -> Iterator[Identity]:
    for route in routes:
        for target in chain(route.targets, route.unusable):
            yield target.instance.identity


def _put(index: dict[_K, tuple[_V, ...]], key: _K, value: tuple[_V, ...]) -> bool:
    """Keep only what is not empty; returns whether anything is different now."""
    if index.get(key, ()) == value:
        return False
    if value:
        index[key] = value
    else:
        del index[key]
    return True


def _claim_order(claim: Claim) -> tuple[object, ...]:
    return (claim.owner[1], claim.target.instance.identity, claim.owner[0])


def _entry_order(entry: Quarantined) -> tuple[str, ...]:
    return (entry.service, entry.instance_id, entry.source, entry.text, entry.reason)
