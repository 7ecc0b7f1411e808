"""Tests of the choice among several agents."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.clients.agents import PROBE_S, Agents
from twisted_router.interfaces import CatalogError


class AgentsTests(SynchronousTestCase):
    """Agents are names here."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.probes: list[Deferred[bool]] = []
        self.left: list[str] = []
        self.agents = self.made("a", "b", "c")

    def made(self, *names: str) -> Agents[str]:
        return Agents(names, self.clock, self.probe, self.left.append)

    def probe(self, agent: str) -> Deferred[bool]:
        self.assertEqual("a", agent)
        probe: Deferred[bool] = Deferred()
        self.probes.append(probe)
        return probe

    def lose(self, *names: str) -> None:
        for name in names:
            self.agents.lost(name)

    def test_the_first_is_asked_and_not_probed(self) -> None:
        self.assertEqual("a", self.agents.current)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_after_one_that_is_lost_comes_the_next(self) -> None:
        self.lose("a")
        self.assertEqual(("b", ["a"]), (self.agents.current, self.left))
        self.lose("b")
        self.assertEqual(("c", ["a", "b"]), (self.agents.current, self.left))

    def test_many_reads_that_lose_the_same_agent_are_one_step(self) -> None:
        self.lose("a", "a", "a")
        self.assertEqual("b", self.agents.current)

    def test_after_the_last_comes_the_first_and_nothing_is_probed(self) -> None:
        self.lose("a", "b", "c")
        self.assertEqual("a", self.agents.current)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_the_only_one_stays_and_keeps_its_connections(self) -> None:
        self.agents = self.made("a")
        self.lose("a")
        self.assertEqual(("a", []), (self.agents.current, self.left))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_the_first_is_asked_again_when_it_answers(self) -> None:
        self.lose("a")
        self.clock.advance(PROBE_S)
        self.probes[0].callback(True)
        self.assertEqual("a", self.agents.current)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_until_then_it_is_probed_now_and_then(self) -> None:
        self.lose("a")
        for number in range(3):
            self.clock.advance(PROBE_S - 0.1)
            self.assertEqual(number, len(self.probes))
            self.clock.advance(0.1)
            if number % 2:
                self.probes[number].callback(False)
            else:
                self.probes[number].errback(CatalogError("away"))
            self.assertEqual("b", self.agents.current)

    def test_a_probe_that_is_not_answered_is_the_only_one(self) -> None:
        self.lose("a")
        self.clock.advance(PROBE_S)
        self.lose("b")
        self.clock.advance(PROBE_S)
        self.assertEqual(1, len(self.probes))

    def test_closing_ends_the_probing(self) -> None:
        self.lose("a")
        self.agents.close()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_closing_cancels_a_probe(self) -> None:
        self.lose("a")
        self.clock.advance(PROBE_S)
        self.agents.close()
        self.assertTrue(self.probes[0].called)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.lose("b")
        self.assertEqual("b", self.agents.current)
