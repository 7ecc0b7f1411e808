"""Tests for ``twisted_router.registrar.service``."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs

from tests.registrar.support import INTERVAL_S, RegistrarTestCase
from twisted_router.config.schema import DockerConfig
from twisted_router.registrar.meta import OWNER
from twisted_router.registrar.service import DEBOUNCE_S


class LifeOfContainersTests(RegistrarTestCase):
    """The agent holds what runs."""

    def test_what_runs_already_is_registered_at_the_start(self) -> None:
        """With name, address, port and mark."""
        self.engine.run("web", env=["SERVICE_NAME=shop"], publish=["80"])
        self.start()
        service = self.agent.services["node-1:web:80"]
        self.assertEqual(
            ("shop", "192.0.2.1", 32768, "node-1"),
            (
                service["Service"],
                service["Address"],
                service["Port"],
                service["Meta"][OWNER],
            ),
        )

    def test_a_container_is_registered_when_it_starts(self) -> None:
        """A moment after its event."""
        self.start()
        self.engine.run("web", publish=["80"])
        self.assertEqual([], self.written())
        self.settle()
        self.assertEqual(["register node-1:web:80"], self.written())

    def test_a_container_is_deregistered_when_it_dies(self) -> None:
        """However it came to die."""
        for verb in (self.engine.stop, self.engine.kill, self.engine.remove):
            self.setUp()
            self.engine.run("web", publish=["80"])
            self.start()
            getattr(self.engine, verb.__name__)("web")
            self.settle()
            self.assertEqual([], self.ids(), verb)
            self.stop()

    def test_a_restarted_container_has_another_port(self) -> None:
        """The service is never gone; it gets no requests where it does not listen."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.written()
        self.engine.restart("web")
        self.settle()
        self.assertEqual(
            [f"{verb} node-1:web:80" for verb in ("maintain", "register", "resume")],
            self.written(),
        )
        self.assertEqual(32770, self.agent.services["node-1:web:80"]["Port"])

    def test_a_renamed_container(self) -> None:
        """It is registered under the new name before the old one goes."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.written()
        self.engine.rename("web", "shop")
        self.settle()
        self.assertEqual(
            ["register node-1:shop:80", "deregister node-1:web:80"], self.written()
        )

    def test_many_that_start_together(self) -> None:
        """They are one look, and one write each."""
        self.start()
        reads = self.agent.reads
        for number in range(200):
            self.engine.run(f"web{number}", publish=["80"])
        self.settle()
        self.assertEqual(200, len(self.written()))
        self.assertEqual(1, self.agent.reads - reads)

    def test_a_check_is_registered(self) -> None:
        """Together with its service."""
        self.engine.run("web", env=["SERVICE_CHECK_TTL=30s"], publish=["80"])
        self.start()
        self.assertEqual({"TTL": "30s"}, self.agent.checks["node-1:web:80"])

    def test_events_that_mean_nothing_here(self) -> None:
        """They do not make it look."""
        self.engine.run("web", publish=["80"])
        self.start()
        reads = self.agent.reads
        self.engine.emit_raw(b'{"Type": "container", "Action": "kill"}\n')
        self.engine.emit_raw(b'{"Type": "network", "Action": "connect"}\n')
        self.engine.emit_raw(b'{"Type": "plugin"}\n{}\n')
        self.settle()
        self.assertEqual(reads, self.agent.reads)

    def test_events_of_a_container(self) -> None:
        """It is inspected again: the list may show nothing of what has changed."""
        self.engine.run("other")
        web = self.engine.run("web", publish=["8080:80"])
        self.start()
        self.engine.requests.clear()
        self.engine.restart("web")
        self.settle()
        inspected = [
            path for path in self.engine.requests if path.endswith(f"{web}/json")
        ]
        self.assertEqual(1, len(inspected))

    def test_a_network_that_a_known_container_leaves(self) -> None:
        """What is published may have gone with it."""
        web = self.engine.run("web", publish=["80"])
        self.start()
        reads = self.agent.reads
        actor = {"ID": "f", "Attributes": {"container": web}}
        event = {"Type": "network", "Action": "disconnect", "Actor": actor}
        self.engine.emit_raw(json.dumps(event).encode() + b"\n")
        self.settle()
        self.assertEqual(reads + 1, self.agent.reads)


class WritesTests(RegistrarTestCase):
    """Only differences are written, and only to what is its own."""

    def test_an_unchanged_world(self) -> None:
        """Hours of looking make no write."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.written()
        self.clock.pump([10.0] * 360)
        self.assertEqual([], self.written())

    def test_a_second_run(self) -> None:
        """It finds what the first has registered, and writes nothing."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.stop()
        self.written()
        self.registrar = self.make_registrar()
        self.start()
        self.assertEqual([], self.written())

    def test_stopping_keeps_what_is_registered(self) -> None:
        """The containers go on without it."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.stop()
        self.assertEqual(["node-1:web:80"], self.ids())

    def test_what_died_while_it_was_not_running(self) -> None:
        """It is found at the start."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.stop()
        self.engine.kill("web")
        self.registrar = self.make_registrar()
        self.start()
        self.assertEqual([], self.ids())

    def test_a_stop_while_both_sides_are_compared(self) -> None:
        """It is written at its event, and not again by a plan of that moment."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.written()
        real = self.registrar._consul.agent_checks

        def agent_checks() -> Deferred[dict[str, dict[str, Any]]]:
            checks = real()
            if "web" not in stopped:
                stopped.append("web")
                self.engine.begin_stop("web")
            return checks

        stopped: list[str] = []
        self.patch(self.registrar._consul, "agent_checks", agent_checks)
        self.clock.advance(1.1 * INTERVAL_S)
        self.settle()
        self.assertEqual(["maintain node-1:web:80"], self.written())

    def test_services_of_others(self) -> None:
        """They are left alone, whatever their ID."""
        self.agent.register({"ID": "db", "Name": "db", "Port": 5432})
        self.agent.register({"ID": "node-1:web:80", "Name": "by-hand", "Port": 1})
        other = {"ID": "node-2:x:80", "Name": "x", "Meta": {OWNER: "node-2"}}
        self.agent.register(other)
        self.engine.run("web", publish=["80"])
        with capturedLogs() as logged:
            self.start()
            self.clock.advance(2 * INTERVAL_S)
        self.assertEqual([], self.written())
        notes = [event["note"] for event in logged if "note" in event]
        self.assertEqual(
            ["node-1:web:80 is not registered: another has this ID"], notes
        )

    def test_a_service_that_somebody_has_taken_away(self) -> None:
        """It is registered again, at the next look at the latest."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.agent.lose_data()
        self.clock.advance(1.1 * INTERVAL_S)
        self.assertEqual(["node-1:web:80"], self.ids())

    def test_a_missed_event(self) -> None:
        """It is made up for at the next look."""
        self.start()
        self.engine.mute = True
        self.engine.run("web", publish=["80"])
        self.settle()
        self.assertEqual([], self.ids())
        self.clock.advance(1.1 * INTERVAL_S)
        self.assertEqual(["node-1:web:80"], self.ids())

    def test_what_the_agent_refuses_is_tried_again(self) -> None:
        """After a while; the others do not wait for it."""
        self.agent.refused["node-1:odd:80"] = "Invalid Meta"
        self.engine.run("odd", publish=["80"])
        self.engine.run("web", publish=["80"])
        self.start()
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertIn("Invalid Meta", self.registrar.state()["error"])
        self.agent.refused.clear()
        self.clock.advance(1)
        self.assertEqual(["node-1:odd:80", "node-1:web:80"], self.ids())
        self.assertEqual("", self.registrar.state()["error"])


class HostTests(RegistrarTestCase):
    """Who this host is."""

    def test_name_and_address_can_be_configured(self) -> None:
        """Then the agent is not asked for them."""
        self.config = DockerConfig(node="me", ip="198.51.100.1")
        self.registrar = self.make_registrar()
        self.agent.node = self.agent.address = ""
        self.engine.run("web", publish=["80"])
        self.start()
        self.assertEqual("198.51.100.1", self.agent.services["me:web:80"]["Address"])

    def test_an_agent_that_does_not_know_its_address(self) -> None:
        """Nothing is registered at a wildcard; the error says what to do."""
        for address in ("", "0.0.0.0", "::"):
            self.setUp()
            self.agent.address = address
            self.engine.run("web", publish=["80"])
            self.start()
            self.assertEqual([], self.ids())
            self.assertIn(
                "set docker.node and docker.ip", self.registrar.state()["error"]
            )
            self.stop()


class StoppingTests(RegistrarTestCase):
    """In every moment, stopping leaves nothing behind."""

    def test_before_it_was_started(self) -> None:
        """There is nothing to stop."""
        self.assertIsNone(self.successResultOf(self.registrar.stopService()))

    def test_while_docker_is_asked(self) -> None:
        """The call is cancelled."""
        self.engine.hung = True
        self.start()
        self.stop()

    def test_while_it_waits_to_ask_again(self) -> None:
        """The delay is cancelled."""
        self.engine.away = True
        self.start()
        self.stop()

    def test_while_it_follows(self) -> None:
        """The stream is closed."""
        self.start()
        self.assertEqual(1, self.engine.streams)
        self.stop()

    def test_while_consul_is_asked(self) -> None:
        """The call is cancelled."""
        self.agent.hung = True
        self.start()
        self.stop()

    def test_while_it_writes(self) -> None:
        """All of the writes are."""
        self.start()
        for number in range(20):
            self.engine.run(f"web{number}", publish=["80"])
        get = self.registrar._consul.agent_services

        def then_hang() -> Deferred[dict[str, dict[str, Any]]]:
            found: Deferred[dict[str, dict[str, Any]]] = get()
            self.agent.hung = True
            return found

        self.patch(self.registrar._consul, "agent_services", then_hang)
        self.settle()
        self.assertEqual([], self.written())
        self.stop()

    def test_the_docker_client_is_closed(self) -> None:
        """Nobody else uses it."""
        closed: list[bool] = []

        def close() -> Deferred[None]:
            closed.append(True)
            return succeed(None)

        self.patch(self.registrar._docker, "close", close)
        self.start()
        self.stop()
        self.assertEqual([True], closed)


class StateTests(RegistrarTestCase):
    """What the status site shows."""

    def test_before_anything_happened(self) -> None:
        """Nothing is claimed."""
        state = self.registrar.state()
        self.assertEqual(
            (False, False, False, None, None, 0, ""),
            (
                state["ready"],
                state["docker_connected"],
                state["consul_connected"],
                state["last_event_age_s"],
                state["last_reconcile_age_s"],
                state["containers"],
                state["error"],
            ),
        )

    def test_at_work(self) -> None:
        """Ages in seconds, and what there is."""
        self.start()
        self.engine.run("web", publish=["80"])
        self.settle()
        self.clock.advance(2)
        state = self.registrar.state()
        self.assertEqual(
            {
                "ready": True,
                "error": "",
                "docker_connected": True,
                "consul_connected": True,
                "api_version": "1.41",
                "last_event_age_s": 2 + DEBOUNCE_S,
                "last_reconcile_age_s": 2.0,
                "last_reconcile_s": 0.0,
                "drift": 0,
                "containers": 1,
                "odd_containers": 0,
                "dirty_containers": 0,
                "stopping_containers": 0,
                "services": 1,
                "refused_attributes": 0,
                "writes": 1,
                "pending_writes": 0,
                "failed_writes": 0,
                "failing_services": 0,
                "beats": 0,
            },
            json.loads(json.dumps(state)),
        )

    def test_who_is_away(self) -> None:
        """Each by itself; and both are back when they answer."""
        self.start()

        def connected() -> tuple[bool, bool]:
            state = self.registrar.state()
            return state["docker_connected"], state["consul_connected"]

        self.agent.away = True
        self.clock.advance(1.1 * INTERVAL_S)
        self.assertEqual((True, False), connected())
        self.agent.away = False
        self.clock.advance(1)
        self.engine.away = True
        self.engine.drop_streams()
        self.clock.pump([0, 1])
        self.assertEqual((False, True), connected())
        self.engine.away = False
        self.clock.pump([1, 0])
        self.assertEqual((True, True), connected())

    def test_attributes_that_are_not_used(self) -> None:
        """They are counted once for a container, and as long as it runs."""
        env = ["SERVICE_TOKEN=abc", "SERVICE_CHECK_TTL=soon", "SERVICE_A=b"]
        self.engine.run("web", env=env, publish=["80", "81"])
        self.start()
        self.assertEqual(2, self.registrar.state()["refused_attributes"])
        self.engine.kill("web")
        self.settle()
        self.assertEqual(0, self.registrar.state()["refused_attributes"])

    def test_what_is_still_to_be_done(self) -> None:
        """Containers to inspect, and writes that have no answer yet."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.agent.hung = True
        self.engine.begin_stop("web")
        state = self.registrar.state()
        self.assertEqual((1, 1), (state["dirty_containers"], state["pending_writes"]))


class DriftTests(RegistrarTestCase):
    """Differences that should not have been there."""

    def setUp(self) -> None:
        """One container, registered."""
        super().setUp()
        self.engine.run("web", publish=["80"])
        self.start()

    def drift(self) -> int:
        """What has been found so far, the next look by the clock included."""
        self.clock.advance(1.1 * INTERVAL_S)
        return self.registrar.state()["drift"]

    def test_all_that_events_and_times_have_told(self) -> None:
        """A start, a death, a survivor: none of it is drift."""
        self.engine.run("api", publish=["80"])
        self.settle()
        self.engine.kill("api")
        self.settle()
        self.engine.kill("web", signal="TERM")
        self.clock.pump([1.0] * 20)
        self.assertEqual([], sorted(self.agent.maintenance))
        self.assertEqual(0, self.drift())

    def test_a_lost_event(self) -> None:
        """Its container is found, and was not expected."""
        self.engine.mute = True
        self.engine.run("api", publish=["80"])
        self.assertEqual(1, self.drift())
        self.assertEqual(1, self.drift())

    def test_another_hand(self) -> None:
        """What it has done is undone, and counted."""
        self.agent.deregister("node-1:web:80")
        self.assertEqual(1, self.drift())

    def test_outages(self) -> None:
        """Who was away is expected to differ."""
        self.agent.away = True
        self.drift()
        self.agent.lose_data()
        self.agent.away = False
        self.assertEqual(0, self.drift())
        self.engine.drop_streams()
        self.engine.run("api", publish=["80"])
        self.clock.pump([0, 1, 0])
        self.assertEqual(2, len(self.ids()))
        self.assertEqual(0, self.drift())

    def test_what_was_refused(self) -> None:
        """It is still to be written, which is known."""
        self.agent.refused["node-1:odd:80"] = "no"
        self.engine.run("odd", publish=["80"])
        self.settle()
        self.assertEqual(0, self.drift())
