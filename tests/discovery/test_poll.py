"""Tests of one repeated blocking query, as tables of what Consul does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.support import GONE, REFUSED, Asked, ScriptedConsul
from twisted_router.discovery.contact import Contact
from twisted_router.discovery.poll import AWAY_S, Poll, Terms
from twisted_router.interfaces import Answer, CatalogError

#: How long each attempt after an error waits, in seconds.
RETRY_S = 1.5


class PollTestCase(SynchronousTestCase):
    """A poll whose reads the test answers."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.consul = ScriptedConsul()
        self.contact = Contact(self.clock)
        self.terms = Terms(self.clock, self.contact, lambda attempt: RETRY_S, 55.0)
        self.news: list[Any] = []
        self.failures: list[tuple[int, CatalogError]] = []
        self.backwards = 0

    def poll(self, **more: Any) -> Poll:
        given: dict[str, Any] = {
            "on_news": lambda answer: self.news.append(answer.data),
            "on_failure": lambda attempt, error: self.failures.append((attempt, error)),
            "on_backwards": self.count_backwards,
            **more,
        }
        poll = Poll(self.terms, "catalog", self.consul.services, **given)
        self.addCleanup(poll.stop)
        poll.start()
        self.clock.advance(0)
        return poll

    def count_backwards(self) -> None:
        self.backwards += 1

    def asked(self) -> Asked:
        """The open read; if there is none, the time until the next one passes."""
        if not self.consul.open:
            self.clock.advance(self.next_ask_s())
        return self.consul.only("services")

    def next_ask_s(self) -> float:
        """How long it takes until the next read."""
        (call,) = self.clock.getDelayedCalls()
        return call.getTime() - self.clock.seconds()


class IndexTests(PollTestCase):
    """Which index is asked with, after which answers."""

    def assert_asks(self, expected: list[int], answers: list[int | Exception]) -> None:
        self.poll()
        for answer in answers:
            asked = self.asked()
            if isinstance(answer, int):
                asked.answer(answer, {"n": answer})
            else:
                asked.fail(answer)
                self.clock.advance(RETRY_S)
        self.asked()
        self.assertEqual(expected, [asked.index for asked in self.consul.asked])

    def test_the_first_read_does_not_wait(self) -> None:
        self.assert_asks([0], [])

    def test_each_answer_gives_the_index_to_wait_beyond(self) -> None:
        self.assert_asks([0, 5, 6, 9], [5, 6, 9])

    def test_an_index_that_stays_is_asked_with_again(self) -> None:
        self.assert_asks([0, 5, 5], [5, 5])

    def test_an_index_that_went_backwards_is_forgotten(self) -> None:
        self.assert_asks([0, 50, 0, 7], [50, 7, 7])
        self.assertEqual(1, self.backwards)

    def test_after_an_error_none_is_believed(self) -> None:
        self.assert_asks([0, 50, 0, 50], [50, GONE, 50])
        self.assertEqual(0, self.backwards)

    def test_a_shorter_history_is_noticed_even_after_an_error(self) -> None:
        self.assert_asks([0, 50, 0, 7], [50, GONE, 7])
        self.assertEqual(1, self.backwards)

    def test_reads_wait_as_long_as_configured(self) -> None:
        self.poll()
        self.assertEqual(55.0, self.asked().wait_s)


class NewsTests(PollTestCase):
    """Which answers are told."""

    def test_the_first_answer_is_news_even_if_empty(self) -> None:
        self.poll()
        self.asked().answer(5, {})
        self.assertEqual([{}], self.news)

    def test_the_same_content_is_not(self) -> None:
        self.poll()
        self.asked().answer(5, {"web": []})
        self.asked().answer(6, {"web": []})
        self.assertEqual([{"web": []}], self.news)

    def test_other_content_is_even_under_the_same_index(self) -> None:
        self.poll()
        self.asked().answer(5, {"web": []})
        self.asked().answer(5, {"db": []})
        self.assertEqual([{"web": []}, {"db": []}], self.news)

    def test_the_same_content_after_an_error_is_not(self) -> None:
        self.poll()
        self.asked().answer(5, {"web": []})
        self.asked().fail()
        self.clock.advance(RETRY_S)
        self.asked().answer(2, {"web": []})
        self.assertEqual([{"web": []}], self.news)

    def test_a_moved_index_is_where_it_shall_be(self) -> None:
        self.poll(moves_are_news=True)
        self.asked().answer(5, {})
        self.asked().answer(5, {})
        self.asked().answer(6, {})
        self.assertEqual([{}, {}], self.news)


class ErrorTests(PollTestCase):
    """What errors do."""

    def test_each_is_told_with_its_number_in_a_row(self) -> None:
        self.poll()
        for error in (GONE, REFUSED):
            self.asked().fail(error)
            self.clock.advance(RETRY_S)
        self.assertEqual([(1, GONE), (2, REFUSED)], self.failures)
        self.asked().answer(5, {})
        self.asked().fail(GONE)
        self.assertEqual((1, GONE), self.failures[-1])

    def test_the_next_attempt_waits_as_the_policy_says(self) -> None:
        self.poll()
        self.asked().fail()
        self.clock.advance(RETRY_S - 0.01)
        self.assertEqual([], self.consul.open)
        self.clock.advance(0.01)
        self.assertEqual(1, len(self.consul.open))

    def test_whoever_is_away_is_asked_again_soon(self) -> None:
        """So that it is noticed when he is back; there are no more than that."""
        self.terms = replace(self.terms, retry=lambda attempt: 10.0)
        self.poll()
        no_leader = CatalogError("GET /v1/x at consul: 500 No cluster leader", 500)
        for error in (GONE, no_leader):
            self.asked().fail(error)
            self.assertEqual(AWAY_S, self.next_ask_s())

    def test_whoever_refuses_is_not(self) -> None:
        self.terms = replace(self.terms, retry=lambda attempt: 10.0)
        self.poll()
        for status in (403, 429, 503):
            self.asked().fail(CatalogError("GET /v1/x at consul", status))
            self.assertEqual(10.0, self.next_ask_s())

    def test_contact_is_lost_and_found(self) -> None:
        self.poll()
        self.asked().fail()
        self.assertEqual(str(GONE), self.contact.error)
        self.clock.advance(RETRY_S)
        self.asked().answer(5, {})
        self.assertEqual("", self.contact.error)

    def test_a_bug_in_a_client_is_logged_and_not_the_end(self) -> None:
        self.poll()
        self.asked().fail(KeyError("a bug"))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.clock.advance(RETRY_S)
        self.asked().answer(5, {"web": []})
        self.assertEqual([{"web": []}], self.news)

    def test_a_bug_of_the_receiver_is_logged_and_he_is_told_again(self) -> None:
        told = []

        def receive(answer: Answer) -> None:
            told.append(answer.data)
            if len(told) == 1:
                raise KeyError("a bug")

        self.poll(on_news=receive)
        self.asked().answer(5, {"web": []})
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.clock.advance(RETRY_S)
        self.assertEqual(0, self.asked().index)
        self.asked().answer(5, {"web": []})
        self.assertEqual([{"web": []}] * 2, told)


class PaceTests(PollTestCase):
    """How soon the next question comes."""

    def test_after_a_long_wait_it_comes_at_once(self) -> None:
        self.poll()
        self.asked().answer(5, {})
        self.asked()
        self.clock.advance(30)
        self.asked().answer(6, {"web": []})
        self.assertEqual(0.0, self.next_ask_s())

    def test_an_agent_that_never_waits_is_asked_less_and_less(self) -> None:
        """Its index, if it has any, does not help: each answer comes at once."""
        self.poll()
        self.asked().answer(1, {})
        pauses_s = []
        for _ in range(8):
            self.asked().answer(1, {})
            pauses_s.append(self.next_ask_s())
        for expected, pause_s in zip(
            [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0], pauses_s, strict=True
        ):
            self.assertApproximates(expected, pause_s, 1e-6)

    def test_changes_of_a_burst_are_gathered_and_of_a_long_one_more_so(self) -> None:
        self.poll()
        pauses_s = []
        for index in range(1, 9):
            self.asked().answer(index, {"web": [str(index)]})
            pauses_s.append(self.next_ask_s())
        for expected, pause_s in zip(
            [0.05, 0.05, 0.05, 0.1, 0.2, 0.25, 0.25, 0.25], pauses_s, strict=True
        ):
            self.assertApproximates(expected, pause_s, 1e-6)

    def test_a_change_that_had_to_be_waited_for_ends_that(self) -> None:
        self.poll()
        for index in range(1, 9):
            self.asked().answer(index, {"web": [str(index)]})
        asked = self.asked()
        self.clock.advance(0.04)
        asked.answer(9, {"web": ["9"]})
        self.assertApproximates(0.21, self.next_ask_s(), 1e-6)
        asked = self.asked()
        self.clock.advance(0.1)
        asked.answer(10, {"web": ["10"]})
        self.assertEqual(0.0, self.next_ask_s())
        self.asked().answer(11, {"web": ["11"]})
        self.assertApproximates(0.05, self.next_ask_s(), 1e-6)

    def test_news_ends_that(self) -> None:
        self.poll()
        for _ in range(8):
            self.asked().answer(1, {})
        self.asked().answer(1, {"web": []})
        self.assertApproximates(0.05, self.next_ask_s(), 1e-6)

    def test_answers_that_are_there_at_once_do_not_grow_the_stack(self) -> None:
        poll = Poll(
            self.terms,
            "catalog",
            lambda index, wait_s: succeed(Answer(index + 1, index)),
            on_news=lambda answer: self.news.append(answer.data),
        )
        poll.start()
        self.clock.pump([0.25] * 2000)
        self.assertGreater(len(self.news), 1000)
        poll.stop()


class StopTests(PollTestCase):
    """The end, at each moment."""

    def test_before_the_first_read(self) -> None:
        poll = Poll(self.terms, "catalog", self.consul.services, self.news.append)
        poll.start()
        poll.stop()
        self.clock.advance(1)
        self.assertEqual([], self.consul.asked)

    def test_in_a_read_it_is_cancelled(self) -> None:
        poll = self.poll()
        poll.stop()
        self.assertTrue(self.consul.asked[0].cancelled)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual([], self.failures)

    def test_between_reads(self) -> None:
        poll = self.poll()
        self.asked().answer(5, {})
        poll.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_while_it_waits_after_an_error(self) -> None:
        poll = self.poll()
        self.asked().fail()
        poll.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_by_the_receiver_of_its_news(self) -> None:
        poll: Poll = self.poll(on_news=lambda answer: poll.stop())
        self.asked().answer(5, {})
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual([], self.consul.open)

    def test_by_the_receiver_of_its_failures(self) -> None:
        poll: Poll = self.poll(on_failure=lambda attempt, error: poll.stop())
        self.asked().fail()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_client_that_fails_at_once_is_no_hot_loop(self) -> None:
        asked = []

        def read(index: int, wait_s: float) -> Deferred[Answer]:
            asked.append(self.clock.seconds())
            return fail(GONE)

        poll = Poll(self.terms, "catalog", read, self.news.append)
        poll.start()
        self.clock.pump([0.5] * 20)
        self.assertEqual([0.5, 2.0, 3.5, 5.0, 6.5, 8.0, 9.5], asked)
        poll.stop()


class RewindTests(PollTestCase):
    """To read again from the beginning."""

    def test_a_waiting_read_is_cancelled_and_asked_anew(self) -> None:
        poll = self.poll()
        self.asked().answer(5, {})
        waiting = self.asked()
        poll.rewind()
        self.assertTrue(waiting.cancelled)
        self.assertEqual(0, self.asked().index)
        self.assertEqual([], self.failures)

    def test_between_reads_it_is_one_read_all_the_same(self) -> None:
        poll = self.poll()
        self.asked().answer(5, {})
        poll.rewind()
        self.assertEqual(0, self.asked().index)
        self.assertEqual(1, len(self.consul.open))

    def test_by_the_receiver_of_its_news(self) -> None:
        poll: Poll = self.poll(on_news=lambda answer: poll.rewind())
        self.asked().answer(5, {})
        self.assertEqual(0, self.asked().index)
        self.asked().answer(5, {})
        self.assertEqual(5, self.asked().index)

    def test_once_stopped_it_does_nothing(self) -> None:
        poll = self.poll()
        poll.stop()
        poll.rewind()
        self.assertEqual([], self.clock.getDelayedCalls())
