"""Tests of twisted_router.routing.claims."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.interfaces import STATIC_SOURCE
from twisted_router.model import Quarantined, Target, TargetOptions
from twisted_router.routing.claims import (
    Reading,
    RoutingRules,
    read_service,
)
from twisted_router.routing.ownership import HostOwner, HostOwnership

from .facts import an_instance, instances

OWNER = ("consul", "web")
DOMAIN = RoutingRules(domain="apps.example.com")


def places(reading: Reading) -> list[tuple[str, str]]:
    """Where the claims are, in order: ``(source, uri)``."""
    return [(claim.source, "".join(claim.key)) for claim in reading.claims]


class TagTests(SynchronousTestCase):
    """Claims of tags."""

    def test_each_routing_tag_is_a_claim(self) -> None:
        reading = read_service(
            OWNER, [an_instance("a.com/", "b.com/x")], RoutingRules()
        )
        self.assertEqual([("tag", "a.com/"), ("tag", "b.com/x")], places(reading))

    def test_options_go_to_the_target(self) -> None:
        instance = an_instance("a.com/x strip=/x prepend=/y host=dst weight=0.5")
        (claim,) = read_service(OWNER, [instance], RoutingRules()).claims
        self.assertEqual(
            Target(instance, TargetOptions("/x", "/y", "dst", 0.5)), claim.target
        )

    def test_a_bad_tag_is_quarantined_alone(self) -> None:
        reading = read_service(
            OWNER, [an_instance("a.com/", "b.com", "c.com/")], RoutingRules()
        )
        self.assertEqual([("tag", "a.com/"), ("tag", "c.com/")], places(reading))
        self.assertEqual(
            (
                Quarantined(
                    "web",
                    "web-1",
                    "tag",
                    "urlprefix-b.com",
                    "a whole host ends in a slash: write urlprefix-b.com/",
                ),
            ),
            reading.quarantine,
        )

    def test_without_a_prefix_no_tag_is_a_route(self) -> None:
        reading = read_service(
            OWNER, [an_instance("a.com/")], RoutingRules(tag_prefix="")
        )
        self.assertEqual(Reading(), reading)

    def test_the_datacenter_of_the_rules_is_used(self) -> None:
        reading = read_service(
            OWNER, [an_instance("$DC.a.com/")], RoutingRules(datacenter="dc7")
        )
        self.assertEqual([("tag", "dc7.a.com/")], places(reading))

    def test_targets_without_options_are_one_object(self) -> None:
        reading = read_service(OWNER, [an_instance("a/", "b/")], RoutingRules())
        first, second = reading.claims
        self.assertIdentical(first.target, second.target)


class MetaTests(SynchronousTestCase):
    """Claims of Meta ``uris``."""

    def test_uris_are_listed_with_commas(self) -> None:
        instance = an_instance(meta={"uris": " a.com, b.com/x ,,/y,"})
        reading = read_service(OWNER, [instance], RoutingRules())
        self.assertEqual(
            [("meta uris", "a.com/"), ("meta uris", "b.com/x"), ("meta uris", "/y")],
            places(reading),
        )

    def test_a_bad_uri_is_quarantined_alone(self) -> None:
        instance = an_instance(meta={"uris": "a.com,b_.$,c.com strip=/x"})
        reading = read_service(OWNER, [instance], RoutingRules())
        self.assertEqual([("meta uris", "a.com/")], places(reading))
        self.assertEqual(
            [("meta uris", "b_.$"), ("meta uris", "c.com strip=/x")],
            [(q.source, q.text) for q in reading.quarantine],
        )


class RuleTests(SynchronousTestCase):
    """Claims that the rules make."""

    def test_every_service_answers_its_name_in_the_domain(self) -> None:
        reading = read_service(("consul", "Web"), instances(2), DOMAIN)
        self.assertEqual([("domain", "web.apps.example.com/")] * 2, places(reading))
        self.assertTrue(all(claim.implied for claim in reading.claims))

    def test_a_name_that_is_no_label_is_quarantined_once_for_that_only(self) -> None:
        reading = read_service(("consul", "my.web"), instances(2, "a.com/"), DOMAIN)
        self.assertEqual([("tag", "a.com/")] * 2, places(reading))
        self.assertEqual(
            [("my.web", "", "domain", "my.web")],
            [(q.service, q.instance_id, q.source, q.text) for q in reading.quarantine],
        )

    def test_a_name_too_long_for_the_domain_is_quarantined(self) -> None:
        rules = RoutingRules(domain=".".join(["x" * 60] * 4))
        reading = read_service(("consul", "w" * 60), instances(1), rules)
        self.assertEqual((), reading.claims)
        self.assertEqual(["domain"], [q.source for q in reading.quarantine])

    def test_the_default_service_answers_any_host(self) -> None:
        reading = read_service(OWNER, instances(1), RoutingRules(default_service="Web"))
        self.assertEqual([("default_service", "/")], places(reading))

    def test_a_service_without_instances_claims_nothing(self) -> None:
        self.assertEqual(Reading(), read_service(("consul", "a.b"), [], DOMAIN))

    def test_static_routes_have_no_implied_names(self) -> None:
        rules = RoutingRules(domain="d.com", default_service="web")
        reading = read_service((STATIC_SOURCE, "web"), [an_instance("a/")], rules)
        self.assertEqual([("tag", "a/")], places(reading))


class AccessRuleTests(SynchronousTestCase):
    """An access rule restricts or, if it cannot be used, closes what it names."""

    def test_a_rule_that_cannot_be_used_closes_its_route_and_is_quarantined(
        self,
    ) -> None:
        reading = read_service(
            OWNER, [an_instance("a.com/x auth=basic", "a.com/")], RoutingRules()
        )
        self.assertEqual(
            [(("a.com", "/x"), True), (("a.com", "/"), False)],
            [(claim.key, claim.closed) for claim in reading.claims],
        )
        self.assertEqual(1, len(reading.quarantine))

    def test_closed_claims_come_before_open_ones(self) -> None:
        reading = read_service(
            OWNER, [an_instance("a.com/", "a.com/ deny=ip:1.2.3")], RoutingRules()
        )
        self.assertEqual([True, False], [claim.closed for claim in reading.claims])

    def test_what_the_rules_would_open_is_closed_too(self) -> None:
        rules = RoutingRules(domain="d.com", default_service="web")
        for tag in ("/admin allow=ip:10.0.0", "foo.com auth=basic"):
            reading = read_service(OWNER, [an_instance(tag)], rules)
            self.assertEqual(
                {("web.d.com", "/"): True, ("", "/"): True},
                {c.key: c.closed for c in reading.claims if c.implied},
            )

    def test_a_rule_that_can_be_used_is_an_option_of_its_route(self) -> None:
        (claim,) = read_service(
            OWNER, [an_instance("a.com/ allow=ip:10.0.0.1")], RoutingRules()
        ).claims
        self.assertEqual("allow=ip:10.0.0.1/32", str(claim.target.options.access))
        self.assertEqual((False, ()), (claim.closed, claim.restrictions))

    def test_what_the_rules_open_they_open_under_all_access_rules(self) -> None:
        rules = RoutingRules(domain="d.com", auth_schemes=frozenset({"staff"}))
        tags = ("/a allow=ip:10.0.0.1", "/b auth=staff", "/c strip=/c", "/d")
        reading = read_service(OWNER, [an_instance(*tags)], rules)
        (implied,) = [claim for claim in reading.claims if claim.implied]
        self.assertEqual(
            [("allow=ip:10.0.0.1/32", ""), ("None", "staff")],
            [(str(o.access), o.auth) for o in implied.restrictions],
        )


class OwnershipTests(SynchronousTestCase):
    """Hosts that are kept for some services."""

    rules = RoutingRules(
        domain="apps.example.com",
        ownership=HostOwnership(
            [
                HostOwner("*.admin.com", ("admin",)),
                HostOwner("api.apps.example.com", ("gateway",)),
            ]
        ),
    )

    def read(self, *tags: str, service: str = "web", source: str = "consul") -> Reading:
        """Read one instance that says so."""
        instance = an_instance(*tags, service=service)
        return read_service((source, service), [instance], self.rules)

    def test_a_claim_to_what_another_owns_is_quarantined_alone(self) -> None:
        reading = self.read("a.admin.com/", "a.com/")
        self.assertEqual(
            [("tag", "a.com/"), ("domain", "web.apps.example.com/")], places(reading)
        )
        self.assertEqual(
            [
                "a.admin.com is kept for services named admin "
                "(consul.host_owners: *.admin.com)"
            ],
            [entry.reason for entry in reading.quarantine],
        )

    def test_the_owner_claims_it(self) -> None:
        reading = self.read("a.admin.com/", service="admin")
        self.assertIn(("tag", "a.admin.com/"), places(reading))

    def test_a_uri_is_judged_like_a_tag(self) -> None:
        instance = an_instance(meta={"uris": "a.admin.com,a.com"})
        reading = read_service(OWNER, [instance], self.rules)
        self.assertEqual(["a.admin.com"], [e.text for e in reading.quarantine])

    def test_a_name_by_domain_is_judged_as_well(self) -> None:
        reading = self.read(service="api")
        self.assertEqual([], places(reading))
        self.assertEqual(["domain"], [e.source for e in reading.quarantine])

    def test_static_routes_need_not_ask(self) -> None:
        reading = self.read("a.admin.com/", source=STATIC_SOURCE)
        self.assertEqual([("tag", "a.admin.com/")], places(reading))

    def test_a_broken_access_rule_closes_nothing_of_another(self) -> None:
        reading = self.read("a.admin.com/ allow=nonsense")
        self.assertEqual([("domain", "web.apps.example.com/")], places(reading))
        self.assertEqual(1, len(reading.quarantine))

    def test_an_access_rule_of_a_refused_claim_still_binds_its_author(self) -> None:
        for rule in ("allow=nonsense", "allow=ip:10.0.0.0/8"):
            (claim,) = self.read(f"a.admin.com/ {rule}").claims
            self.assertTrue(claim.closed, rule)
