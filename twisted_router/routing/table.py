"""The routing table: an immutable value that finds the route of a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..model import Quarantined, Route
from .paths import PathIndex
from .uris import RouteKey

_WILDCARD = "*."


class RouteTable:
    """All routes at one moment. Never changes once made; share it freely.

    Hosts are in a dict, wildcards in another one by what follows ``*.``, so that the
    number of routes has no part in the cost of a look-up.

    :ivar quarantine: entries that are not routed, and why; in a stable order.
    :ivar uri_count: number of routes.
    :ivar instance_count: number of instances behind them, whatever their health.
    :ivar built_at_s: when it was made, in seconds on the builder's clock.
    """

    __slots__ = (
        "_any",
        "_hosts",
        "_routes",
        "_wildcard_labels",
        "_wildcards",
        "built_at_s",
        "instance_count",
        "quarantine",
        "uri_count",
    )

    def __init__(self) -> None:
        self._hosts: dict[bytes, PathIndex] = {}
        self._wildcards: dict[bytes, PathIndex] = {}
        self._wildcard_labels = 0
        self._any = PathIndex()
        self._routes: tuple[Route, ...] | None = None
        self.quarantine: tuple[Quarantined, ...] = ()
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
        paths = self._hosts.get(host)
        if paths is not None and not paths.levels:
            return paths.root
        return self._search(_normal_host(host), path)

    def _search(self, host: bytes, path: bytes) -> Route | None:
        paths = self._hosts.get(host)
        if paths is not None:
            route = paths.find(path)
            if route is not None:
                return route
        if self._wildcards:
            # At most as many labels as the longest wildcard has, whatever was sent.
            labels = host.rsplit(b".", self._wildcard_labels)
            for n in range(1, len(labels)):
                paths = self._wildcards.get(b".".join(labels[n:]))
                if paths is not None:
                    route = paths.find(path)
                    if route is not None:
                        return route
        return self._any.find(path)

    def get(self, host: str, path: str) -> Route | None:
        """The route with exactly this host and path, as :class:`Route` has them."""
        name = host.encode("ascii")
        paths: PathIndex | None
        if not host:
            paths = self._any
        elif host.startswith(_WILDCARD):
            paths = self._wildcards.get(name[2:])
        else:
            paths = self._hosts.get(name)
        return None if paths is None else paths.get(path.encode("ascii"))

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes, ordered by host, then by path. The first call has to sort."""
        if self._routes is None:
            self._routes = tuple(sorted(self, key=lambda r: (r.host, r.path)))
        return self._routes

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the services that have a route, sorted."""
        return tuple(sorted({name for route in self for name in route.services}))

    def __iter__(self) -> Iterator[Route]:
        yield from self._any
        for index in (self._hosts, self._wildcards):
            for paths in index.values():
                yield from paths

    def replaced(
        self,
        changes: Mapping[RouteKey, Route | None],
        *,
        quarantine: tuple[Quarantined, ...],
        instance_count: int,
        built_at_s: float,
    ) -> RouteTable:
        """A copy with these routes put in, or taken out where ``None`` stands.

        Hosts that are not named share their routes with this table.
        """
        table = RouteTable()
        table._hosts = self._hosts
        table._wildcards = self._wildcards
        table._wildcard_labels = self._wildcard_labels
        table._any = self._any
        table.uri_count = self.uri_count
        table.quarantine = quarantine
        table.instance_count = instance_count
        table.built_at_s = built_at_s
        if changes:
            table._put(changes)
        return table

    def _put(self, changes: Mapping[RouteKey, Route | None]) -> None:
        """Change this table: only while it is being made."""
        by_host: dict[str, dict[bytes, Route | None]] = {}
        for (host, path), route in changes.items():
            by_host.setdefault(host, {})[path.encode("ascii")] = route
            self.uri_count += (route is not None) - (self.get(host, path) is not None)
        self._any = self._any.replaced(by_host.pop("", {}))
        hosts: dict[bytes, dict[bytes, Route | None]] = {}
        wildcards: dict[bytes, dict[bytes, Route | None]] = {}
        for host, paths in by_host.items():
            if host.startswith(_WILDCARD):
                wildcards[host[2:].encode("ascii")] = paths
            else:
                hosts[host.encode("ascii")] = paths
        if hosts:
            self._hosts = _replaced(self._hosts, hosts)
        if wildcards:
            self._wildcards = _replaced(self._wildcards, wildcards)
            self._wildcard_labels = max(
                (name.count(b".") + 1 for name in self._wildcards), default=0
            )


@dataclass(frozen=True, slots=True)
class TableDiff:
    """What makes one table differ from the one before it, ordered by host and path.

    :ivar changed: ``(before, after)`` of routes whose targets are others now, or
        whose instances say something else of themselves.
    :ivar departed: identities of the instances that no route names any more.
    """

    added: tuple[Route, ...] = ()
    removed: tuple[Route, ...] = ()
    changed: tuple[tuple[Route, Route], ...] = ()
    departed: frozenset[tuple[str, str, str, int]] = frozenset()


def _replaced(
    index: dict[bytes, PathIndex],
    changes: Mapping[bytes, Mapping[bytes, Route | None]],
) -> dict[bytes, PathIndex]:
    copy = index.copy()
    for name, routes in changes.items():
        paths = copy.get(name, PathIndex()).replaced(routes)
        if paths:
            copy[name] = paths
        else:
            copy.pop(name, None)
    return copy


def _normal_host(host: bytes) -> bytes:
    """Lower case, without the port and one trailing dot."""
    name = host.lower()
    if name.startswith(b"["):
        return name[: name.find(b"]") + 1]
    colon = name.find(b":")
    if colon >= 0:
        name = name[:colon]
    return name[:-1] if name.endswith(b".") else name
