"""The container image: built of Dockerfile without a network, and run."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.error import ConnectError
from twisted.trial.unittest import TestCase
from twisted.web.client import ResponseFailed
from twisted.web.http_headers import Headers

from tests.services import (
    Answer,
    Containers,
    ServiceError,
    consul_image,
    docker,
    request,
    router_image,
    running_reactor,
    wait_for,
)

#: Stands for "no answer".
NOBODY = Answer(599, Headers(), b"")


class RouterImageTests(TestCase):
    """A router container beside Consul, in the network of Consul's container."""

    timeout = 600  # seconds; the first build takes its time

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.image = await router_image(self)
        self.containers = Containers(self)
        # Published here, for the router has no network of its own to publish.
        self.consul = await self.containers.run(
            *("agent", "-dev", "-client", "0.0.0.0"),
            image=await consul_image(self),
            publish=["127.0.0.1::8081", "127.0.0.1::8082", "127.0.0.1::8500"],
        )

    async def start(self, *options: str) -> str:
        network = ("--network", f"container:{self.consul}")
        return await self.containers.run(image=self.image, options=[*network, *options])

    async def get(self, port: int, path: str = "/", host: str = "localhost") -> Answer:
        """GET from a port of the shared network; 599 while nobody listens there."""
        published = await self.containers.port(self.consul, port)
        url = f"http://127.0.0.1:{published}{path}"
        try:
            return await request("GET", url, headers={"Host": host})
        except (ConnectError, ResponseFailed):
            return NOBODY

    async def started(self, *options: str) -> str:
        router = await self.start(*options)

        async def healthy() -> bool:
            return (await self.get(8082, "/health")).code == 200

        await wait_for(running_reactor(), healthy, 30, what="/health")
        return router

    async def state(self, container: str) -> Any:
        return json.loads(await docker("inspect", "-f", "{{json .State}}", container))

    async def test_answers_on_both_of_its_ports(self) -> None:
        await self.started()
        self.assertEqual(404, (await self.get(8081)).code)

    async def test_docker_finds_it_healthy(self) -> None:
        router = await self.started()

        async def found() -> bool:
            health = (await self.state(router))["Health"]
            return bool(health["Status"] == "healthy")

        await wait_for(running_reactor(), found, 60, what="Docker's health check")

    async def test_does_not_run_as_root(self) -> None:
        router = await self.started()
        self.assertEqual("10001", (await docker("exec", router, "id", "-u")).strip())

    async def test_can_run_on_a_read_only_file_system(self) -> None:
        await self.started("--read-only", "--cap-drop", "ALL")

    async def test_sigterm_stops_it_in_order(self) -> None:
        router = await self.started()
        clock = running_reactor()
        begun_s = clock.seconds()
        await docker("stop", "--time", "30", router)
        self.assertLess(clock.seconds() - begun_s, 5)
        self.assertEqual(0, (await self.state(router))["ExitCode"])

    async def test_sigterm_behind_an_init_does_too(self) -> None:
        router = await self.started("--init")
        await docker("stop", "--time", "30", router)
        self.assertEqual(0, (await self.state(router))["ExitCode"])

    async def test_takes_its_agent_from_the_environment(self) -> None:
        router = await self.start("--env", "CONSUL_HTTP_ADDR=127.0.0.1:1")

        async def listening() -> Answer | None:
            answer = await self.get(8082, "/health")
            return None if answer is NOBODY else answer

        answer: Answer = await wait_for(running_reactor(), listening, 30)
        self.assertEqual(503, answer.code, await docker("logs", router))


#: Collect all plugins as twistd does, and show what Twisted has to say on the way.
COLLECT_PLUGINS = """
import sys
from twisted.logger import globalLogPublisher, textFileLogObserver
globalLogPublisher.addObserver(textFileLogObserver(sys.stdout))
from twisted.plugin import IPlugin, getPlugins
list(getPlugins(IPlugin))
"""


class PluginCacheTests(TestCase):
    """Twisted's list of plugins, in the image."""

    timeout = 600  # seconds

    async def test_is_complete_for_a_user_who_cannot_write_it(self) -> None:
        """Else each start imports every plugin, and logs that it cannot note them."""
        image = await router_image(self)
        python = ("--entrypoint", "python", image, "-c", COLLECT_PLUGINS)
        self.assertEqual("", await docker("run", "--rm", *python))


class ImageConfigurationTests(TestCase):
    """The configuration files in the image."""

    timeout = 600  # seconds

    async def check(self, file: str) -> str:
        image = await router_image(self)
        return await docker("run", "--rm", image, "--check", "--config", file)

    async def test_router_yml_is_valid(self) -> None:
        await self.check("/etc/twisted-router/router.yml")

    async def test_those_of_each_shape_are_valid(self) -> None:
        for name in ("all-in-one", "edge", "node"):
            await self.check(f"/etc/twisted-router/{name}.yml")

    async def test_a_file_that_is_not_there_ends_the_start(self) -> None:
        with self.assertRaisesRegex(ServiceError, "exit status 1.*/nowhere.yml"):
            await self.check("/nowhere.yml")
