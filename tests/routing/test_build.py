"""Tests of twisted_router.routing.build."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Route, Status, Target, TargetOptions
from twisted_router.routing.build import TableBuilder
from twisted_router.routing.claims import RoutingRules
from twisted_router.routing.table import RouteTable, TableDiff

from .facts import an_instance, instances


def a_builder(rules: RoutingRules | None = None) -> TableBuilder:
    """A builder whose clock stands at 7 s."""
    return TableBuilder(rules or RoutingRules(), lambda: 7.0)


class MergeTests(SynchronousTestCase):
    """Several claims to one route."""

    def route(self, builder: TableBuilder, host: str, path: str = "/") -> Route:
        """The route that must be there."""
        route = builder.table.get(host, path)
        assert route is not None
        return route

    def test_a_repeated_registration_is_one_route_with_one_instance(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": [an_instance("foo/", "FOO/", "foo:80/")]})
        self.assertEqual(1, len(self.route(builder, "foo").targets))
        self.assertEqual(
            (1, 1, ()),
            (
                builder.table.uri_count,
                builder.table.instance_count,
                builder.table.quarantine,
            ),
        )

    def test_the_same_instance_with_other_options_is_quarantined(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": [an_instance("a/x strip=/x", "a/x")]})
        (target,) = self.route(builder, "a", "/x").targets
        self.assertEqual("/x", target.options.strip)
        (entry,) = builder.table.quarantine
        self.assertEqual("urlprefix-a/x", entry.text)
        self.assertIn("'urlprefix-a/x strip=/x'", entry.reason)

    def test_a_conflict_goes_when_its_cause_goes(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": [an_instance("a/x strip=/x", "a/x")]})
        builder.apply("consul", {"web": [an_instance("a/x strip=/x")]})
        self.assertEqual((), builder.table.quarantine)

    def test_services_share_a_route_in_a_stable_order(self) -> None:
        builder = a_builder()
        for service in ("b", "c", "a"):
            them = instances(2, "shared/", service=service)
            builder.apply("consul", {service: them[::-1]})
        route = self.route(builder, "shared")
        self.assertEqual(
            ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"],
            [target.instance.id for target in route.targets],
        )
        self.assertEqual(("a", "b", "c"), route.services)
        self.assertEqual(("a", "b", "c"), builder.table.services)

    def test_instances_of_one_service_that_disagree_are_all_served(self) -> None:
        builder = a_builder()
        old, new = an_instance("a/", id="old"), an_instance("a/ host=dst", id="new")
        builder.apply("consul", {"web": [old, new]})
        self.assertEqual(
            (Target(new, TargetOptions(host="dst")), Target(old)),
            self.route(builder, "a").targets,
        )

    def test_sources_are_merged(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": [an_instance("a/", id="live")]})
        builder.apply("file", {"web": [an_instance("a/", id="fixed")]})
        self.assertEqual(
            ["fixed", "live"],
            [target.instance.id for target in self.route(builder, "a").targets],
        )

    def test_static_facts_have_a_prefix_of_their_own(self) -> None:
        builder = a_builder(RoutingRules(tag_prefix="edge-"))
        fixed = an_instance("b/")
        builder.apply(
            "static", {"web": [replace(fixed, tags=("static:a/", "edge-c/"))]}
        )
        self.assertEqual(["a"], [route.host for route in builder.table.routes])

    def test_unhealthy_instances_are_known_but_not_targets(self) -> None:
        builder = a_builder()
        well = an_instance("a/", id="well", status=Status.WARNING)
        ill = an_instance("a/", id="ill", status=Status.CRITICAL)
        away = an_instance("a/", id="away", status=Status.MAINTENANCE)
        builder.apply("consul", {"web": [well, ill, away]})
        route = self.route(builder, "a")
        self.assertEqual((Target(well),), route.targets)
        self.assertEqual((Target(away), Target(ill)), route.unusable)
        self.assertEqual(3, builder.table.instance_count)

    def test_a_route_without_usable_instances_hides_its_parent(self) -> None:
        builder = a_builder()
        ill = an_instance("a/x", status=Status.CRITICAL, id="ill")
        builder.apply("consul", {"web": [an_instance("a/", "*.com/", "/"), ill]})
        route = builder.table.lookup(b"a", b"/x/y")
        assert route is not None
        self.assertEqual(("/x", ()), (route.path, route.targets))

    def test_explicit_claims_put_names_of_the_domain_out(self) -> None:
        builder = a_builder(RoutingRules(domain="d.com"))
        builder.apply("consul", {"web": instances(1)})
        self.assertEqual(("web",), self.route(builder, "web.d.com").services)
        builder.apply("consul", {"new": instances(1, "web.d.com/", service="new")})
        self.assertEqual(("new",), self.route(builder, "web.d.com").services)
        builder.apply("consul", {"new": []})
        self.assertEqual(("web",), self.route(builder, "web.d.com").services)

    def test_the_default_service_answers_what_nothing_else_claims(
        self,
    ) -> None:
        builder = a_builder(RoutingRules(default_service="web"))
        builder.apply("consul", {"web": instances(1)})
        self.assertEqual(("web",), self.route(builder, "").services)
        builder.apply("consul", {"all": instances(1, "/", service="all")})
        self.assertEqual(("all",), self.route(builder, "").services)

    def test_a_closed_route_answers_503_and_not_with_the_parent(self) -> None:
        builder = a_builder()
        builder.apply(
            "consul", {"web": [an_instance("a/", "a/secret auth=basic", "a/secret")]}
        )
        route = builder.table.lookup(b"a", b"/secret/x")
        assert route is not None
        self.assertEqual(("/secret", (), 1), (
            route.path, route.targets, len(route.unusable)
        ))  # fmt: skip
        self.assertEqual(
            ["urlprefix-a/secret", "urlprefix-a/secret auth=basic"],
            [entry.text for entry in builder.table.quarantine],
        )


class ChangeTests(SynchronousTestCase):
    """From one table to the next."""

    def test_the_diff_names_what_came_went_and_changed(self) -> None:
        builder = a_builder()
        before = an_instance("a/", "b/", "c/")
        builder.apply("consul", {"web": [before]})
        after = an_instance("b/ host=dst", "a/", "d/")
        diff = builder.apply("consul", {"web": [after]})
        route = {host: builder.table.get(host, "/") for host in "abd"}
        gone = Route("c", "/", (Target(before),))
        self.assertEqual(((route["d"],), (gone,)), (diff.added, diff.removed))
        self.assertEqual(
            [(("a", "/"), route["a"]), (("b", "/"), route["b"])],
            [((old.host, old.path), new) for old, new in diff.changed],
        )

    def test_nothing_changes_when_the_same_is_said_again(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": instances(3, "a/")})
        table = builder.table
        again = instances(3, "a/")[::-1]
        self.assertEqual(TableDiff(), builder.apply("consul", {"web": again}))
        self.assertEqual(TableDiff(), builder.replace("consul", {"web": again}))
        self.assertEqual(TableDiff(), builder.apply("consul", {"other": ()}))
        self.assertIdentical(table, builder.table)

    def test_an_old_table_stays_as_it_was(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": instances(1, "a/", "a/x", "*.b/", "/")})
        table = builder.table
        routes = tuple(table)
        builder.apply("consul", {"web": instances(2, "a/x/y", "c/")})
        self.assertEqual(routes, tuple(table))
        self.assertEqual(4, table.uri_count)

    def test_routes_of_other_services_stay_the_same_objects(self) -> None:
        builder = a_builder()
        builder.apply(
            "consul",
            {"web": instances(1, "a/"), "api": instances(1, "b/", service="api")},
        )
        route = builder.table.get("b", "/")
        builder.apply("consul", {"web": instances(2, "a/")})
        self.assertIdentical(route, builder.table.get("b", "/"))

    def test_replace_forgets_what_is_not_named_but_only_of_its_source(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": instances(1, "a/")})
        builder.apply("file", {"old": instances(1, "b/", service="old")})
        builder.replace("consul", {"api": instances(1, "c/", service="api")})
        self.assertEqual(["b", "c"], [route.host for route in builder.table.routes])

    def test_a_table_says_when_it_was_built(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": instances(1, "a/")})
        self.assertEqual(7.0, builder.table.built_at_s)

    def test_another_quarantine_is_another_table_with_the_same_routes(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": [an_instance("bad")]})
        old = builder.table
        diff = builder.apply("consul", {"web": [an_instance("worse")]})
        self.assertEqual(
            TableDiff(quarantined=builder.table.quarantine, released=old.quarantine),
            diff,
        )
        self.assertEqual(
            (["urlprefix-bad"], ["urlprefix-worse"], 1),
            (
                [entry.text for entry in old.quarantine],
                [entry.text for entry in builder.table.quarantine],
                builder.table.quarantine_count,
            ),
        )

    def test_an_entry_that_stays_in_quarantine_is_not_named_again(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": [an_instance("bad")]})
        diff = builder.apply("consul", {"web": [an_instance("bad", "worse")]})
        self.assertEqual(
            (["urlprefix-worse"], ()),
            ([entry.text for entry in diff.quarantined], diff.released),
        )

    def test_quarantined_entries_are_in_a_stable_order(self) -> None:
        texts = []
        for order in (("a", "b"), ("b", "a")):
            builder = a_builder()
            for service in order:
                them = instances(2, "x", service=service)
                builder.apply("consul", {service: them})
            texts.append([(q.service, q.instance_id) for q in builder.table.quarantine])
        self.assertEqual(
            [[("a", "a-1"), ("a", "a-2"), ("b", "b-1"), ("b", "b-2")]] * 2, texts
        )

    def test_what_goes_wrong_while_reading_leaves_everything_as_it_was(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": instances(1, "a/")})
        table = builder.table
        broken = an_instance("b/", meta={"uris": 1})  # type: ignore[dict-item] # a bug
        self.assertRaises(
            AttributeError,
            builder.apply,
            "consul",
            {"api": instances(1, "c/", service="api"), "web": [broken]},
        )
        self.assertIdentical(table, builder.table)
        builder.apply("consul", {"web": []})
        self.assertEqual((), builder.table.routes)


class RebuildTests(SynchronousTestCase):
    """The table from the facts alone."""

    def test_a_table_that_is_right_stays_the_same_object(self) -> None:
        builder = a_builder(RoutingRules(domain="d.com"))
        builder.apply("consul", {"web": instances(2, "a/", "bad")})
        builder.apply("file", {"web": [an_instance("a/ strip=/x")]})
        table = builder.table
        self.assertEqual(TableDiff(), builder.rebuild())
        self.assertIdentical(table, builder.table)

    def test_a_table_that_is_wrong_is_mended(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": instances(1, "a/", "b/", "bad")})
        right, web = builder.table, instances(1, "x")[0]
        builder.table = RouteTable().replaced(
            {("a", "/"): Route("a", "/", (Target(web),)), ("c", "/"): Route("c", "/")},
            quarantine={},
            instance_count=0,
            built_at_s=0.0,
        )
        diff = builder.rebuild()
        self.assertEqual(
            (["b"], ["c"], [("a", "a")], right.quarantine),
            (
                [route.host for route in diff.added],
                [route.host for route in diff.removed],
                [(old.host, new.host) for old, new in diff.changed],
                diff.quarantined,
            ),
        )
        self.assertEqual(right.routes, builder.table.routes)
        self.assertEqual(1, builder.table.instance_count)

    def test_what_follows_is_built_on_it(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": instances(2, "a/")})
        builder.table = RouteTable()
        builder.rebuild()
        self.assertEqual(2, len(builder.apply("consul", {"web": []}).departed))
        self.assertEqual((), builder.table.routes)


class DepartureTests(SynchronousTestCase):
    """Which instances no route names any more."""

    def test_an_instance_departs_with_its_last_route(self) -> None:
        builder = a_builder()
        instance = an_instance("a/", "b/")
        builder.apply("consul", {"web": [instance]})
        kept = builder.apply("consul", {"web": [an_instance("b/")]})
        gone = builder.apply("consul", {"web": [an_instance()]})
        self.assertEqual(frozenset(), kept.departed)
        self.assertEqual(frozenset([instance.identity]), gone.departed)
        self.assertEqual(0, builder.table.instance_count)

    def test_an_instance_that_moves_to_another_service_does_not_depart(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"old": [an_instance("a/")]})
        self.assertEqual(
            frozenset(), builder.apply("consul", {"new": [an_instance("b/")]}).departed
        )
        self.assertEqual(frozenset(), builder.apply("consul", {"old": []}).departed)
        self.assertEqual(1, builder.table.instance_count)

    def test_an_unhealthy_instance_does_not_depart(self) -> None:
        builder = a_builder()
        builder.apply("consul", {"web": [an_instance("a/")]})
        ill = an_instance("a/", status=Status.CRITICAL)
        self.assertEqual(frozenset(), builder.apply("consul", {"web": [ill]}).departed)

    def test_another_port_is_another_instance(self) -> None:
        builder = a_builder()
        before = an_instance("a/", port=8080)
        builder.apply("consul", {"web": [before]})
        diff = builder.apply("consul", {"web": [an_instance("a/", port=9090)]})
        self.assertEqual(frozenset([before.identity]), diff.departed)
