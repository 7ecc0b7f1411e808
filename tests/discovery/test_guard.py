"""Tests of what happens when much of a catalog vanishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.discovery.support import GONE, Consumer, EventLog, instance
from twisted_router.config.schema import GuardConfig, Seconds
from twisted_router.discovery.alarms import Alarms
from twisted_router.discovery.guard import WINDOW_S, Guard
from twisted_router.discovery.inquiry import AGAIN_S
from twisted_router.interfaces import Answer, IFactsConsumer
from twisted_router.model import Instance, Status

Facts = Mapping[str, Sequence[Instance]]


def instances(
    service: str, count: int, first: int = 1, **fields: Any
) -> list[Instance]:
    """So many of a service, on a node that no other service is on."""
    return [
        instance(service, number, **{"address": f"10.{service}", **fields})
        for number in range(first, first + count)
    ]


def services(count: int, each: int = 1) -> dict[str, list[Instance]]:
    """``s1``, ``s2`` and so on, with so many instances each."""
    names = [f"s{number}" for number in range(1, count + 1)]
    return {name: instances(name, each) for name in names}


class GuardTestCase(SynchronousTestCase):
    """A guard, what it lets pass, and a catalog that answers when the test wants."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.consumer = Consumer()
        self.events = EventLog()
        self.questions: list[Deferred[Answer]] = []
        self.reservation = ""
        self.cancelled: list[Deferred[Answer]] = []
        self.guard = self.guarding(GuardConfig())

    def guarding(self, config: GuardConfig) -> Guard:
        guard = Guard(
            self.clock,
            self.consumer,
            config,
            "consul",
            self.ask,
            lambda: self.reservation,
            Alarms(self.events, "consul"),
        )
        self.addCleanup(guard.stop)
        return guard

    def ask(self) -> Deferred[Answer]:
        question: Deferred[Answer] = Deferred(self.cancelled.append)
        self.questions.append(question)
        return question

    def listed(self, *names: str) -> None:
        """Answer the open question."""
        self.questions.pop().callback(Answer(1, {name: [] for name in names}))

    def begin(self, facts: Facts) -> None:
        self.guard.replace("consul", facts)

    def apply(self, **changes: Sequence[Instance]) -> None:
        self.guard.apply("consul", changes)

    def ports(self, service: str) -> list[int]:
        """Ports of a service's usable instances, as the consumer knows them."""
        found = self.consumer.knows().get(service, ())
        return sorted(i.port for i in found if i.usable)

    def routed(self) -> int:
        """How many usable instances the consumer knows."""
        return sum(len(self.ports(name)) for name in self.consumer.knows())

    def test_it_provides_the_interface(self) -> None:
        self.assertTrue(verifyObject(IFactsConsumer, self.guard))


class NormalLifeTests(GuardTestCase):
    """What passes at once."""

    def test_everything_passes_as_it_came(self) -> None:
        facts = services(3, each=2)
        self.begin(facts)
        self.assertEqual(
            ("replace", "consul", {name: tuple(f) for name, f in facts.items()}),
            self.consumer.told[-1],
        )
        more = instances("new", 1)
        self.apply(new=more, s1=[])
        self.assertEqual(
            ("apply", "consul", {"new": tuple(more), "s1": ()}), self.consumer.told[-1]
        )

    def test_a_small_catalog_may_lose_everything(self) -> None:
        self.begin(services(3, each=3))
        self.begin({})
        self.assertEqual({}, self.consumer.knows())
        self.assertEqual((0, []), (self.guard.held, self.questions))

    def test_a_service_may_lose_some_of_its_instances(self) -> None:
        self.begin({**services(10), "web": instances("web", 8)})
        self.apply(web=instances("web", 1))
        self.assertEqual([8001], self.ports("web"))

    def test_instances_that_were_reported_ill_may_go(self) -> None:
        self.begin(services(4, each=5))
        for status in (Status.CRITICAL, Status.MAINTENANCE):
            self.apply(s1=instances("s1", 5, status=status))
            self.assertEqual([], self.ports("s1"))
        self.apply(s1=[])
        self.assertEqual((15, 0), (self.routed(), self.guard.held))

    def test_all_may_fall_ill_at_once(self) -> None:
        """That is what health checks are for; nothing has vanished."""
        facts = services(4, each=5)
        self.begin(facts)
        ill = {name: instances(name, 5, status=Status.CRITICAL) for name in facts}
        self.begin(ill)
        self.assertEqual((0, 0), (self.routed(), self.guard.held))

    def test_a_rolling_deployment_is_no_loss(self) -> None:
        self.begin({"web": instances("web", 10)})
        for done in range(1, 11):
            old = instances("web", 10 - done, first=1 + done)
            new = instances("web", done, first=101)
            self.apply(web=[*old, *new])
            self.assertEqual(10, len(self.ports("web")))
        self.assertEqual(list(range(8101, 8111)), self.ports("web"))

    def test_slow_shrinking_is_no_mass(self) -> None:
        self.begin({"web": instances("web", 20)})
        for left in range(19, 2, -1):
            self.clock.advance(WINDOW_S + 1)
            self.apply(web=instances("web", left))
            self.assertEqual(left, len(self.ports("web")))

    def test_without_a_hold_time_there_is_no_guard(self) -> None:
        self.guard = self.guarding(GuardConfig(hold=Seconds(0)))
        self.begin(services(4, each=5))
        self.begin({})
        self.assertEqual(0, self.routed())


class MassTests(GuardTestCase):
    """More than half of everything is gone at once."""

    def setUp(self) -> None:
        super().setUp()
        self.facts = services(4, each=5)
        self.begin(self.facts)

    def test_an_empty_catalog_changes_nothing(self) -> None:
        before = self.consumer.knows()
        self.guard.apply("consul", dict.fromkeys(self.facts, ()))
        self.assertEqual(
            {name: set(found) for name, found in before.items()},
            {name: set(found) for name, found in self.consumer.knows().items()},
        )
        self.assertEqual(20, self.guard.held)

    def test_an_empty_snapshot_changes_nothing(self) -> None:
        self.begin({})
        self.assertEqual((20, 20), (self.routed(), self.guard.held))

    def test_half_is_not_more_than_half(self) -> None:
        self.guard = self.guarding(GuardConfig(service_hold=Seconds(0)))
        self.begin(self.facts)
        self.apply(s1=instances("s1", 2), s2=instances("s2", 2), s3=instances("s3", 1))
        self.assertEqual(10, self.routed())
        self.apply(s4=instances("s4", 4))
        self.assertEqual(19, self.routed())

    def test_a_service_that_has_kept_half_does_without_the_rest(self) -> None:
        """Nothing is served better by instances that may be dead."""
        self.begin({"s1": instances("s1", 3)})
        self.assertEqual([8001, 8002, 8003], self.ports("s1"))
        self.assertEqual(18, self.routed())

    def test_it_is_told_with_what_and_how_much(self) -> None:
        self.begin({})
        ((kind, source, text, details),) = self.events.recorded
        self.assertEqual(("guard", "consul"), (kind, source))
        self.assertIn("20 of 20 instances are gone without a word", text)
        self.assertEqual(["s1", "s2", "s3", "s4"], details["services"])

    def test_why_consul_may_not_show_all_is_told_too(self) -> None:
        self.reservation = "the token sees too little"
        self.begin({})
        self.assertIn(
            "gone without a word (the token sees too little); they stay",
            self.events.recorded[0][2],
        )

    def test_what_comes_with_it_passes_at_once(self) -> None:
        self.begin({"new": instances("new", 1)})
        self.assertEqual([8001], self.ports("new"))
        self.assertEqual(21, self.routed())

    def test_a_series_is_a_mass_and_its_beginning_is_taken_back(self) -> None:
        for left in (3, 1):
            self.apply(**{name: instances(name, left) for name in ("s1", "s2", "s3")})
            self.clock.advance(20)
        self.assertEqual(20, self.routed())
        self.assertEqual(12, self.guard.held)

    def test_it_ends_when_everything_is_listed_again(self) -> None:
        self.begin({})
        self.begin(self.facts)
        self.assertEqual(
            (20, 0, ()), (self.routed(), self.guard.held, self.guard.holds())
        )
        self.assertIn("nothing is held of 4 services", self.events.recorded[-1][2])

    def test_it_ends_for_a_service_when_half_of_it_has_come_back(self) -> None:
        """The rest may have been replaced."""
        self.begin({})
        self.apply(s1=instances("s1", 2, first=50))
        self.assertEqual(7, len(self.ports("s1")))
        self.apply(s1=instances("s1", 3, first=50))
        self.assertEqual([8050, 8051, 8052], self.ports("s1"))

    def test_who_comes_back_critical_is_held_until_its_check_has_run(self) -> None:
        """A check is critical from its registration to its first run."""
        self.begin({})
        self.begin({n: instances(n, 5, status=Status.CRITICAL) for n in self.facts})
        self.assertEqual(20, self.routed())
        self.begin(self.facts)
        self.apply(s1=instances("s1", 5, status=Status.CRITICAL))
        self.assertEqual([], self.ports("s1"))

    def test_who_comes_back_in_maintenance_is_believed(self) -> None:
        self.begin({})
        self.apply(s1=instances("s1", 5, status=Status.MAINTENANCE))
        self.assertEqual([], self.ports("s1"))

    def test_an_address_that_somebody_else_has_is_not_held(self) -> None:
        self.begin({})
        thief = instance("thief", 1, address="10.s1", port=8001)
        self.apply(thief=[thief])
        self.assertEqual([8002, 8003, 8004, 8005], self.ports("s1"))
        self.assertEqual([8001], self.ports("thief"))

    def test_it_ends_when_its_time_is_over(self) -> None:
        self.begin({})
        self.clock.advance(1799)
        self.assertEqual(20, self.routed())
        self.clock.advance(1)
        self.assertEqual((0, 0), (self.routed(), self.guard.held))
        self.assertIn("not listed again in time", self.events.recorded[-1][2])
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_an_operator_releases_a_service_or_all(self) -> None:
        self.begin({})
        self.assertEqual(5, self.guard.release("s1"))
        self.assertEqual((15, 0), (self.routed(), self.guard.release("s1")))
        self.assertEqual(15, self.guard.release())
        self.assertEqual(0, self.routed())
        self.assertIn("released by an operator", self.events.recorded[-1][2])

    def test_it_shows_what_is_held_and_how_long(self) -> None:
        self.begin({})
        self.clock.advance(60)
        hold = self.guard.holds()[0]
        self.assertEqual(
            ("s1", 5, 60.0, 1740.0),
            (hold.service, hold.instances, hold.since_s, hold.left_s),
        )
        self.assertIn("too many instances", hold.why)

    def test_after_a_stop_no_time_is_over(self) -> None:
        self.begin({})
        self.guard.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_facts_are_what_the_source_says(self) -> None:
        self.begin({"new": instances("new", 1)})
        self.assertEqual(["new"], list(self.guard.facts))


class ServiceTests(GuardTestCase):
    """All of one service is gone at once."""

    def setUp(self) -> None:
        super().setUp()
        self.begin(
            {**services(10), "web": instances("web", 4), "app": instances("app", 3)}
        )
        self.names = [*(f"s{n}" for n in range(1, 11)), "web", "app"]

    def test_a_large_one_is_held_for_a_minute(self) -> None:
        self.apply(web=[])
        self.assertIn("service web: all of its 4", self.events.recorded[-1][2])
        self.listed(*self.names[:10], "app")
        self.clock.advance(59)
        self.assertEqual(4, len(self.ports("web")))
        self.clock.advance(1)
        self.assertEqual([], self.ports("web"))

    def test_it_is_routed_by_others_that_come(self) -> None:
        self.apply(web=[])
        self.apply(web=instances("web", 4, first=50))
        self.assertEqual([8050, 8051, 8052, 8053], self.ports("web"))

    def test_a_small_one_goes_when_the_catalog_confirms_it(self) -> None:
        self.apply(app=[])
        self.assertEqual(3, len(self.ports("app")))
        self.listed(*self.names[:11])
        self.assertEqual([], self.ports("app"))
        self.assertEqual([], self.events.recorded)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_one_that_the_catalog_still_lists_is_held_and_asked_for_again(self) -> None:
        """Its instances may be hidden, by rights to nodes that the token lost."""
        self.apply(app=[])
        self.listed(*self.names)
        self.assertEqual(3, len(self.ports("app")))
        self.clock.advance(AGAIN_S)
        self.listed(*self.names[:11])
        self.assertEqual([], self.ports("app"))

    def test_while_the_catalog_does_not_answer_it_is_held(self) -> None:
        self.apply(app=[])
        self.questions.pop().errback(GONE)
        self.assertEqual(3, len(self.ports("app")))
        self.clock.advance(AGAIN_S)
        self.listed(*self.names[:11])
        self.assertEqual([], self.ports("app"))

    def test_one_that_went_after_the_question_needs_another_one(self) -> None:
        self.apply(app=[])
        self.apply(s1=[])
        self.listed(*self.names[1:11])
        self.assertEqual(([], [8001]), (self.ports("app"), self.ports("s1")))
        self.clock.advance(AGAIN_S)
        self.listed(*self.names[1:11])
        self.assertEqual([], self.ports("s1"))

    def test_the_first_of_many_is_found_out_by_the_list(self) -> None:
        """Blocking queries of the others return as late as a minute after it."""
        self.apply(app=[])
        self.listed()
        self.assertIn("17 of 17 instances are gone", self.events.recorded[-1][2])
        for name in self.names[:11]:
            self.clock.advance(5)
            self.apply(**{name: []})
            if self.questions:
                self.listed()
        self.assertEqual(17, self.routed())

    def test_a_bug_in_asking_is_logged_and_holds_nothing_up(self) -> None:
        self.apply(app=[])
        self.questions.pop().errback(RuntimeError("bug"))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.clock.advance(AGAIN_S)
        self.listed(*self.names[:11])
        self.assertEqual([], self.ports("app"))

    def test_a_stop_ends_the_question(self) -> None:
        self.apply(app=[])
        self.guard.stop()
        self.assertEqual(self.questions, self.cancelled)
        self.assertEqual([], self.clock.getDelayedCalls())


class ExpectedTests(GuardTestCase):
    """The first facts, judged by those of before the start."""

    def test_a_catalog_that_was_emptied_meanwhile_is_not_believed(self) -> None:
        self.guard.expect(services(4, each=5))
        self.begin({})
        self.assertEqual((20, 20), (self.routed(), self.guard.held))

    def test_a_service_that_ended_meanwhile_is_gone_at_once(self) -> None:
        facts = services(4, each=5)
        self.guard.expect(facts)
        del facts["s1"]
        self.begin(facts)
        self.assertEqual((15, 0), (self.routed(), self.guard.held))
        self.assertEqual([], self.questions)

    def test_nothing_that_is_only_expected_is_routed(self) -> None:
        self.guard.expect(services(4, each=5))
        self.assertEqual([], self.consumer.told)
