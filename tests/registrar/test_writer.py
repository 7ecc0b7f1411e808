"""Tests for ``twisted_router.registrar.writer``."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.agent import FakeAgentAgent, FakeConsulAgent
from twisted_router.clients.consul import ConsulClient
from twisted_router.config.schema import ConsulConfig
from twisted_router.interfaces import CatalogError
from twisted_router.registrar.plan import (
    Deregister,
    Maintain,
    Register,
    Resume,
    Step,
)
from twisted_router.registrar.registration import Registration
from twisted_router.registrar.writer import Writer


def register(service_id: str, container: str = "c1") -> Register:
    """A step that registers."""
    return Register(Registration(service_id, "web", "10.0.0.1", 80, container))


class WriterTests(SynchronousTestCase):
    """Plans are carried out as far as the agent takes them."""

    def setUp(self) -> None:
        """An agent without services."""
        self.agent = FakeConsulAgent()
        client = ConsulClient(Clock(), ConsulConfig(), FakeAgentAgent(self.agent))
        self.writer = Writer(client)

    def apply(self, *steps: Step) -> Deferred[None]:
        """Carry out a plan."""
        return Deferred.fromCoroutine(self.writer.apply(steps))

    def test_steps_are_carried_out(self) -> None:
        """In their order for each container."""
        self.successResultOf(self.apply(register("a"), Deregister("b", "c1")))
        self.assertEqual(["register a", "deregister b"], self.agent.writes)
        self.assertEqual(2, self.writer.writes)

    def test_maintenance_mode(self) -> None:
        """Is switched on with its reason, and off."""
        self.successResultOf(self.apply(register("a"), Maintain("a", "c1", "why")))
        self.assertEqual({"a": "why"}, self.agent.maintenance)
        self.successResultOf(self.apply(Resume("a", "c1")))
        self.assertEqual({}, self.agent.maintenance)

    def test_registering_can_keep_checks(self) -> None:
        """Maintenance mode is one of them."""
        self.successResultOf(self.apply(register("a"), Maintain("a", "c1", "why")))
        again = register("a").registration
        self.successResultOf(self.apply(Register(again, keep_checks=True)))
        self.assertEqual({"a": "why"}, self.agent.maintenance)
        self.successResultOf(self.apply(Register(again)))
        self.assertEqual({}, self.agent.maintenance)

    def test_a_plan_under_way(self) -> None:
        """What is still to come of it is known, and nothing when it is over."""
        self.agent.hung = True
        steps = [register(f"s{number}", f"c{number}") for number in range(20)]
        work = self.apply(*steps)
        self.assertEqual(20, self.writer.pending)
        work.cancel()
        self.failureResultOf(work, CancelledError)
        self.assertEqual(0, self.writer.pending)

    def test_what_the_agent_refuses(self) -> None:
        """Is counted, and other containers' steps are carried out all the same."""
        self.agent.refused["a"] = "Invalid Meta"
        self.successResultOf(self.apply(register("a"), register("b", "c2")))
        self.assertEqual(["register b"], self.agent.writes)
        self.assertEqual(
            (1, ["a"]), (self.writer.failed_writes, list(self.writer.failing))
        )
        self.assertIn("Invalid Meta", self.writer.failing["a"])

    def test_an_old_id_stays_while_the_new_one_is_refused(self) -> None:
        """A renamed container is better served under its old ID than not at all."""
        self.agent.refused["new"] = "no"
        self.successResultOf(self.apply(register("new"), Deregister("old", "c1")))
        self.assertEqual([], self.agent.writes)

    def test_a_refusal_is_said_once(self) -> None:
        """Until it changes, or has been taken in between."""
        self.agent.refused["a"] = "no"
        with capturedLogs() as logged:
            for _ in range(3):
                self.successResultOf(self.apply(register("a")))
            self.agent.refused["a"] = "never"
            self.successResultOf(self.apply(register("a")))
        self.assertEqual(2, len(logged))
        self.assertEqual(4, self.writer.failed_writes)

    def test_what_is_taken_at_last_fails_no_more(self) -> None:
        """Nor does what is not wanted any more."""
        self.agent.refused |= {"a": "no", "b": "no"}
        self.successResultOf(self.apply(register("a"), register("b", "c2")))
        del self.agent.refused["a"]
        self.successResultOf(self.apply(register("a")))
        self.assertEqual({}, self.writer.failing)

    def test_an_agent_that_does_not_answer(self) -> None:
        """The rest is left undone: it would take as long, each step of it."""
        self.agent.away = True
        steps = [register(f"s{n}", f"c{n}") for n in range(50)]
        error = self.failureResultOf(self.apply(*steps), CatalogError).value
        self.assertIn("refused", str(error))
        self.assertEqual(1, self.writer.failed_writes)
