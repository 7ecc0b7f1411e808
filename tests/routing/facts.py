"""Facts and routes in few words, for the tests of routing."""

from __future__ import annotations

from collections.abc import Mapping

from twisted_router.model import Instance, Route, Status, Target
from twisted_router.routing.build import TableBuilder
from twisted_router.routing.claims import RoutingRules
from twisted_router.routing.table import RouteTable


def an_instance(
    *tags: str,
    id: str = "web-1",
    service: str = "web",
    port: int = 8080,
    status: Status = Status.PASSING,
    meta: Mapping[str, str] | None = None,
) -> Instance:
    """An instance on node n1 at 10.0.0.1, with these tags after ``urlprefix-``."""
    return Instance(
        service=service,
        id=id,
        address="10.0.0.1",
        port=port,
        node="n1",
        status=status,
        tags=tuple(f"urlprefix-{tag}" for tag in tags),
        meta=meta or {},
    )


def instances(count: int, *tags: str, service: str = "web") -> list[Instance]:
    """``count`` alike, with ids ``web-1``... and ports 8001..."""
    return [
        an_instance(*tags, id=f"{service}-{n}", service=service, port=8000 + n)
        for n in range(1, count + 1)
    ]


def a_route(host: str, path: str, count: int = 1) -> Route:
    """A route with so many targets, without options."""
    return Route(host, path, tuple(Target(i) for i in instances(count)))


def table_of(*uris: str) -> RouteTable:
    """A table with one route for each tag text."""
    builder = TableBuilder(RoutingRules(), lambda: 0.0)
    builder.apply("consul", {"web": [an_instance(*uris)]})
    return builder.table


def uri_for(table: RouteTable, host: str, path: str = "/") -> str | None:
    """The uri of the route that answers; ``None`` if there is none."""
    route = table.lookup(host.encode(), path.encode())
    return None if route is None else route.host + route.path
