"""Properties of routing, on random services, tables and requests."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Instance, Route, Status, Target
from twisted_router.routing.balance import Balancer
from twisted_router.routing.build import TableBuilder
from twisted_router.routing.claims import RoutingRules
from twisted_router.routing.table import RouteTable, TableDiff, difference

from .facts import instances

# Without a file of its own, and the same run each time: a failure is a bug of today's.
SETTINGS = settings(max_examples=80, deadline=None, database=None, derandomize=True)

RULES = RoutingRules(domain="d.c", default_service="s1")

# Few and short, so that they meet.
labels = st.sampled_from(["a", "b", "c"])
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
paths = st.lists(st.sampled_from(["", "x", "y", "xy"]), max_size=4).map(
    lambda segments: "/" + "/".join(segments)
)
hosts = st.one_of(names, names.map("*.{}".format), st.just(""))
uris = st.builds("{}{}".format, hosts, paths)
options = st.sampled_from(
    ["", " strip=/x", " host=dst", " weight=0.5", " bad=1", " auth=basic"]
)
tags = st.lists(
    st.one_of(st.builds("urlprefix-{}{}".format, uris, options), st.just("v1")),
    max_size=4,
).map(tuple)


@st.composite
def service_facts(draw: st.DrawFn) -> tuple[str, list[Instance]]:
    """A service with its instances, whose ids are unique."""
    service = draw(st.sampled_from(["s1", "S2", "s.3", "s4"]))
    ids = draw(st.lists(st.sampled_from(["1", "2", "3"]), max_size=3, unique=True))
    return service, [
        Instance(
            service,
            id,
            "10.0.0.1",
            draw(st.sampled_from([80, 81])),
            # The same id on the same node may turn up under another service.
            node=draw(st.sampled_from(["n1", service])),
            status=draw(st.sampled_from(list(Status))),
            tags=draw(tags),
            meta=draw(st.sampled_from([{}, {"uris": "a.b,c/x,/x"}])),
        )
        for id in ids
    ]


services = st.lists(service_facts(), max_size=4).map(dict)
steps = st.lists(
    st.tuples(st.sampled_from(["consul", "file"]), st.booleans(), services),
    min_size=1,
    max_size=6,
)


def normal(host: str) -> str:
    """A Host field in the form of routes, the long way round."""
    return host.lower().partition(":")[0].removesuffix(".")


def naive_lookup(routes: list[Route], host: str, path: str) -> Route | None:
    """The rules of matching as one sentence for each, at any cost."""
    host = normal(host)

    def rank(route: Route) -> tuple[int, int, int]:
        exact = route.host == host and host != ""
        return (exact, len(route.host), len(route.path))

    def host_matches(route: Route) -> bool:
        if route.host.startswith("*."):
            return host.endswith(route.host[1:])
        return route.host in ("", host)

    def path_matches(route: Route) -> bool:
        return route.path in ("/", path) or path.startswith(route.path + "/")

    matching = [r for r in routes if host_matches(r) and path_matches(r)]
    return max(matching, key=rank, default=None)


def content(table: RouteTable) -> tuple[object, ...]:
    """All that a table says, but for its age."""
    return (
        table.routes,
        table.quarantine,
        table.quarantine_count,
        table.uri_count,
        table.instance_count,
        table.services,
    )


def a_builder() -> TableBuilder:
    """A builder with the rules of these tests."""
    return TableBuilder(RULES, lambda: 0.0)


class LookupProperties(SynchronousTestCase):
    """Look-up against its definition."""

    @SETTINGS
    @given(
        keys=st.sets(st.tuples(hosts, paths), max_size=12),
        asked=st.lists(
            st.tuples(
                st.one_of(names, names.map(str.upper), names.map("{}.:80".format)),
                paths,
            ),
            min_size=1,
            max_size=12,
        ),
    )
    def test_lookup_equals_a_naive_one(
        self, keys: set[tuple[str, str]], asked: list[tuple[str, str]]
    ) -> None:
        routes = {(h, p): Route(h, p) for h, p in keys if p == "/" or p[-1] != "/"}
        table = RouteTable().replaced(
            routes, quarantine={}, instance_count=0, built_at_s=0.0
        )
        self.assertEqual(len(routes), table.uri_count)
        for host, path in asked:
            self.assertIdentical(
                naive_lookup(list(routes.values()), host, path),
                table.lookup(host.encode(), path.encode()),
                (host, path),
            )


class BuildProperties(SynchronousTestCase):
    """Building by steps against building at once."""

    @SETTINGS
    @given(steps=steps)
    def test_steps_lead_where_a_fresh_start_does(
        self, steps: list[tuple[str, bool, dict[str, list[Instance]]]]
    ) -> None:
        builder = a_builder()
        known: dict[str, dict[str, list[Instance]]] = {}
        for source, everything, changes in steps:
            if everything:
                known[source] = changes
                builder.replace(source, changes)
            else:
                known.setdefault(source, {}).update(changes)
                builder.apply(source, changes)
        fresh = a_builder()
        for source in sorted(known, reverse=True):
            for service in sorted(known[source]):
                fresh.apply(source, {service: known[source][service]})
        self.assertEqual(content(fresh.table), content(builder.table))
        table = builder.table
        self.assertEqual(TableDiff(), builder.rebuild())
        self.assertIdentical(table, builder.table)

    @SETTINGS
    @given(steps=steps)
    def test_diffs_tell_the_difference_and_tables_never_change(
        self, steps: list[tuple[str, bool, dict[str, list[Instance]]]]
    ) -> None:
        builder = a_builder()
        history = []
        for source, everything, changes in steps:
            old = builder.table
            history.append((old, content(old)))
            diff = (builder.replace if everything else builder.apply)(source, changes)
            self.assertEqual(difference(old, builder.table), diff)
            before = {(r.host, r.path): r for r in old}
            after = {(r.host, r.path): r for r in builder.table}
            self.assertEqual(
                (
                    {key for key in after if key not in before},
                    {key for key in before if key not in after},
                    {k for k in after if k in before and before[k] != after[k]},
                    identities(before.values()) - identities(after.values()),
                ),
                (
                    {(route.host, route.path) for route in diff.added},
                    {(route.host, route.path) for route in diff.removed},
                    {(route.host, route.path) for _, route in diff.changed},
                    diff.departed,
                ),
            )
            self.assertEqual(
                len(identities(after.values())), builder.table.instance_count
            )
        for table, what in history:
            self.assertEqual(what, content(table))


def identities(routes: Iterable[Route]) -> set[tuple[str, str, str, int]]:
    """Identities of all instances of some routes."""
    return {t.instance.identity for r in routes for t in (*r.targets, *r.unusable)}


class BalanceProperties(SynchronousTestCase):
    """Turns."""

    @SETTINGS
    @given(count=st.integers(1, 30), rounds=st.integers(1, 4), seed=st.integers())
    def test_each_target_gets_the_same(
        self, count: int, rounds: int, seed: int
    ) -> None:
        route = Route("a", "/", tuple(Target(i) for i in instances(count)))
        balancer = Balancer(lambda: 0.0, random.Random(seed))
        ports = []
        for _ in range(rounds * count):
            candidate = balancer.choose(route)
            assert candidate is not None
            ports.append(candidate.port)
        self.assertEqual([rounds] * count, list(Counter(ports).values()))
