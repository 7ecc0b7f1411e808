"""Tests of twisted_router.routing.balance."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Instance, Route, Status, Weights
from twisted_router.routing.balance import Balancer
from twisted_router.routing.claims import RoutingRules
from twisted_router.routing.state import Candidate, InstanceState
from twisted_router.routing.tables import RouteTables

from .facts import an_instance, instances


class BalancerTestCase(SynchronousTestCase):
    """A balancer on real tables, with a clock and a seeded source of chance."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.retired: list[InstanceState] = []
        self.tables = RouteTables(RoutingRules(), self.clock.seconds)
        self.balancer = self.a_balancer()

    def a_balancer(self, max_conns: int = 0, seed: int = 1) -> Balancer:
        """A balancer that listens to the tables."""
        balancer = Balancer(
            self.clock.seconds,
            random.Random(seed),
            max_conns,
            failed_for_s=10.0,
            on_retired=self.retired.append,
        )
        self.tables.subscribe(balancer.table_changed)
        return balancer

    def serve(self, *them: Instance) -> Route:
        """Make these all instances of service web; returns the route of ``web/``."""
        self.tables.apply("consul", {"web": them})
        return self.route()

    def route(self) -> Route:
        """The route of ``web/`` as it is now."""
        route = self.tables.table.lookup(b"web", b"/")
        assert route is not None
        return route

    def choose(self, route: Route, tried: Collection[InstanceState] = ()) -> Candidate:
        """Choose where there must be somebody to choose."""
        candidate = self.balancer.choose(route, tried)
        assert candidate is not None
        return candidate

    def ports(self, route: Route, count: int) -> list[int]:
        """The ports of the next ``count`` choices."""
        return [self.choose(route).port for _ in range(count)]


class RoundRobinTests(BalancerTestCase):
    """Everybody in turn."""

    def test_twice_as_many_requests_as_instances_give_each_two(self) -> None:
        route = self.serve(*instances(5, "web/"))
        self.assertEqual(
            {8000 + n: 2 for n in range(1, 6)}, Counter(self.ports(route, 10))
        )

    def test_the_order_is_that_of_the_targets(self) -> None:
        route = self.serve(*instances(3, "web/"))
        ports = self.ports(route, 4)
        self.assertIn(ports, [
            [8001, 8002, 8003, 8001], [8002, 8003, 8001, 8002], [8003, 8001, 8002, 8003]
        ])  # fmt: skip

    def test_the_first_choice_is_a_matter_of_chance(self) -> None:
        route = self.serve(*instances(3, "web/"))
        firsts = set()
        for seed in range(20):
            self.balancer = self.a_balancer(seed=seed)
            firsts.add(self.choose(route).port)
        self.assertEqual({8001, 8002, 8003}, firsts)

    def test_routes_take_turns_apart_from_each_other(self) -> None:
        route = self.serve(*instances(2, "web/", "web/x"))
        other = self.tables.table.lookup(b"web", b"/x")
        assert other is not None
        first = self.choose(route).port
        self.choose(other)
        self.assertNotEqual(first, self.choose(route).port)

    def test_the_turn_goes_on_after_a_swap(self) -> None:
        route = self.serve(*instances(4, "web/"))
        before = self.ports(route, 1)[0]
        grown = self.serve(*instances(5, "web/"))
        self.assertEqual((before - 8000) % 4, self.choose(grown).port - 8001)

    def test_a_turn_beyond_the_end_of_a_shorter_list_wraps(self) -> None:
        route = self.serve(*instances(4, "web/"))
        while self.choose(route).port != 8003:
            pass
        self.assertEqual([8001], self.ports(self.serve(*instances(1, "web/")), 1))

    def test_a_route_without_targets_has_nobody(self) -> None:
        route = self.serve(an_instance("web/", status=Status.CRITICAL))
        self.assertIdentical(None, self.balancer.choose(route))


class PassedOverTests(BalancerTestCase):
    """Who is not asked."""

    def test_a_retry_asks_somebody_else_until_all_were_asked(self) -> None:
        route = self.serve(*instances(3, "web/"))
        tried: list[InstanceState] = []
        for _ in range(3):
            tried.append(self.choose(route, tried).state)
        self.assertEqual(3, len(set(tried)))
        self.assertIdentical(None, self.balancer.choose(route, tried))

    def test_a_failed_instance_is_passed_over_while_its_mark_lasts(self) -> None:
        route = self.serve(*instances(2, "web/"))
        failed = self.choose(route)
        self.balancer.mark_failed(failed.state)
        self.assertEqual(1, failed.state.failures)
        self.clock.advance(9.9)
        self.assertNotIn(failed.port, self.ports(route, 4))
        self.clock.advance(0.1)
        self.assertEqual(2, self.ports(route, 4).count(failed.port))

    def test_the_others_share_evenly_what_a_failed_instance_leaves(self) -> None:
        route = self.serve(*instances(3, "web/"))
        failed = self.choose(route)
        self.balancer.mark_failed(failed.state)
        counts = Counter(self.ports(route, 10))
        self.assertEqual([5, 5], sorted(counts.values()))

    def test_an_answer_takes_the_mark_off(self) -> None:
        route = self.serve(*instances(2, "web/"))
        state = self.choose(route).state
        self.balancer.mark_failed(state)
        self.balancer.mark_ok(state)
        self.assertEqual((0, 0.0), (state.failures, state.failed_until_s))
        self.assertEqual(2, len(set(self.ports(route, 2))))

    def test_when_all_have_failed_they_are_asked_all_the_same_in_turn(self) -> None:
        route = self.serve(*instances(2, "web/"))
        for _ in range(2):
            self.balancer.mark_failed(self.choose(route).state)
        self.assertEqual({8001: 2, 8002: 2}, Counter(self.ports(route, 4)))

    def test_when_only_failed_ones_are_untried_one_of_them_is_asked(self) -> None:
        route = self.serve(*instances(2, "web/"))
        failed, other = self.choose(route), self.choose(route)
        self.balancer.mark_failed(failed.state)
        self.assertEqual(failed.port, self.choose(route, [other.state]).port)

    def test_an_instance_with_all_it_may_have_is_passed_over(self) -> None:
        self.balancer = self.a_balancer(max_conns=2)
        route = self.serve(*instances(2, "web/"))
        busy = self.choose(route)
        busy.state.in_flight = 2
        self.assertNotIn(busy.port, self.ports(route, 3))
        self.assertFalse(self.balancer.exhausted(route))

    def test_a_failed_one_is_asked_when_the_others_are_at_their_limit(self) -> None:
        self.balancer = self.a_balancer(max_conns=1)
        route = self.serve(*instances(2, "web/"))
        failed, busy = self.choose(route), self.choose(route)
        self.balancer.mark_failed(failed.state)
        busy.state.in_flight = 1
        self.assertEqual([failed.port] * 2, self.ports(route, 2))

    def test_a_route_is_exhausted_when_all_have_what_they_may_have(self) -> None:
        self.balancer = self.a_balancer(max_conns=2)
        route = self.serve(*instances(1, "web/"))
        for _ in range(2):
            self.choose(route).state.in_flight += 1
        self.assertTrue(self.balancer.exhausted(route))
        self.assertIdentical(None, self.balancer.choose(route))

    def test_without_a_limit_no_route_is_exhausted(self) -> None:
        route = self.serve(*instances(1, "web/"))
        self.choose(route).state.in_flight = 10**6
        self.assertFalse(self.balancer.exhausted(route))

    def test_a_route_without_targets_is_not_exhausted(self) -> None:
        self.balancer = self.a_balancer(max_conns=1)
        route = self.serve(an_instance("web/", status=Status.CRITICAL))
        self.assertFalse(self.balancer.exhausted(route))


class WeightTests(BalancerTestCase):
    """Shares that tags ask for."""

    def counts(self, count: int, *weights: str) -> list[int]:
        """How many of ``count`` requests instances with these weights get."""
        route = self.serve(
            *(
                an_instance(
                    f"web/ weight={weight}" if weight else "web/", id=str(n), port=n
                )
                for n, weight in enumerate(weights, 1)
            )
        )
        counts = Counter(self.ports(route, count))
        return [counts[n] for n in range(1, len(weights) + 1)]

    def assert_near(self, expected: list[int], actual: list[int]) -> None:
        """Smooth turns are off by less than one request at any time."""
        self.assertEqual(sum(expected), sum(actual))
        for wanted, got in zip(expected, actual, strict=True):
            self.assertApproximates(wanted, got, 2)

    def test_weights_are_shares_of_each_and_the_others_share_the_rest(self) -> None:
        self.assert_near(
            [200, 200] + [75] * 8, self.counts(1000, ".2", ".2", *[""] * 8)
        )

    def test_weights_above_one_in_all_are_scaled_down(self) -> None:
        self.assert_near([500, 500], self.counts(1000, "1", "1"))

    def test_weights_below_one_in_all_are_scaled_up_if_all_have_one(self) -> None:
        self.assert_near([250, 750], self.counts(1000, "0.1", "0.3"))

    def test_those_without_a_weight_keep_a_little(self) -> None:
        self.assert_near([9999, 1], self.counts(10_000, "1", ""))

    def test_consuls_weights_scale_equal_parts(self) -> None:
        route = self.serve(*self.weighted(3, 1))
        self.assertEqual({1: 6, 2: 2}, Counter(self.ports(route, 8)))

    def weighted(self, *weights: int) -> list[Instance]:
        """Instances on ports 1 ... with these weights; 0 with a warning."""
        return [
            replace(
                an_instance("web/", id=str(n), port=n),
                weights=Weights(weight or 1, weight),
                status=Status.PASSING if weight else Status.WARNING,
            )
            for n, weight in enumerate(weights, 1)
        ]

    def test_spares_are_asked_when_nobody_else_can_be_in_turn(self) -> None:
        route = self.serve(*self.weighted(1, 0, 0))
        self.assertEqual([1, 1, 1], self.ports(route, 3))
        first = self.choose(route).state
        others = [self.choose(route, [first]).port for _ in range(4)]
        self.assertEqual({2: 2, 3: 2}, Counter(others))

    def test_spares_go_before_an_instance_that_has_failed(self) -> None:
        route = self.serve(*self.weighted(1, 0))
        self.balancer.mark_failed(self.choose(route).state)
        self.assertEqual([2, 2], self.ports(route, 2))

    def test_turns_are_smooth(self) -> None:
        route = self.serve(
            an_instance("web/ weight=0.5", id="a", port=1),
            an_instance("web/ weight=0.5", id="b", port=2),
        )
        ports = self.ports(route, 6)
        self.assertIn(ports, ([1, 2] * 3, [2, 1] * 3))

    def test_the_first_choice_is_a_matter_of_chance_with_weights_too(self) -> None:
        route = self.serve(*instances(2, "web/ weight=0.5"))
        firsts = set()
        for seed in range(20):
            self.balancer = self.a_balancer(seed=seed)
            firsts.add(self.choose(route).port)
        self.assertEqual({8001, 8002}, firsts)

    def test_a_weight_does_not_bring_back_who_was_tried_or_failed(self) -> None:
        route = self.serve(
            an_instance("web/ weight=0.9", id="a", port=1),
            an_instance("web/", id="b", port=2),
            an_instance("web/", id="c", port=3),
        )
        heavy = self.choose(route).state
        while heavy.port != 1:
            heavy = self.choose(route).state
        self.assertNotEqual(1, self.choose(route, [heavy]).port)
        self.balancer.mark_failed(heavy)
        self.assertNotIn(1, self.ports(route, 10))

    def test_when_all_were_tried_there_is_nobody(self) -> None:
        route = self.serve(an_instance("web/ weight=0.5"))
        self.assertIdentical(
            None, self.balancer.choose(route, [self.choose(route).state])
        )


class StateTests(BalancerTestCase):
    """What is known of an instance outlives tables, and goes with the instance."""

    def test_state_outlives_a_swap(self) -> None:
        route = self.serve(*instances(1, "web/"))
        state = self.choose(route).state
        grown = self.serve(*instances(2, "web/ strip=/x"))
        self.assertIn(state, [self.choose(grown).state for _ in range(2)])
        self.assertEqual([], self.retired)

    def test_routes_of_one_instance_share_its_state(self) -> None:
        route = self.serve(*instances(1, "web/", "web/x"))
        other = self.tables.table.lookup(b"web", b"/x")
        assert other is not None
        self.assertIdentical(self.choose(route).state, self.choose(other).state)

    def test_a_departed_instance_is_retired_and_forgotten(self) -> None:
        route = self.serve(*instances(1, "web/"))
        state = self.choose(route).state
        self.assertEqual({state.identity: state}, dict(self.balancer.states))
        self.tables.replace("consul", {})
        self.assertEqual([state], self.retired)
        self.assertTrue(state.retired)
        self.assertEqual({}, dict(self.balancer.states))

    def test_an_unhealthy_instance_is_not_retired(self) -> None:
        state = self.choose(self.serve(an_instance("web/"))).state
        self.serve(an_instance("web/", status=Status.CRITICAL))
        self.assertEqual([], self.retired)
        again = self.choose(self.serve(an_instance("web/"))).state
        self.assertIdentical(state, again)

    def test_an_instance_in_use_is_kept_until_its_requests_end(self) -> None:
        state = self.choose(self.serve(*instances(1, "web/"))).state
        state.in_flight = 1
        self.tables.replace("consul", {})
        self.assertEqual([state], list(self.balancer.states.values()))
        state.in_flight = 0
        self.tables.apply("consul", {"other": instances(1, "x/", service="other")})
        self.assertEqual({}, dict(self.balancer.states))
        self.assertEqual([state], self.retired)

    def test_an_instance_in_use_that_comes_back_is_the_same(self) -> None:
        state = self.choose(self.serve(*instances(1, "web/"))).state
        state.in_flight = 1
        self.tables.replace("consul", {})
        again = self.choose(self.serve(*instances(1, "web/"))).state
        self.assertIdentical(state, again)
        self.assertFalse(state.retired)
        state.in_flight = 0
        self.tables.apply("consul", {"other": instances(1, "x/", service="other")})
        self.assertEqual([state], list(self.balancer.states.values()))

    def test_a_retry_on_a_route_that_is_gone_is_served_and_leaves_nothing(self) -> None:
        route = self.serve(*instances(2, "web/"))
        self.choose(route)
        self.tables.replace("consul", {})
        self.assertTrue(self.choose(route).state.retired)
        self.assertEqual({}, dict(self.balancer.states))

    def test_a_retry_on_an_old_route_does_not_disturb_the_new_one(self) -> None:
        old = self.serve(*instances(2, "web/"))
        self.choose(old)
        new = self.serve(*instances(3, "web/"))
        first = self.choose(new).state
        self.choose(old)
        others = [self.choose(new).state for _ in range(2)]
        self.assertEqual(3, len({first, *others}))

    def test_turns_of_a_route_that_is_gone_are_forgotten(self) -> None:
        self.choose(self.serve(*instances(1, "web/")))
        self.tables.replace("consul", {})
        self.assertIdentical(None, self.serve(*instances(1, "web/")).turns)

    def test_balancers_of_the_same_tables_do_not_take_each_others_turns(self) -> None:
        route = self.serve(*instances(2, "web/"))
        first = self.choose(route).state
        self.balancer = self.a_balancer()
        self.assertNotIn(first, [self.choose(route).state for _ in range(2)])

    def test_a_balancer_works_without_a_listener_for_retired_states(self) -> None:
        balancer = Balancer(self.clock.seconds, random.Random(1))
        self.tables.subscribe(balancer.table_changed)
        balancer.choose(self.serve(*instances(1, "web/")))
        self.tables.replace("consul", {})
        self.assertEqual({}, dict(balancer.states))
