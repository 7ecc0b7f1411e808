"""Builds routing tables: each from the one before it, by what has changed."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeVar

from ..interfaces import STATIC_SOURCE, STATIC_TAG_PREFIX
from ..model import Instance, Quarantined, Route
from .claims import Claim, Owner, Reading, RoutingRules, read_service
from .merge import by_route, claim_order, merge
from .state import Identity
from .table import Origin, RouteTable, TableDiff, difference, entries_beyond
from .uris import RouteKey

_K = TypeVar("_K")
_V = TypeVar("_V")

# Note [Most claims are not remembered]
# What an instance claims follows from its tags in microseconds, and to keep it would
# take as much memory as the table. So claims are read again where they are needed:
# those of the services that a change names, before and after it, and those of other
# services that have a part in the same routes. Who these are, a route tells by its
# instances. But it does not name those that gave way to others (Claim.implied). So of
# routes that several owners claim, which are few, the claims are kept.


@dataclass(slots=True)
class _Outcome:
    """What follows from a change: only what it touches is named.

    :ivar shared: the claims to a route if they are of several owners, else none.
    """

    routes: dict[RouteKey, Route | None] = field(default_factory=dict)
    shared: dict[RouteKey, tuple[Claim, ...]] = field(default_factory=dict)
    quarantine: dict[Origin, tuple[Quarantined, ...]] = field(default_factory=dict)


class TableBuilder:
    """Keeps what every source said, and the table that follows from it.

    A change costs what the services that it names cost: their own entries are read
    again and the routes they had or have a part in are merged again. All other routes
    stay the same objects.

    What the table holds depends on the facts alone, never on their order of arrival.

    :ivar table: the current table; another object after each call that changed it.
    """

    def __init__(self, rules: RoutingRules, now_s: Callable[[], float]) -> None:
        """Start with an empty table.

        :param now_s: the clock that stamps tables, in seconds.
        """
        self.table = RouteTable()
        self._rules = rules
        self._static_rules = replace(rules, tag_prefix=STATIC_TAG_PREFIX)
        self._now_s = now_s
        self._said: dict[str, dict[str, tuple[Instance, ...]]] = {}
        self._shared: dict[RouteKey, tuple[Claim, ...]] = {}
        self._named: dict[Identity, int] = {}

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
        said = self._said.get(source, {})
        news: dict[str, tuple[Instance, ...]] = {}
        for service, facts in changes.items():
            instances = tuple(facts)
            if len(instances) > 1:
                instances = tuple(sorted(instances, key=_by_identity))
            if instances != said.get(service, ()):
                news[service] = instances
        outcome = self._follow(source, news)

        # Nothing was touched up to here: an error above leaves the old state whole.
        said = self._said.setdefault(source, said)
        for service, instances in news.items():
            _put(said, service, instances)
        for key, claims in outcome.shared.items():
            _put(self._shared, key, claims)
        return self._settle(outcome)

    def rebuild(self) -> TableDiff:
        """Build the table anew, from the facts and nothing else.

        It has to come out as it was. That it does not is a fault of this class, which
        is mended by this. Takes as long as a start does, and blocks: a second for
        100,000 routes.

        :returns: how :attr:`table` differs; empty if, as it should, it stayed as it
            was: the same object.
        """
        fresh = TableBuilder(self._rules, self._now_s)
        for source, services in self._said.items():
            fresh.apply(source, services)
        self._shared, self._named = fresh._shared, fresh._named
        diff = difference(self.table, fresh.table)
        if diff != TableDiff():
            self.table = fresh.table
        return diff

    def _facts(self, owner: Owner) -> tuple[Instance, ...]:
        source, service = owner
        return self._said.get(source, {}).get(service, ())

    def _read(self, owner: Owner, instances: Sequence[Instance]) -> Reading:
        is_static = owner[0] == STATIC_SOURCE
        rules = self._static_rules if is_static else self._rules
        return read_service(owner, instances, rules)

    def _claims_of_others(
        self, key: RouteKey, source: str, services: Container[str]
    ) -> list[Claim]:
        """All claims to a route but those of these services of the source."""
        shared = self._shared.get(key)
        if shared is not None:
            return [
                claim
                for claim in shared
                if claim.owner[0] != source or claim.owner[1] not in services
            ]
        route = self.table.get(*key)
        maybe = [
            (other, service)
            for service in (() if route is None else route.services)
            for other, said in self._said.items()
            if service in said and (other != source or service not in services)
        ]
        return [
            claim
            for owner in maybe
            for claim in self._read(owner, self._facts(owner)).claims
            if claim.key == key
        ]

    def _follow(
        self, source: str, news: Mapping[str, tuple[Instance, ...]]
    ) -> _Outcome:
        """What follows when a source says this now, and all others what they did."""
        outcome = _Outcome()
        # Routes by the service that claims them; "" when none does any more.
        claimed: dict[RouteKey, str] = {}
        contested: dict[RouteKey, list[str]] = {}
        for service, instances in news.items():
            owner = (source, service)
            for claim in self._read(owner, self._facts(owner)).claims:
                claimed.setdefault(claim.key, "")
            reading = self._read(owner, instances)
            if reading.quarantine or self.table.quarantine_count:
                outcome.quarantine[owner] = reading.quarantine
            for key, claims in by_route(reading.claims).items():
                before = claimed.get(key)
                if before:
                    contested.setdefault(key, [before]).append(service)
                    continue
                # As if there were no others: mostly there are none. To keep claims
                # until that is known would take as much memory as the table.
                claimed[key] = service
                self._merge(outcome, key, claims)
        again: dict[str, dict[RouteKey, list[Claim]]] = {}
        for key, service in claimed.items():
            claims = self._claims_of_others(key, source, news)
            if service and not claims and key not in contested:
                if key in self._shared:
                    outcome.shared[key] = ()
                continue
            for name in contested.get(key, [service] if service else []):
                if name not in again:
                    reading = self._read((source, name), news[name])
                    again[name] = by_route(reading.claims)
                claims += again[name][key]
            claims.sort(key=claim_order)
            is_shared = len({claim.owner for claim in claims}) > 1
            outcome.shared[key] = tuple(claims) if is_shared else ()
            self._merge(outcome, key, claims)
        return outcome

    def _merge(self, outcome: _Outcome, key: RouteKey, claims: Sequence[Claim]) -> None:
        outcome.routes[key], conflicts = merge(key, claims)
        origin = ("conflict", *key)
        outcome.quarantine.pop(origin, None)
        if conflicts or self.table.quarantine_count:
            outcome.quarantine[origin] = conflicts

    def _settle(self, outcome: _Outcome) -> TableDiff:
        """Make the next table, if it is another one than the last."""
        old = self.table
        changes: dict[RouteKey, Route | None] = {}
        added: list[Route] = []
        removed: list[Route] = []
        changed: list[tuple[Route, Route]] = []
        for key in sorted(outcome.routes):
            before, after = old.get(*key), outcome.routes[key]
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
        quarantine = {
            origin: entries
            for origin, entries in outcome.quarantine.items()
            if entries != old.quarantined_for(origin)
        }
        if not changes and not quarantine:
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
        were = [entry for origin in quarantine for entry in old.quarantined_for(origin)]
        are = list(chain.from_iterable(quarantine.values()))
        return TableDiff(
            tuple(added),
            tuple(removed),
            tuple(changed),
            departed,
            quarantined=entries_beyond(are, were),
            released=entries_beyond(were, are),
        )

    def _count_instances(
        self, lost: Iterable[Route], gained: Iterable[Route]
    ) -> frozenset[Identity]:
        """Keep count of who is named how often; returns those that are no more."""
        named = self._named
        for identity in _identities(gained):
            named[identity] = named.get(identity, 0) + 1
        departed = set()
        for identity in _identities(lost):
            named[identity] -= 1
            if not named[identity]:
                del named[identity]
                departed.add(identity)
        return frozenset(departed)


def _identities(routes: Iterable[Route]) -> Iterator[Identity]:
    for route in routes:
        for target in chain(route.targets, route.unusable):
            yield target.instance.identity


def _by_identity(instance: Instance) -> Identity:
    return instance.identity


def _put(index: dict[_K, tuple[_V, ...]], key: _K, value: tuple[_V, ...]) -> None:
    """Keep only what is not empty."""
    if value:
        index[key] = value
    else:
        index.pop(key, None)
