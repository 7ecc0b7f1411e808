"""The services that other tests stand on, started for real."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from tests import services
from tests.services import (
    ConsulAgent,
    Containers,
    ServiceError,
    free_port,
    needs,
    request,
    running_reactor,
    wait_for,
)

WEB = {"ID": "web-1", "Name": "web", "Address": "127.0.0.1", "Port": 8000}


class ConsulAgentTests(TestCase):
    """:class:`ConsulAgent`."""

    async def test_is_ready_for_writes_when_started(self) -> None:
        consul = await ConsulAgent.started(self)
        await consul.put("/v1/agent/service/register", WEB)
        self.assertEqual(["web-1"], list(await consul.get("/v1/agent/services")))

    async def test_a_durable_one_keeps_its_registrations_and_address(self) -> None:
        consul = await ConsulAgent.started(self, durable=True)
        address = consul.address
        await consul.put("/v1/agent/service/register", WEB)
        await consul.restart()
        self.assertEqual(address, consul.address)
        self.assertEqual(["web-1"], list(await consul.get("/v1/agent/services")))

    async def test_any_other_forgets_its_registrations_at_a_restart(self) -> None:
        consul = await ConsulAgent.started(self)
        await consul.put("/v1/agent/service/register", WEB)
        await consul.restart()
        self.assertEqual({}, await consul.get("/v1/agent/services"))

    async def test_listens_no_more_once_killed(self) -> None:
        consul = await ConsulAgent.started(self)
        await consul.kill()
        with self.assertRaises(ConnectError):
            await request("GET", consul.url + "/v1/status/leader")

    async def test_says_why_when_consul_refuses(self) -> None:
        consul = await ConsulAgent.started(self)
        with self.assertRaisesRegex(ServiceError, "400.*Missing service name"):
            await consul.put("/v1/agent/service/register", {"ID": "nameless"})

    async def test_a_program_that_exits_fails_the_start_with_its_words(self) -> None:
        program = Path(self.mktemp()).absolute()
        program.write_text("#!/bin/sh\necho no such option >&2\nexit 1\n")
        program.chmod(0o755)
        consul = ConsulAgent(str(program), Path(self.mktemp()).absolute())
        with self.assertRaisesRegex(ServiceError, "consul exited: no such option"):
            await consul.start()


class ContainersTests(TestCase):
    """:class:`Containers`."""

    async def test_a_published_port_can_be_reached(self) -> None:
        containers = Containers(self)
        page = "hostname > /www/index.html && exec httpd -f -h /www -p 8000"
        web = await containers.run("sh", "-c", page, publish=["127.0.0.1::8000"])
        port = await containers.port(web, 8000)

        async def page_body() -> bytes:
            try:
                return (await request("GET", f"http://127.0.0.1:{port}/")).body
            except ConnectError:
                return b""

        body = await wait_for(running_reactor(), page_body, what="the page")
        self.assertEqual(web[:12], body.decode().strip())

    async def test_removes_only_the_containers_of_its_test(self) -> None:
        mine, other = Containers(self), Containers(self)
        gone = await mine.run("sleep", "60")
        kept = await other.run("sleep", "60")
        await mine.remove_all()
        label = f"label={services.TEST_LABEL}"
        listed = (
            await services.docker("ps", "--all", "--no-trunc", "-q", "--filter", label)
        ).split()
        self.assertIn(kept, listed)
        self.assertNotIn(gone, listed)


class WaitForTests(SynchronousTestCase):
    """:func:`wait_for`."""

    def test_returns_the_first_true_answer(self) -> None:
        clock = Clock()
        answers = ["", "", "ready", "later"]
        waiting = Deferred.fromCoroutine(wait_for(clock, lambda: answers.pop(0)))
        self.assertNoResult(waiting)
        clock.pump([0.05, 0.05])
        self.assertEqual("ready", self.successResultOf(waiting))

    def test_awaits_what_the_predicate_returns(self) -> None:
        clock = Clock()
        answer: Deferred[int] = Deferred()
        waiting = Deferred.fromCoroutine(wait_for(clock, lambda: answer))
        self.assertNoResult(waiting)
        answer.callback(7)
        self.assertEqual(7, self.successResultOf(waiting))

    def test_gives_up_in_time_and_names_what_it_waited_for(self) -> None:
        clock = Clock()
        waiting = Deferred.fromCoroutine(wait_for(clock, lambda: 0, 1, what="the end"))
        clock.pump([0.05] * 30)
        failure = self.failureResultOf(waiting, ServiceError)
        self.assertEqual("the end: still 0 after 1 s", failure.getErrorMessage())


class MissingServiceTests(SynchronousTestCase):
    """What a test does that lacks a service."""

    def setUp(self) -> None:
        self.patch(needs, "find_consul", lambda: None)

    def test_skips_on_a_developers_machine(self) -> None:
        with patch.dict(os.environ, {"CI": ""}), self.assertRaises(SkipTest):
            services.require_consul(self)

    def test_fails_in_ci(self) -> None:
        with patch.dict(os.environ, {"CI": "true"}), self.assertRaises(ServiceError):
            services.require_consul(self)


class FreePortTests(SynchronousTestCase):
    """:func:`free_port`."""

    def test_stays_out_of_the_kernels_ephemeral_range(self) -> None:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
            lowest = int(file.read().split()[0])
        self.assertTrue(all(free_port() < lowest for _ in range(100)))
