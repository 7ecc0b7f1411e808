"""Containers that stop or are paused, on a real Docker engine and a real Consul."""

from __future__ import annotations

from statistics import median

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.integration.registrar import RegistrarTestCase
from tests.services import docker, wait_for
from twisted_router.registrar.draining import SURVIVAL_S
from twisted_router.registrar.maintenance import is_ours, stopping_since

#: Seconds after its event that maintenance mode has to be in Consul at the latest. It
#: takes some milliseconds; others use this machine as well.
MEDIAN_LIMIT_S = 0.05
LIMIT_S = 1.0


class DrainingTests(RegistrarTestCase):
    """Routers stop sending before the process is gone."""

    async def reason(self) -> str:
        """Why our service is in maintenance mode, as routers see it; or ``""``.

        :raises AssertionError: it is not registered.
        """
        name = (await self.service() or {}).get("Service", "")
        (entry,) = await self.consul.get(f"/v1/health/service/{name}")
        for check in entry["Checks"]:
            if check["CheckID"] == f"_service_maintenance:{self.service_id}":
                return str(check["Notes"])
        return ""

    async def until_drained(self) -> str:
        """Wait until it gets no more requests for a reason of ours; returns that."""
        reason: str = await wait_for(self.reactor, self.reason, every_s=0.005)
        self.assertTrue(is_ours(reason), reason)
        return reason

    async def until_served(self) -> float:
        """Wait until it gets requests; returns for how many seconds that was."""

        async def is_served() -> bool:
            return not await self.reason()

        since_s: float = self.reactor.seconds()
        await wait_for(self.reactor, is_served, 20)
        return float(self.reactor.seconds()) - since_s

    async def run_registered(self, *options: str) -> str:
        """Start our container and wait until it gets requests."""
        container = await self.run_web(*options)
        await self.until(bool)
        self.assertEqual("", await self.reason())
        return container

    async def test_a_container_that_takes_its_time_to_stop(self) -> None:
        """It gets no more requests long before it is gone."""
        container = await self.run_registered()
        stopping = Deferred.fromCoroutine(docker("stop", "--time=3", container))
        told = stopping_since(await self.until_drained())
        assert told is not None
        self.assertTrue(self.reactor.seconds() - told.timestamp() < LIMIT_S)
        await deferLater(self.reactor, 1.0)
        self.assertFalse(stopping.called)
        self.assertTrue(await self.service())
        await stopping
        await self.until(lambda found: found is None)
        self.assertEqual(
            [
                f"{verb} {self.service_id}"
                for verb in ("register", "maintain", "deregister")
            ],
            self.own_writes(),
        )

    async def test_how_soon_that_is(self) -> None:
        """Some milliseconds after the event."""
        latencies_s = []
        for _ in range(5):
            container = await self.run_registered("--stop-timeout=60")
            await docker("kill", "--signal=TERM", container)
            told = stopping_since(await self.until_drained())
            assert told is not None
            latencies_s.append(self.switched_s[-1] - told.timestamp())
            await self.containers.remove(container)
            await self.until(lambda found: found is None)
        self.assertTrue(median(latencies_s) < MEDIAN_LIMIT_S, latencies_s)

    async def test_a_survivor(self) -> None:
        """It gets requests again, and not before it can be known to be one."""
        container = await self.run_registered("--stop-timeout=1")
        await docker("kill", "--signal=TERM", container)
        await self.until_drained()
        lasted_s = await self.until_served()
        self.assertTrue(SURVIVAL_S < lasted_s < SURVIVAL_S + 3.0, lasted_s)
        await self.looks(2)
        self.assertEqual(
            [
                f"{verb} {self.service_id}"
                for verb in ("register", "maintain", "resume")
            ],
            self.own_writes(),
        )

    async def test_a_signal_that_does_not_stop_it(self) -> None:
        """Nothing is written for that."""
        container = await self.run_registered()
        self.written.clear()
        for signal in ("HUP", "USR1"):
            await docker("kill", f"--signal={signal}", container)
        await self.looks(2)
        self.assertEqual([], self.own_writes())

    async def test_the_signal_that_a_container_wants(self) -> None:
        """It is told to stop by that."""
        container = await self.run_registered("--stop-signal=SIGRTMIN+3")
        await docker("kill", "--signal=RTMIN+3", container)
        await self.until_drained()

    async def test_a_paused_container(self) -> None:
        """It gets no requests until it goes on, whoever looks."""
        container = await self.run_registered()
        await docker("pause", container)
        await self.until_drained()
        await self.registrar.stopService()
        self.start()
        await self.looks(2)
        await self.until_drained()
        await docker("unpause", container)
        await self.until_served()
        self.assertEqual(
            [
                f"{verb} {self.service_id}"
                for verb in ("register", "maintain", "resume")
            ],
            self.own_writes(),
        )

    async def test_a_restarted_container(self) -> None:
        """It gets requests where it listens now."""
        container = await self.run_registered()
        await docker("restart", "--time=1", container)
        port = await self.containers.port(container, 80)
        await self.until(lambda found: found and found["Port"] == port)
        await self.until_served()

    async def test_an_operators_maintenance(self) -> None:
        """It outlives ours."""
        container = await self.run_registered("--stop-timeout=1")
        mode = f"/v1/agent/service/maintenance/{self.service_id}"
        await self.consul.put(f"{mode}?enable=true&reason=upgrade")
        await docker("kill", "--signal=TERM", container)
        await deferLater(self.reactor, 1.0 + SURVIVAL_S)
        await self.looks(2)
        self.assertEqual("upgrade", await self.reason())

    async def test_a_registrar_that_is_replaced_meanwhile(self) -> None:
        """The next one knows that the container is being stopped, and by when."""
        container = await self.run_registered("--stop-timeout=1")
        await docker("kill", "--signal=TERM", container)
        await self.until_drained()
        await self.registrar.stopService()
        self.start()
        await wait_for(self.reactor, lambda: self.registrar.state()["ready"])
        self.assertTrue(is_ours(await self.reason()))
        lasted_s = await self.until_served()
        self.assertTrue(SURVIVAL_S < lasted_s < SURVIVAL_S + 3.0, lasted_s)

    async def test_consul_restarts_without_its_data_meanwhile(self) -> None:
        """The service comes back without requests."""
        container = await self.run_registered()
        await docker("pause", container)
        await self.until_drained()
        await self.consul.restart()
        await self.until(bool)
        await self.until_drained()
        await docker("unpause", container)
        await self.until_served()
