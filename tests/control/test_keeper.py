"""Routes that are kept, on a fake agent and a clock of the tests."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.control.fakes import AWAY, FakeAgent
from twisted_router.control.keeper import Keeper
from twisted_router.control.registration import RouteRegistration
from twisted_router.interfaces import CatalogError

WEB = RouteRegistration("web.example.com", "10.0.0.5", 9100, ttl_s=30.0)
API = replace(WEB, uri="api.example.com")

FORBIDDEN = CatalogError("Consul at test: 403 Permission denied", 403)


class KeeperTestCase(SynchronousTestCase):
    """Has an agent, and a keeper with room for three routes."""

    refreshing = True

    def setUp(self) -> None:
        self.agent = FakeAgent()
        self.now_s = 1000.0
        self.said: list[str] = []
        self.keeper = Keeper(
            self.agent,
            lambda: self.now_s,
            lambda attempt: float(attempt),
            self.said.append,
            limit=3,
            refreshing=self.refreshing,
        )

    def pass_time(self, seconds: float) -> list[str]:
        """Let time pass, and the keeper work; what the agent was asked to do."""
        end_s = self.now_s + seconds
        while True:
            next_s = self.keeper.next_s()
            if next_s is None or self.now_s + next_s > end_s:
                break
            self.now_s += next_s
            self.keeper.work()
        self.now_s = end_s
        return self.agent.verbs()


class RefreshingTests(KeeperTestCase):
    """Keeping."""

    def test_a_route_is_registered_at_once(self) -> None:
        self.keeper.register(WEB)
        self.assertEqual(["register"], self.pass_time(0))
        self.assertEqual({WEB.id: WEB}, self.agent.routes)

    def test_a_route_is_refreshed_three_times_in_its_ttl(self) -> None:
        self.keeper.register(WEB)
        self.pass_time(0)
        self.assertEqual(["refresh"] * 3, self.pass_time(30.0))

    def test_a_route_without_a_ttl_is_registered_again_now_and_then(self) -> None:
        self.keeper.register(replace(WEB, ttl_s=0.0))
        self.pass_time(0)
        self.assertEqual(["register"], self.pass_time(41.0))

    def test_a_route_that_the_agent_forgot_is_registered_again(self) -> None:
        for route in (WEB, API):
            self.keeper.register(route)
        self.pass_time(0)
        self.agent.routes.clear()
        self.pass_time(10.0)
        self.assertEqual(["api.example.com", "web.example.com"], self.agent.uris())
        self.assertEqual(["Consul had lost 2: registered again"], self.said)

    def test_the_same_again_is_a_refresh(self) -> None:
        for _ in range(5):
            self.keeper.register(WEB)
            self.now_s += 1.0
        self.keeper.work()
        self.keeper.register(WEB)
        self.keeper.work()
        self.assertEqual(["register", "refresh"], self.agent.verbs())

    def test_a_changed_route_is_registered(self) -> None:
        self.keeper.register(WEB)
        self.pass_time(0)
        changed = replace(WEB, meta={"app": "other"})
        self.keeper.register(changed)
        self.assertEqual(["register"], self.pass_time(0))
        self.assertEqual({WEB.id: changed}, self.agent.routes)

    def test_a_route_is_taken_back_and_forgotten(self) -> None:
        self.keeper.register(WEB)
        self.pass_time(0)
        self.keeper.unregister(WEB)
        self.assertEqual(["deregister"], self.pass_time(60.0))
        self.assertEqual((0, None), (len(self.keeper), self.keeper.next_s()))

    def test_a_route_of_somebody_else_can_be_taken_back(self) -> None:
        self.agent.register(WEB)
        self.keeper.unregister(WEB)
        self.pass_time(0)
        self.assertEqual({}, self.agent.routes)

    def test_the_last_word_counts(self) -> None:
        self.keeper.register(WEB)
        self.keeper.unregister(WEB)
        self.keeper.register(WEB)
        self.assertEqual(["register"], self.pass_time(0))

    def test_there_is_room_for_so_many(self) -> None:
        for number in range(4):
            self.keeper.register(replace(WEB, uri=f"{number}.example.com"))
        self.pass_time(0)
        self.assertEqual((3, 1), (len(self.agent.routes), self.keeper.refused))
        self.assertEqual(
            ["3.example.com at 10.0.0.5:9100 is not kept: there are 3 routes already"],
            self.said,
        )

    def test_repeated_messages_take_no_memory(self) -> None:
        for _ in range(1_000):
            self.keeper.register(WEB)
        self.assertLess(len(self.keeper._queue), 100)
        self.assertEqual(["register"], self.pass_time(0))

    def test_it_can_be_stopped_in_between(self) -> None:
        for route in (WEB, API):
            self.keeper.register(route)
        self.keeper.work(lambda: len(self.agent.asked) == 1)
        self.assertEqual(1, len(self.agent.routes))


class OutageTests(KeeperTestCase):
    """An agent that does not answer."""

    def test_it_is_asked_again_less_and_less_often(self) -> None:
        self.agent.error = AWAY
        self.keeper.register(WEB)
        self.assertEqual(["register"] * 4, self.pass_time(6.5))
        self.assertTrue(self.keeper.pending)
        self.assertEqual([f"{AWAY}; trying again"], self.said)

    def test_of_many_routes_one_is_enough_to_see_that_it_is_away(self) -> None:
        self.agent.error = AWAY
        for route in (WEB, API):
            self.keeper.register(route)
        self.assertEqual(["register"], self.pass_time(0))

    def test_what_was_wanted_meanwhile_is_done_when_it_is_back(self) -> None:
        self.keeper.register(WEB)
        self.pass_time(0)
        self.agent.error = AWAY
        self.keeper.unregister(WEB)
        self.keeper.register(API)
        self.pass_time(10.0)
        self.agent.error = None
        self.pass_time(10.0)
        self.assertEqual(["api.example.com"], self.agent.uris())
        self.assertFalse(self.keeper.pending)
        self.assertEqual("Consul answers again", self.said[-1])

    def test_a_route_that_expired_meanwhile_is_passing_again(self) -> None:
        self.keeper.register(WEB)
        self.pass_time(0)
        self.agent.error = AWAY
        self.pass_time(100.0)
        self.agent.error = None
        self.assertIn("register", self.pass_time(30.0))


class RefusalTests(KeeperTestCase):
    """An agent that says no."""

    def test_the_other_routes_are_not_stopped_by_it(self) -> None:
        refused = replace(WEB, uri="no.example.com")

        def register(registration: RouteRegistration) -> None:
            if registration == refused:
                raise FORBIDDEN
            FakeAgent.register(self.agent, registration)

        self.agent.register = register  # type: ignore[method-assign]
        for route in (refused, WEB):
            self.keeper.register(route)
        self.pass_time(0)
        self.assertEqual(["web.example.com"], self.agent.uris())
        self.assertEqual([f"no.example.com at 10.0.0.5:9100: {FORBIDDEN}"], self.said)

    def test_it_is_asked_again_and_the_reason_said_once(self) -> None:
        self.agent.error = FORBIDDEN
        self.keeper.register(WEB)
        self.assertEqual(["register"] * 3, self.pass_time(25.0))
        self.assertEqual(1, len(self.said))
        self.agent.error = None
        self.pass_time(10.0)
        self.assertEqual(["web.example.com"], self.agent.uris())

    def test_what_cannot_be_taken_back_is_let_go(self) -> None:
        self.agent.error = FORBIDDEN
        self.keeper.unregister(WEB)
        self.assertEqual(["deregister"], self.pass_time(60.0))
        self.assertEqual((0, 1), (len(self.keeper), self.keeper.refused))


class LeavingTests(KeeperTestCase):
    """The end."""

    def test_every_route_is_taken_back(self) -> None:
        for route in (WEB, API):
            self.keeper.register(route)
        self.pass_time(0)
        self.assertEqual(0, self.keeper.leave())
        self.assertEqual({}, self.agent.routes)
        self.assertIsNone(self.keeper.next_s())

    def test_an_agent_that_is_away_is_asked_once(self) -> None:
        for route in (WEB, API):
            self.keeper.register(route)
        self.pass_time(0)
        self.agent.error = AWAY
        self.assertEqual(2, self.keeper.leave())
        self.assertEqual(["deregister"], self.agent.verbs())
        self.assertEqual(
            [f"{AWAY}; what is registered there expires by itself"], self.said
        )

    def test_a_refusal_does_not_stop_the_others(self) -> None:
        for route in (WEB, API):
            self.keeper.register(route)
        self.pass_time(0)
        self.agent.error = FORBIDDEN
        self.assertEqual(2, self.keeper.leave())
        self.assertEqual(["deregister"] * 2, self.agent.verbs())


class OnceTests(KeeperTestCase):
    """Without refreshing."""

    refreshing = False

    def test_each_thing_is_done_once(self) -> None:
        self.keeper.register(WEB)
        self.keeper.unregister(API)
        self.assertEqual(["register", "deregister"], self.pass_time(100.0))
        self.assertEqual((0, None), (len(self.keeper), self.keeper.next_s()))

    def test_what_is_refused_is_let_go(self) -> None:
        self.agent.error = FORBIDDEN
        self.keeper.register(WEB)
        self.assertEqual(["register"], self.pass_time(100.0))
        self.assertEqual((0, 1), (len(self.keeper), self.keeper.refused))
