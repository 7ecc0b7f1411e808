"""Tests of summaries: asked for ahead, and plainly where that does not do."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.support import GONE, Asked, ScriptedConsul
from twisted_router.discovery.contact import Contact
from twisted_router.discovery.poll import Terms
from twisted_router.discovery.summaries import Summaries

#: A plain read takes this long, but for those of tests of slow ones.
TAKES_S = 0.1


class SummariesTestCase(SynchronousTestCase):
    """Summaries of ``a`` and ``b``, read once at index 10, and asked for ahead."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.consul = ScriptedConsul()
        self.differing: list[list[str]] = []
        self.settlings = 0
        terms = Terms(self.clock, Contact(self.clock), lambda attempt: 3.0, 55.0)
        self.summaries = Summaries(
            terms,
            self.consul,
            lambda names: self.differing.append(list(names)),
            self.settle,
        )
        self.summaries.want(10)
        self.clock.advance(TAKES_S)
        self.answer(10, a=1, b=1)
        self.let_pass(1)

    def settle(self) -> None:
        self.settlings += 1

    def let_pass(self, seconds: float) -> None:
        """Let this time pass, in steps: timers set timers."""
        self.clock.pump([0.05] * round(seconds / 0.05))

    @property
    def open(self) -> list[Asked]:
        return self.consul.open

    def answer(self, index: int, **instances: int) -> None:
        """Answer the read that is open."""
        (asked,) = self.open
        asked.answer(index, {name: [count] for name, count in instances.items()})


class AheadTests(SummariesTestCase):
    """A blocking query that is there before anybody wants its answer."""

    def test_it_waits_for_the_next_change(self) -> None:
        self.assertEqual([(10, 55.0)], [(a.index, a.wait_s) for a in self.open])
        self.assertFalse(self.summaries.awaited)

    def test_who_wants_them_waits_for_it(self) -> None:
        self.summaries.want(11)
        self.assertTrue(self.summaries.awaited)
        self.assertEqual(1, len(self.open))
        self.answer(11, a=1, b=2)
        self.assertFalse(self.summaries.awaited)
        self.assertEqual(([["b"]], 2), (self.differing, self.settlings))

    def test_what_has_come_already_is_not_waited_for(self) -> None:
        self.answer(11, a=1, b=2)
        self.summaries.want(11)
        self.assertFalse(self.summaries.awaited)
        self.assertEqual([], self.open)

    def test_one_that_came_too_early_is_followed_by_a_plain_read(self) -> None:
        self.summaries.want(12)
        self.answer(11, a=1, b=1)
        self.assertTrue(self.summaries.awaited)
        self.assertEqual([0], [asked.index for asked in self.open])
        self.answer(12, a=2, b=1)
        self.assertFalse(self.summaries.awaited)
        self.assertEqual([["a"]], self.differing)

    def test_between_two_of_them_a_plain_read_does(self) -> None:
        self.answer(11, a=1, b=1)
        self.summaries.want(12)
        self.assertEqual([0], [asked.index for asked in self.open])

    def test_after_one_that_was_wanted_the_next_comes_soon(self) -> None:
        self.summaries.want(11)
        self.answer(11, a=1, b=2)
        self.let_pass(3 * TAKES_S - 0.05)
        self.assertEqual([], self.open)
        self.let_pass(0.1)
        self.assertEqual([11], [asked.index for asked in self.open])

    def test_so_it_does_after_one_that_was_wanted_when_it_had_come(self) -> None:
        self.answer(11, a=1, b=2)
        self.summaries.want(11)
        self.let_pass(3 * TAKES_S + 0.05)
        self.assertEqual([11], [asked.index for asked in self.open])

    def test_after_one_that_nobody_wanted_the_agent_has_peace(self) -> None:
        """Checks change hundreds of times a second, the catalog does not."""
        self.answer(11, a=1, b=1)
        self.let_pass(20 * TAKES_S - 0.05)
        self.assertEqual([], self.open)
        self.let_pass(0.1)
        self.assertEqual([11], [asked.index for asked in self.open])

    def test_one_that_hangs_is_given_up_when_it_is_wanted(self) -> None:
        (hanging,) = self.open
        self.summaries.want(11)
        self.let_pass(0.4)
        self.assertFalse(hanging.cancelled)
        self.let_pass(0.2)
        self.assertTrue(hanging.cancelled)
        self.answer(11, a=1, b=2)
        self.assertEqual([["b"]], self.differing)

    def test_one_that_fails_is_followed_by_a_plain_read_if_it_is_wanted(self) -> None:
        self.summaries.want(11)
        self.open[0].fail(GONE)
        self.assertEqual([0], [asked.index for asked in self.open])

    def test_one_that_fails_is_made_again_only_after_a_plain_read(self) -> None:
        self.open[0].fail(GONE)
        self.let_pass(60)
        self.assertEqual([], self.open)
        self.summaries.want(11)
        self.clock.advance(TAKES_S)
        self.answer(11, a=1, b=1)
        self.let_pass(1)
        self.assertEqual([11], [asked.index for asked in self.open])

    def test_an_agent_that_does_not_wait_is_not_asked_ahead(self) -> None:
        self.clock.pump([0.3] * 4)
        self.answer(10, a=1, b=1)  # The query was over; this one waited.
        self.let_pass(20 * TAKES_S + 0.05)
        self.answer(10, a=1, b=1)
        self.let_pass(60)
        self.assertEqual([], self.open)

    def test_unless_nothing_is_believed_any_more(self) -> None:
        self.let_pass(20)
        self.answer(10, a=1, b=1)
        self.let_pass(20 * TAKES_S + 0.05)
        self.answer(10, a=1, b=1)
        self.summaries.reset()
        self.summaries.want(11)
        self.answer(11, a=1, b=1)
        self.let_pass(1)
        self.assertEqual([11], [asked.index for asked in self.open])


class PlainTests(SummariesTestCase):
    """Plain reads, for moves that come between two blocking queries."""

    def setUp(self) -> None:
        super().setUp()
        self.open[0].fail(GONE)

    def test_a_move_while_they_are_read_makes_them_be_read_again(self) -> None:
        self.summaries.want(11)
        self.summaries.want(12)
        self.let_pass(1)
        self.answer(11, a=1, b=1)
        self.assertTrue(self.summaries.awaited)
        self.let_pass(1)
        self.answer(12, a=1, b=2)
        self.assertEqual([["b"]], self.differing)

    def test_they_take_a_third_of_the_agents_time_at_most(self) -> None:
        self.summaries.want(11)
        self.let_pass(0.35)
        self.answer(11, a=2, b=1)
        self.summaries.want(12)
        self.answer(12, a=3, b=1)
        self.summaries.want(13)
        self.let_pass(0.8)
        self.assertEqual([], self.open)
        self.let_pass(0.4)
        self.answer(13, a=4, b=1)
        self.assertEqual([["a"]] * 3, self.differing)


class StopTests(SummariesTestCase):
    """The end."""

    def test_nothing_is_left(self) -> None:
        (ahead,) = self.open
        self.summaries.want(11)
        self.summaries.stop()
        self.assertTrue(ahead.cancelled)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_while_they_are_read(self) -> None:
        self.open[0].fail(GONE)
        self.summaries.want(11)
        (reading,) = self.open
        self.summaries.stop()
        self.assertTrue(reading.cancelled)
        self.assertEqual([], self.clock.getDelayedCalls())
