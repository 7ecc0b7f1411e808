"""Tests for ``twisted_router.registrar.service`` when something is wrong."""

from __future__ import annotations

from twisted.logger import capturedLogs

from tests.registrar.support import INTERVAL_S, RegistrarTestCase
from twisted_router.clients.docker import CALL_LIMIT_S
from twisted_router.clients.docker_events import STREAM_LIFE_S
from twisted_router.config.schema import DockerConfig
from twisted_router.registrar.meta import ENGINE
from twisted_router.registrar.service import DEBOUNCE_S


class GivingUpTests(RegistrarTestCase):
    """``retry_attempts``, as registrator has it: for the start only."""

    config = DockerConfig(retry_attempts=2)

    def test_it_gives_up_after_so_many_more(self) -> None:
        """Docker or Consul: nothing would come of it without the other."""
        for docker_away, consul_away in ((True, False), (False, True)):
            self.setUp()
            self.engine.away, self.agent.away = docker_away, consul_away
            self.start()
            self.clock.advance(1)
            self.assertEqual([], self.given_up)
            with capturedLogs() as logged:
                self.clock.pump([0.5, 0.5, 0])
            self.assertEqual([2.0], self.given_up)
            self.assertIn("after {tries} tries", str(logged))
            self.stop()

    def test_once_it_has_looked_it_never_gives_up(self) -> None:
        """Then what is registered is worth keeping."""
        self.start()
        self.agent.away = True
        self.clock.pump([INTERVAL_S] * 10)
        self.assertEqual([], self.given_up)

    def test_by_itself_it_never_does(self) -> None:
        """A router that routes does not end for it."""
        self.config = DockerConfig()
        self.setUp()
        self.agent.away = True
        self.start()
        self.clock.pump([1.0] * 100)
        self.assertEqual([], self.given_up)


class OutageTests(RegistrarTestCase):
    """Neither Docker's absence nor Consul's takes a service away."""

    def test_docker_is_not_there_at_the_start(self) -> None:
        """It is waited for."""
        self.engine.run("web", publish=["80"])
        self.engine.away = True
        self.start()
        self.clock.pump([1.0] * 5)
        self.assertFalse(self.registrar.state()["ready"])
        self.engine.away = False
        self.clock.advance(1)
        self.clock.advance(0)
        self.assertEqual(["node-1:web:80"], self.ids())

    def test_docker_goes_and_comes_back(self) -> None:
        """Everything stays; what changed in between is found."""
        self.engine.run("web", publish=["80"])
        self.engine.run("old", publish=["80"])
        self.start()
        self.written()
        self.engine.away = True
        self.engine.drop_streams()
        self.clock.pump([1.0] * 100)
        self.assertEqual([], self.written())
        self.engine.kill("old")
        self.engine.run("new", publish=["80"])
        self.engine.away = False
        self.clock.pump([1.0, 0])
        self.assertEqual(["node-1:new:80", "node-1:web:80"], self.ids())

    def test_the_engine_is_replaced(self) -> None:
        """By one with another API version."""
        self.start()
        self.engine.api = "1.30"
        self.engine.restart_daemon()
        self.clock.pump([0, 1.0, 0])
        self.assertEqual("1.30", self.registrar.state()["api_version"])

    def test_a_replaced_engine_has_another_id(self) -> None:
        """Services bear the mark of the one that runs them."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.engine.engine_id = "WXYZ"
        self.engine.restart_daemon()
        self.clock.pump([0, 1.0, 0])
        meta = self.agent.services["node-1:web:80"]["Meta"]
        self.assertEqual("WXYZ", meta[ENGINE])

    def test_the_engine_hangs(self) -> None:
        """The next look notices, and gives up its stream as well."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.engine.hung = True
        self.clock.advance(1.1 * INTERVAL_S)
        self.clock.advance(CALL_LIMIT_S)
        self.assertIn("no answer within", self.registrar.state()["error"])
        self.docker_agent.flush()
        self.assertEqual(0, self.engine.streams)
        self.assertEqual(["node-1:web:80"], self.ids())

    def test_the_stream_has_lived_its_life(self) -> None:
        """The next one is opened at once, and nothing is said."""
        self.start()
        with capturedLogs() as logged:
            self.clock.advance(STREAM_LIFE_S)
            self.clock.pump([0, 0])
        self.docker_agent.flush()
        self.assertEqual([], logged)
        self.assertEqual(1, self.engine.streams)

    def test_streams_that_end_at_once(self) -> None:
        """They are not asked for in a hot loop; looking goes on."""
        self.start()
        before = self.engine.requests.count("/v1.41/events")
        for _ in range(10):
            self.engine.drop_streams()
            self.clock.pump([0, 0, 0, 0])
        self.assertEqual(before, self.engine.requests.count("/v1.41/events"))
        self.clock.pump([1.0, 0])
        self.assertEqual(before + 1, self.engine.requests.count("/v1.41/events"))
        self.assertEqual("", self.registrar.state()["error"])

    def test_consul_is_not_there_at_the_start(self) -> None:
        """It is waited for."""
        self.engine.run("web", publish=["80"])
        self.agent.away = True
        self.start()
        self.clock.pump([1.0] * 5)
        self.assertIn("refused", self.registrar.state()["error"])
        self.agent.away = False
        self.clock.advance(1)
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertEqual("", self.registrar.state()["error"])

    def test_consul_goes_and_comes_back_without_its_data(self) -> None:
        """Everything is registered again, once."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.written()
        self.agent.away = True
        self.engine.run("api", publish=["80"])
        self.clock.pump([1.0] * 10)
        self.agent.lose_data()
        self.agent.away = False
        self.clock.advance(1)
        self.assertEqual(["node-1:api:80", "node-1:web:80"], self.ids())
        self.assertEqual(2, len(self.written()))

    def test_events_do_not_hurry_a_consul_that_is_away(self) -> None:
        """It is asked as often as the policy says."""
        self.agent.away = True
        self.start()
        listed = self.engine.requests.count("/v1.41/containers/json")
        for number in range(15):
            self.engine.run(f"web{number}", publish=["80"])
            self.clock.advance(DEBOUNCE_S)
        self.assertEqual(listed, self.engine.requests.count("/v1.41/containers/json"))

    def test_a_replaced_agent_may_have_another_name(self) -> None:
        """It is asked again after it was away."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.agent.away = True
        self.clock.advance(1.1 * INTERVAL_S)
        self.agent.away = False
        self.agent.lose_data()
        self.agent.node = "node-9"
        self.clock.advance(1)
        self.assertEqual(["node-9:web:80"], self.ids())

    def test_outages_are_said_once(self) -> None:
        """When one begins and when it ends."""
        self.start()
        with capturedLogs() as logged:
            self.agent.away = True
            self.clock.advance(1.1 * INTERVAL_S)
            self.clock.pump([1.0] * 20)
            self.agent.away = False
            self.clock.advance(1)
            self.engine.away = True
            self.engine.drop_streams()
            self.clock.pump([1.0] * 20)
            self.engine.away = False
            self.clock.pump([1.0, 0])
        self.assertEqual(
            ["warn Consul", "info Consul", "warn Docker", "info Docker"],
            [f"{e['log_level'].name} {e['name']}" for e in logged if "name" in e],
        )

    def test_a_bug_does_not_end_it(self) -> None:
        """It is logged, and it begins again."""
        self.start()
        self.agent.services = {"a": {"Meta": 1}}
        self.clock.advance(1.1 * INTERVAL_S)
        self.assertEqual(1, len(self.flushLoggedErrors(AttributeError)))
        self.agent.services = {}
        self.engine.run("web", publish=["80"])
        self.clock.pump([1.0, 0])
        self.assertEqual(["node-1:web:80"], self.ids())


class OddContainersTests(RegistrarTestCase):
    """One odd container never stops the others."""

    def test_it_is_said_once_and_the_others_are_registered(self) -> None:
        """However often it is looked at."""
        self.engine.run("odd", publish=["80"])
        self.engine.corrupt("odd")
        self.engine.run("web", publish=["80"])
        with capturedLogs() as logged:
            self.start()
            self.clock.pump([INTERVAL_S] * 3)
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertEqual(1, len([event for event in logged if "note" in event]))
        self.assertEqual(1, self.registrar.state()["odd_containers"])

    def test_what_it_had_registered_stays(self) -> None:
        """It runs on, as far as anyone can tell."""
        self.engine.run("odd", publish=["80"])
        self.start()
        self.engine.corrupt("odd")
        self.engine.rename("odd", "odder")
        self.settle()
        self.assertEqual(["node-1:odd:80"], self.ids())

    def test_attributes_that_consul_does_not_take(self) -> None:
        """They are left out, and the service is registered."""
        self.engine.run("web", labels={"SERVICE_a.b": "x"}, publish=["80"])
        with capturedLogs() as logged:
            self.start()
        self.assertEqual(["node-1:web:80"], self.ids())
        (note,) = [event for event in logged if "note" in event]
        self.assertEqual("web (000000000001)", note["container"])
