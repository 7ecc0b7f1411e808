"""Tests of twisted_router.routing.merge."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Instance, Route, Status, Target, TargetOptions
from twisted_router.routing.claims import Claim
from twisted_router.routing.merge import by_route, claim_order, merge

from .facts import an_instance, instances

KEY = ("a", "/")


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
