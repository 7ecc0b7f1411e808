"""Tests for ``twisted_router.registrar.service`` when containers stop or are paused."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.registrar.support import INTERVAL_S, RegistrarTestCase
from twisted_router.config.schema import DockerConfig, Seconds
from twisted_router.registrar.draining import SURVIVAL_S
from twisted_router.registrar.maintenance import PAUSED, is_ours

FULL_S = DockerConfig().stop_timeout + SURVIVAL_S

WEB = "node-1:web:80"


class DrainingTestCase(RegistrarTestCase):
    """Base: one container, registered."""

    def setUp(self) -> None:
        """It is called ``web``; nothing was written since."""
        super().setUp()
        self.engine.run("bystander")
        self.engine.run("web", publish=["8080:80"])
        self.start()
        self.written()

    def look(self) -> None:
        """Make it look, and have that done."""
        self.engine.start("bystander")
        self.settle()

    def drained(self) -> list[str]:
        """IDs of the services that are in maintenance mode for a reason of ours."""
        return sorted(
            service_id
            for service_id, reason in self.agent.maintenance.items()
            if is_ours(reason)
        )

    def replace_registrar(self) -> None:
        """Another process takes over."""
        self.stop()
        self.registrar = self.make_registrar()
        self.start()


class StoppingContainersTests(DrainingTestCase):
    """A container that is being stopped gets no more requests."""

    def test_at_once(self) -> None:
        """Before anyone has looked; looking finds nothing left to do."""
        self.engine.begin_stop("web")
        self.assertEqual([f"maintain {WEB}"], self.written())
        self.assertEqual([WEB], self.drained())
        self.clock.pump([1.0] * 9)
        self.assertEqual([], self.written())
        self.assertEqual(1, self.registrar.state()["stopping_containers"])

    def test_further_signals(self) -> None:
        """Nothing is left to do; a container is often told more than once."""
        self.engine.begin_stop("web")
        self.written()
        for signal in ("TERM", "INT"):
            self.engine.kill("web", signal=signal)
            self.settle()
        self.assertEqual([], self.written())

    def test_when_it_has_died(self) -> None:
        """It is deregistered."""
        self.engine.begin_stop("web")
        self.settle()
        self.engine.die("web")
        self.settle()
        self.assertEqual([f"maintain {WEB}", f"deregister {WEB}"], self.written())
        self.assertEqual(0, self.registrar.state()["stopping_containers"])

    def test_all_of_its_services_and_no_others(self) -> None:
        """Whatever else runs, and whoever else has services there."""
        self.agent.register({"ID": "node-1:both:81", "Name": "by-hand"})
        self.engine.run("both", publish=["80", "81", "82"])
        self.settle()
        self.engine.begin_stop("both")
        self.settle()
        self.assertEqual(["node-1:both:80", "node-1:both:82"], self.drained())

    def test_signals_that_do_not_stop_it(self) -> None:
        """Nothing happens at all."""
        reads = self.agent.reads
        for signal in ("HUP", "USR1"):
            self.engine.kill("web", signal=signal)
            self.settle()
        self.assertEqual(([], reads), (self.written(), self.agent.reads))

    def test_a_signal_that_stops_this_one(self) -> None:
        """It says so itself."""
        self.engine.run("own", publish=["80"], stop_signal="USR1")
        self.settle()
        self.engine.kill("own", signal="USR1")
        self.assertEqual(["node-1:own:80"], self.drained())

    def test_a_survivor(self) -> None:
        """It gets requests again when stopping it would have taken so long."""
        self.engine.kill("web", signal="TERM")
        self.clock.pump([1.0] * (round(FULL_S) - 1))
        self.assertEqual([WEB], self.drained())
        self.clock.advance(1.0)
        self.assertEqual([], self.drained())
        self.assertEqual([f"maintain {WEB}", f"resume {WEB}"], self.written())

    def test_a_survivor_with_a_time_of_its_own(self) -> None:
        """That counts."""
        self.engine.run("quick", publish=["80"], stop_timeout=1)
        self.settle()
        self.engine.kill("quick", signal="INT")
        self.clock.pump([1.0] * 7)
        self.assertEqual([], self.drained())

    def test_a_host_whose_containers_take_longer(self) -> None:
        """Nobody is told of ``docker stop --time``: it has to be configured."""
        self.config = DockerConfig(stop_timeout=Seconds(60))
        self.replace_registrar()
        self.engine.begin_stop("web")
        self.clock.pump([1.0] * 64)
        self.assertEqual([WEB], self.drained())
        self.clock.advance(1.0)
        self.assertEqual([], self.drained())

    def test_a_restarted_container(self) -> None:
        """The new run does not inherit it, in no version of Consul."""
        for self.agent.keeps_maintenance in (False, True):
            for verb in (self.engine.restart, self.restart_slowly):
                verb("web")
                self.settle()
                self.assertEqual(([WEB], []), (self.ids(), self.drained()))

    def restart_slowly(self, container: str) -> None:
        """With a look in every moment."""
        self.engine.begin_stop(container)
        self.settle()
        self.engine.die(container)
        self.settle()
        self.engine.start(container)

    def test_a_restart_that_nobody_told_of(self) -> None:
        """The next look finds that what was being stopped was another run."""
        self.engine.begin_stop("web")
        self.settle()
        self.engine.mute = True
        self.engine.die("web")
        self.engine.start("web")
        self.engine.mute = False
        self.look()
        self.assertEqual(([WEB], []), (self.ids(), self.drained()))

    def test_a_rename_while_it_stops(self) -> None:
        """It gets no requests under its new name either."""
        self.engine.begin_stop("web")
        self.engine.rename("web", "old")
        self.settle()
        old = "node-1:old:80"
        self.assertEqual([f"maintain {WEB}", f"register {old}"], self.written()[:2])
        self.assertEqual(([old], [old]), (self.ids(), self.drained()))

    def test_a_difference_while_it_stops(self) -> None:
        """It is registered anew, and gets no requests for that."""
        self.engine.begin_stop("web")
        self.settle()
        self.agent.services[WEB]["Port"] = 1
        self.look()
        self.assertEqual(8080, self.agent.services[WEB]["Port"])
        self.assertEqual([WEB], self.drained())

    def test_an_operators_maintenance(self) -> None:
        """It is neither replaced nor ended."""
        self.agent.maintenance[WEB] = "an upgrade"
        self.engine.kill("web", signal="TERM")
        self.clock.pump([1.0] * 20)
        self.engine.pause("web")
        self.settle()
        self.engine.unpause("web")
        self.settle()
        self.assertEqual({WEB: "an upgrade"}, self.agent.maintenance)

    def test_an_operators_maintenance_of_what_is_registered_anew(self) -> None:
        """It is kept."""
        self.agent.maintenance[WEB] = "an upgrade"
        self.agent.services[WEB]["Port"] = 1
        self.look()
        self.assertEqual([f"register {WEB}"], self.written())
        self.assertEqual({WEB: "an upgrade"}, self.agent.maintenance)

    def test_it_can_be_switched_off(self) -> None:
        """Then nothing goes into maintenance mode, and what is there comes out."""
        self.engine.begin_stop("web")
        self.config = DockerConfig(drain=False)
        self.replace_registrar()
        self.assertEqual([], self.drained())
        self.written()
        self.engine.begin_stop("web")
        self.engine.pause("web")
        self.settle()
        self.assertEqual([], self.written())


class RepairTests(DrainingTestCase):
    """What was missed or has failed is made up for at the next look."""

    def test_a_write_that_fails(self) -> None:
        """It is in the next plan."""
        self.agent.away = True
        self.engine.begin_stop("web")
        self.agent.away = False
        self.settle()
        self.assertEqual([f"maintain {WEB}"], self.written())

    def test_an_agent_that_is_away_for_longer(self) -> None:
        """Until it is back."""
        self.agent.away = True
        self.engine.begin_stop("web")
        self.clock.pump([1.0] * 5)
        self.agent.away = False
        self.clock.advance(1.0)
        self.assertEqual([WEB], self.drained())

    def test_an_agent_that_loses_its_data(self) -> None:
        """What was lost comes back without requests."""
        self.engine.pause("web")
        self.settle()
        self.agent.lose_data()
        self.look()
        self.assertEqual(([WEB], [WEB]), (self.ids(), self.drained()))

    def test_somebody_ends_it(self) -> None:
        """It is switched on again as long as the container is being stopped."""
        self.engine.begin_stop("web")
        self.settle()
        self.agent.maintenance.clear()
        self.look()
        self.assertEqual([WEB], self.drained())

    def test_a_container_that_is_stopped_as_soon_as_it_runs(self) -> None:
        """Before it was seen; its service never gets requests."""
        self.engine.run("brief", publish=["80"])
        self.engine.begin_stop("brief")
        self.settle()
        self.assertIn("node-1:brief:80", self.ids())
        self.assertEqual(["node-1:brief:80"], self.drained())

    def test_a_look_waits_for_what_is_being_written(self) -> None:
        """It would be written twice."""
        waiting: list[Deferred[None]] = []
        real = self.registrar._consul.maintenance

        def maintenance(*arguments: Any) -> Deferred[None]:
            waiting.append(Deferred())
            return waiting[-1].addCallback(lambda _: real(*arguments))

        self.patch(self.registrar._consul, "maintenance", maintenance)
        self.engine.begin_stop("web")
        reads = self.agent.reads
        self.settle()
        self.assertEqual((1, reads), (len(waiting), self.agent.reads))
        waiting[0].callback(None)
        self.assertEqual((1, reads + 1), (len(waiting), self.agent.reads))
        self.assertEqual([f"maintain {WEB}"], self.written())

    def test_stopping_the_registrar_while_it_is_written(self) -> None:
        """The write is cancelled."""
        self.agent.hung = True
        self.engine.begin_stop("web")
        self.stop()


class AnotherProcessTests(DrainingTestCase):
    """The registrar itself is stopped and started anew meanwhile."""

    def test_a_container_that_is_still_being_stopped(self) -> None:
        """It gets no requests until it counts as a survivor."""
        self.engine.begin_stop("web")
        self.replace_registrar()
        self.assertEqual([f"maintain {WEB}"], self.written())
        self.clock.pump([1.0] * 14)
        self.assertEqual([WEB], self.drained())
        self.clock.pump([1.0] * 2)
        self.assertEqual([], self.drained())

    def test_a_container_that_runs_anew(self) -> None:
        """It gets requests at once, as after a restart of the engine or the host."""
        self.engine.begin_stop("web")
        self.stop()
        self.engine.die("web")
        self.engine.start("web")
        self.registrar = self.make_registrar()
        self.start()
        self.assertEqual([], self.drained())

    def test_a_paused_container(self) -> None:
        """It is seen to be paused, or no longer."""
        self.engine.pause("web")
        self.replace_registrar()
        self.assertEqual([WEB], self.drained())
        self.stop()
        self.engine.unpause("web")
        self.registrar = self.make_registrar()
        self.start()
        self.assertEqual([], self.drained())


class PausedContainersTests(DrainingTestCase):
    """A container that is paused gets no requests."""

    def test_pausing(self) -> None:
        """At once, and for as long as it lasts."""
        self.engine.pause("web")
        self.assertEqual({WEB: PAUSED}, self.agent.maintenance)
        self.clock.pump([10.0] * 100)
        self.assertEqual([f"maintain {WEB}"], self.written())

    def test_going_on(self) -> None:
        """It gets requests again."""
        self.engine.pause("web")
        self.settle()
        self.engine.unpause("web")
        self.settle()
        self.assertEqual([f"maintain {WEB}", f"resume {WEB}"], self.written())

    def test_a_pause_that_nobody_told_of(self) -> None:
        """It is found at the next look; so is its end."""
        self.engine.mute = True
        for verb, expected in (
            (self.engine.pause, [WEB]),
            (self.engine.unpause, []),
        ):
            verb("web")
            self.clock.advance(1.1 * INTERVAL_S)
            self.assertEqual(expected, self.drained())

    def test_a_pause_that_is_over_before_anyone_looks(self) -> None:
        """The container decides, not the event."""
        self.engine.pause("web")
        self.engine.unpause("web")
        self.settle()
        self.assertEqual([], self.drained())
