"""Tests of twisted_router.routing.explain."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Instance, Status, Weights
from twisted_router.routing.balance import Balancer
from twisted_router.routing.claims import RoutingRules
from twisted_router.routing.explain import Explanation, explain
from twisted_router.routing.tables import RouteTables

from .facts import an_instance, instances

_LABELS = st.sampled_from(["a", "b", "c"])
_HOSTS = st.lists(_LABELS, min_size=0, max_size=4).map(".".join)
_PATHS = st.lists(st.sampled_from(["x", "y", ""]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


class ExplainTests(SynchronousTestCase):
    """Explanations of real tables and a real balancer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.tables = RouteTables(RoutingRules(), self.clock.seconds)
        self.balancer = Balancer(self.clock.seconds, random.Random(1), max_conns=2)
        self.tables.subscribe(self.balancer.table_changed)

    def serve(self, *them: Instance) -> None:
        """Make these all instances of service web."""
        self.tables.apply("consul", {"web": them})

    def explain(self, host: bytes, path: bytes = b"/") -> Explanation:
        """Explain by the table of now."""
        return explain(self.tables.table, self.balancer, host, path)

    def reasons(self) -> dict[str, str]:
        """Why each instance of ``web/`` would not serve."""
        return {
            v.target.instance.id: v.reason for v in self.explain(b"web", b"/").verdicts
        }

    def test_a_host_of_its_own_is_the_first_place(self) -> None:
        self.serve(an_instance("a.b/", "*.b/", "/"))
        (step,) = self.explain(b"A.b:80").steps
        self.assertEqual(("host", "a.b", "a.b"), (step.rule, step.pattern, step.uri))

    def test_each_place_is_named_in_the_order_it_is_looked_at(self) -> None:
        self.serve(an_instance("/deep"))
        self.assertEqual(
            [
                ("host", "x.a.b", ""),
                ("wildcard", "*.a.b", ""),
                ("wildcard", "*.b", ""),
                ("any host", "", "/deep"),
            ],
            [
                (step.rule, step.pattern, step.uri)
                for step in self.explain(b"x.a.b", b"/deep/er").steps
            ],
        )

    def test_no_route_has_no_instances(self) -> None:
        self.serve(an_instance("a/"))
        found = self.explain(b"b")
        self.assertEqual((None, ()), (found.route, found.verdicts))
        self.assertEqual("", found.steps[-1].uri)

    def test_who_would_serve_has_no_reason_not_to(self) -> None:
        self.serve(*instances(2, "web/"))
        self.assertEqual({"web-1": "", "web-2": ""}, self.reasons())

    def test_health_leaves_an_instance_out(self) -> None:
        self.serve(
            an_instance("web/", id="ill", status=Status.CRITICAL),
            an_instance("web/", id="off", status=Status.MAINTENANCE),
        )
        self.assertEqual(
            {
                "ill": "a health check of it, or of its node, is critical",
                "off": "it is in maintenance mode in the catalog",
            },
            self.reasons(),
        )

    def test_one_that_failed_is_passed_over_for_a_while(self) -> None:
        self.serve(an_instance("web/"))
        route = self.tables.table.lookup(b"web", b"/")
        assert route is not None
        candidate = self.balancer.choose(route)
        assert candidate is not None
        self.balancer.mark_failed(candidate.state)
        self.clock.advance(2.5)
        self.assertIn("passed over for 7.5 s more", self.reasons()["web-1"])
        self.clock.advance(8)
        self.assertEqual({"web-1": ""}, self.reasons())

    def test_one_that_has_all_it_may_have_is_named_with_the_limit(self) -> None:
        self.serve(an_instance("web/"))
        route = self.tables.table.lookup(b"web", b"/")
        assert route is not None
        candidate = self.balancer.choose(route)
        assert candidate is not None
        candidate.state.in_flight = 2
        self.assertEqual(
            {"web-1": "it has all 2 requests that backends.max_conns allows"},
            self.reasons(),
        )

    def test_shares_are_of_all_that_health_lets_serve(self) -> None:
        self.serve(
            an_instance("web/ weight=0.2", id="a"),
            an_instance("web/", id="b"),
            an_instance("web/", id="c", status=Status.CRITICAL),
        )
        found = self.explain(b"web").verdicts
        self.assertEqual(
            {"a": 0.2, "b": 0.8, "c": 0.0},
            {v.target.instance.id: v.share for v in found},
        )

    def test_instances_that_take_turns_have_equal_shares(self) -> None:
        self.serve(*instances(4, "web/"))
        self.assertEqual([0.25] * 4, [v.share for v in self.explain(b"web").verdicts])

    def test_a_spare_is_left_out_as_long_as_others_serve(self) -> None:
        ill = an_instance("web/", id="b", status=Status.WARNING)
        self.serve(an_instance("web/", id="a"), replace(ill, weights=Weights(1, 0)))
        reasons = self.reasons()
        self.assertEqual("", reasons["a"])
        self.assertIn("a spare", reasons["b"])

    @given(
        st.lists(st.tuples(_HOSTS, st.booleans(), _PATHS), max_size=6), _HOSTS, _PATHS
    )
    def test_the_last_place_has_the_route_that_a_request_takes(
        self, tags: list[tuple[str, bool, str]], host: str, path: str
    ) -> None:
        tables = RouteTables(RoutingRules(), self.clock.seconds)
        texts = [f"{'*.' if wild and h else ''}{h}{p}" for h, wild, p in tags]
        tables.apply("consul", {"web": [an_instance(*texts)]})
        found = explain(tables.table, self.balancer, host.encode(), path.encode())
        route = tables.table.lookup(host.encode(), path.encode())
        self.assertIs(route, found.route)
        self.assertEqual(route.uri if route else "", found.steps[-1].uri)
