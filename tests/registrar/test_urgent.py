"""Tests for ``twisted_router.registrar.urgent``."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.agent import FakeAgentAgent, FakeConsulAgent
from twisted_router.clients.consul import ConsulClient
from twisted_router.config.schema import ConsulConfig
from twisted_router.registrar.plan import Maintain, Register
from twisted_router.registrar.registration import Registration
from twisted_router.registrar.urgent import UrgentWrites
from twisted_router.registrar.writer import WRITERS, Writer


class UrgentWritesTests(SynchronousTestCase):
    """They begin at once, and somebody owns them."""

    def setUp(self) -> None:
        """An agent with some services."""
        self.agent = FakeConsulAgent()
        for number in range(2 * WRITERS):
            self.agent.register({"ID": f"s{number}", "Name": "web"})
        self.client = ConsulClient(Clock(), ConsulConfig(), FakeAgentAgent(self.agent))
        self.writer = Writer(self.client)
        self.urgent = UrgentWrites(self.writer)

    def begin(self, *numbers: int) -> None:
        """Switch the maintenance mode of these services on."""
        self.urgent.begin(Maintain(f"s{each}", "c1", "why") for each in numbers)

    def hold(self) -> list[Deferred[None]]:
        """Make every write wait; gives those that have begun."""
        begun: list[Deferred[None]] = []

        def maintenance(service_id: str, enable: bool, reason: str) -> Deferred[None]:
            begun.append(Deferred())
            return begun[-1]

        self.patch(self.client, "maintenance", maintenance)
        return begun

    def test_they_are_written(self) -> None:
        """All, with their reason."""
        self.begin(1, 2)
        self.assertEqual({"s1": "why", "s2": "why"}, self.agent.maintenance)
        self.assertEqual(2, self.writer.writes)
        self.assertIsNone(self.successResultOf(self.urgent.settled()))

    def test_a_few_at_a_time(self) -> None:
        """The others have their turn when one of these is done."""
        begun = self.hold()
        self.begin(*range(2 * WRITERS))
        self.assertEqual(WRITERS, len(begun))
        begun[0].callback(None)
        self.assertEqual(WRITERS + 1, len(begun))
        self.urgent.cancel()

    def test_the_same_once_more(self) -> None:
        """It is under way already."""
        begun = self.hold()
        self.begin(1)
        self.begin(1)
        self.assertEqual(1, len(begun))
        begun[0].callback(None)
        self.begin(1)
        self.assertEqual(2, len(begun))
        self.urgent.cancel()

    def test_a_plan_need_not_have_them_once_more(self) -> None:
        """As far as they began after the agent was asked, whether done or not."""
        self.hold()
        self.successResultOf(self.urgent.settled())
        self.begin(1)
        one, two = (Maintain(f"s{each}", "c1", "why") for each in (1, 2))
        self.assertEqual([two], self.urgent.without_begun((one, two)))
        self.urgent.cancel()
        self.successResultOf(self.urgent.settled())
        self.assertEqual([one, two], self.urgent.without_begun((one, two)))

    def test_a_registration_is_followed_by_its_mode(self) -> None:
        """What was written before it may not have lasted."""
        web = Registration("s1", "web", "10.0.0.1", 80, "c1")
        plan = (Register(web), Maintain("s1", "c1", "why"))
        self.hold()
        self.begin(1)
        self.assertEqual([*plan], self.urgent.without_begun(plan))
        self.urgent.cancel()

    def test_waiting_until_they_are_settled(self) -> None:
        """All of them."""
        begun = self.hold()
        self.begin(1, 2)
        settled = self.urgent.settled()
        begun[0].callback(None)
        self.assertNoResult(settled)
        begun[1].callback(None)
        self.assertIsNone(self.successResultOf(settled))

    def test_one_who_waits_no_longer(self) -> None:
        """Nothing becomes of that."""
        begun = self.hold()
        self.begin(1)
        settled = self.urgent.settled()
        settled.cancel()
        self.failureResultOf(settled, CancelledError)
        begun[0].callback(None)
        self.assertIsNone(self.successResultOf(self.urgent.settled()))

    def test_cancelling(self) -> None:
        """What waits for its turn never begins."""
        begun = self.hold()
        self.begin(*range(2 * WRITERS))
        self.urgent.cancel()
        self.assertEqual(WRITERS, len(begun))
        for each in begun:
            self.assertTrue(each.called)
        self.assertIsNone(self.successResultOf(self.urgent.settled()))

    def test_what_fails(self) -> None:
        """It is counted and left to the next plan; nobody is alarmed."""
        self.agent.away = True
        with capturedLogs() as logged:
            self.begin(1)
        self.assertEqual(1, self.writer.failed_writes)
        self.assertEqual(["debug"], [event["log_level"].name for event in logged])

    def test_a_service_that_is_not_there(self) -> None:
        """Nothing has to be done about that."""
        self.urgent.begin([Maintain("gone", "c1", "why")])
        self.assertEqual((0, 0), (self.writer.writes, self.writer.failed_writes))

    def test_a_bug(self) -> None:
        """It is logged, and the next ones are written."""

        def maintenance(service_id: str, enable: bool, reason: str) -> Deferred[None]:
            raise KeyError(service_id)

        self.patch(self.client, "maintenance", maintenance)
        self.begin(1)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.assertIsNone(self.successResultOf(self.urgent.settled()))
