"""Tests for ``twisted_router.registrar.identity``."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.agent import FakeAgentAgent, FakeConsulAgent
from twisted_router.clients.consul import ConsulClient
from twisted_router.config.schema import ConsulConfig, DockerConfig
from twisted_router.interfaces import CatalogError
from twisted_router.registrar.identity import find_host
from twisted_router.registrar.reach import Host


class FindHostTests(SynchronousTestCase):
    """What is configured comes first."""

    def setUp(self) -> None:
        """An agent that knows who it is."""
        self.agent = FakeConsulAgent()
        self.client = ConsulClient(Clock(), ConsulConfig(), FakeAgentAgent(self.agent))

    def finding(self, config: DockerConfig) -> Deferred[Host]:
        """Ask who this host is."""
        return Deferred.fromCoroutine(find_host(self.client, config))

    def test_the_agents_own(self) -> None:
        """Where nothing is configured."""
        self.assertEqual(
            Host("node-1", "192.0.2.1", rules=DockerConfig()),
            self.successResultOf(self.finding(DockerConfig())),
        )

    def test_one_of_them_is_configured(self) -> None:
        """The agent is asked for the other."""
        self.assertEqual(
            Host("me", "192.0.2.1", rules=DockerConfig(node="me")),
            self.successResultOf(self.finding(DockerConfig(node="me"))),
        )
        config = DockerConfig(ip="198.51.100.1")
        self.assertEqual(
            Host("node-1", "198.51.100.1", address_is_fixed=True, rules=config),
            self.successResultOf(self.finding(config)),
        )

    def test_both_are_configured(self) -> None:
        """The agent is not asked at all."""
        self.agent.away = True
        config = DockerConfig(node="me", ip="198.51.100.1")
        self.assertEqual(
            Host("me", "198.51.100.1", address_is_fixed=True, rules=config),
            self.successResultOf(self.finding(config)),
        )

    def test_an_agent_that_does_not_say(self) -> None:
        """The error says what to do."""
        self.agent.node = ""
        error = self.failureResultOf(self.finding(DockerConfig()), CatalogError).value
        self.assertIn("set docker.node and docker.ip", str(error))
