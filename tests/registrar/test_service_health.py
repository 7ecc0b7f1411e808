"""What containers say of their health, and that the registrar is there at all."""

from __future__ import annotations

from tests.registrar.support import INTERVAL_S, RegistrarTestCase
from twisted_router.config.schema import DockerConfig, Seconds

HEALTH = "service:node-1:web:80:health"
ALIVE = "service:node-1:web:80:alive"


class HealthTests(RegistrarTestCase):
    """A container's HEALTHCHECK is its services' check."""

    def test_it_follows_the_container(self) -> None:
        """One write for each change, and none without."""
        self.engine.run("web", publish=["80"], health="starting")
        self.start()
        self.assertEqual("critical", self.agent.reported["node-1:web:80"][HEALTH])
        self.written()
        for health, status in (
            ("healthy", "passing"),
            ("unhealthy", "critical"),
            ("healthy", "passing"),
        ):
            self.engine.report_health("web", health)
            self.settle()
            self.assertEqual([f"{status} {HEALTH}"], self.written())
        self.clock.advance(3 * INTERVAL_S)
        self.assertEqual([], self.written())

    def test_a_change_whose_event_was_lost(self) -> None:
        """The list shows it at the next look."""
        self.engine.run("web", publish=["80"], health="starting")
        self.start()
        self.written()
        self.engine.mute = True
        self.engine.report_health("web", "healthy")
        self.clock.advance(1.2 * INTERVAL_S)
        self.assertEqual([f"passing {HEALTH}"], self.written())

    def test_a_status_that_another_has_set(self) -> None:
        """It is put right."""
        self.engine.run("web", publish=["80"], health="healthy")
        self.start()
        self.written()
        self.agent.report(HEALTH, "critical")
        self.clock.advance(1.2 * INTERVAL_S)
        self.assertEqual([f"passing {HEALTH}"], self.written())


class OnlyHealthyTests(RegistrarTestCase):
    """``only_healthy``."""

    config = DockerConfig(only_healthy=True)

    def test_a_service_comes_and_goes_with_its_health(self) -> None:
        """A container without a check has it at once."""
        self.engine.run("db", publish=["5432"])
        self.engine.run("web", publish=["80"], health="starting")
        self.start()
        self.assertEqual(["node-1:db:5432"], self.ids())
        for health, count in (("healthy", 2), ("unhealthy", 1), ("healthy", 2)):
            self.engine.report_health("web", health)
            self.settle()
            self.assertEqual(count, len(self.ids()), health)


class AliveTests(RegistrarTestCase):
    """``ttl``."""

    config = DockerConfig(ttl=Seconds(30))

    def test_services_are_kept_alive(self) -> None:
        """Three times in a ttl; no look writes anything for it."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.written()
        for _ in range(9):
            self.clock.advance(10)
        self.assertEqual([f"passing {ALIVE}"] * 9, self.written())
        state = self.registrar.state()
        self.assertEqual((9, 1), (state["beats"], state["writes"]))

    def test_while_docker_is_away(self) -> None:
        """Containers may well go on without it."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.engine.away = True
        self.engine.drop_streams()
        self.written()
        self.clock.advance(10)
        self.assertEqual([f"passing {ALIVE}"], self.written())

    def test_a_service_that_is_gone(self) -> None:
        """Nobody speaks for it."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.engine.remove("web")
        self.settle()
        self.written()
        self.clock.advance(10)
        self.assertEqual([], self.written())

    def test_an_agent_that_lost_its_data(self) -> None:
        """What it does not know any more is registered at the next look."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.agent.lose_data()
        self.clock.advance(1.2 * INTERVAL_S)
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertEqual("passing", self.agent.reported["node-1:web:80"][ALIVE])

    def test_a_ttl_that_is_taken_off(self) -> None:
        """The check goes with it, at once."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.stop()
        self.config = DockerConfig()
        self.registrar = self.make_registrar()
        self.start()
        self.assertEqual({}, self.agent.reported["node-1:web:80"])
