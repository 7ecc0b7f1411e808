"""Tests of plain reads that a few lists set off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from unittest import mock

from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.discovery.support import ANSWER, GONE, REFUSED, ScriptedConsul, instance
from twisted_router.discovery.contact import Contact
from twisted_router.discovery.poll import AWAY_S, Terms
from twisted_router.discovery.reads import CONCURRENCY
from twisted_router.discovery.sweep import (
    LEISURE_S,
    MAX_SEARCH_INTERVAL_S,
    SUSPECTS,
    NotifiedReads,
)
from twisted_router.discovery.watch import CATALOG, IWatch, Listener
from twisted_router.interfaces import Answer, CatalogError
from twisted_router.model import Status

LISTS = ("critical checks", "warning checks", "summaries")


def check(service: str, status: str = "critical", **more: Any) -> dict[str, Any]:
    """A check as ``health/state/STATUS`` lists it."""
    return {
        "Node": "n1",
        "CheckID": f"service:{service}-1",
        "ServiceID": f"{service}-1" if service else "",
        "ServiceName": service,
        "Status": status,
        **more,
    }


class SweepTestCase(SynchronousTestCase):
    """A watch of any number of services, whose reads the test answers.

    :ivar index: Consul's, of the last change.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.consul = ScriptedConsul()
        self.contact = Contact(self.clock)
        terms = Terms(self.clock, self.contact, lambda attempt: 3.0, 55.0)
        self.answered: list[str] = []
        self.failed: list[tuple[str, int, CatalogError]] = []
        self.unrouted: set[str] = set()
        self.watch = NotifiedReads(
            terms,
            self.consul,
            Listener(
                lambda name, answer: self.on_answer(name),
                lambda name, attempt, error: self.failed.append((name, attempt, error)),
                lambda name: name not in self.unrouted,
            ),
        )
        self.on_answer: Callable[[str], None] = self.answered.append
        self.index = 100

    def let_pass(self, seconds: float) -> None:
        """Let this time pass, and a little, in steps: timers set timers."""
        self.clock.pump([0.05] * (round(seconds / 0.05) + 1))

    def follow(self, *names: str, **tags: list[str]) -> None:
        """Let the catalog move to these services."""
        self.index += 1
        self.watch.follow({**{name: [] for name in names}, **tags}, self.index)
        self.clock.advance(0)

    def being_read(self) -> list[str]:
        return [asked.what for asked in self.consul.open if asked.what not in LISTS]

    def answer_reads(self, **indexes: int) -> list[str]:
        """Answer all reads, and those that follow, until there are no more.

        :param indexes: of the services that were changed; that of the others is 1.
        """
        names = []
        while reading := self.being_read():
            for name in reading:
                if name in self.being_read():
                    names.append(name)
                    index = indexes.get(name, 1)
                    self.consul.only(name).answer(index, (instance(name),))
        return names

    def checks_are(self, *checks: dict[str, Any], status: str = "critical") -> None:
        """Let the list of checks be these now."""
        self.index += 1
        self.consul.only(f"{status} checks").answer(self.index, list(checks))
        self.let_pass(0.05)

    def summaries_are(self, **instances: int) -> None:
        """Answer the read of the summaries."""
        self.consul.only("summaries").answer(
            self.index,
            {
                name: [{"Name": name, "InstanceCount": n}]
                for name, n in instances.items()
            },
        )

    def settled(self, *names: str, **tags: list[str]) -> None:
        """Follow services, of one instance each, and let all be read and quiet."""
        self.follow(*names, **tags)
        self.checks_are()
        self.checks_are(status="warning")
        self.summaries_are(**{name: 1 for name in (*names, *tags)})
        self.answer_reads()
        self.let_pass(1)
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

    def test_and_not_twice_though_no_service_has_the_catalogs_index(self) -> None:
        """The last move may have been a service that went."""
        self.settled("a", "b")
        self.let_pass(MAX_SEARCH_INTERVAL_S)
        self.assertEqual([], self.being_read())

    def test_never_many_at_a_time(self) -> None:
        self.follow(*(f"s{n}" for n in range(60)))
        self.assertEqual(CONCURRENCY, len(self.being_read()))
        self.answer_reads()
        self.assertEqual(CONCURRENCY + len(LISTS), self.consul.most)

    def test_reads_do_not_wait_for_changes(self) -> None:
        self.follow("a")
        self.assertEqual((0, 0.0), (self.consul.only("a").index, 0.0))

    def test_the_polls_of_the_checks_do(self) -> None:
        self.settled("a")
        for status, index in (("critical", 102), ("warning", 103)):
            asked = self.consul.only(f"{status} checks")
            self.assertEqual((index, 55.0), (asked.index, asked.wait_s))

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
        self.checks_are()
        self.assertEqual(["b", "a"], self.being_read())
        self.consul.only("b").answer(1, ())
        self.assertEqual(["a", "b"], self.being_read())


class ChecksTests(SweepTestCase):
    """Checks that are not passing make services be read."""

    def test_a_quiet_time_reads_nothing(self) -> None:
        self.settled("a", "b")
        self.checks_are()
        self.clock.advance(100)
        self.assertEqual([], self.being_read())

    def test_a_check_fails(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("b"))
        self.assertEqual(["b"], self.being_read())

    def test_a_check_warns(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("b", "warning"), status="warning")
        self.assertEqual(["b"], self.being_read())

    def test_it_passes_again(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("b"))
        self.answer_reads()
        self.checks_are()
        self.assertEqual(["b"], self.being_read())

    def test_it_was_written_anew(self) -> None:
        self.settled("a")
        self.checks_are(check("a", ModifyIndex=6))
        self.answer_reads()
        self.checks_are(check("a", ModifyIndex=7))
        self.assertEqual(["a"], self.being_read())

    def test_its_output_is_not_read_for(self) -> None:
        self.settled("a")
        self.checks_are(check("a"))
        self.answer_reads()
        self.checks_are(check("a", Output="200 OK"))
        self.assertEqual([], self.being_read())

    def test_a_check_of_a_node_concerns_all_services_on_it(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("", CheckID="_node_maintenance"))
        self.assertEqual(["a", "b"], self.being_read())

    def test_a_check_of_another_node_is_not_read_for(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("", Node="n2"))
        self.assertEqual([], self.being_read())

    def test_a_check_of_a_service_that_nobody_follows_is_not_either(self) -> None:
        self.settled("a")
        self.checks_are(check("b"))
        self.assertEqual([], self.being_read())

    def test_what_only_a_read_saw_is_read_again_after_the_next_list(self) -> None:
        """Maintenance, on and off between two lists of checks, leaves no trace."""
        self.settled("a", "b")
        self.follow("b", a=["new"])
        in_maintenance = (instance("a", status=Status.MAINTENANCE),)
        self.consul.only("a").answer(self.index + 1, in_maintenance)
        self.assertEqual([], self.being_read())
        self.index += 1
        self.checks_are()
        self.assertEqual(["a"], self.being_read())

    def test_even_if_that_list_came_before_the_answer(self) -> None:
        self.settled("a", "b")
        self.follow("b", a=["new"])
        self.checks_are()
        in_maintenance = (instance("a", status=Status.MAINTENANCE),)
        self.consul.only("a").answer(self.index, in_maintenance)
        self.assertEqual(["a"], self.being_read())

    def test_a_shorter_history_reads_all(self) -> None:
        self.settled("a", "b")
        self.consul.only("warning checks").answer(1, [])
        self.assertEqual(["a", "b"], self.being_read())

    def test_a_change_while_it_is_read_reads_it_once_more(self) -> None:
        self.settled("a")
        self.checks_are(check("a"))
        self.checks_are()
        self.assertEqual(["a"], self.being_read())
        self.consul.only("a").answer(1, ())
        self.assertEqual(["a"], self.being_read())
        self.consul.only("a").answer(1, ())
        self.assertEqual([], self.being_read())

    def test_where_nobody_is_routed_to_health_is_read_at_leisure(self) -> None:
        self.settled("a", "b")
        self.unrouted = {"a"}
        self.checks_are(check("a"), check("b"))
        self.assertEqual(["b"], self.answer_reads())
        self.let_pass(LEISURE_S)
        self.assertEqual(["a"], self.answer_reads())
        self.let_pass(LEISURE_S)
        self.assertEqual([], self.being_read())


class CatalogTests(SweepTestCase):
    """Moves of the catalog make services be read."""

    def test_a_new_service(self) -> None:
        self.settled("a")
        self.follow("a", "b")
        self.assertEqual(["b"], self.being_read())

    def test_other_tags(self) -> None:
        self.settled("a", "b")
        self.follow("a", b=["urlprefix-x/"])
        self.assertEqual(["b"], self.being_read())

    def test_a_service_that_is_gone_is_read_no_more(self) -> None:
        self.settled("a", "b")
        self.checks_are(check("a"), check("b"))
        asked = self.consul.only("a")
        self.follow("b")
        self.assertTrue(asked.cancelled)
        self.checks_are()
        self.summaries_are(b=1)
        self.let_pass(2 * LEISURE_S)
        self.assertNotIn("a", self.answer_reads())

    def test_another_number_of_instances(self) -> None:
        self.settled("a", "b", "c")
        self.follow("a", "b", "c")
        self.assertEqual([], self.being_read())
        self.summaries_are(a=1, b=2, c=1)
        self.assertEqual(["b"], self.answer_reads(b=self.index))
        self.let_pass(MAX_SEARCH_INTERVAL_S)
        self.assertEqual([], self.being_read())

    def test_what_was_read_before_the_catalog_told_of_it_is_no_riddle(self) -> None:
        self.settled("a", "b", "c")
        self.index += 1
        self.summaries_are(a=1, b=2, c=1)
        self.assertEqual(["b"], self.answer_reads(b=self.index))
        self.index -= 1
        self.follow("a", "b", "c")
        self.let_pass(MAX_SEARCH_INTERVAL_S)
        self.assertEqual([], self.being_read())

    def test_what_was_read_before_explains_nothing_later(self) -> None:
        self.settled("a", "b", "c")
        self.index += 1
        self.summaries_are(a=1, b=2, c=1)
        self.answer_reads(b=self.index)
        self.follow("a", "b", "c")
        self.summaries_are(a=1, b=2, c=1)
        self.assertEqual({"a", "b", "c"}, set(self.answer_reads()))

    def test_a_move_without_a_visible_cause_reads_all(self) -> None:
        """Such as another port of an instance."""
        self.settled("a", "b", "c")
        self.follow("a", "b", "c")
        self.summaries_are(a=1, b=1, c=1)
        self.assertEqual(["a", "b", "c"], self.answer_reads())

    def test_until_the_cause_is_found(self) -> None:
        names = [f"s{n}" for n in range(60)]
        self.settled(*names)
        self.follow(*names)
        self.summaries_are(**{name: 1 for name in names})
        self.assertEqual(names[: 5 + CONCURRENCY], self.answer_reads(s5=self.index))

    def test_beginning_with_those_that_changed_last(self) -> None:
        names = [f"s{n}" for n in range(60)]
        self.settled(*names)
        for _ in range(2):
            self.answer_reads(s7=50, s40=51)
            self.let_pass(1)
            self.follow(*names)
            self.summaries_are(**{name: 1 for name in names})
        self.assertEqual(["s40", "s7", "s0", "s1"], self.being_read())

    def test_the_services_that_changed_last_are_read_after_every_move(self) -> None:
        """Whoever changes one instance soon changes the next one."""
        names = [f"s{n}" for n in range(60)]
        summaries = dict.fromkeys(names, 1)
        self.settled(*names)
        changed = names[: SUSPECTS + 1]
        for name in changed:
            self.follow(*names, **{name: ["new"]})
            self.summaries_are(**summaries)
            self.answer_reads(**{name: self.index})
            self.let_pass(1)
        self.follow(*names, **{changed[-1]: ["new"]})
        # They would keep the agent from the summaries.
        self.assertEqual([], self.being_read())
        self.summaries_are(**summaries)
        self.assertEqual([*reversed(changed[1:])][:CONCURRENCY], self.being_read())
        self.assertEqual([*reversed(changed[1:])], self.answer_reads()[:SUSPECTS])

    def test_what_changed_is_read_before_them(self) -> None:
        self.settled("a", "b", "c")
        self.follow("a", "b", "c", a=["new"])
        self.summaries_are(a=1, b=1, c=1)
        self.answer_reads(a=self.index)
        self.let_pass(1)
        self.follow("a", "b", "c", a=["new"])
        self.summaries_are(a=1, b=2, c=1)
        self.assertEqual(["b"], self.being_read())
        self.assertEqual(["b", "a"], self.answer_reads(b=self.index))

    def test_a_move_of_nobodys_service_reads_nothing(self) -> None:
        """Consul's servers are in the catalog, too."""
        self.settled("a", "b")
        self.follow("a", "b")
        self.summaries_are(a=1, b=1, consul=3)
        self.assertEqual([], self.being_read())

    def test_a_service_that_went_is_a_cause(self) -> None:
        self.settled("a", "b")
        self.follow("a")
        self.summaries_are(a=1)
        self.let_pass(MAX_SEARCH_INTERVAL_S)
        self.assertEqual([], self.being_read())

    def test_all_are_not_read_too_often(self) -> None:
        """The more services there are, the longer it is until the next time."""
        names = [f"s{n}" for n in range(667)]
        counts = {name: 1 for name in names}
        self.settled(*names)
        self.follow(*names)
        self.summaries_are(**counts)
        self.assertEqual(names, self.answer_reads())
        self.let_pass(1)
        self.follow(*names)
        self.summaries_are(**counts)
        self.let_pass(0.8)
        self.assertEqual([], self.being_read())
        self.let_pass(0.3)
        self.assertEqual(names, self.answer_reads())

    def test_nor_too_seldom(self) -> None:
        names = [f"s{n}" for n in range(2000)]
        counts = {name: 1 for name in names}
        self.settled(*names)
        for _ in range(2):
            self.follow(*names)
            self.summaries_are(**counts)
            self.answer_reads()
            self.let_pass(1)
        self.let_pass(MAX_SEARCH_INTERVAL_S)
        self.assertEqual(names, self.answer_reads())

    def test_some_time_after_a_move_all_are_read_at_leisure(self) -> None:
        """Of what changed at the same time, the lists may have shown a part only."""
        self.settled("a", "b", "c")
        self.follow("a", "b", "c")
        self.summaries_are(a=1, b=2, c=1)
        self.answer_reads(b=self.index)
        self.let_pass(LEISURE_S)
        self.assertEqual(["a"], self.being_read())
        self.assertEqual(["a", "b", "c"], self.answer_reads())
        self.let_pass(2 * LEISURE_S)
        self.assertEqual([], self.being_read())

    def test_to_reread_reads_all_and_the_lists(self) -> None:
        self.settled("a", "b")
        self.watch.reread()
        self.let_pass(0.1)
        self.assertEqual(["a", "b"], self.being_read())
        for what in LISTS:
            self.assertEqual(0, self.consul.only(what).index)


class NoSummariesTests(SweepTestCase):
    """An agent that does not give summaries, which no API promises."""

    def setUp(self) -> None:
        super().setUp()
        self.said: list[str] = []

        def hear(event: LogEvent) -> None:
            self.said.append(formatEvent(event))

        observe = cast(ILogObserver, hear)
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def refused(self, *names: str) -> None:
        self.settled(*names)
        self.follow(*names)
        # The one that was asked for ahead, then the plain one.
        self.consul.only("summaries").fail(REFUSED)
        self.consul.only("summaries").fail(REFUSED)

    def test_every_move_reads_all(self) -> None:
        self.refused("a", "b")
        self.assertEqual(["a", "b"], self.answer_reads())
        self.let_pass(1)
        self.follow("a", "b")
        self.assertEqual(["a", "b"], self.answer_reads())

    def test_they_are_not_asked_for_again_and_that_is_said(self) -> None:
        self.refused("a", "b")
        self.follow("a", "b")
        self.assertEqual(3, self.consul.count("summaries"))
        self.assertEqual(
            [f"no summaries of services: {REFUSED}; their changes will take longer"],
            self.said,
        )

    def test_unless_all_is_to_be_read_again(self) -> None:
        self.refused("a", "b")
        self.answer_reads()
        self.watch.reread()
        self.let_pass(1)
        self.assertEqual(4, self.consul.count("summaries"))

    def test_no_answer_is_no_refusal(self) -> None:
        self.settled("a", "b")
        self.follow("a", "b")
        self.consul.only("summaries").fail(GONE)
        self.consul.only("summaries").fail(GONE)
        self.let_pass(1)
        self.follow("a", "b")
        self.assertEqual(4, self.consul.count("summaries"))
        self.assertEqual([], self.said)

    def test_a_bug_is_logged(self) -> None:
        self.settled("a", "b")
        self.follow("a", "b")
        self.consul.only("summaries").fail(KeyError("a bug"))
        self.consul.only("summaries").fail(KeyError("a bug"))
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))
        self.assertEqual(["a", "b"], self.answer_reads())


class ConfirmedTests(SweepTestCase):
    """When what is known of a service was last known to be so."""

    def lists_are_heard(self, *critical: dict[str, Any]) -> None:
        self.contact.heard(CATALOG, ANSWER)
        self.checks_are(status="warning")
        self.checks_are(*critical)

    def test_when_the_polls_are_answered_and_show_no_change(self) -> None:
        self.settled("a", "b")
        self.clock.advance(60)
        now_s = self.clock.seconds()
        self.lists_are_heard(check("b"))
        self.assertEqual(now_s, self.watch.confirmed_s("a"))

    def test_but_not_before_a_service_that_changed_was_read(self) -> None:
        self.settled("a", "b")
        self.contact.heard(CATALOG, ANSWER)
        before_s = self.watch.confirmed_s("b")
        self.clock.advance(60)
        self.lists_are_heard(check("b"))
        self.assertIn(self.watch.confirmed_s("b"), (before_s, 0.0))
        self.answer_reads()
        self.assertEqual(self.clock.seconds(), self.watch.confirmed_s("b"))

    def test_nor_while_one_of_the_polls_is_not_answered(self) -> None:
        self.settled("a")
        read_s = self.watch.confirmed_s("a")
        self.clock.advance(60)
        self.checks_are()
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
        self.checks_are(check("a"))
        self.consul.only("a").fail(REFUSED)
        self.checks_are(check("a"), check("b"))
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
        self.clock.advance(AWAY_S - 0.1)
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
        for what in LISTS:
            self.consul.only(what).fail(GONE)
        self.watch.stop()
        self.assert_ended()

    def test_by_the_listener(self) -> None:
        self.on_answer = lambda name: self.watch.stop()
        self.follow("a", "b", "c", "d", "e", "f")
        self.consul.only("a").answer(1, ())
        self.assert_ended()
