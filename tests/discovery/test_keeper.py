"""Tests of the chain between a source and the table, as a whole."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.discovery.support import GONE, Consumer, EventLog, ScriptedConsul, instance
from twisted_router.config.schema import Config, ConsulConfig, Seconds
from twisted_router.discovery.contact import Contact
from twisted_router.discovery.facts_file import (
    encode_service,
    read_facts,
    write_facts,
)
from twisted_router.discovery.keeper import PATIENCE_S, Keeper, Surroundings
from twisted_router.discovery.rebuilding import Blueprint
from twisted_router.interfaces import IFactsConsumer, IFactsSource, SourceState
from twisted_router.model import Instance, Quarantined


class FakeSource:
    """A source in the state that the test wants."""

    quarantine = (Quarantined("web", "web-1", "catalog", "{}", "port 0"),)

    index = 3

    def __init__(self) -> None:
        self.now = SourceState("consul", ready=False, index=3)
        self.rereads = 0

    def state(self) -> SourceState:
        return self.now

    def ages(self) -> dict[str, float]:
        return {"s1": 4.0, "s2": 2.0}

    def reread(self) -> None:
        self.rereads += 1


class ThreadlessClock(Clock):
    """Lets the thread's results come when the test waits for them."""

    def __init__(self) -> None:
        super().__init__()
        self._results: list[Callable[[], Any]] = []

    def callFromThread(self, f: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N802
        self._results.append(lambda: f(*args, **kwargs))

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Take results in until it is so."""
        deadline_s = time.monotonic() + 10
        while not condition():
            if time.monotonic() > deadline_s:
                raise AssertionError("the disk did not answer in 10 s")
            while self._results:
                self._results.pop(0)()
            time.sleep(0.001)


class KeeperTests(SynchronousTestCase):
    """Twenty services with an instance each; a snapshot if the test wants one."""

    def setUp(self) -> None:
        self.clock = ThreadlessClock()
        self.contact = Contact(self.clock)
        self.consul = ScriptedConsul()
        self.tables = Consumer()
        self.events = EventLog()
        self.source = FakeSource()
        self.facts = {f"s{n}": (instance(f"s{n}", n),) for n in range(1, 21)}
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "facts"

    def started(self, snapshot: bool = False, **consul: Any) -> Keeper:
        if snapshot:
            consul["snapshot"] = str(self.path)
        keeper = Keeper(
            self.clock,
            Config(consul=ConsulConfig(**consul)),
            "consul",
            Surroundings(
                source=lambda: self.source,
                contact=self.contact,
                client=self.consul,
                tables=self.tables,
                blueprint=Blueprint(Consumer, {}, lambda _: iter(()), lambda: None),
                events=self.events,
                wall_s=self.wall_s,
            ),
        )
        keeper.startService()
        self.addCleanup(self.stopped, keeper)
        return keeper

    def stopped(self, keeper: Keeper) -> None:
        if keeper.running:
            stopping = keeper.stopService()
            self.clock.wait_for(lambda: stopping.called)
            self.successResultOf(stopping)

    def stored(self, age_s: float = 60.0) -> None:
        """Let there be a snapshot of the facts."""
        lines = [encode_service(name, found) for name, found in self.facts.items()]
        write_facts(str(self.path), "consul", lines, self.wall_s() - age_s)

    def wall_s(self) -> float:
        return 1_700_000_000 + self.clock.seconds()

    def said(self) -> list[str]:
        return [text for _, _, text, _ in self.events.recorded]

    def test_it_provides_its_interfaces(self) -> None:
        keeper = self.started()
        self.assertTrue(verifyObject(IFactsConsumer, keeper))
        self.assertTrue(verifyObject(IFactsSource, keeper))

    def test_facts_reach_the_tables(self) -> None:
        keeper = self.started()
        keeper.replace("consul", self.facts)
        keeper.apply("consul", {"s1": (instance("s1", 99),)})
        expected = {**self.facts, "s1": (instance("s1", 99),)}
        self.assertEqual(expected, self.tables.knows())

    def test_its_state_is_the_sources_and_what_is_kept(self) -> None:
        keeper = self.started()
        keeper.replace("consul", self.facts)
        self.source.now = replace(self.source.now, ready=True)
        keeper.replace("consul", {})
        expected = replace(self.source.now, oldest_s=4.0, held=20, alarms={"guard": 1})
        self.assertEqual(expected, keeper.state())
        self.assertEqual(self.source.quarantine, keeper.quarantine)

    def test_without_a_snapshot_nothing_is_written(self) -> None:
        keeper = self.started()
        keeper.replace("consul", self.facts)
        self.stopped(keeper)
        self.assertFalse(self.path.exists())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_what_is_routed_is_on_disk_at_the_end_at_the_latest(self) -> None:
        keeper = self.started(snapshot=True)
        keeper.replace("consul", self.facts)
        keeper.apply("consul", {"s1": (instance("s1", 99),)})
        self.stopped(keeper)
        stored = read_facts(str(self.path), "consul").services
        self.assertEqual(self.tables.knows(), dict(stored))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_what_is_held_is_on_disk_as_well(self) -> None:
        keeper = self.started(snapshot=True)
        keeper.replace("consul", self.facts)
        keeper.replace("consul", {})
        self.stopped(keeper)
        stored = read_facts(str(self.path), "consul").services
        self.assertEqual(self.facts, dict(stored))

    def test_consul_has_a_second_before_the_snapshot_is_used(self) -> None:
        self.stored()
        keeper = self.started(snapshot=True)
        self.clock.pump([0.1] * 9)
        self.assertEqual([], self.tables.told)
        self.assertFalse(keeper.state().ready)
        self.clock.pump([0.1] * 3)
        self.assertEqual(self.facts, self.tables.knows())

    def test_one_that_fails_does_not_get_it(self) -> None:
        self.stored()
        self.started(snapshot=True)
        self.contact.failed("catalog", GONE)
        self.clock.advance(0.05)
        self.assertEqual(self.facts, self.tables.knows())
        self.assertIn("Consul does not answer: ", self.said()[0])

    def test_the_state_says_that_it_is_used_and_how_old_it_is(self) -> None:
        self.stored(age_s=60)
        keeper = self.started(snapshot=True)
        self.clock.pump([0.1] * 30)
        state = keeper.state()
        self.assertTrue(state.ready)
        assert state.snapshot_age_s is not None and state.oldest_s is not None
        self.assertApproximates(63.0, state.snapshot_age_s, 0.5)
        self.assertApproximates(63.0, state.oldest_s, 0.5)

    def test_it_is_over_when_consul_tells(self) -> None:
        self.stored()
        keeper = self.started(snapshot=True)
        self.clock.pump([0.1] * 12)
        self.facts["s1"] = (instance("s1", 99),)
        keeper.replace("consul", self.facts)
        self.assertEqual(self.facts, self.tables.knows())
        self.assertIsNone(keeper.state().snapshot_age_s)

    def test_consul_in_time_is_believed_without_it(self) -> None:
        self.stored()
        keeper = self.started(snapshot=True)
        keeper.replace("consul", {"other": (instance("other"),), **self.facts})
        self.clock.pump([0.1] * 20)
        self.assertEqual(1, len(self.tables.told))
        self.assertIn("other", self.tables.knows())

    def test_but_not_if_it_has_forgotten_what_is_in_it(self) -> None:
        self.stored()
        keeper = self.started(snapshot=True)
        keeper.replace("consul", {})
        self.assertEqual(self.facts, self.tables.knows())
        self.assertEqual(20, keeper.state().held)

    def test_a_snapshot_that_was_used_keeps_its_age_on_disk(self) -> None:
        self.stored(age_s=600)
        keeper = self.started(snapshot=True)
        self.clock.pump([0.1] * 12)
        self.stopped(keeper)
        self.assertApproximates(self.wall_s() - 601.2, os.stat(self.path).st_mtime, 0.5)

    def test_everything_is_compared_now_and_then(self) -> None:
        keeper = self.started(reconcile_interval=Seconds(100))
        keeper.replace("consul", {"s1": (instance("s1", 1),)})
        self.clock.advance(100)
        self.clock.advance(1)
        for asked in list(self.consul.open):
            asked.answer(1, {"s1": []})
        wrong: tuple[Instance, ...] = (instance("s1", 2),)
        for _ in range(2):
            self.consul.only("s1").answer(1, wrong)
            self.clock.advance(5)
            self.clock.advance(5)
        self.assertEqual({"s1": wrong}, self.tables.knows())
        self.assertEqual(1, self.source.rereads)

    def test_a_stop_before_consul_answers_leaves_nothing_behind(self) -> None:
        self.stored()
        keeper = self.started(snapshot=True)
        self.stopped(keeper)
        self.clock.advance(PATIENCE_S)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual([], self.tables.told)
