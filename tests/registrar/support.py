"""A registrar between a fake Docker engine and a fake Consul agent."""

from __future__ import annotations

from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.agent import FakeAgentAgent, FakeConsulAgent
from tests.fakes.docker import FakeDockerEngine
from tests.fakes.docker_api import FakeDockerAgent
from twisted_router.clients.consul import ConsulClient
from twisted_router.clients.docker import DockerClient
from twisted_router.config.schema import ConsulConfig, DockerConfig, Seconds
from twisted_router.registrar.service import DEBOUNCE_S, RegistrarService

INTERVAL_S = 30.0


class RegistrarTestCase(SynchronousTestCase):
    """Base: a registrar between a fake engine and a fake agent."""

    config = DockerConfig(reconcile_interval=Seconds(INTERVAL_S))

    def setUp(self) -> None:
        """Both are there; nothing runs, nothing is registered."""
        self.clock = Clock()
        self.engine = FakeDockerEngine()
        self.agent = FakeConsulAgent()
        self.given_up: list[float] = []
        self.registrar = self.make_registrar()

    def make_registrar(self) -> RegistrarService:
        """A registrar; every failure makes it wait a second."""
        self.docker_agent = FakeDockerAgent(self.engine)
        return RegistrarService(
            DockerClient(self.clock, self.config, {}, self.docker_agent),
            ConsulClient(self.clock, ConsulConfig(), FakeAgentAgent(self.agent)),
            self.config,
            self.clock,
            lambda attempt: 1.0,
            Random(1),
            lambda: self.given_up.append(self.clock.seconds()),
        )

    def start(self) -> None:
        """Start it, and let it look for the first time."""
        self.registrar.startService()
        self.clock.advance(0)
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """Stop it; nothing is left behind."""
        if self.registrar.running:
            self.assertIsNone(self.successResultOf(self.registrar.stopService()))
        self.docker_agent.flush()
        self.assertEqual(0, self.engine.streams)
        self.assertEqual([], self.clock.getDelayedCalls())

    def settle(self) -> None:
        """Let it look at what events have told."""
        self.clock.advance(DEBOUNCE_S)

    def written(self) -> list[str]:
        """What it has written since this was asked last."""
        writes, self.agent.writes = self.agent.writes, []
        return writes

    def ids(self) -> list[str]:
        """IDs that the agent holds."""
        return sorted(self.agent.services)
