"""Tests for ``twisted_router.registrar.identity``."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.agent import FakeAgentAgent, FakeConsulAgent
from tests.fakes.docker import FakeDockerEngine
from tests.fakes.docker_api import FakeDockerAgent
from twisted_router.clients.consul import ConsulClient
from twisted_router.clients.docker import DockerClient
from twisted_router.config.schema import ConsulConfig, DockerConfig
from twisted_router.interfaces import CatalogError, DockerError
from twisted_router.registrar.identity import find_host
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.reach import Host

NODE_1 = Owner("node-1", "ABCD:EFGH", "fake")
ME = Owner("me", "ABCD:EFGH", "fake")


class FindHostTests(SynchronousTestCase):
    """What is configured comes first."""

    def setUp(self) -> None:
        """An agent that knows who it is."""
        self.agent = FakeConsulAgent()
        self.client = ConsulClient(Clock(), ConsulConfig(), FakeAgentAgent(self.agent))
        self.engine = FakeDockerEngine()

    def finding(self, config: DockerConfig) -> Deferred[Host]:
        """Ask who this host is."""
        docker = DockerClient(Clock(), config, {}, FakeDockerAgent(self.engine))
        return Deferred.fromCoroutine(find_host(docker, self.client, config))

    def test_the_agents_own(self) -> None:
        """Where nothing is configured."""
        self.assertEqual(
            Host(NODE_1, "192.0.2.1", rules=DockerConfig()),
            self.successResultOf(self.finding(DockerConfig())),
        )

    def test_one_of_them_is_configured(self) -> None:
        """The agent is asked for the other."""
        self.assertEqual(
            Host(ME, "192.0.2.1", rules=DockerConfig(node="me")),
            self.successResultOf(self.finding(DockerConfig(node="me"))),
        )
        config = DockerConfig(ip="198.51.100.1")
        self.assertEqual(
            Host(
                NODE_1,
                "198.51.100.1",
                address_is_fixed=True,
                rules=config,
            ),
            self.successResultOf(self.finding(config)),
        )

    def test_both_are_configured(self) -> None:
        """The agent is not asked at all."""
        self.agent.away = True
        config = DockerConfig(node="me", ip="198.51.100.1")
        self.assertEqual(
            Host(
                ME,
                "198.51.100.1",
                address_is_fixed=True,
                rules=config,
            ),
            self.successResultOf(self.finding(config)),
        )

    def test_an_agent_that_does_not_say(self) -> None:
        """The error says what to do."""
        self.agent.node = ""
        error = self.failureResultOf(self.finding(DockerConfig()), CatalogError).value
        self.assertIn("set docker.node and docker.ip", str(error))

    def test_an_engine_that_may_not_be_asked(self) -> None:
        """A proxy before its socket: then there is no mark by it."""
        self.engine.engine_id = ""
        host = self.successResultOf(self.finding(DockerConfig()))
        self.assertEqual(Owner("node-1"), host.owner)

    def test_an_engine_that_is_away(self) -> None:
        """It is asked again later, rather than its mark left out."""
        self.engine.away = True
        self.failureResultOf(self.finding(DockerConfig()), DockerError)

    def test_whether_to_adopt(self) -> None:
        """As configured."""
        host = self.successResultOf(self.finding(DockerConfig(adopt=True)))
        self.assertTrue(host.owner.adopts)
