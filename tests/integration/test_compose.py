"""The classic demo, ``etc/docker-compose.yml``: start an app, and its name works."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import ResponseFailed

from tests.integration.composition import Composition
from tests.services import (
    ServiceError,
    consul_image,
    free_port,
    request,
    require_docker,
    router_image,
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
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self.composition = Composition(
            self,
            "docker-compose.yml",
            CONSUL_IMAGE=await consul_image(self),
            ROUTER_IMAGE=await router_image(self),
            WEB_IMAGE=await web_image(self),
            CONSUL_PORT=str(free_port()),
            ROUTER_PORT=str(port),
            STATUS_PORT=str(free_port()),
        )
        self.compose = self.composition.run

    async def scale(self, count: int) -> None:
        await self.composition.up("--scale", f"web={count}")

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

    async def gone(self) -> bool:
        return (await self.ask())[0] == 404

    async def while_asking(self, command: Coroutine[Any, Any, object]) -> list[int]:
        """Run *command*, asking all the time; return each status once per change."""
        running = Deferred.fromCoroutine(command)
        codes: list[int] = []
        while not running.called:
            code, _ = await self.ask()
            if codes[-1:] != [code]:
                codes.append(code)
            await deferLater(running_reactor(), 0.01)
        await running
        return codes

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

        # Two of three are being stopped; a client that keeps asking notices nothing.
        self.assertEqual([200], await self.while_asking(self.scale(1)))
        await self.until_answered_by(1)

        # httpd ignores SIGTERM: for two seconds the last one is still there, and
        # registered, but on its way out. Then the service is gone, and its name too.
        stopping = self.compose("stop", "--timeout", "2", "web")
        codes = await self.while_asking(stopping)
        await self.eventually(self.gone, "404")
        self.assertEqual([200, 503], codes[:2])
        self.assertIn(codes[2:], ([], [404]))

        await self.compose("start", "web")
        await self.until_answered_by(1)
