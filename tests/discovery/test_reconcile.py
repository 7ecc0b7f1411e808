"""Tests of reading everything anew, now and then."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.support import (
    GONE,
    Consumer,
    EventLog,
    ScriptedConsul,
    instance,
)
from twisted_router.discovery.alarms import Alarms
from twisted_router.discovery.rebuilding import Blueprint, Rebuilding
from twisted_router.discovery.reconcile import SETTLE_S, Reconcile
from twisted_router.model import Instance


class ReconcileTests(SynchronousTestCase):
    """Two services, compared every 100 s."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.consul = ScriptedConsul()
        self.consumer = Consumer()
        self.events = EventLog()
        alarms = Alarms(self.events, "consul")
        self.away = False
        self.rereads = 0
        self.differences: list[str] = []
        self.facts: dict[str, tuple[Instance, ...]] = {
            name: (instance(name),) for name in ("db", "web")
        }
        blueprint = Blueprint(
            Consumer, {}, lambda _: iter(self.differences), lambda: None
        )
        table = Rebuilding(self.clock, Consumer(), blueprint, "consul", alarms)
        self.reconcile = Reconcile(
            self.clock,
            self.consul,
            table,
            lambda: self.facts,
            lambda: self.away,
            self.consumer,
            "consul",
            self.reread,
            100.0,
            alarms,
        )
        self.reconcile.start()
        self.addCleanup(self.reconcile.stop)

    def reread(self) -> None:
        self.rereads += 1

    def listed(self, *names: str) -> None:
        """Let the time for it come, and Consul list these."""
        self.clock.advance(100)
        self.clock.advance(0)
        self.consul.only("services").answer(1, {name: [] for name in names})

    def read(self, name: str, *found: Instance, pause_s: float = 0.1) -> None:
        self.consul.only(name).answer(1, found)
        self.clock.advance(pause_s)

    def said(self) -> list[str]:
        return [text for _, _, text, _ in self.events.recorded]

    def test_what_is_the_same_is_left_alone(self) -> None:
        self.listed("consul", "db", "web")
        self.read("db", instance("db"))
        self.read("web", instance("web"))
        self.assertEqual(([], 0, 1), (self.said(), self.rereads, self.reconcile.runs))
        self.assertEqual([], self.consumer.told)
        self.listed()
        self.assertEqual(2, self.consul.count("services"))

    def test_one_service_is_read_at_a_time(self) -> None:
        self.listed("db", "web")
        self.assertEqual(["db"], [asked.what for asked in self.consul.open])

    def test_what_was_missed_is_reported_and_mended(self) -> None:
        new = instance("web", 2)
        self.listed("db", "web", "new")
        self.read("db", instance("db"))
        self.read("new", instance("new"))
        self.read("web", new)
        self.clock.advance(SETTLE_S)
        self.read("new", instance("new"), pause_s=0)
        self.read("web", new)
        self.assertEqual(
            [
                (
                    "apply",
                    "consul",
                    {"new": (instance("new"),), "web": (new,)},
                )
            ],
            self.consumer.told,
        )
        self.assertEqual(1, self.rereads)
        self.assertIn("facts of 2 services were not Consul's: new, web", self.said()[0])

    def test_a_service_that_is_not_listed_any_more_is_compared_too(self) -> None:
        self.listed("web")
        self.read("db")
        self.read("web", instance("web"))
        self.clock.advance(SETTLE_S)
        self.read("db")
        self.assertEqual([("apply", "consul", {"db": ()})], self.consumer.told)

    def test_a_change_that_is_under_way_is_no_fault(self) -> None:
        new = (instance("web", 2),)
        self.listed("db", "web")
        self.read("db", instance("db"))
        self.read("web", *new)
        self.facts["web"] = new
        self.clock.advance(SETTLE_S)
        self.read("web", *new)
        self.assertEqual(([], 0), (self.said(), self.rereads))

    def test_nor_is_a_change_that_comes_while_it_is_read(self) -> None:
        self.listed("db", "web")
        self.facts["db"] = (instance("db", 2),)
        self.read("db", instance("db"))
        self.read("web", instance("web"))
        self.assertEqual(1, self.reconcile.runs)
        self.assertEqual([], self.consul.open)

    def test_a_wrong_table_is_found_before_anything_is_read(self) -> None:
        self.differences = ["a.example.com is missing"]
        self.listed()
        self.assertIn("a.example.com is missing", self.said()[0])

    def test_while_consul_is_away_nothing_is_read(self) -> None:
        self.away = True
        self.clock.advance(100)
        self.clock.advance(0)
        self.assertEqual([], self.consul.asked)

    def test_an_error_ends_it_until_the_next_time(self) -> None:
        self.listed("db", "web")
        self.consul.only("db").fail(GONE)
        self.assertEqual((0, []), (self.reconcile.runs, self.consul.open))
        self.listed()
        self.assertEqual(2, self.consul.count("services"))

    def test_a_bug_is_logged_and_ends_it_until_the_next_time(self) -> None:
        self.listed("db", "web")
        self.consul.only("db").fail(RuntimeError("bug"))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual(1, len(self.clock.getDelayedCalls()))

    def test_to_stop_ends_what_is_under_way(self) -> None:
        self.listed("db", "web")
        asked = self.consul.only("db")
        self.reconcile.stop()
        self.assertTrue(asked.cancelled)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_to_stop_ends_the_copying(self) -> None:
        self.clock.advance(100)
        self.reconcile.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
