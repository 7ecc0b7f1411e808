"""Tests of what is said when Consul does not answer."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from twisted.internet.task import Clock
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEvent,
    globalLogPublisher,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.support import ANSWER, GONE, REFUSED
from twisted_router.discovery.contact import Contact


class ContactTests(SynchronousTestCase):
    """Many reads, few words."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.contact = Contact(self.clock)
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def said(self) -> list[str]:
        said = [formatEvent(event) for event in self.events]
        self.events.clear()
        return said

    def test_before_anything_it_has_neither_age_nor_error(self) -> None:
        self.assertIsNone(self.contact.age_s)
        self.assertEqual("", self.contact.error)

    def test_its_age_is_that_of_the_last_answer(self) -> None:
        self.contact.heard("a", ANSWER)
        self.clock.advance(5)
        self.contact.heard("b", ANSWER)
        self.clock.advance(2)
        self.contact.failed("a", GONE)
        self.assertEqual(2.0, self.contact.age_s)

    def test_the_first_failure_is_said_with_its_reason(self) -> None:
        self.contact.failed("a", GONE)
        self.assertEqual(LogLevel.warn, self.events[0]["log_level"])
        self.assertEqual(
            [f"no contact with Consul: {GONE}; what is known stays in use"],
            self.said(),
        )

    def test_further_failures_are_not(self) -> None:
        self.contact.failed("a", GONE)
        self.said()
        for read in ("a", "b", "c"):
            self.contact.failed(read, GONE)
            self.contact.failed(read, REFUSED)
        self.assertEqual([], self.said())

    def test_no_answer_at_all_is_news_after_mere_refusals(self) -> None:
        self.contact.failed("a", REFUSED)
        self.assertIn("Consul does not tell", self.said()[0])
        self.contact.failed("b", GONE)
        self.assertIn("no contact with Consul", self.said()[0])

    def test_that_it_is_back_is_said_once_all_reads_are(self) -> None:
        self.contact.failed("a", GONE)
        self.contact.failed("b", GONE)
        self.said()
        self.clock.advance(61.5)
        self.contact.heard("a", ANSWER)
        self.assertEqual([], self.said())
        self.contact.heard("b", ANSWER)
        self.contact.heard("b", ANSWER)
        self.assertEqual(["contact with Consul is back after 61.5 s"], self.said())

    def test_the_next_loss_is_said_again(self) -> None:
        for _ in range(2):
            self.contact.failed("a", GONE)
            self.contact.heard("a", ANSWER)
            self.assertEqual(2, len(self.said()))

    def test_a_read_that_is_forgotten_holds_nothing_up(self) -> None:
        self.contact.failed("a", REFUSED)
        self.contact.forget("a")
        self.assertEqual(1, len(self.said()))
        self.contact.heard("b", ANSWER)
        self.assertEqual(1, len(self.said()))

    def test_to_forget_says_nothing(self) -> None:
        """At stop, reads end that nobody answered."""
        self.contact.failed("a", GONE)
        self.said()
        self.contact.forget("a")
        self.assertEqual([], self.said())

    def test_its_error_is_the_worst_one_there_is(self) -> None:
        self.contact.failed("a", REFUSED)
        self.assertEqual(str(REFUSED), self.contact.error)
        self.contact.failed("b", GONE)
        self.assertEqual(str(GONE), self.contact.error)
        self.contact.heard("b", ANSWER)
        self.assertEqual(str(REFUSED), self.contact.error)
        self.contact.heard("a", ANSWER)
        self.assertEqual("", self.contact.error)

    def test_it_knows_when_each_read_was_answered_and_since_when_it_fails(self) -> None:
        self.assertIsNone(self.contact.heard_s("a"))
        self.clock.advance(1)
        self.contact.heard("a", ANSWER)
        self.assertIsNone(self.contact.failing_s("a"))
        for _ in range(2):
            self.clock.advance(1)
            self.contact.failed("a", GONE)
        self.assertEqual(
            (1.0, 2.0), (self.contact.heard_s("a"), self.contact.failing_s("a"))
        )
        self.contact.heard("a", ANSWER)
        self.assertEqual(
            (3.0, None), (self.contact.heard_s("a"), self.contact.failing_s("a"))
        )

    def test_it_has_no_reservation_about_whole_and_fresh_answers(self) -> None:
        self.contact.heard("a", ANSWER)
        self.assertEqual("", self.contact.reservation)

    def test_a_filtered_answer_is_one_until_the_same_read_brings_all(self) -> None:
        self.contact.heard("a", replace(ANSWER, filtered_by_acls=True))
        self.contact.heard("b", ANSWER)
        self.assertIn("the token's rights", self.contact.reservation)
        self.contact.heard("a", ANSWER)
        self.assertEqual("", self.contact.reservation)

    def test_so_is_one_of_a_server_without_a_leader(self) -> None:
        self.contact.heard("a", replace(ANSWER, stale=True))
        self.assertIn("no leader", self.contact.reservation)
        self.contact.heard("a", ANSWER)
        self.assertEqual("", self.contact.reservation)

    def test_there_is_none_about_a_read_that_is_forgotten(self) -> None:
        self.contact.heard("a", replace(ANSWER, stale=True, filtered_by_acls=True))
        self.contact.forget("a")
        self.assertEqual("", self.contact.reservation)

    def test_of_a_read_that_is_forgotten_it_knows_nothing(self) -> None:
        self.contact.heard("a", ANSWER)
        self.contact.failed("a", GONE)
        self.contact.forget("a")
        self.assertEqual(
            (None, None), (self.contact.heard_s("a"), self.contact.failing_s("a"))
        )
