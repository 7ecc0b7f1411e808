"""Tests for ``twisted_router.registrar.inventory``."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker import FakeDockerEngine
from tests.fakes.docker_api import FakeDockerAgent
from twisted_router.clients.docker import DockerClient
from twisted_router.config.schema import DockerConfig
from twisted_router.interfaces import DockerError
from twisted_router.registrar.inventory import Inventory
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.reach import Host

HOST = Host(Owner("node-1"), "192.0.2.1")


class InventoryTests(SynchronousTestCase):
    """Each container is inspected once, until something changes."""

    def setUp(self) -> None:
        """An engine with one container."""
        self.engine = FakeDockerEngine()
        self.clock = Clock()
        agent = FakeDockerAgent(self.engine)
        client = DockerClient(self.clock, DockerConfig(), {}, agent)
        self.inventory = Inventory(client, DockerConfig(), self.clock)
        self.web = self.engine.run("web", publish=["80"])

    def refreshing(self) -> Deferred[None]:
        """Ask the engine what runs now."""
        return Deferred.fromCoroutine(self.inventory.refresh())

    def refresh(self) -> int:
        """Ask, and count how many containers were inspected for that."""
        self.engine.requests.clear()
        self.successResultOf(self.refreshing())
        return len([path for path in self.engine.requests if path != _LIST])

    def ids(self) -> list[str]:
        """IDs of the services."""
        return [
            service.id
            for _, found in self.inventory.describe(HOST)
            for service in found.services
        ]

    def test_what_runs_is_known(self) -> None:
        """And described."""
        self.assertEqual(1, self.refresh())
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertEqual((1, True), (len(self.inventory), self.web in self.inventory))

    def test_finding_containers(self) -> None:
        """One, or all; nothing can be made of an odd one."""
        odd = self.engine.run("odd")
        self.engine.corrupt("odd")
        self.refresh()
        found = self.inventory.find(self.web)
        self.assertEqual({self.web: found, odd: None}, self.inventory.running())
        self.assertEqual("web", found.name if found else None)
        self.assertIsNone(self.inventory.find(odd))
        self.assertIsNone(self.inventory.find("0" * 64))

    def test_a_container_in_the_network_of_another(self) -> None:
        """It is reached where the other one is, also after that was started anew."""
        member = self.engine.run("app", expose=["80"], network=f"container:{self.web}")
        for port in (32768, 32770):
            self.refresh()
            found = {
                container.name: registrations.services[0].port
                for container, registrations in self.inventory.describe(HOST)
            }
            self.assertEqual({"web": port, "app": port}, found)
            self.engine.restart("web")
        self.assertTrue(self.inventory.find(member))

    def test_a_paused_container(self) -> None:
        """The list shows it: no event is needed to notice."""
        self.refresh()
        self.engine.pause("web")
        self.assertEqual(1, self.refresh())
        found = self.inventory.find(self.web)
        self.assertTrue(found and found.paused)

    def test_an_unchanged_world_is_not_inspected(self) -> None:
        """One request, however many containers."""
        self.refresh()
        self.assertEqual(0, self.refresh())
        self.assertEqual(["node-1:web:80"], self.ids())

    def test_a_new_container(self) -> None:
        """It alone."""
        self.refresh()
        self.engine.run("api", publish=["80"])
        self.assertEqual(1, self.refresh())
        self.assertEqual({"node-1:web:80", "node-1:api:80"}, set(self.ids()))

    def test_a_container_that_is_gone(self) -> None:
        """Without being inspected."""
        self.refresh()
        self.engine.kill("web")
        self.assertEqual(0, self.refresh())
        self.assertEqual(([], 0), (self.ids(), len(self.inventory)))

    def test_what_the_list_shows_to_be_different(self) -> None:
        """A new name, or new ports: no event is needed to notice."""
        self.refresh()
        self.engine.rename("web", "shop")
        self.assertEqual(1, self.refresh())
        self.assertEqual(["node-1:shop:80"], self.ids())
        self.engine.restart("shop")
        self.assertEqual(1, self.refresh())

    def test_what_an_event_told(self) -> None:
        """Once."""
        self.refresh()
        self.inventory.mark_dirty(self.web)
        self.assertEqual([1, 0], [self.refresh(), self.refresh()])

    def test_an_event_while_it_is_inspected(self) -> None:
        """The answer may be of before: it is inspected again."""
        inspect = self.engine.inspect_json

        def and_restart(container: str) -> dict[str, Any] | None:
            self.inventory.mark_dirty(self.web)
            return inspect(container)

        self.engine.inspect_json = and_restart  # type: ignore[method-assign]  # an event in between
        self.refresh()
        self.engine.inspect_json = inspect  # type: ignore[method-assign]  # and none
        self.assertEqual([1, 0], [self.refresh(), self.refresh()])

    def test_marks_of_what_does_not_run_are_forgotten(self) -> None:
        """Or they would be gathered for ever."""
        self.inventory.mark_dirty("0" * 64)
        self.refresh()
        self.assertEqual(set(), self.inventory._dirty)

    def test_a_container_that_goes_before_it_is_inspected(self) -> None:
        """It is not there."""
        self.engine.inspect_json = lambda container: None  # type: ignore[method-assign]  # removed in between
        self.refresh()
        self.assertEqual([], self.ids())
        self.assertEqual({}, self.inventory.odd())

    def test_an_odd_container(self) -> None:
        """It does not keep the others out, and is looked at until it gets better."""
        odd = self.engine.run("odd", publish=["80"])
        self.engine.corrupt("odd")
        self.refresh()
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertEqual(
            {odd[:12]: "Env is 'PATH=/bin', not a list"}, self.inventory.odd()
        )
        self.assertEqual(1, self.refresh())

    def test_an_engine_that_cannot_inspect_one(self) -> None:
        """Its error is about that container, not about the engine."""
        odd = self.engine.run("odd")
        self.engine.broken.add(odd)
        self.refresh()
        self.assertEqual([odd[:12]], list(self.inventory.odd()))
        self.assertEqual(["node-1:web:80"], self.ids())

    def test_an_engine_that_is_away(self) -> None:
        """What is known stays known."""
        self.refresh()
        self.engine.away = True
        self.failureResultOf(self.refreshing(), DockerError)
        self.assertEqual(["node-1:web:80"], self.ids())

    def test_an_engine_that_goes_away_in_between(self) -> None:
        """What was to be inspected still is to be."""
        self.refresh()
        self.inventory.mark_dirty(self.web)
        lists = self.engine.list_json

        def then_go() -> list[dict[str, Any]]:
            self.engine.away = True
            return lists()

        self.engine.list_json = then_go  # type: ignore[method-assign]  # away from the next request on
        self.failureResultOf(self.refreshing(), DockerError)
        self.engine.away = False
        self.engine.list_json = lists  # type: ignore[method-assign]  # and back
        self.assertEqual(1, self.refresh())

    def test_being_cancelled(self) -> None:
        """A mark is not lost with it."""
        self.refresh()
        self.inventory.mark_dirty(self.web)
        lists = self.engine.list_json

        def then_hang() -> list[dict[str, Any]]:
            self.engine.hung = True
            return lists()

        self.engine.list_json = then_hang  # type: ignore[method-assign]  # hangs from the next request on
        refreshing = self.refreshing()
        self.assertNoResult(refreshing)
        refreshing.cancel()
        self.failureResultOf(refreshing, CancelledError)
        self.engine.hung = False
        self.engine.list_json = lists  # type: ignore[method-assign]  # and works again
        self.assertEqual(1, self.refresh())

    def test_what_a_container_comes_to_is_worked_out_once(self) -> None:
        """Until the host has another name or address."""
        self.refresh()
        ((_, first),) = self.inventory.describe(HOST)
        ((_, second),) = self.inventory.describe(HOST)
        self.assertIs(first, second)
        ((_, third),) = self.inventory.describe(Host(Owner("node-2"), "192.0.2.1"))
        self.assertEqual("node-2:web:80", third.services[0].id)

    def test_attributes_that_are_not_used(self) -> None:
        """Those of all containers that were described."""
        self.engine.run("api", env=["SERVICE_TOKEN=a", "SERVICE_KEY=b"], publish=["80"])
        self.refresh()
        self.assertEqual(0, self.inventory.refused_attributes())
        self.inventory.describe(HOST)
        self.assertEqual(2, self.inventory.refused_attributes())


_LIST = "/containers/json"
