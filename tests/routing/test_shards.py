"""Tests of twisted_router.routing.shards."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.routing.shards import Shards


def shards_of(count: int) -> Shards[int, str]:
    """The numbers below ``count``, each with its text."""
    return Shards[int, str]().replaced({n: str(n) for n in range(count)})


class ShardsTests(SynchronousTestCase):
    """It is a dict, of which each change makes another one."""

    def test_every_value_is_found_by_its_key(self) -> None:
        shards = shards_of(1000)
        self.assertEqual(
            [*map(str, range(1000)), None], [shards.get(n) for n in range(1001)]
        )
        self.assertEqual(1000, len(shards))
        self.assertEqual({str(n) for n in range(1000)}, set(shards.values()))

    def test_an_empty_one_has_nothing(self) -> None:
        shards = Shards[str, str]()
        self.assertEqual((0, []), (len(shards), list(shards.values())))
        self.assertIdentical(None, shards.get("x"))

    def test_a_copy_differs_by_what_was_changed(self) -> None:
        copy = shards_of(600).replaced({1: "one", 2: None, 600: "new", 700: None})
        self.assertEqual(
            ["0", "one", None, "3", "new", None],
            [copy.get(n) for n in (0, 1, 2, 3, 600, 700)],
        )
        self.assertEqual(600, len(copy))

    def test_the_original_stays_as_it_was(self) -> None:
        original = shards_of(600)
        original.replaced({n: None for n in range(0, 600, 2)})
        self.assertEqual((600, "2"), (len(original), original.get(2)))

    def test_a_copy_shares_the_dicts_without_a_change(self) -> None:
        original = shards_of(1000)
        copy = original.replaced({1: None})
        pairs = zip(original.shards, copy.shards, strict=True)
        self.assertEqual(1, sum(one is not other for one, other in pairs))
