"""Tests of twisted_router.routing.paths."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Route
from twisted_router.routing.paths import PathIndex

from .facts import a_route


def index_of(*paths: str) -> PathIndex:
    """An index with a route for each path."""
    return PathIndex().replaced({p.encode(): a_route("h", p) for p in paths})


def found(index: PathIndex, path: str) -> str | None:
    """The path of the route that ``path`` belongs to."""
    route = index.find(path.encode())
    return None if route is None else route.path


class FindTests(SynchronousTestCase):
    """The longest path on whole segments."""

    def test_the_longest_path_wins(self) -> None:
        index = index_of("/", "/a", "/a/b/c")
        expected = {
            "/": "/",
            "/x": "/",
            "/a": "/a",
            "/a/": "/a",
            "/a/x": "/a",
            "/a/b": "/a",
            "/a/b/c": "/a/b/c",
            "/a/b/c/": "/a/b/c",
            "/a/b/c/d/e": "/a/b/c",
            "": "/",
            "*": "/",
        }
        self.assertEqual(expected, {path: found(index, path) for path in expected})

    def test_a_part_of_a_segment_is_no_match(self) -> None:
        index = index_of("/v1")
        for path in ("/v10", "/v", "/V1", "/v%31", "//v1", "/", "", "v1"):
            self.assertIdentical(None, found(index, path), path)

    def test_empty_segments_count(self) -> None:
        index = index_of("/a//b", "//x")
        self.assertEqual("/a//b", found(index, "/a//b/c"))
        self.assertEqual("//x", found(index, "//x"))
        self.assertIdentical(None, found(index, "/a/b"))

    def test_an_endless_path_costs_a_look_for_each_level_in_use(self) -> None:
        looks = []

        class Level(dict[bytes, Route]):
            def get(self, key: bytes, default: object = None) -> Route | None:  # type: ignore[override] # narrower on purpose: only what find() calls
                looks.append(key)
                return super().get(key)

        index = PathIndex(None, (Level(), Level()))
        self.assertIdentical(None, index.find(b"/a" * 10_000))
        self.assertEqual([b"/a/a", b"/a"], looks)


class ReplacedTests(SynchronousTestCase):
    """Copies differ by what was put; the original never changes."""

    def test_a_copy_leaves_the_original_alone(self) -> None:
        original = index_of("/", "/a", "/a/b")
        original.replaced({b"/": None, b"/a": None, b"/a/b": None, b"/new": None})
        self.assertEqual(["/", "/a", "/a/b"], [route.path for route in original])

    def test_levels_that_nobody_uses_go(self) -> None:
        index = index_of("/", "/a", "/a/b/c").replaced({b"/a/b/c": None})
        self.assertEqual(1, len(index.levels))

    def test_an_index_without_routes_is_false(self) -> None:
        index = index_of("/", "/a")
        self.assertTrue(index)
        self.assertTrue(index.replaced({b"/": None}))
        self.assertFalse(index.replaced({b"/": None, b"/a": None}))

    def test_taking_out_what_is_not_there_does_nothing(self) -> None:
        self.assertEqual(
            ["/a"],
            [r.path for r in index_of("/a").replaced({b"/b/c": None, b"/": None})],
        )


class GetTests(SynchronousTestCase):
    """Exact paths."""

    def test_only_the_very_path_is_got(self) -> None:
        index = index_of("/", "/a", "/a/b")
        got = {path: index.get(path.encode()) for path in ("/", "/a/b", "/a/b/c", "/b")}
        self.assertEqual(
            {"/": "/", "/a/b": "/a/b", "/a/b/c": None, "/b": None},
            {path: route and route.path for path, route in got.items()},
        )
