"""Tests of twisted_router.routing.merge."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import (
    Gate,
    Instance,
    Quarantined,
    Route,
    Status,
    Target,
    TargetOptions,
)
from twisted_router.routing.access import parse_access_rule
from twisted_router.routing.claims import Claim
from twisted_router.routing.merge import by_route, claim_order, merge
from twisted_router.routing.redirect import parse_redirect

from .facts import an_instance, instances

KEY = ("a", "/")
OFFICE = parse_access_rule("ip:10.0.0.0/8", allow=True)
NO_SCANNERS = parse_access_rule("ip:192.0.2.0/24", allow=False)
TO_HTTPS = parse_redirect("301,https://$host$path")
ELSEWHERE = parse_redirect("302,https://b.com/")


def gate_of(route: Route | None) -> Gate | None:
    """What stands before a route, which has to be there."""
    assert route is not None
    return route.gate


def a_claim(
    instance: Instance,
    options: TargetOptions | None = None,
    source: str = "consul",
    key: tuple[str, str] = KEY,
    implied: bool = False,
    closed: bool = False,
) -> Claim:
    """A claim by a tag; its text is the instance's id."""
    target = Target(instance) if options is None else Target(instance, options)
    owner = (source, instance.service)
    return Claim(owner, key, target, "tag", instance.id, implied, closed)


class MergeTests(SynchronousTestCase):
    """One route of many claims."""

    def test_without_claims_there_is_no_route(self) -> None:
        self.assertEqual((None, ()), merge(KEY, []))

    def test_one_claim_is_a_route_with_one_instance(self) -> None:
        instance = an_instance()
        self.assertEqual(
            (Route("a", "/", (Target(instance),)), ()), merge(KEY, [a_claim(instance)])
        )

    def test_one_claim_that_is_of_no_use_is_a_route_too(self) -> None:
        instance = an_instance()
        for claim in (
            a_claim(instance, closed=True),
            a_claim(an_instance(status=Status.CRITICAL)),
        ):
            self.assertEqual(
                (Route("a", "/", (), (claim.target,)), ()), merge(KEY, [claim])
            )

    def test_the_targets_are_in_the_order_of_the_claims(self) -> None:
        them = instances(3)
        route, _ = merge(KEY, [a_claim(instance) for instance in them])
        self.assertEqual(Route("a", "/", tuple(map(Target, them))), route)

    def test_explicit_claims_put_implied_ones_out(self) -> None:
        first, second = instances(2)
        route, _ = merge(KEY, [a_claim(first, implied=True), a_claim(second)])
        self.assertEqual(Route("a", "/", (Target(second),)), route)

    def test_of_contradictions_the_first_counts_and_the_other_is_told(self) -> None:
        instance = an_instance()
        options = TargetOptions(strip="/x")
        route, (conflict,) = merge(KEY, [a_claim(instance, options), a_claim(instance)])
        self.assertEqual(Route("a", "/", (Target(instance, options),)), route)
        self.assertEqual(("web-1", "tag"), (conflict.instance_id, conflict.source))

    def test_saying_the_same_twice_is_no_contradiction(self) -> None:
        instance = an_instance()
        self.assertEqual(
            (Route("a", "/", (Target(instance),)), ()),
            merge(KEY, [a_claim(instance), a_claim(instance)]),
        )


class GateTests(SynchronousTestCase):
    """Who may ask is decided for the route as a whole."""

    def test_one_claim_brings_its_rules(self) -> None:
        options = TargetOptions(access=OFFICE, auth="staff")
        route, _ = merge(KEY, [a_claim(an_instance(), options)])
        self.assertEqual(Gate((OFFICE,), ("staff",)), gate_of(route))

    def test_options_that_restrict_nobody_make_no_gate(self) -> None:
        options = TargetOptions(strip="/x", https=True)
        route, _ = merge(KEY, [a_claim(an_instance(), options)])
        self.assertIdentical(None, gate_of(route))

    def test_all_rules_of_all_claims_hold(self) -> None:
        one, two, three = instances(3)
        claims = [
            a_claim(one, TargetOptions(access=OFFICE, auth="staff")),
            a_claim(two, TargetOptions(access=NO_SCANNERS, auth="admin")),
            a_claim(three, TargetOptions(access=OFFICE)),
        ]
        route, _ = merge(KEY, claims)
        self.assertEqual(
            Gate((OFFICE, NO_SCANNERS), ("admin", "staff")), gate_of(route)
        )

    def test_also_those_of_instances_that_are_ill(self) -> None:
        ill = an_instance(id="ill", status=Status.CRITICAL)
        claims = [a_claim(an_instance()), a_claim(ill, TargetOptions(auth="staff"))]
        route, _ = merge(KEY, claims)
        self.assertEqual(Gate((), ("staff",)), gate_of(route))

    def test_also_those_of_an_instance_that_is_there_already(self) -> None:
        instance = an_instance()
        claims = [a_claim(instance), a_claim(instance, TargetOptions(auth="staff"))]
        route, conflicts = merge(KEY, claims)
        self.assertEqual(Gate((), ("staff",)), gate_of(route))
        self.assertEqual(
            ["other entries demand more of this route: auth=staff"],
            [conflict.reason for conflict in conflicts],
        )

    def test_also_those_that_a_claim_brings_besides_its_target(self) -> None:
        claim = replace(a_claim(an_instance()), restrictions=(TargetOptions(auth="x"),))
        route, _ = merge(KEY, [claim])
        self.assertEqual(Gate((), ("x",)), gate_of(route))

    def test_who_demands_less_than_the_route_is_told_once_for_each_text(self) -> None:
        one, two, three = instances(3)
        strict = a_claim(three, TargetOptions(access=OFFICE, auth="staff"))
        lax = replace(a_claim(one), text="lax")
        _, conflicts = merge(KEY, [lax, replace(a_claim(two), text="lax"), strict])
        self.assertEqual(
            [
                Quarantined(
                    *("web", "web-1", "tag", "lax"),
                    "other entries demand more of this route: "
                    "allow=ip:10.0.0.0/8 auth=staff",
                )
            ],
            list(conflicts),
        )

    def test_a_closed_claim_closes_the_route_for_all(self) -> None:
        one, two = instances(2)
        claims = [a_claim(one, closed=True), a_claim(two, TargetOptions(auth="staff"))]
        route, (conflict,) = merge(KEY, claims)
        self.assertEqual(
            Route("a", "/", (), (Target(one), claims[1].target)),
            route,
        )
        self.assertEqual(
            ("web-2", "nobody is let in because of 'web-1' of web (web-1)"),
            (conflict.instance_id, conflict.reason),
        )

    def test_a_redirect_of_one_instance_is_the_routes(self) -> None:
        one, two, three = instances(3)
        claims = [
            a_claim(one),
            a_claim(two, TargetOptions(strip="/x", redirect=TO_HTTPS)),
            a_claim(three, TargetOptions(redirect=ELSEWHERE)),
        ]
        route, conflicts = merge(KEY, claims)
        self.assertEqual(Gate(redirect=claims[1].target.options), gate_of(route))
        self.assertEqual(
            [
                ("web-1", f"another entry redirects this route: {TO_HTTPS}"),
                ("web-3", f"another entry redirects this route: {TO_HTTPS}"),
            ],
            [(conflict.instance_id, conflict.reason) for conflict in conflicts],
        )

    def test_a_redirect_of_an_ill_instance_is_none(self) -> None:
        ill = an_instance(id="ill", status=Status.CRITICAL)
        claims = [
            a_claim(an_instance()),
            a_claim(ill, TargetOptions(redirect=TO_HTTPS)),
        ]
        route, conflicts = merge(KEY, claims)
        self.assertEqual((None, ()), (gate_of(route), conflicts))

    def test_claims_that_agree_contradict_nothing(self) -> None:
        options = TargetOptions(access=OFFICE, auth="staff", redirect=TO_HTTPS)
        route, conflicts = merge(KEY, [a_claim(i, options) for i in instances(3)])
        self.assertEqual(Gate((OFFICE,), ("staff",), options), gate_of(route))
        self.assertEqual((), conflicts)


class OrderTests(SynchronousTestCase):
    """Which claims belong together, and which goes first."""

    def test_claims_are_grouped_by_route_in_their_order(self) -> None:
        one, two = instances(2)
        claims = [
            a_claim(one),
            a_claim(one, key=("b", "/")),
            a_claim(two),
        ]
        self.assertEqual(
            {KEY: [claims[0], claims[2]], ("b", "/"): [claims[1]]}, by_route(claims)
        )

    def test_the_order_is_by_service_instance_and_source(self) -> None:
        one, two = instances(2)
        other = an_instance(service="api")
        expected = [
            a_claim(other, source="static"),
            a_claim(one),
            a_claim(one, source="static"),
            a_claim(two),
        ]
        self.assertEqual(expected, sorted(expected[::-1], key=claim_order))
