"""The routing table: an immutable value that finds the route of a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter

from ..model import Quarantined, Route
from .paths import PathIndex
from .shards import SHARD_MASK, Shards
from .state import Identity
from .uris import RouteKey

#: What entries are quarantined for together: a service of a source, or a route.
Origin = tuple[str, ...]

# Most hosts have one route, of "/": there is no index between the two then.
_Paths = Route | PathIndex

_WILDCARD = "*."


class RouteTable:
    """All routes at one moment. Never changes once made; share it freely.

    Hosts are in a dict, wildcards in another one by what follows ``*.``, so that the
    number of routes has no part in the cost of a look-up; nor, since a table shares
    most of these with the one before it, in the cost of a change.

    :ivar quarantine_count: number of entries that are not routed.
    :ivar uri_count: number of routes.
    :ivar instance_count: number of instances behind them, whatever their health.
    :ivar built_at_s: when it was made, in seconds on the builder's clock.
    """

    __slots__ = (
        "_any",
        "_host_shards",
        "_hosts",
        "_quarantine",
        "_quarantined",
        "_routes",
        "_wildcard_depths",
        "_wildcard_labels",
        "_wildcards",
        "built_at_s",
        "instance_count",
        "quarantine_count",
        "uri_count",
    )

    def __init__(self) -> None:
        self._hosts: Shards[bytes, _Paths] = Shards()
        self._host_shards = self._hosts.shards
        self._wildcards: Shards[bytes, _Paths] = Shards()
        # How many wildcards there are of each number of labels; and the most labels.
        self._wildcard_depths: Mapping[int, int] = {}
        self._wildcard_labels = 0
        self._any = PathIndex()
        self._routes: tuple[Route, ...] | None = None
        self._quarantined: Shards[Origin, tuple[Quarantined, ...]] = Shards()
        self._quarantine: tuple[Quarantined, ...] | None = ()
        self.quarantine_count = 0
        self.uri_count = 0
        self.instance_count = 0
        self.built_at_s = 0.0

    def lookup(self, host: bytes, path: bytes) -> Route | None:
        """The route of a request, or ``None``.

        Exact host before wildcard, longer wildcard before shorter, any-host last; a
        host that has nothing for the path gives way to the next. Within a host the
        longest path on whole segments wins, also when it has no targets.

        :param host: the Host field as received: any case, with or without port and
            trailing dot; ``b""`` for none.
        :param path: the path of the request target as received, without the query.
        """
        # As clients write it, most hosts are already in the form that routes have.
        found = self._host_shards[hash(host) & SHARD_MASK].get(host)
        if isinstance(found, Route):
            return found
        return self._search(normal_host(host), path)

    def _search(self, host: bytes, path: bytes) -> Route | None:
        route = _find(self._hosts.get(host), path)
        if route is not None:
            return route
        if self._wildcard_labels:
            # At most as many labels as the longest wildcard has, whatever was sent.
            labels = host.rsplit(b".", self._wildcard_labels)
            for n in range(1, len(labels)):
                route = _find(self._wildcards.get(b".".join(labels[n:])), path)
                if route is not None:
                    return route
        return self._any.find(path)

    def get(self, host: str, path: str) -> Route | None:
        """The route with exactly this host and path, as :class:`Route` has them."""
        name = host.encode("ascii")
        paths: _Paths | None
        if not host:
            paths = self._any
        elif host.startswith(_WILDCARD):
            paths = self._wildcards.get(name[2:])
        else:
            paths = self._hosts.get(name)
        if isinstance(paths, PathIndex):
            return paths.get(path.encode("ascii"))
        return paths if path == "/" else None

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes, ordered by host, then by path. The first call has to sort."""
        if self._routes is None:
            self._routes = tuple(sorted(self, key=lambda r: (r.host, r.path)))
        return self._routes

    @property
    def quarantine(self) -> tuple[Quarantined, ...]:
        """Entries that are not routed, and why, in a stable order.

        The first call has to sort.
        """
        if self._quarantine is None:
            entries = chain.from_iterable(self._quarantined.values())
            self._quarantine = tuple(sorted(entries, key=_entry_order))
        return self._quarantine

    def quarantined_for(self, origin: Origin) -> tuple[Quarantined, ...]:
        """The entries of one origin."""
        return self._quarantined.get(origin) or ()

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the services that have a route, sorted."""
        return tuple(sorted({name for route in self for name in route.services}))

    def __iter__(self) -> Iterator[Route]:
        yield from self._any
        for index in (self._hosts, self._wildcards):
            for paths in index.values():
                if isinstance(paths, Route):
                    yield paths
                else:
                    yield from paths

    def replaced(
        self,
        changes: Mapping[RouteKey, Route | None],
        *,
        quarantine: Mapping[Origin, tuple[Quarantined, ...]],
        instance_count: int,
        built_at_s: float,
    ) -> RouteTable:
        """A copy with these routes put in, or taken out where ``None`` stands.

        Hosts that are not named share their routes with this table.

        :param quarantine: the entries of each origin that has other ones now.
        """
        table = RouteTable()
        table._hosts = self._hosts
        table._host_shards = self._host_shards
        table._wildcards = self._wildcards
        table._wildcard_depths = self._wildcard_depths
        table._wildcard_labels = self._wildcard_labels
        table._any = self._any
        table._quarantined = self._quarantined
        table._quarantine = self._quarantine
        table.quarantine_count = self.quarantine_count
        table.uri_count = self.uri_count
        table.instance_count = instance_count
        table.built_at_s = built_at_s
        if changes:
            table._put_routes(changes)
        if quarantine:
            table._put_quarantine(quarantine)
        return table

    def _put_routes(self, changes: Mapping[RouteKey, Route | None]) -> None:
        """Change this table: only while it is being made."""
        hosts: dict[bytes, _Paths | None] = {}
        wildcards: dict[bytes, _Paths | None] = {}
        depths = dict(self._wildcard_depths)
        for host, keys in groupby(sorted(changes), key=itemgetter(0)):
            routes = {key[1].encode("ascii"): changes[key] for key in keys}
            before: _Paths | None
            after: _Paths | None
            if not host:
                before = self._any
                after = self._any = before.replaced(routes)
            elif host.startswith(_WILDCARD):
                name = host[2:].encode("ascii")
                before = self._wildcards.get(name)
                after = wildcards[name] = _with(before, routes)
                depth = name.count(b".") + 1
                more = (after is not None) - (before is not None)
                depths[depth] = depths.get(depth, 0) + more
            else:
                name = host.encode("ascii")
                before = self._hosts.get(name)
                after = hosts[name] = _with(before, routes)
            self.uri_count += _size(after) - _size(before)
        if hosts:
            self._hosts = self._hosts.replaced(hosts)
            self._host_shards = self._hosts.shards
        if wildcards:
            self._wildcards = self._wildcards.replaced(wildcards)
            self._wildcard_depths = {n: count for n, count in depths.items() if count}
            self._wildcard_labels = max(self._wildcard_depths, default=0)

    def _put_quarantine(
        self, changes: Mapping[Origin, tuple[Quarantined, ...]]
    ) -> None:
        for origin, entries in changes.items():
            self.quarantine_count += len(entries) - len(self.quarantined_for(origin))
        self._quarantined = self._quarantined.replaced(
            {origin: entries or None for origin, entries in changes.items()}
        )
        self._quarantine = None


@dataclass(frozen=True, slots=True)
class TableDiff:
    """What makes one table differ from the one before it, ordered by host and path.

    :ivar changed: ``(before, after)`` of routes whose targets are others now, or
        whose instances say something else of themselves.
    :ivar departed: identities of the instances that no route names any more.
    :ivar quarantined: entries that are not routed, and were not in quarantine before.
    :ivar released: entries that were in quarantine before.
    """

    added: tuple[Route, ...] = ()
    removed: tuple[Route, ...] = ()
    changed: tuple[tuple[Route, Route], ...] = ()
    departed: frozenset[Identity] = frozenset()
    quarantined: tuple[Quarantined, ...] = ()
    released: tuple[Quarantined, ...] = ()


def difference(old: RouteTable, new: RouteTable) -> TableDiff:
    """What makes one table differ from another, found by looking at all of both."""
    before = {(route.host, route.path): route for route in old.routes}
    after = {(route.host, route.path): route for route in new.routes}
    return TableDiff(
        tuple(route for key, route in after.items() if key not in before),
        tuple(route for key, route in before.items() if key not in after),
        tuple(
            (route, after[key])
            for key, route in before.items()
            if key in after and after[key] != route
        ),
        departed=frozenset(_identities(old) - _identities(new)),
        quarantined=entries_beyond(new.quarantine, old.quarantine),
        released=entries_beyond(old.quarantine, new.quarantine),
    )


def differing_routes(table: RouteTable, right: RouteTable) -> Iterator[str]:
    """Compare a table with the right one, one route at a time.

    :returns: what is wrong with each route of either, ``""`` for nothing.
    """
    for route in right:
        found = table.get(route.host, route.path)
        if found == route:
            yield ""
        else:
            yield f"{route.uri} is {'missing' if found is None else 'another one'}"
    for route in table:
        known = right.get(route.host, route.path) is not None
        yield "" if known else f"{route.uri} is too much"


def _identities(table: RouteTable) -> set[Identity]:
    return {
        target.instance.identity
        for route in table
        for target in chain(route.targets, route.unusable)
    }


def _find(paths: _Paths | None, path: bytes) -> Route | None:
    return paths.find(path) if isinstance(paths, PathIndex) else paths


def _with(paths: _Paths | None, changes: Mapping[bytes, Route | None]) -> _Paths | None:
    """What a host has after some changes; ``None`` for nothing any more."""
    if not isinstance(paths, PathIndex):
        if len(changes) == 1 and b"/" in changes:
            return changes[b"/"]
        paths = PathIndex(paths)
    paths = paths.replaced(changes)
    return paths if paths.levels else paths.root


def _size(paths: _Paths | None) -> int:
    if isinstance(paths, PathIndex):
        return len(paths)
    return 0 if paths is None else 1


def entries_beyond(
    entries: Iterable[Quarantined], others: Iterable[Quarantined]
) -> tuple[Quarantined, ...]:
    """What of ``entries`` is not among ``others``, each as often as it is more often.

    Two sources may say the same of a service.
    """
    more = Counter(entries) - Counter(others)
    return tuple(sorted(more.elements(), key=_entry_order))


def _entry_order(entry: Quarantined) -> tuple[str, ...]:
    return (entry.service, entry.instance_id, entry.source, entry.text, entry.reason)


def normal_host(host: bytes) -> bytes:
    """The host of a Host field as routes have it.

    Lower case, without the port and one trailing dot.
    """
    name = host.lower()
    if name.startswith(b"["):
        return name[: name.find(b"]") + 1]
    colon = name.find(b":")
    if colon >= 0:
        name = name[:colon]
    return name[:-1] if name.endswith(b".") else name
