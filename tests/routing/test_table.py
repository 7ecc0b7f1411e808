"""Tests of twisted_router.routing.table."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Route
from twisted_router.routing.paths import PathIndex
from twisted_router.routing.shards import Shards
from twisted_router.routing.table import RouteTable, differing_routes

from .facts import a_route, table_of, uri_for


class HostTests(SynchronousTestCase):
    """Which host's routes a request is looked up in."""

    def test_an_exact_host_is_found_however_it_is_written(self) -> None:
        table = table_of("foo.com/")
        for host in (
            "foo.com",
            "FOO.com",
            "foo.com:8081",
            "foo.com.",
            "Foo.Com.:80",
            "foo.com:",
        ):
            self.assertEqual("foo.com/", uri_for(table, host), host)

    def test_a_host_that_nobody_has_is_not_found(self) -> None:
        table = table_of("foo.com/")
        for host in (
            "",
            "foo",
            "com",
            "x.foo.com",
            "foo.com..",
            "foo.comx",
            "foo%2ecom",
        ):
            self.assertIdentical(None, uri_for(table, host), host)

    def test_an_address_in_brackets_keeps_its_colons(self) -> None:
        table = table_of("[::1]/")
        self.assertEqual("[::1]/", uri_for(table, "[::1]"))
        self.assertEqual("[::1]/", uri_for(table, "[::1]:8081"))
        self.assertIdentical(None, uri_for(table, "[::2]:8081"))
        self.assertIdentical(None, uri_for(table, "[::1"))

    def test_a_wildcard_covers_names_of_any_depth_but_not_its_own(self) -> None:
        table = table_of("*.wild.card/")
        self.assertEqual("*.wild.card/", uri_for(table, "b.wild.card"))
        self.assertEqual("*.wild.card/", uri_for(table, "A.b.wild.card:80"))
        for host in ("wild.card", "xwild.card", "card", "b.wild.card.x"):
            self.assertIdentical(None, uri_for(table, host), host)

    def test_an_exact_host_beats_a_wildcard(self) -> None:
        table = table_of("*.wild.card/", "not.wild.card/")
        self.assertEqual("not.wild.card/", uri_for(table, "not.wild.card"))
        self.assertEqual("*.wild.card/", uri_for(table, "x.not.wild.card"))

    def test_the_longest_wildcard_wins(self) -> None:
        table = table_of("*.com/", "*.foo.com/", "*.a.foo.com/", "a.foo.com/")
        expected = {
            "x.a.foo.com": "*.a.foo.com/",
            "a.foo.com": "a.foo.com/",
            "b.foo.com": "*.foo.com/",
            "foo.com": "*.com/",
            "com": None,
        }
        self.assertEqual(expected, {host: uri_for(table, host) for host in expected})

    def test_a_wildcard_of_another_branch_is_passed_by(self) -> None:
        table = table_of("*.outer.wild.card/", "*.wild.card/")
        self.assertEqual("*.wild.card/", uri_for(table, "foo.space.wild.card"))

    def test_labels_of_the_path_are_no_labels_of_the_host(self) -> None:
        table = table_of("*.evil.com/")
        self.assertIdentical(None, uri_for(table, "unknown.com", "/p.evil.com"))

    def test_any_host_answers_what_no_other_host_does(self) -> None:
        table = table_of("/", "foo.com/")
        self.assertEqual("foo.com/", uri_for(table, "foo.com"))
        for host in ("bar.com", "", "10.0.0.1:8081", "[::1]"):
            self.assertEqual("/", uri_for(table, host), host)

    def test_a_host_of_ten_thousand_labels_is_cut_short(self) -> None:
        looks = []

        class Index(Shards[bytes, Route | PathIndex]):
            def get(self, key: bytes) -> Route | PathIndex | None:
                looks.append(key)
                return super().get(key)

        table = table_of("*.b.c/")
        index = Index()
        index.shards = table._wildcards.shards
        table._wildcards = index
        self.assertIdentical(None, uri_for(table, "a." * 10_000 + "x"))
        self.assertEqual([b"a.x", b"x"], looks)


class PathTests(SynchronousTestCase):
    """Paths within a host, and from one host to the next."""

    def test_the_longest_path_on_whole_segments_wins(self) -> None:
        table = table_of("foo/", "foo/v1")
        self.assertEqual("foo/v1", uri_for(table, "foo", "/v1/x"))
        self.assertEqual("foo/", uri_for(table, "foo", "/v10"))

    def test_a_trailing_slash_makes_no_difference(self) -> None:
        table = table_of("h/p/", "h/q")
        self.assertEqual("h/p", uri_for(table, "h", "/p"))
        self.assertEqual("h/q", uri_for(table, "h", "/q/"))

    def test_paths_are_compared_byte_for_byte(self) -> None:
        table = table_of("h/my%20path", "h/Bar")
        self.assertEqual("h/my%20path", uri_for(table, "h", "/my%20path/x"))
        for path in ("/my path", "/my%20pat%68", "/bar", "/x/../Bar"):
            self.assertIdentical(None, uri_for(table, "h", path), path)

    def test_no_decoding_is_tried(self) -> None:
        table = table_of("h/foo")
        self.assertIdentical(None, uri_for(table, "h", "/foo%"))

    def test_a_host_without_the_path_gives_way_to_wildcards_then_any_host(self) -> None:
        table = table_of("a.b.c/x", "*.b.c/y", "*.c/z", "/any")
        expected = {"/x": "a.b.c/x", "/y": "*.b.c/y", "/z": "*.c/z", "/any": "/any"}
        self.assertEqual(
            expected, {path: uri_for(table, "a.b.c", path) for path in expected}
        )
        self.assertIdentical(None, uri_for(table, "a.b.c", "/nothing"))

    def test_a_nearer_host_beats_a_longer_path(self) -> None:
        table = table_of("a.b.c/", "*.b.c/x", "/x/y")
        self.assertEqual("a.b.c/", uri_for(table, "a.b.c", "/x/y"))


class ValueTests(SynchronousTestCase):
    """The table as a value."""

    def test_an_empty_table_finds_nothing(self) -> None:
        table = RouteTable()
        self.assertIdentical(None, table.lookup(b"foo.com", b"/"))
        self.assertEqual(((), (), 0, 0), (
            table.routes, table.services, table.uri_count, table.instance_count
        ))  # fmt: skip

    def test_routes_are_ordered_by_host_then_path(self) -> None:
        table = table_of("b.com/", "a.com/x/y", "a.com/", "/", "*.a.com/", "a.com/x")
        self.assertEqual(
            ["/", "*.a.com/", "a.com/", "a.com/x", "a.com/x/y", "b.com/"],
            [route.host + route.path for route in table.routes],
        )
        self.assertEqual(6, table.uri_count)

    def test_the_exact_route_can_be_got(self) -> None:
        table = table_of("a.com/x", "*.a.com/", "/")
        for key in (("a.com", "/x"), ("*.a.com", "/"), ("", "/")):
            route = table.get(*key)
            assert route is not None
            self.assertEqual(key, (route.host, route.path))
        for key in (("a.com", "/"), ("*.com", "/"), ("b.com", "/"), ("", "/x")):
            self.assertIdentical(None, table.get(*key))

    def test_a_copy_shares_the_hosts_that_did_not_change(self) -> None:
        old = table_of("a.com/", "b.com/")
        new = old.replaced(
            {("b.com", "/"): None, ("*.c.com", "/"): a_route("*.c.com", "/")},
            quarantine={},
            instance_count=1,
            built_at_s=1.0,
        )
        self.assertIdentical(old.lookup(b"a.com", b"/"), new.lookup(b"a.com", b"/"))
        self.assertEqual(["a.com", "b.com"], [route.host for route in old.routes])
        self.assertEqual(["*.c.com", "a.com"], [route.host for route in new.routes])
        self.assertEqual((2, 2), (old.uri_count, new.uri_count))

    def test_the_last_wildcard_takes_its_depth_along(self) -> None:
        old = table_of("*.a.b.c/", "*.c/")
        new = old.replaced(
            {("*.a.b.c", "/"): None}, quarantine={}, instance_count=1, built_at_s=1.0
        )
        self.assertEqual("*.a.b.c/", uri_for(old, "x.a.b.c"))
        self.assertEqual("*.c/", uri_for(new, "x.a.b.c"))


class DifferingRoutesTests(SynchronousTestCase):
    """A table compared with the right one."""

    def test_each_route_that_is_not_the_right_one_is_told(self) -> None:
        table = table_of("same.com/", "other.com/", "much.com/", "*.same.com/x")
        right = table.replaced(
            {
                ("other.com", "/"): a_route("other.com", "/", 3),
                ("lacking.com", "/"): a_route("lacking.com", "/"),
                ("much.com", "/"): None,
            },
            quarantine={},
            instance_count=3,
            built_at_s=1.0,
        )
        said = list(differing_routes(table, right))
        self.assertEqual(
            {
                "": 5,
                "lacking.com is missing": 1,
                "other.com is another one": 1,
                "much.com is too much": 1,
            },
            {text: said.count(text) for text in said},
        )
