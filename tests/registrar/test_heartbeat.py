"""Tests for ``twisted_router.registrar.heartbeat``."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.agent import FakeAgentAgent, FakeConsulAgent
from twisted_router.clients.consul import ConsulClient
from twisted_router.config.schema import ConsulConfig
from twisted_router.registrar.heartbeat import Heartbeat

IDS = [f"check-{number}" for number in range(20)]


class HeartbeatTests(SynchronousTestCase):
    """All of them, again and again."""

    def setUp(self) -> None:
        """An agent with checks that have failed."""
        self.clock = Clock()
        self.agent = FakeConsulAgent()
        self.agent.reported["a"] = dict.fromkeys(IDS, "critical")
        client = ConsulClient(self.clock, ConsulConfig(), FakeAgentAgent(self.agent))
        self.heartbeat = Heartbeat(client, self.clock, 10.0)

    def writes(self) -> list[str]:
        """What the agent took since this was asked last."""
        writes, self.agent.writes = self.agent.writes, []
        return writes

    def test_every_check_in_every_round(self) -> None:
        """The first round begins after one interval: they were registered just now."""
        self.heartbeat.keep(IDS)
        self.assertEqual([], self.writes())
        for _ in range(3):
            self.clock.advance(10)
            self.assertEqual([f"passing {each}" for each in IDS], self.writes())
        self.assertEqual(60, self.heartbeat.beats)

    def test_other_checks_from_now_on(self) -> None:
        """The time of the next round stays."""
        self.heartbeat.keep(IDS)
        self.clock.advance(9)
        self.heartbeat.keep(IDS[:1])
        self.clock.advance(1)
        self.assertEqual(["passing check-0"], self.writes())

    def test_nothing_to_say(self) -> None:
        """There are no rounds, until there is."""
        self.heartbeat.keep(())
        self.assertEqual([], self.clock.getDelayedCalls())
        self.heartbeat.keep(IDS[:1])
        self.clock.advance(10)
        self.heartbeat.keep(())
        self.clock.advance(10)
        self.assertEqual(["passing check-0"], self.writes())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_check_that_the_agent_does_not_know(self) -> None:
        """The others have their turn."""
        self.heartbeat.keep(["unknown", "check-0"])
        self.clock.advance(10)
        self.assertEqual(["passing check-0"], self.writes())

    def test_an_agent_that_is_away(self) -> None:
        """The next round tries again."""
        self.agent.away = True
        self.heartbeat.keep(IDS[:1])
        self.clock.advance(10)
        self.agent.away = False
        self.clock.advance(10)
        self.assertEqual(["passing check-0"], self.writes())

    def test_an_agent_that_hangs(self) -> None:
        """No round begins before the last one is over; stopping ends it."""
        self.agent.hung = True
        self.heartbeat.keep(IDS)
        self.clock.advance(10)
        self.agent.hung = False
        self.clock.advance(5)
        self.assertEqual([], self.writes())
        self.heartbeat.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_stopping_between_rounds(self) -> None:
        """Nothing is said any more."""
        self.heartbeat.keep(IDS)
        self.heartbeat.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
