"""Keys and values; what the HTTP API makes of them is the contract's test."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.discovery.catalog.indexes import Indexes
from twisted_router.discovery.catalog.keys import KeyValues
from twisted_router.discovery.catalog.model import RefusedError
from twisted_router.discovery.catalog.watchers import Watchers


class KeyValuesTests(SynchronousTestCase):
    """KeyValues, with room for 600 keys and 10,000 bytes."""

    def setUp(self) -> None:
        self.indexes = Indexes()
        self.watchers = Watchers(Clock(), limit=10)
        self.keys = KeyValues(self.indexes, self.watchers, 600, 10_000)

    def put(self, key: str, value: bytes = b"v", flags: int = 0) -> int:
        """Write; return the index of the catalog from then on."""
        self.assertTrue(self.keys.put(key, value, flags))
        return self.indexes.last

    def test_a_value_comes_back(self) -> None:
        index = self.put("a/b", b"hello", 42)
        entry = self.keys.entry("a/b")
        assert entry is not None
        self.assertEqual(
            ("a/b", b"hello", 42, index, index),
            (entry.key, entry.value, entry.flags, entry.created, entry.modified),
        )
        self.assertIsNone(self.keys.entry("a"))

    def test_keys_are_found_by_how_they_begin_and_sorted(self) -> None:
        for key in ("b/2", "a", "b/1", "b", "c"):
            self.put(key)
        for prefix, expected in (
            ("b/", ["b/1", "b/2"]),
            ("b", ["b", "b/1", "b/2"]),
            ("", ["a", "b", "b/1", "b/2", "c"]),
            ("z", []),
        ):
            self.assertEqual(expected, [one.key for one in self.keys.below(prefix)])

    def test_writing_what_is_there_is_no_change(self) -> None:
        index = self.put("a")
        self.assertEqual(index, self.put("a"))
        self.assertEqual(index + 1, self.put("a", flags=1))

    def test_a_changed_value_keeps_the_index_at_which_it_came(self) -> None:
        index = self.put("a")
        self.put("a", b"w")
        entry = self.keys.entry("a")
        assert entry is not None
        self.assertEqual((index, index + 1), (entry.created, entry.modified))

    def test_check_and_set_writes_only_over_what_was_seen(self) -> None:
        index = self.put("a")
        self.assertFalse(self.keys.put("a", b"w", 0, cas=0))
        self.assertFalse(self.keys.put("a", b"w", 0, cas=index - 1))
        self.assertTrue(self.keys.put("a", b"w", 0, cas=index))
        self.assertFalse(self.keys.put("b", b"w", 0, cas=index))
        self.assertTrue(self.keys.put("b", b"w", 0, cas=0))

    def test_check_and_delete_removes_only_what_was_seen(self) -> None:
        index = self.put("a")
        self.assertFalse(self.keys.delete("a", cas=0))
        self.assertFalse(self.keys.delete("a", cas=index - 1))
        self.assertTrue(self.keys.delete("a", cas=index))
        self.assertIsNone(self.keys.entry("a"))
        self.assertTrue(self.keys.delete("a", cas=index))

    def test_a_tree_is_deleted_in_one_change(self) -> None:
        self.put("a/1")
        self.put("a/2")
        index = self.put("b")
        self.keys.delete_below("a/")
        self.assertEqual(["b"], [one.key for one in self.keys.below("")])
        self.assertEqual(index + 1, self.indexes.last)

    def test_deleting_what_is_not_there_is_no_change(self) -> None:
        index = self.put("b")
        self.keys.delete("a")
        self.keys.delete_below("a/")
        self.assertEqual(index, self.indexes.last)

    def test_a_key_has_the_index_of_its_own_change(self) -> None:
        index = self.put("a")
        later = self.put("b")
        self.assertEqual(
            [index, later, later], [self.keys.index(key) for key in ("a", "b", "c")]
        )

    def test_a_prefix_has_the_index_of_its_last_change(self) -> None:
        index = self.put("a/1")
        self.assertEqual(index, self.keys.index_below("a/"))
        later = self.put("b")
        self.assertEqual(
            [index, later, later, later],
            [self.keys.index_below(prefix) for prefix in ("a/", "b", "c/", "")],
        )

    def test_a_prefix_remembers_what_was_deleted(self) -> None:
        self.put("a/1")
        self.put("a/2")
        self.keys.delete("a/2")
        index = self.indexes.last
        self.put("b")
        self.assertEqual(index, self.keys.index_below("a/"))
        self.put("a/2")
        self.assertEqual(self.indexes.last, self.keys.index_below("a/"))

    def test_when_too_much_was_deleted_every_prefix_has_changed(self) -> None:
        self.put("kept/1")
        for number in range(512):
            self.put(f"a/{number}")
        self.keys.delete_below("a/")
        before = self.keys.index_below("kept/")
        self.put("b")
        self.keys.delete("b")
        self.assertLess(before, self.keys.index_below("kept/"))

    def test_the_catalogs_own_changes_move_no_key(self) -> None:
        index = self.put("a")
        self.indexes.advance()
        for found in (self.keys.index("z"), self.keys.index_below("")):
            self.assertEqual(index, found)

    def test_changes_wake(self) -> None:
        self.put("a")
        for change in (
            lambda: self.put("a", b"w"),
            lambda: self.keys.delete("a"),
            lambda: self.put("a"),
            lambda: self.keys.delete_below("a"),
        ):
            waiting = self.watchers.wait(
                lambda: self.keys.index("a"), self.keys.index("a"), 60.0
            )
            change()
            self.successResultOf(waiting)

    def test_the_number_of_keys_is_limited(self) -> None:
        for number in range(600):
            self.put(str(number))
        error = self.assertRaises(RefusedError, self.put, "one more")
        self.assertEqual(
            (503, "This development catalog is full: it holds 600 keys"),
            (error.status, str(error)),
        )
        self.put("0", b"another value")
        self.keys.delete("1")
        self.put("one more")

    def test_the_size_of_keys_and_values_is_limited(self) -> None:
        self.put("aé", b"x" * 9_000)
        index = self.indexes.last
        for key, size in (("b", 1_000), ("aé", 10_000)):
            error = self.assertRaises(RefusedError, self.put, key, b"x" * size)
            self.assertEqual(
                (
                    503,
                    "This development catalog is full: it holds 10000 bytes of keys "
                    "and values",
                ),
                (error.status, str(error)),
            )
        self.assertEqual(index, self.indexes.last)
        self.put("b", b"x" * 996)
        self.put("aé", b"x" * 8_000)
        self.put("c", b"x" * 999)
        self.keys.delete("c")
        self.put("d", b"x" * 999)
