"""The classic demo, ``etc/docker-compose.yml``: start an app, and its name works."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectError
from twisted.trial.unittest import TestCase
from twisted.web.client import ResponseFailed

from tests.services import (
    TOP,
    ServiceError,
    consul_image,
    free_port,
    request,
    require_docker,
    router_image,
    run_command,
    running_reactor,
    wait_for,
    web_image,
)

HOST = "web.localhost"


class ComposeTests(TestCase):
    """One Consul, one router with its registrar, and a web service of any size."""

    timeout = 600  # seconds; the first build of the images takes its time

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        require_docker(self)
        port, consul_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self.consul = f"http://127.0.0.1:{consul_port}"
        self.environ = {
            "COMPOSE_PROJECT_NAME": f"twisted-router-test-{uuid.uuid4().hex[:8]}",
            "CONSUL_IMAGE": await consul_image(self),
            "ROUTER_IMAGE": await router_image(self),
            "WEB_IMAGE": await web_image(self),
            "CONSUL_PORT": str(consul_port),
            "ROUTER_PORT": str(port),
            "STATUS_PORT": str(free_port()),
            "DOCKER_GID": str(os.stat("/var/run/docker.sock").st_gid),
        }
        self.addCleanup(self.compose, "down", "--volumes", "--timeout", "0")

    async def compose(self, *arguments: str) -> str:
        file = str(TOP / "etc" / "docker-compose.yml")
        return await run_command(
            "docker-compose", "--file", file, *arguments, environ=self.environ
        )

    async def scale(self, count: int) -> None:
        await self.compose(
            "up", "--detach", "--no-build", "--timeout", "1", "--scale", f"web={count}"
        )

    async def ask(self) -> tuple[int, str]:
        """Ask the router for the service; ``(0, "")`` while nobody listens."""
        try:
            answer = await request("GET", self.url, headers={"Host": HOST})
        except (ConnectError, ResponseFailed):
            return 0, ""
        return answer.code, answer.body.decode().strip()

    async def names(self, requests: int) -> list[str]:
        """Ask that many times in turn, all well answered; return who answered."""
        answers = [await self.ask() for _ in range(requests)]
        self.assertEqual({200}, {code for code, _ in answers}, answers)
        return [name for _, name in answers]

    async def until_answered_by(self, count: int) -> None:
        """Wait until *count* containers answer, all of them and each in its turn."""

        async def who() -> bool:
            answers = [await self.ask() for _ in range(2 * count)]
            names = [name for code, name in answers if code == 200]
            return len(names) == len(answers) and len(set(names)) == count

        await self.eventually(who, f"{count} instances that answer")

    async def eventually(self, predicate: Callable[[], Any], what: str) -> None:
        try:
            await wait_for(running_reactor(), predicate, 30, what=what)
        except ServiceError as error:
            raise self.failureException(
                f"{error}\n{await self.compose('logs', '--tail=50', 'router')}"
            ) from error

    async def until_status(self, code: int) -> None:
        async def is_it() -> bool:
            return (await self.ask())[0] == code

        await self.eventually(is_it, f"status {code}")

    async def set_maintenance(self, enable: bool) -> None:
        """Take the service out of use in Consul, or back, as an operator would."""
        services = await request("GET", f"{self.consul}/v1/agent/services")
        (service,) = services.json()
        change = f"maintenance/{service}?enable={'true' if enable else 'false'}"
        await request("PUT", f"{self.consul}/v1/agent/service/{change}")

    async def test_follows_the_service_from_one_instance_to_three_and_to_none(
        self,
    ) -> None:
        """The whole story in one test, for each step begins where the last ended."""
        await self.scale(1)
        await self.until_answered_by(1)

        await self.scale(3)
        await self.until_answered_by(3)
        nine = await self.names(9)
        self.assertEqual(3, len(set(nine[:3])), nine)
        self.assertEqual(nine[:3] * 3, nine, "each in its turn")

        await self.scale(1)
        await self.until_answered_by(1)

        # Registered but not usable is 503, and not registered is 404.
        await self.set_maintenance(True)
        await self.until_status(503)
        await self.set_maintenance(False)
        await self.until_answered_by(1)
        await self.compose("stop", "--timeout", "1", "web")
        await self.until_status(404)

        await self.compose("start", "web")
        await self.until_answered_by(1)
