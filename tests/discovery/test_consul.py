"""Tests of the source of facts: what the consumer is told, and when."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEvent,
    globalLogPublisher,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.discovery.support import (
    GONE,
    REFUSED,
    Consumer,
    ScriptedConsul,
    instance,
)
from twisted_router.config.schema import ConsulConfig
from twisted_router.discovery.consul import ConsulSource
from twisted_router.discovery.contact import Contact
from twisted_router.interfaces import IFactsConsumer, IFactsSource, SourceState
from twisted_router.model import Quarantined, Status


def unusable(service: str, reason: str = "port 0") -> Quarantined:
    """An entry that cannot be an instance."""
    return Quarantined(service, f"{service}-9", "catalog", "{}", reason)


class SourceTestCase(SynchronousTestCase):
    """A source that runs, whose reads the test answers."""

    config = ConsulConfig()
    poll_limit = 50

    def setUp(self) -> None:
        self.clock = Clock()
        self.consul = ScriptedConsul()
        self.consumer = Consumer()
        self.source = ConsulSource(
            self.clock,
            self.consul,
            self.consumer,
            self.config,
            random.Random(1),
            poll_limit=self.poll_limit,
        )
        self.index = 10
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.source.startService()
        self.clock.advance(0)

    def let_pass(self, seconds: float) -> None:
        """Let this time pass, and a little, in steps: timers set timers."""
        self.clock.pump([0.05] * (round(seconds / 0.05) + 1))

    def catalog_is(self, *names: str, **tags: list[str]) -> None:
        self.answer("services", {"consul": [], **{n: [] for n in names}, **tags})

    def answer(
        self, what: str, data: Any, quarantined: tuple[Quarantined, ...] = ()
    ) -> None:
        """Let a read be answered under a new index, and the next one begin."""
        self.index += 1
        self.consul.only(what).answer(self.index, data, quarantined)
        self.let_pass(0.05)

    def ready(self, **services: Any) -> None:
        """Bring the source to where it has told of these services."""
        self.catalog_is(*services)
        for name, instances in services.items():
            self.answer(name, instances)
        self.consumer.told.clear()
        self.events.clear()

    def said(self, *levels: LogLevel) -> list[str]:
        return [
            formatEvent(event)
            for event in self.events
            if event["log_level"] in (levels or (LogLevel.info, LogLevel.warn))
        ]


class FirstSnapshotTests(SourceTestCase):
    """Until the first snapshot is complete, nothing is told."""

    def test_it_provides_its_interface(self) -> None:
        verifyObject(IFactsSource, self.source)
        verifyObject(IFactsConsumer, self.consumer)

    def test_it_is_told_once_and_whole(self) -> None:
        self.catalog_is("web", "db")
        self.answer("web", (instance("web"),))
        self.assertEqual([], self.consumer.told)
        self.answer("db", (instance("db"), instance("db", 2)))
        self.assertEqual(
            [
                (
                    "replace",
                    "consul",
                    {
                        "web": (instance("web"),),
                        "db": (instance("db"), instance("db", 2)),
                    },
                )
            ],
            self.consumer.told,
        )

    def test_every_service_is_read_but_consul_itself(self) -> None:
        """Meta, which no listing shows, may hold routes."""
        self.catalog_is("web", tagged=["urlprefix-x/"])
        self.assertEqual(
            {"services", "web", "tagged"}, {asked.what for asked in self.consul.open}
        )

    def test_an_empty_catalog_is_a_snapshot_too(self) -> None:
        self.catalog_is()
        self.assertEqual([("replace", "consul", {})], self.consumer.told)

    def test_a_service_without_instances_is_not_in_it(self) -> None:
        self.catalog_is("web")
        self.answer("web", ())
        self.assertEqual([("replace", "consul", {})], self.consumer.told)

    def test_a_service_that_vanishes_meanwhile_is_not_waited_for(self) -> None:
        self.catalog_is("web", "db")
        self.answer("web", (instance("web"),))
        self.catalog_is("web")
        self.assertEqual({"web": (instance("web"),)}, self.consumer.last())

    def test_a_service_that_comes_meanwhile_is(self) -> None:
        self.catalog_is("web")
        self.catalog_is("web", "db")
        self.answer("web", (instance("web"),))
        self.assertEqual([], self.consumer.told)
        self.answer("db", ())
        self.assertEqual(1, len(self.consumer.told))

    def fails(self, what: str, error: Exception, times: int) -> None:
        for _ in range(times):
            self.consul.only(what).fail(error)
            self.let_pass(10)

    def test_a_service_that_cannot_be_read_holds_the_others_up_only_shortly(
        self,
    ) -> None:
        self.catalog_is("web", "db")
        self.answer("web", (instance("web"),))
        self.fails("db", REFUSED, 2)
        self.assertEqual([], self.consumer.told)
        self.fails("db", REFUSED, 1)
        self.assertEqual({"web": (instance("web"),)}, self.consumer.last())
        self.answer("db", (instance("db"),))
        self.assertEqual(
            ("apply", "consul", {"db": (instance("db"),)}), self.consumer.told[-1]
        )

    def test_when_no_service_can_be_read_that_is_no_snapshot(self) -> None:
        self.catalog_is("web", "db")
        for _ in range(5):
            self.fails("web", REFUSED, 1)
            self.fails("db", REFUSED, 1)
        self.assertEqual([], self.consumer.told)
        self.answer("web", (instance("web"),))
        self.assertEqual({"web": (instance("web"),)}, self.consumer.last())

    def test_a_consumer_that_raises_is_told_again_with_the_next_answer(self) -> None:
        def refuse() -> None:
            raise KeyError("a bug")

        self.consumer.on_call = refuse
        self.catalog_is("web")
        self.answer("web", (instance("web"),))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.assertFalse(self.source.state().ready)
        self.consumer.on_call = lambda: None
        self.answer("web", (instance("web", 2),))
        self.assertEqual(
            ("replace", "consul", {"web": (instance("web", 2),)}),
            self.consumer.told[-1],
        )

    def test_an_agent_that_is_gone_says_nothing_about_its_services(self) -> None:
        self.catalog_is("web", "db")
        self.answer("web", (instance("web"),))
        self.fails("db", GONE, 5)
        self.assertEqual([], self.consumer.told)


class ChangeTests(SourceTestCase):
    """After the first snapshot, changes are told."""

    def test_a_change_of_instances(self) -> None:
        self.ready(web=(instance("web"),), db=(instance("db"),))
        changed = (instance("web", status=Status.CRITICAL), instance("web", 2))
        self.answer("web", changed)
        self.assertEqual([("apply", "consul", {"web": changed})], self.consumer.told)

    def test_an_answer_without_a_change_is_not_told(self) -> None:
        self.ready(web=(instance("web"),))
        self.answer("web", (instance("web"),))
        self.catalog_is("web")
        self.assertEqual([], self.consumer.told)

    def test_a_new_service(self) -> None:
        self.ready(web=(instance("web"),))
        self.catalog_is("web", "db")
        self.assertEqual([], self.consumer.told)
        self.answer("db", (instance("db"),))
        self.assertEqual(
            [("apply", "consul", {"db": (instance("db"),)})], self.consumer.told
        )

    def test_the_last_instance_goes(self) -> None:
        self.ready(web=(instance("web"),))
        self.answer("web", ())
        self.assertEqual([("apply", "consul", {"web": ()})], self.consumer.told)

    def test_a_service_vanishes_from_the_catalog(self) -> None:
        self.ready(web=(instance("web"),), db=(instance("db"),))
        self.catalog_is("db")
        self.assertEqual([("apply", "consul", {"web": ()})], self.consumer.told)
        self.assertEqual({"services", "db"}, {a.what for a in self.consul.open})

    def test_one_that_had_nothing_vanishes_silently(self) -> None:
        self.ready(web=())
        self.catalog_is()
        self.assertEqual([], self.consumer.told)

    def test_it_comes_back(self) -> None:
        self.ready(web=(instance("web"),))
        self.catalog_is()
        self.catalog_is("web")
        self.answer("web", (instance("web"),))
        self.assertEqual({"web": (instance("web"),)}, self.consumer.last())

    def test_the_first_change_is_told_at_once_and_what_follows_together(self) -> None:
        names = ("a", "b", "c", "d")
        self.ready(**{name: () for name in names})
        self.let_pass(1)
        for name in names:
            self.consul.only(name).answer(99, (instance(name),))
        self.assertEqual(
            [("apply", "consul", {"a": (instance("a"),)})], self.consumer.told
        )
        self.clock.advance(0.05)
        self.assertEqual(
            ("apply", "consul", {n: (instance(n),) for n in names[1:]}),
            self.consumer.told[-1],
        )
        self.assertEqual(2, len(self.consumer.told))

    def test_a_consumer_that_raises_is_told_again_with_the_next_change(self) -> None:
        self.ready(a=(), b=())
        self.let_pass(1)

        def refuse() -> None:
            raise KeyError("a bug")

        self.consumer.on_call = refuse
        self.answer("a", (instance("a"),))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.consumer.on_call = lambda: None
        self.answer("b", (instance("b"),))
        self.assertEqual(
            {"a": (instance("a"),), "b": (instance("b"),)}, self.consumer.last()
        )


class OutageTests(SourceTestCase):
    """Consul goes away, and comes back."""

    def lose_contact(self) -> None:
        for asked in self.consul.open:
            asked.fail(GONE)

    def test_what_is_known_stays(self) -> None:
        self.ready(web=(instance("web"),))
        self.lose_contact()
        self.let_pass(60)
        self.assertEqual([], self.consumer.told)

    def test_attempts_are_spaced_out(self) -> None:
        self.ready()
        asked = self.consul.count("services")
        for _ in range(120 * 20):
            for read in self.consul.open:
                read.fail(GONE)
            self.clock.advance(0.05)
        attempts = self.consul.count("services") - asked
        # 120 seconds, and one every two of them.
        self.assertTrue(50 < attempts < 70, attempts)

    def test_one_line_when_it_goes_and_one_when_it_is_back(self) -> None:
        self.ready(**{f"s{n}": () for n in range(20)})
        for _ in range(10):
            self.lose_contact()
            self.let_pass(10)
        self.assertEqual(
            [f"no contact with Consul: {GONE}; what is known stays in use"], self.said()
        )
        self.events.clear()
        self.catalog_is(*(f"s{n}" for n in range(20)))
        for n in range(20):
            self.answer(f"s{n}", ())
        (said,) = self.said()
        self.assertRegex(said, r"contact with Consul is back after \d+\.\d s")

    def test_afterwards_all_is_read_from_the_beginning(self) -> None:
        self.ready(web=(instance("web"),), db=())
        self.lose_contact()
        self.let_pass(10)
        self.assertEqual(
            {("services", 0), ("web", 0), ("db", 0)},
            {(asked.what, asked.index) for asked in self.consul.open},
        )

    def test_afterwards_only_differences_are_told(self) -> None:
        self.ready(web=(instance("web"),), db=(instance("db"),))
        self.lose_contact()
        self.let_pass(10)
        self.index = 1
        self.catalog_is("web", "db")
        self.answer("web", (instance("web"),))
        self.answer("db", (instance("db", 2),))
        self.assertEqual(
            [("apply", "consul", {"db": (instance("db", 2),)})], self.consumer.told
        )

    def test_a_history_that_became_shorter_makes_all_be_read_again(self) -> None:
        self.ready(web=(instance("web"),), db=())
        self.let_pass(1)
        waiting = [self.consul.only("web"), self.consul.only("db")]
        self.consul.only("services").answer(2, {"web": [], "db": []})
        self.let_pass(0.05)
        self.assertEqual([True, True], [asked.cancelled for asked in waiting])
        self.assertEqual(
            {("services", 0), ("web", 0), ("db", 0)},
            {(asked.what, asked.index) for asked in self.consul.open},
        )
        self.assertEqual([], self.consumer.told)

    def test_one_service_that_fails_leaves_the_others_alone(self) -> None:
        self.ready(web=(instance("web"),), db=(instance("db"),))
        self.consul.only("web").fail(REFUSED)
        self.answer("db", ())
        self.assertEqual([("apply", "consul", {"db": ()})], self.consumer.told)


class StateTests(SourceTestCase):
    """What the status site sees."""

    def test_before_the_first_answer(self) -> None:
        self.assertEqual(SourceState("consul", False), self.source.state())

    def test_when_the_agent_is_absent_at_start(self) -> None:
        self.consul.only("services").fail(GONE)
        self.assertEqual(
            SourceState("consul", False, None, str(GONE)), self.source.state()
        )

    def test_every_service_has_an_age_of_its_own(self) -> None:
        self.catalog_is("web", "db", "unread")
        self.consul.only("web").answer(1, ())
        self.clock.advance(5)
        self.consul.only("db").answer(1, ())
        self.clock.advance(2)
        ages = self.source.ages()
        self.assertEqual({"web", "db"}, ages.keys())
        self.assertAlmostEqual(7.0, ages["web"], delta=0.1)
        self.assertAlmostEqual(2.0, ages["db"], delta=0.1)

    def test_a_contact_of_somebody_else_is_told_of_each_read(self) -> None:
        contact = Contact(self.clock)
        source = ConsulSource(
            self.clock,
            self.consul,
            self.consumer,
            ConsulConfig(),
            random.Random(1),
            contact=contact,
        )
        source.startService()
        self.addCleanup(source.stopService)
        self.clock.advance(0)
        self.consul.open[-1].answer(7, {})
        self.assertIsNotNone(contact.heard_s("catalog"))

    def test_everything_is_read_again_when_it_is_told_to(self) -> None:
        self.catalog_is("web")
        self.consul.only("web").answer(1, ())
        self.clock.advance(1)
        self.source.reread()
        self.clock.advance(1)
        self.assertEqual(
            [0, 0], [self.consul.only(what).index for what in ("services", "web")]
        )

    def test_before_the_first_list_no_service_has_an_age(self) -> None:
        self.assertEqual({}, self.source.ages())

    def test_while_the_first_snapshot_is_not_complete(self) -> None:
        self.catalog_is("web")
        self.assertFalse(self.source.state().ready)

    def test_when_all_is_well(self) -> None:
        self.ready(web=())
        self.let_pass(20)
        state = self.source.state()
        self.assertEqual(("consul", True, ""), (state.name, state.ready, state.error))
        assert state.age_s is not None
        self.assertApproximates(20, state.age_s, 1)

    def test_the_highest_index_is_told(self) -> None:
        self.ready(web=())
        self.assertEqual(12, self.source.state().index)
        self.answer("web", (instance("a"),))
        self.assertEqual(13, self.source.state().index)

    def test_no_more_of_it_is_told_than_its_number(self) -> None:
        """A client's own kind of index leads to all of the client."""

        class Position(int):
            agent: object = self

        self.ready()
        self.consul.only("services").answer(Position(100), {})
        self.assertIs(int, type(self.source.state().index))

    def test_an_index_of_a_history_that_is_no_more_is_forgotten(self) -> None:
        self.ready(web=())
        self.index = 3
        self.catalog_is("web")
        self.assertEqual(4, self.source.state().index)

    def test_when_contact_is_lost(self) -> None:
        self.ready()
        self.consul.only("services").fail(GONE)
        state = self.source.state()
        self.assertEqual((True, str(GONE)), (state.ready, state.error))


class WhenReadyTests(SourceTestCase):
    """Waiting for the first snapshot."""

    def test_it_fires_after_the_consumer_was_told(self) -> None:
        waiting = self.source.when_ready()
        self.assertNoResult(waiting)
        waiting.addCallback(lambda _: len(self.consumer.told))
        self.catalog_is()
        self.assertEqual(1, self.successResultOf(waiting))

    def test_once_ready_it_has_fired_already(self) -> None:
        self.ready()
        self.successResultOf(self.source.when_ready())

    def test_it_can_be_cancelled(self) -> None:
        waiting = self.source.when_ready()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.catalog_is()

    def test_it_fails_when_the_source_stops_before(self) -> None:
        waiting = self.source.when_ready()
        self.source.stopService()
        self.failureResultOf(waiting, CancelledError)

    def test_whoever_waits_may_stop_the_source(self) -> None:
        waiting = self.source.when_ready()
        waiting.addCallback(lambda _: self.source.stopService())
        self.catalog_is("web")
        self.answer("web", (instance("web"),))
        self.successResultOf(waiting)
        self.assertEqual([], self.consul.open)
        self.assertEqual([], self.clock.getDelayedCalls())


class QuarantineTests(SourceTestCase):
    """Entries that cannot be instances."""

    config = ConsulConfig(default_service="fallback")

    def test_they_are_listed_by_service(self) -> None:
        self.catalog_is("web", "db")
        self.answer("web", (), (unusable("web"),))
        self.answer("db", (), (unusable("db"),))
        self.assertEqual((unusable("db"), unusable("web")), self.source.quarantine)

    def test_they_leave_the_list_when_they_are_mended_or_gone(self) -> None:
        self.catalog_is("web", "db")
        self.answer("web", (), (unusable("web"),))
        self.answer("db", (), (unusable("db"),))
        self.answer("web", ())
        self.assertEqual((unusable("db"),), self.source.quarantine)
        self.catalog_is("web")
        self.assertEqual((), self.source.quarantine)

    def test_each_is_warned_of_once(self) -> None:
        self.catalog_is(web=["urlprefix-a/"])
        self.answer("web", (), (unusable("web"),))
        self.assertEqual(
            ["service web, instance web-9: port 0; left out: {}"],
            self.said(LogLevel.warn),
        )
        self.answer("web", (instance("web"),), (unusable("web"),))
        self.assertEqual(1, len(self.said(LogLevel.warn)))
        self.answer("web", (), (unusable("web"), unusable("web", "no address")))
        self.assertEqual(2, len(self.said(LogLevel.warn)))

    def test_a_service_that_does_not_ask_to_be_routed_is_no_warning(self) -> None:
        self.catalog_is("web", "fallback")
        self.answer("web", (), (unusable("web"),))
        self.assertEqual([], self.said(LogLevel.warn))
        self.answer("fallback", (), (unusable("fallback"),))
        self.assertEqual(1, len(self.said(LogLevel.warn)))


class DomainQuarantineTests(SourceTestCase):
    """With a domain, every service asks to be routed."""

    config = ConsulConfig(domain="apps.example.com")

    def test_every_unusable_entry_is_warned_of(self) -> None:
        self.catalog_is("web")
        self.answer("web", (), (unusable("web"),))
        self.assertEqual(1, len(self.said(LogLevel.warn)))


class ManyServicesTests(SourceTestCase):
    """Above a number of services, connections are saved."""

    poll_limit = 10

    def names(self, count: int) -> list[str]:
        return [f"s{n:02}" for n in range(count)]

    def answer_all(self) -> None:
        """Answer every plain read, and the ones that follow."""
        while reads := [a for a in self.consul.open if a.what.startswith("s0")]:
            for asked in reads:
                asked.answer(5, (instance(asked.what),))

    def is_sweeping(self) -> bool:
        return any(asked.what == "warning checks" for asked in self.consul.open)

    def test_up_to_the_limit_each_service_has_its_poll(self) -> None:
        self.catalog_is(*self.names(10))
        self.assertEqual(11, len(self.consul.open))
        self.assertFalse(self.is_sweeping())

    def test_above_it_a_few_reads_do_for_all(self) -> None:
        self.poll_limit = 3
        self.setUp()
        self.catalog_is(*self.names(9))
        self.assertEqual(4 + 4, len(self.consul.open))
        self.answer_all()
        self.assertEqual(
            {name: (instance(name),) for name in self.names(9)}, self.consumer.last()
        )
        self.assertLessEqual(self.consul.most, 8)

    def test_when_they_become_many_nothing_is_told_twice(self) -> None:
        self.poll_limit = 4
        self.setUp()
        names = self.names(4)
        self.ready(**{name: (instance(name),) for name in names})
        self.catalog_is(*self.names(6))
        self.assertTrue(self.is_sweeping())
        self.answer_all()
        self.let_pass(1)
        self.assertEqual(
            {name: (instance(name),) for name in self.names(6)[4:]},
            self.consumer.knows(),
        )

    def test_when_they_become_fewer_it_changes_back_but_not_at_the_limit(self) -> None:
        self.catalog_is(*self.names(11))
        self.assertTrue(self.is_sweeping())
        self.catalog_is(*self.names(9))
        self.assertTrue(self.is_sweeping())
        self.catalog_is(*self.names(8))
        self.assertFalse(self.is_sweeping())
        self.assertEqual(1 + 8, len(self.consul.open))

    def test_a_shorter_history_makes_all_be_read_again(self) -> None:
        self.poll_limit = 1
        self.setUp()
        self.catalog_is(*self.names(3))
        self.answer_all()
        before = self.consul.count("s01")
        self.consul.only("services").answer(2, {n: [] for n in self.names(3)})
        self.let_pass(0.1)
        self.assertEqual(before + 1, self.consul.count("s01"))


class StopTests(SourceTestCase):
    """Stopping, in each phase."""

    def assert_stops(self) -> None:
        self.successResultOf(self.source.stopService())
        self.assertEqual([], self.consul.open)
        self.assertEqual([], self.clock.getDelayedCalls())
        told = len(self.consumer.told)
        self.clock.advance(100)
        self.assertEqual(told, len(self.consumer.told))

    def test_it_ends_everything_whatever_is_going_on(self) -> None:
        phases: list[Callable[[], None]] = [
            lambda: self.catalog_is("a", "b"),
            lambda: self.answer("a", (instance("a"),)),
            lambda: self.answer("b", ()),
            lambda: self.consul.only("b").answer(99, (instance("b"),)),
            lambda: self.consul.only("a").fail(GONE),
            lambda: self.consul.only("services").fail(GONE),
            lambda: self.let_pass(20),
        ]
        for count in range(len(phases) + 1):
            self.setUp()
            for phase in phases[:count]:
                phase()
            self.assert_stops()

    def test_with_many_services_too(self) -> None:
        phases: list[Callable[[], None]] = [
            lambda: self.catalog_is("a", "b"),
            lambda: self.consul.only("a").answer(5, (instance("a"),)),
            lambda: self.consul.only("b").fail(REFUSED),
            lambda: self.consul.only("critical checks").fail(GONE),
            lambda: self.let_pass(20),
        ]
        self.poll_limit = 1
        for count in range(len(phases) + 1):
            self.setUp()
            for phase in phases[:count]:
                phase()
            self.assert_stops()

    def test_before_it_started(self) -> None:
        source = ConsulSource(
            self.clock, self.consul, self.consumer, self.config, random.Random(1)
        )
        self.successResultOf(source.stopService())

    def test_it_can_be_started_again(self) -> None:
        self.ready(web=(instance("web"),))
        self.assert_stops()
        self.source.startService()
        self.clock.advance(0)
        self.catalog_is("web")
        self.answer("web", (instance("web", 2),))
        self.assertEqual(
            [("apply", "consul", {"web": (instance("web", 2),)})], self.consumer.told
        )
