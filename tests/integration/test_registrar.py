"""The registrar between a real Docker engine and a real Consul agent."""

from __future__ import annotations

from tests.integration.registrar import RegistrarTestCase
from tests.services import docker, request, wait_for
from twisted_router.registrar.meta import CONTAINER, ENGINE, HOST, OWNER


class RegistrarTests(RegistrarTestCase):
    """What runs is in Consul, and nothing else of ours."""

    async def test_a_container_appears_and_goes(self) -> None:
        """With its name, tags and attributes, where it can be reached."""
        container = await self.run_web(
            environ={"SERVICE_NAME": "shop", "SERVICE_URIS": "shop.example.com"},
            labels={"SERVICE_TAGS": "urlprefix-/b,a"},
        )
        service = await self.until(bool)
        port = await self.containers.port(container, 80)
        self.assertEqual(
            ("shop", "127.0.0.1", port, ["urlprefix-/b", "a"]),
            (
                service["Service"],
                service["Address"],
                service["Port"],
                service["Tags"],
            ),
        )
        engine, host = (await docker("info", "--format", "{{.ID}} {{.Name}}")).split()
        marks = {OWNER: "test", CONTAINER: container[:12], ENGINE: engine, HOST: host}
        self.assertEqual(marks | {"uris": "shop.example.com"}, service["Meta"])
        answer = await request("GET", f"http://127.0.0.1:{port}/")
        self.assertEqual(404, answer.code)
        await docker("stop", "--time=1", container)
        await self.until(lambda found: found is None)
        self.assertEqual(
            [
                f"{verb} {self.service_id}"
                for verb in ("register", "maintain", "deregister")
            ],
            self.own_writes(),
        )

    async def test_a_second_run_writes_nothing(self) -> None:
        """Nor does any later look."""
        await self.run_web()
        await self.until(bool)
        await self.registrar.stopService()
        self.assertTrue(await self.service())
        self.written.clear()
        self.start()
        await wait_for(self.reactor, lambda: self.registrar.state()["ready"])
        await self.looks(2)
        self.assertEqual([], self.own_writes())

    async def test_a_container_that_died_meanwhile(self) -> None:
        """The next run takes its service away, and nobody else's."""
        foreign = {"ID": f"{self.name}-db", "Name": "db", "Port": 5432}
        await self.consul.put("/v1/agent/service/register", foreign)
        container = await self.run_web()
        await self.until(bool)
        await self.registrar.stopService()
        await self.containers.remove(container)
        self.start()
        await self.until(lambda found: found is None)
        services = await self.consul.get("/v1/agent/services")
        self.assertIn(f"{self.name}-db", services)

    async def test_a_restarted_container(self) -> None:
        """Its service moves to the new port."""
        container = await self.run_web()
        await self.until(bool)
        await docker("restart", "--time=0", container)
        port = await self.containers.port(container, 80)
        await self.until(lambda found: found and found["Port"] == port)

    async def test_a_renamed_container(self) -> None:
        """Its service goes by the new name, then no longer by the old one."""
        container = await self.run_web()
        await self.until(bool)
        await docker("rename", container, f"{self.name}-2")
        old, self.service_id = self.service_id, f"test:{self.name}-2:80"
        await self.until(bool)
        self.service_id = old
        await self.until(lambda found: found is None)

    async def test_a_check_passes(self) -> None:
        """It asks where the service listens; the check is the agent's from then on."""
        await self.run_web(
            labels={"SERVICE_CHECK_TCP": "yes", "SERVICE_CHECK_INTERVAL": "1s"}
        )
        await self.until(bool)

        async def passing() -> bool:
            checks = await self.consul.get("/v1/agent/checks")
            own = [
                each for each in checks.values() if each["ServiceID"] == self.service_id
            ]
            return [each["Status"] for each in own] == ["passing"]

        await wait_for(self.reactor, passing, 15)

    async def test_consul_restarts_without_its_data(self) -> None:
        """All is registered again."""
        await self.run_web()
        await self.until(bool)
        await self.consul.restart()
        await self.until(bool)
        self.assertEqual(2, len(self.own_writes()))

    async def test_consul_is_away_while_containers_start(self) -> None:
        """They are registered when it is back."""
        await self.consul.stop()
        await self.run_web()
        await wait_for(self.reactor, lambda: self.registrar.state()["error"])
        await self.consul.start()
        await self.until(bool)
        self.assertEqual("", self.registrar.state()["error"])
