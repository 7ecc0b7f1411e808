"""Tests of static routes as facts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.schema import StaticRoute
from twisted_router.discovery.static import static_instances
from twisted_router.interfaces import STATIC_TAG_PREFIX
from twisted_router.model import Instance, TargetOptions
from twisted_router.routing.tags import parse_tag


class StaticInstancesTests(SynchronousTestCase):
    """Each static route is a service."""

    def test_an_instance_has_its_address_and_the_route_as_a_tag(self) -> None:
        route = StaticRoute("old.example.com/a", ("10.0.0.5:8080",))
        self.assertEqual(
            {
                "static:old.example.com/a": (
                    Instance(
                        service="static:old.example.com/a",
                        id="10.0.0.5:8080",
                        address="10.0.0.5",
                        port=8080,
                        tags=("static:old.example.com/a",),
                    ),
                )
            },
            static_instances((route,)),
        )

    def tags(self, route: StaticRoute) -> tuple[str, ...]:
        ((instance,),) = static_instances((route,)).values()
        return instance.tags

    def test_a_whole_host_gets_the_slash_that_the_grammar_wants(self) -> None:
        for uri in ("a.example.com", "*.example.com"):
            self.assertEqual((f"static:{uri}/",), self.tags(StaticRoute(uri, ("h:1",))))

    def test_a_path_alone_is_for_any_host(self) -> None:
        self.assertEqual(("static:/api",), self.tags(StaticRoute("/api", ("h:1",))))

    def test_options_are_written_into_the_tag(self) -> None:
        route = StaticRoute("a/b", ("h:1",), strip="/b", prepend="/c", host="dst")
        self.assertEqual(("static:a/b strip=/b prepend=/c host=dst",), self.tags(route))

    def test_the_router_reads_the_tag_as_the_route(self) -> None:
        route = StaticRoute("a.test/b", ("h:1",), strip="/b", prepend="/c", host="x.y")
        parsed = parse_tag(self.tags(route)[0], STATIC_TAG_PREFIX)
        assert parsed is not None
        self.assertEqual(("a.test", "/b"), parsed.key)
        self.assertEqual(TargetOptions("/b", "/c", "x.y"), parsed.options)

    def test_an_address_may_be_ipv6_or_without_a_port(self) -> None:
        route = StaticRoute("a", ("[::1]:81", "web"))
        (instances,) = static_instances((route,)).values()
        self.assertEqual(
            [("::1", 81), ("web", 80)], [(i.address, i.port) for i in instances]
        )

    def test_instances_with_one_address_are_the_same_to_all_routes(self) -> None:
        routes = (StaticRoute("a", ("h:81", "[::1]")), StaticRoute("b", ("h:81",)))
        found = static_instances(routes)
        self.assertEqual(
            [("", "h:81", "h", 81), ("", "[::1]:80", "::1", 80), ("", "h:81", "h", 81)],
            [i.identity for instances in found.values() for i in instances],
        )

    def test_routes_of_one_uri_are_one_service(self) -> None:
        routes = (
            StaticRoute("a", ("h:1", "h:2")),
            StaticRoute("a", ("h:2", "h:3"), host="dst"),
        )
        (instances,) = static_instances(routes).values()
        self.assertEqual(
            [
                (1, ("static:a/",)),
                (2, ("static:a/", "static:a/ host=dst")),
                (3, ("static:a/ host=dst",)),
            ],
            [(instance.port, instance.tags) for instance in instances],
        )

    def test_an_instance_that_is_named_twice_is_one(self) -> None:
        route = StaticRoute("a", ("h:1", "h:1"))
        (instances,) = static_instances((route,)).values()
        self.assertEqual([("static:a/",)], [i.tags for i in instances])

    def test_a_route_without_instances_is_still_known(self) -> None:
        self.assertEqual({"static:a/": ()}, static_instances((StaticRoute("a"),)))

    def test_a_bad_instance_is_refused_with_its_route(self) -> None:
        routes = (StaticRoute("a", ("h:1",)), StaticRoute("b/c", ("h:99999",)))
        error = self.assertRaises(ValueError, static_instances, routes)
        self.assertIn("static route b/c: 'h:99999'", str(error))

    def test_no_routes_are_no_services(self) -> None:
        self.assertEqual({}, static_instances(()))
