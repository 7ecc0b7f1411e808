"""Tests of plain reads that two notifying polls set off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.discovery.support import GONE, REFUSED, ScriptedConsul, instance
from twisted_router.discovery.contact import Contact
from twisted_router.discovery.poll import Terms
from twisted_router.discovery.sweep import (
    CONCURRENCY,
    MAX_SWEEP_INTERVAL_S,
    NotifiedReads,
)
from twisted_router.discovery.watch import CATALOG, IWatch, Listener
from twisted_router.interfaces import Answer, CatalogError
from twisted_router.model import Status


def check(service: str, status: str = "passing", **more: Any) -> dict[str, Any]:
    """A check as ``health/state/any`` lists it."""
    return {
        "Node": "n1",
        "CheckID": f"service:{service}-1",
        "ServiceID": f"{service}-1" if service else "",
        "ServiceName": service,
        "Status": status,
        **more,
    }


class SweepTestCase(SynchronousTestCase):
    """A watch of any number of services, whose reads the test answers."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.consul = ScriptedConsul()
        self.contact = Contact(self.clock)
        terms = Terms(self.clock, self.contact, lambda attempt: 3.0, 55.0)
        self.answered: list[str] = []
        self.failed: list[tuple[str, int, CatalogError]] = []
        self.watch = NotifiedReads(
            terms,
            self.consul,
            Listener(
                lambda name, answer: self.on_answer(name),
                lambda name, attempt, error: self.failed.append((name, attempt, error)),
            ),
        )
        self.on_answer: Callable[[str], None] = self.answered.append
        self.services: dict[str, list[str]] = {}

    def let_pass(self, seconds: float) -> None:
        """Let this time pass, and a little, in steps: timers set timers."""
        self.clock.pump([0.05] * (round(seconds / 0.05) + 1))

    def follow(self, *names: str, **tags: list[str]) -> None:
        self.services = {**{name: [] for name in names}, **tags}
        self.watch.follow(self.services)
        self.clock.advance(0)

    def being_read(self) -> list[str]:
        return [asked.what for asked in self.consul.open if asked.what != "checks"]

    def answer_reads(self) -> list[str]:
        """Answer all reads, and those that follow, until there are no more."""
        names = []
        while reads := [asked for asked in self.consul.open if asked.what != "checks"]:
            for asked in reads:
                names.append(asked.what)
                asked.answer(1, (instance(asked.what),))
        return names

    def checks_are(self, *checks: dict[str, Any]) -> None:
        """Let the checks be these now, and the time of gathering pass."""
        polls = [asked for asked in self.consul.open if asked.what == "checks"]
        polls[0].answer(polls[0].index + 1, list(checks))
        self.clock.advance(0.25)

    def settled(self, *names: str, **tags: list[str]) -> None:
        """Follow services, and let all be read and quiet."""
        self.follow(*names, **tags)
        self.checks_are(*map(check, self.services))
        self.answer_reads()
        self.clock.advance(MAX_SWEEP_INTERVAL_S)
        self.assertEqual([], self.being_read())
        self.answered.clear()


class ReadingTests(SweepTestCase):
    """What is read, when, and how much of it at a time."""

    def test_it_provides_its_interface(self) -> None:
        verifyObject(IWatch, self.watch)

    def test_at_first_every_service_is_read(self) -> None:
        names = [f"s{n}" for n in range(60)]
        self.follow(*names)
        self.assertEqual(names, self.answer_reads())
        self.assertEqual(names, self.answered)

    def test_never_many_at_a_time(self) -> None:
        self.follow(*(f"s{n}" for n in range(60)))
        self.assertEqual(CONCURRENCY, len(self.being_read()))
        self.answer_reads()
        self.assertEqual(CONCURRENCY + 1, self.consul.most)

    def test_reads_do_not_wait_for_changes(self) -> None:
        self.follow("a")
        self.assertEqual((0, 0.0), (self.consul.only("a").index, 0.0))

    def test_the_poll_of_the_checks_does(self) -> None:
        self.settled("a")
        asked = self.consul.only("checks")
        self.assertEqual((1, 55.0), (asked.index, asked.wait_s))

    def test_answers_that_are_there_at_once_do_not_grow_the_stack(self) -> None:
        names = [f"s{n}" for n in range(3000)]
        with mock.patch.object(
            self.consul, "health", lambda name: succeed(Answer(1, ()))
        ):
            self.follow(*names)
        self.assertEqual(names, self.answered)

    def test_what_was_read_before_the_first_list_of_checks_is_read_again(self) -> None:
        """It may be older than the list."""
        self.follow("a", "b")
        self.consul.only("a").answer(1, ())
        self.checks_are(check("a"), check("b"))
        self.assertEqual(["b", "a"], self.being_read())
        self.consul.only("b").answer(1, ())
        self.assertEqual(["a", "b"], self.being_read())


class NoticeTests(SweepTestCase):
    """What makes a service be read again."""

    def test_what_only_a_read_saw_is_read_again_after_the_next_list(self) -> None:
        """Maintenance, on and off between two lists of checks, leaves no trace."""
        self.settled("a", "b")
        self.follow("a", "b")
        self.consul.only("a").answer(7, (instance("a", status=Status.MAINTENANCE),))
        self.consul.only("b").answer(1, ())
        self.assertEqual([], self.being_read())
        self.checks_are(check("a"), check("b"))
        self.assertEqual(["a"], self.being_read())

    def test_even_if_that_list_came_before_the_answer(self) -> None:
        self.settled("a", "b")
        self.follow("a", "b")
        self.checks_are(check("a"), check("b"))
        self.consul.only("a").answer(7, (instance("a", status=Status.MAINTENANCE),))
        self.assertEqual(["b", "a"], self.being_read())

    def test_a_shorter_history_of_the_checks_reads_all(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("a"), check("b"))
        self.consul.only("checks").answer(1, [check("a"), check("b")])
        self.assertEqual(["a", "b"], self.being_read())

    def test_a_quiet_time_reads_nothing(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("a"), check("b"))
        self.clock.advance(100)
        self.assertEqual([], self.being_read())

    def test_its_check_changes(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("a"), check("b", "critical"))
        self.assertEqual(["b"], self.being_read())

    def test_its_check_was_written_anew(self) -> None:
        self.settled("a")
        self.checks_are(check("a", ModifyIndex=7))
        self.assertEqual(["a"], self.being_read())

    def test_a_checks_output_is_not_read_for(self) -> None:
        self.settled("a")
        self.checks_are(check("a", Output="200 OK"))
        self.assertEqual([], self.being_read())

    def test_a_check_of_it_comes_or_goes(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("a"))
        self.assertEqual(["b"], self.being_read())
        self.answer_reads()
        self.checks_are(check("a"), check("b"))
        self.assertEqual(["b"], self.being_read())

    def test_a_check_of_its_node_changes(self) -> None:
        self.settled("a", "b")
        node = check("", "critical", CheckID="_node_maintenance")
        self.checks_are(check("a"), check("b"), node)
        self.assertEqual(["a", "b"], self.being_read())

    def test_a_check_of_another_node_is_not_read_for(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("a"), check("b"), check("", "critical", Node="n2"))
        self.assertEqual([], self.being_read())

    def test_its_tags_change(self) -> None:
        self.settled("a", "b")
        self.follow("a", b=["urlprefix-x/"])
        self.assertEqual("b", self.being_read()[0])

    def test_a_moved_catalog_reads_all_after_the_ones_that_changed(self) -> None:
        self.settled("a", "b", "c")
        self.follow("a", "b", "c", "d")
        self.assertEqual(["d", "a", "b", "c"], self.answer_reads())

    def test_but_not_all_too_often(self) -> None:
        """The more services there are, the longer it is until the next time."""
        names = [f"s{n}" for n in range(200)]
        self.settled(*names)
        self.follow(*names)
        self.assertEqual(names, self.answer_reads())
        self.let_pass(0.5)
        self.follow(*names, "new")
        self.let_pass(0.1)
        self.assertEqual(["new"], self.answer_reads())
        self.let_pass(1.2)
        self.assertEqual([], self.being_read())
        self.let_pass(0.2)
        self.assertEqual([*names, "new"], self.answer_reads())

    def test_nor_all_too_seldom(self) -> None:
        names = [f"s{n}" for n in range(2000)]
        self.settled(*names)
        for _ in range(2):
            self.follow(*names)
            self.answer_reads()
        self.let_pass(MAX_SWEEP_INTERVAL_S)
        self.assertEqual(names, self.answer_reads())

    def test_a_change_while_it_is_read_reads_it_once_more(self) -> None:
        self.settled("a")
        self.checks_are(check("a", "critical"))
        self.checks_are(check("a", "passing"))
        self.assertEqual(["a"], self.being_read())
        self.consul.only("a").answer(1, ())
        self.assertEqual(["a"], self.being_read())
        self.consul.only("a").answer(1, ())
        self.assertEqual([], self.being_read())

    def test_changes_close_together_are_one_read(self) -> None:
        self.settled("a", "b")
        self.follow("a", b=["x"])
        self.answer_reads()
        self.follow("a", b=["y"])
        self.follow("a", b=["z"])
        self.assertEqual([], self.being_read())
        self.clock.advance(0.05)
        self.assertEqual(1, self.answer_reads().count("b"))

    def test_a_service_that_is_gone_is_read_no_more(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("a", "critical"), check("b", "critical"))
        asked = self.consul.only("a")
        self.follow("b")
        self.assertTrue(asked.cancelled)
        self.checks_are(check("a"), check("b"))
        self.clock.advance(MAX_SWEEP_INTERVAL_S)
        self.assertNotIn("a", self.answer_reads())

    def test_to_reread_reads_all_and_the_checks(self) -> None:
        self.settled("a", "b")
        self.watch.reread()
        self.clock.advance(0.25)
        self.assertEqual(["a", "b"], self.being_read())
        self.assertEqual(0, self.consul.only("checks").index)


class ConfirmedTests(SweepTestCase):
    """When what is known of a service was last known to be so."""

    def test_when_the_polls_are_answered_and_show_no_change(self) -> None:
        self.settled("a", "b")
        self.clock.advance(60)
        now_s = self.clock.seconds()
        self.contact.heard(CATALOG)
        self.checks_are(check("a"), check("b", "critical"))
        self.assertEqual(now_s, self.watch.confirmed_s("a"))

    def test_but_not_before_a_service_that_changed_was_read(self) -> None:
        self.settled("a", "b")
        self.contact.heard(CATALOG)
        before_s = self.watch.confirmed_s("b")
        self.clock.advance(60)
        self.contact.heard(CATALOG)
        self.checks_are(check("a"), check("b", "critical"))
        self.assertEqual(before_s, self.watch.confirmed_s("b"))
        self.consul.only("b").answer(1, ())
        self.assertEqual(self.clock.seconds(), self.watch.confirmed_s("b"))

    def test_nor_while_one_of_the_polls_is_not_answered(self) -> None:
        self.settled("a")
        read_s = self.watch.confirmed_s("a")
        self.clock.advance(60)
        self.checks_are(check("a"))
        self.assertEqual(read_s, self.watch.confirmed_s("a"))

    def test_a_service_that_was_never_read_is_not_confirmed(self) -> None:
        self.follow("a")
        self.assertIsNone(self.watch.confirmed_s("a"))


class ErrorTests(SweepTestCase):
    """What errors do."""

    def test_a_refusal_concerns_the_one_service(self) -> None:
        self.follow("a", "b")
        self.consul.only("a").fail(REFUSED)
        self.consul.only("b").answer(1, ())
        self.assertEqual([("a", 1, REFUSED)], self.failed)
        self.clock.advance(2.9)
        self.assertEqual([], self.being_read())
        self.clock.advance(0.1)
        self.assertEqual(["a"], self.being_read())

    def test_it_does_not_hold_up_a_read_of_another(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("a", "critical"), check("b"))
        self.consul.only("a").fail(REFUSED)
        self.checks_are(check("a", "critical"), check("b", "critical"))
        self.assertEqual(["b"], self.being_read())

    def test_failures_in_a_row_are_counted_until_an_answer(self) -> None:
        self.follow("a")
        for attempt in (1, 2):
            self.consul.only("a").fail(REFUSED)
            self.assertEqual(("a", attempt, REFUSED), self.failed[-1])
            self.let_pass(3.0)
        self.consul.only("a").answer(1, ())
        self.watch.reread()
        self.let_pass(0.1)
        self.consul.only("a").fail(REFUSED)
        self.assertEqual(("a", 1, REFUSED), self.failed[-1])

    def test_when_nobody_answers_nothing_more_is_asked_for_a_while(self) -> None:
        self.follow(*(f"s{n}" for n in range(60)))
        while self.being_read():
            self.consul.only(self.being_read()[0]).fail(GONE)
        self.assertEqual(CONCURRENCY, len(self.failed))
        self.clock.advance(2.9)
        self.assertEqual([], self.being_read())
        self.clock.advance(0.1)
        self.assertEqual(CONCURRENCY, len(self.being_read()))
        self.assertEqual({f"s{n}" for n in range(60)}, set(self.answer_reads()))
        self.assertEqual("", self.contact.error)

    def test_a_bug_in_the_client_is_logged_and_the_service_read_again(self) -> None:
        self.follow("a")
        self.consul.only("a").fail(KeyError("a bug"))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.let_pass(3.0)
        self.assertEqual(["a"], self.being_read())

    def test_a_bug_of_the_listener_is_logged_and_the_others_go_on(self) -> None:
        def on_answer(name: str) -> None:
            raise KeyError("a bug")

        self.on_answer = on_answer
        self.follow("a", "b")
        self.assertEqual(["a", "b"], self.answer_reads())
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))


class StopTests(SweepTestCase):
    """The end, whatever is going on."""

    def assert_ended(self) -> None:
        self.assertEqual([], self.consul.open)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual("", self.contact.error)

    def test_before_the_beginning(self) -> None:
        self.watch.stop()
        self.assert_ended()

    def test_in_the_first_reads(self) -> None:
        self.follow(*(f"s{n}" for n in range(60)))
        self.watch.stop()
        self.assert_ended()

    def test_when_all_is_quiet(self) -> None:
        self.settled("a", "b")
        self.watch.stop()
        self.assert_ended()

    def test_while_a_service_waits_for_its_next_attempt(self) -> None:
        self.follow("a")
        self.consul.only("a").fail(REFUSED)
        self.watch.stop()
        self.assert_ended()

    def test_while_all_wait_for_an_agent_that_is_gone(self) -> None:
        self.follow("a")
        self.consul.only("a").fail(GONE)
        self.consul.only("checks").fail(GONE)
        self.watch.stop()
        self.assert_ended()

    def test_by_the_listener(self) -> None:
        self.on_answer = lambda name: self.watch.stop()
        self.follow("a", "b", "c", "d", "e", "f")
        self.consul.only("a").answer(1, ())
        self.assert_ended()
