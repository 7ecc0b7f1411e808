"""Tests for ``twisted_router.registrar.once``."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from tests.fakes.agent import FakeAgentAgent
from tests.fakes.docker_api import FakeDockerAgent
from tests.registrar.support import RegistrarTestCase
from twisted_router.clients.consul import ConsulClient
from twisted_router.clients.docker import DockerClient
from twisted_router.config.schema import ConsulConfig, DockerConfig, Seconds
from twisted_router.interfaces import CatalogError, DockerError
from twisted_router.registrar.meta import OWNER
from twisted_router.registrar.once import OneLook


class OneLookTestCase(RegistrarTestCase):
    """Base: one look between a fake engine and a fake agent."""

    def look(self, **rules: Any) -> OneLook:
        """A look by these rules."""
        config = DockerConfig(**rules)
        docker_agent = FakeDockerAgent(self.engine)
        return OneLook(
            DockerClient(self.clock, config, {}, docker_agent),
            ConsulClient(self.clock, ConsulConfig(), FakeAgentAgent(self.agent)),
            config,
            self.clock,
        )

    def plan(self) -> list[str]:
        """What would be written."""
        return self.successResultOf(Deferred.fromCoroutine(self.look().plan()))

    def reconcile(self, **rules: Any) -> tuple[bool, list[str]]:
        """Write it: whether all was taken, and what the log says."""
        with capturedLogs() as events:
            done = Deferred.fromCoroutine(self.look(**rules).reconcile())
            taken = self.successResultOf(done)
        return taken, [formatEvent(event) for event in events]


class PlanTests(OneLookTestCase):
    """What would be written is told, and not written."""

    def test_what_is_missing_and_what_is_left_over(self) -> None:
        """Both are told; nothing changes."""
        meta = {OWNER: "node-1"}
        self.agent.register({"ID": "old", "Name": "x", "Meta": meta})
        self.engine.run("web", publish=["80"])
        lines = self.plan()
        self.assertIn("deregister  old", lines)
        self.assertIn("register    node-1:web:80", lines)
        self.assertEqual(
            [
                "1 services of 1 containers: 1 to register, 1 to deregister",
                "nothing was written",
            ],
            lines[-2:],
        )
        self.assertEqual((["old"], []), (self.ids(), self.written()))

    def test_after_it_was_written(self) -> None:
        """There is nothing left to do."""
        self.engine.run("web", publish=["80"])
        self.reconcile()
        self.assertEqual(
            ["1 services of 1 containers: nothing to do", "nothing was written"],
            self.plan(),
        )

    def test_who_does_not_answer(self) -> None:
        """It is said who."""
        for party, kind in ((self.agent, CatalogError), (self.engine, DockerError)):
            party.away = True
            plan = Deferred.fromCoroutine(self.look().plan())
            self.assertIn("refused", str(self.failureResultOf(plan, kind).value))


class ReconcileTests(OneLookTestCase):
    """What differs is written once."""

    def test_what_is_missing_and_what_is_left_over(self) -> None:
        """The log has a line for each write, and one for all of them."""
        meta = {OWNER: "node-1"}
        self.agent.register({"ID": "old", "Name": "x", "Meta": meta})
        self.engine.run("web", publish=["80"])
        taken, lines = self.reconcile()
        self.assertTrue(taken)
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertEqual(
            [
                "registrar: deregistered old",
                "registrar: registered node-1:web:80: nginx at 192.0.2.1:32768",
                "registrar: 1 services of 1 containers, 2 writes, 0 failed",
            ],
            lines,
        )

    def test_the_service_that_goes_on_looking(self) -> None:
        """It finds nothing left to do."""
        self.engine.run("web", publish=["80"])
        self.reconcile()
        self.written()
        self.start()
        self.assertEqual([], self.written())

    def test_what_the_agent_refuses(self) -> None:
        """The rest is written; not all was taken."""
        self.agent.refused["node-1:odd:80"] = "Invalid Meta"
        self.engine.run("odd", publish=["80"])
        self.engine.run("web", publish=["80"])
        taken, lines = self.reconcile()
        self.assertFalse(taken)
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertIn("Invalid Meta", "\n".join(lines))

    def test_remarks(self) -> None:
        """Containers' owners are told."""
        self.engine.run("web", env=["SERVICE_TOKEN=a"], publish=["80"])
        _, lines = self.reconcile()
        self.assertIn("SERVICE_TOKEN is not published", lines[0])

    def test_services_that_expire(self) -> None:
        """Somebody has to keep them alive, and it is said so."""
        self.engine.run("web", publish=["80"])
        _, lines = self.reconcile(ttl=Seconds(30))
        self.assertIn("services fail in 30 s, by docker.ttl, unless", lines[0])
