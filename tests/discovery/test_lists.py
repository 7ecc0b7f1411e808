"""Tests of lists that are compared with what they were."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.discovery.lists import SeenList


class SeenListTests(SynchronousTestCase):
    """What differs, and who has seen more."""

    def setUp(self) -> None:
        self.seen: SeenList[str, int] = SeenList()

    def differs(self, index: int = 1, **entries: int) -> list[tuple[str, int]]:
        return list(self.seen.is_now(entries, index))

    def test_in_the_first_list_nothing_differs(self) -> None:
        self.assertEqual([], self.differs(a=1))

    def test_in_the_same_list_nothing_differs(self) -> None:
        self.differs(a=1)
        self.assertEqual([], self.differs(2, a=1))

    def test_what_came_what_went_and_what_changed(self) -> None:
        self.differs(a=1, b=2, c=3)
        self.assertEqual(
            [("b", 2), ("c", 3), ("c", 4), ("d", 5)], self.differs(a=1, c=4, d=5)
        )

    def test_after_a_reset_a_list_is_the_first(self) -> None:
        self.differs(7, a=1)
        self.seen.reset()
        self.assertEqual(0, self.seen.index)
        self.assertEqual([], self.differs(a=2))

    def test_a_read_that_saw_no_more_than_the_list_needs_no_other(self) -> None:
        self.differs(7)
        self.assertFalse(self.seen.read_saw("a", 7, asked_at=7))
        self.assertEqual([], list(self.seen.ahead()))

    def test_one_that_saw_more_is_ahead_until_the_next_list(self) -> None:
        self.differs(7)
        self.assertFalse(self.seen.read_saw("a", 8, asked_at=7))
        self.assertTrue(self.seen.is_behind("a"))
        self.assertEqual(["a"], list(self.seen.ahead()))
        self.assertFalse(self.seen.is_behind("a"))

    def test_if_that_came_meanwhile_the_read_is_made_again(self) -> None:
        self.differs(8)
        self.assertTrue(self.seen.read_saw("a", 8, asked_at=7))
        self.assertFalse(self.seen.is_behind("a"))

    def test_a_service_that_is_gone_is_ahead_no_more(self) -> None:
        self.differs(7)
        self.seen.read_saw("a", 8, asked_at=7)
        self.seen.forget("a")
        self.assertEqual([], list(self.seen.ahead()))
