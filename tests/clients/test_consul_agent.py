"""Tests of one agent: where its connections go, and what closes them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.clients.support import ScriptedApi
from twisted_router.clients.consul_agent import ConsulAgent
from twisted_router.clients.token import Token
from twisted_router.clients.transport import Reply
from twisted_router.config.schema import ConsulConfig, Secret
from twisted_router.interfaces import CatalogError


class ConsulAgentTests(SynchronousTestCase):
    """Connections of its own, to a reactor in memory."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()

    def made(self, address: str, config: ConsulConfig | None = None) -> ConsulAgent:
        token = Token(Secret(""), Secret, Clock())
        return ConsulAgent(self.reactor, address, config or ConsulConfig(), token)

    def ask(self, agent: ConsulAgent) -> Deferred[Reply]:
        asking: Deferred[Reply] = agent.default.status.leader()
        return asking

    def cancel(self, asking: Deferred[Reply]) -> None:
        asking.cancel()
        self.failureResultOf(asking, CancelledError)

    def test_its_address_is_dialled(self) -> None:
        asking = self.ask(self.made("127.0.0.1:85"))
        self.assertEqual(("127.0.0.1", 85), self.reactor.tcpClients[0][:2])
        self.cancel(asking)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_so_is_a_socket(self) -> None:
        asking = self.ask(self.made("unix:///run/c.sock"))
        self.assertEqual("/run/c.sock", self.reactor.unixClients[0][0])
        self.cancel(asking)

    def test_it_is_called_by_its_address(self) -> None:
        self.assertEqual("consul:85", str(self.made("consul:85")))

    def test_what_answers_at_once_is_asked_with_stale(self) -> None:
        api = ScriptedApi(b"{}")
        token = Token(Secret(""), Secret, Clock())
        agent = ConsulAgent(Clock(), "c:1", ConsulConfig(), token, api.agent())
        for library in (agent.default, agent.stale):
            self.successResultOf(library.catalog.services(index=1))
        self.assertEqual(
            ["/v1/catalog/services?index=1", "/v1/catalog/services?index=1&stale=1"],
            [seen.uri for seen in api.seen],
        )
        agent.abort()
        self.successResultOf(agent.close())

    def test_aborting_fails_what_is_under_way(self) -> None:
        agent = self.made("127.0.0.1:85")
        asking = self.ask(agent)
        factory: Any = self.reactor.tcpClients[0][2]
        protocol = factory.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        agent.abort()
        self.assertTrue(transport.disconnecting)
        protocol.connectionLost(Failure(ConnectionAborted()))
        self.failureResultOf(asking, CatalogError)
        self.successResultOf(agent.close())

    def test_certificates_are_read_at_once_for_https(self) -> None:
        for address, ssl in (("https://consul", False), ("consul:85", True)):
            config = ConsulConfig(ca_cert="/nonexistent.pem", ssl=ssl)
            self.assertRaises(OSError, self.made, address, config)

    def test_and_not_for_http(self) -> None:
        self.made("consul:85", ConsulConfig(ca_cert="/nonexistent.pem"))

    def test_an_unusable_address_is_refused(self) -> None:
        self.assertRaises(ValueError, self.made, "ftp://x")
