"""The router as a process: its command line, its log files, its end."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from twisted.web.server import NOT_DONE_YET

from tests.integration.backend import WebServer
from tests.integration.router import Router, config_file, twistd
from tests.services import (
    Answer,
    free_port,
    request,
    running_reactor,
    wait_for,
)

HOST = "app.example.com"

#: As Cloud Foundry's documentation gives it, but for the ports.
GOROUTER = """
status:
  port: {status_port}
  user: gorouter
  pass: password
nats:
  - host: "localhost"
    port: 4222
    user:
    pass:
logging:
  file:
  syslog:
  level: info
  loggregator_enabled: false
port: {port}
index: 0
go_max_procs: -1
publish_start_message_interval: 600
prune_stale_droplets_interval: 10
droplet_stale_threshold: 80
publish_active_apps_interval: 0
secure_cookies: true
route_service_timeout: 600
route_services_secret: "tWPE+sWJq+ZnGJpyKkIPYg=="
extra_headers_to_log:
  - Span-Id
"""


class StartTests(TestCase):
    """What it says when it starts, or cannot."""

    timeout = 60

    async def run_router(self, *arguments: str) -> tuple[int, str]:
        """Run it to its end: exit status and what it said."""
        program = twistd(self, *arguments)
        status = await program.ended()
        self.assertNotIn("Traceback", program.output)
        return status, program.output

    async def test_check_approves_of_a_good_file(self) -> None:
        path = config_file(self, {"routes": [{"uri": HOST, "instances": ["a:80"]}]})
        self.assertEqual(
            (0, f"{path}: ok\n"), await self.run_router("--check", "-c", path)
        )

    async def test_check_names_every_error_of_a_bad_file(self) -> None:
        path = config_file(self, "port: -1\nrouts: []\nroutes:\n- uri: a\n")
        status, output = await self.run_router("--check", "-c", path)
        self.assertEqual(1, status)
        self.assertEqual(
            [f"{path}:{number}" for number in (1, 2, 4)],
            [line.partition(": ")[0] for line in output.splitlines()],
        )

    async def test_a_bad_file_stops_the_start(self) -> None:
        path = config_file(self, "endpoint_timeout: soon\n")
        status, output = await self.run_router("-c", path)
        self.assertEqual(1, status)
        self.assertIn(f"{path}:1: endpoint_timeout: ", output)

    async def test_text_that_is_no_yaml_stops_the_start(self) -> None:
        path = config_file(self, "routes: [\n")
        status, output = await self.run_router("-c", path)
        self.assertEqual(1, status)
        self.assertIn(path, output)

    async def test_a_taken_port_of_the_proxy_stops_the_start(self) -> None:
        port = self.take_port()
        path = config_file(self, {"port": port})
        status, output = await self.run_router("-c", path)
        self.assertEqual(1, status)
        self.assertIn(f"twisted_router: Couldn't listen on 127.0.0.1:{port}: ", output)
        self.assertIn("Address already in use", output)

    async def test_a_taken_port_of_the_status_site_stops_the_start(self) -> None:
        port = self.take_port()
        path = config_file(self, {"status": {"port": port}})
        status, output = await self.run_router("-c", path)
        self.assertEqual(1, status)
        self.assertIn(f"twisted_router: Couldn't listen on 127.0.0.1:{port}: ", output)

    def take_port(self) -> int:
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port: int = taken.getsockname()[1]
        return port

    async def test_an_access_log_that_cannot_be_opened_stops_the_start(self) -> None:
        path = config_file(self, {"access_log": {"file": "/nonexistent/access.log"}})
        status, output = await self.run_router("-c", path)
        self.assertEqual(1, status)
        self.assertIn("/nonexistent/access.log", output)

    async def test_gorouters_example_file_starts_it(self) -> None:
        text = GOROUTER.format(port=free_port(), status_port=free_port())
        router = await Router.started(self, text)
        self.assertEqual(404, await router.code(HOST))
        self.assertEqual(200, await router.health())
        self.assertEqual(401, (await router.status("/varz")).code)
        for key in ("nats", "go_max_procs", "publish_start_message_interval"):
            self.assertRegex(router.program.output, rf"warning: .*:\d+: {key}: ")

    async def test_the_real_ports_are_said(self) -> None:
        router = await Router.started(self)
        varz = await router.varz()
        self.assertEqual(router.port, varz["proxy_port"])
        self.assertEqual(f"127.0.0.1:{router.status_port}", varz["host"])


class SlowPage:
    """A page that is finished when the test says so."""

    def __init__(self) -> None:
        self._requests: list[Any] = []

    def __call__(self, asked: Any) -> int:
        self._requests.append(asked)
        asked.notifyFinish().addErrback(lambda reason: None)
        return NOT_DONE_YET

    def finish(self) -> None:
        for asked in self._requests:
            asked.write(b"at last")
            asked.finish()


class StopTests(TestCase):
    """SIGTERM while a slow request is under way."""

    timeout = 60

    async def begin(self, **config: Any) -> Deferred[Answer]:
        """Start a router and a request that takes its time."""
        self.page = SlowPage()
        server = WebServer(self, self.page)
        routes = [{"uri": HOST, "instances": [server.address]}]
        self.router = await Router.started(self, {"routes": routes, **config})
        answer = Deferred.fromCoroutine(self.router.get(HOST, timeout_s=20))
        await self.router.varz_says(in_flight=1)
        return answer

    async def is_draining(self) -> None:
        async def says_so() -> bool:
            return await self.router.health() == 503

        await wait_for(running_reactor(), says_so, what="/health")

    async def test_the_request_is_finished_and_new_ones_are_refused(self) -> None:
        answer = await self.begin(drain_timeout="10s")
        self.router.program.signal("TERM")
        await self.is_draining()
        self.assertFalse(await self.router.accepts())
        # A second one changes nothing.
        self.router.program.signal("TERM")
        self.assertEqual(503, await self.router.health())

        self.page.finish()
        got = await answer
        self.assertEqual((200, b"at last"), (got.code, got.body))
        self.assertEqual(0, await self.router.program.ended(5))

    async def test_a_request_that_takes_too_long_is_cut(self) -> None:
        answer = await self.begin(drain_timeout="500ms")
        self.assertEqual(0, await self.router.stop(5))
        await self.assertFailure(answer, Exception)
        self.assertIn("cutting 1 connections", self.router.program.output)

    async def test_a_balancer_in_front_has_time_to_notice(self) -> None:
        router = self.router = await Router.started(self, {"drain_wait": "1s"})
        router.program.signal("TERM")
        await self.is_draining()
        self.assertEqual(404, await router.code("nobody.example.com"))
        self.assertEqual(0, await router.program.ended(5))


class AccessLogTests(TestCase):
    """The access log, and its rotation."""

    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.server = WebServer(self, b"page")
        self.path = Path(self.mktemp()).absolute()
        self.router = await Router.started(
            self,
            {
                "routes": [{"uri": HOST, "instances": [self.server.address]}],
                "access_log": {"file": str(self.path)},
                "extra_headers_to_log": ["X-Team"],
            },
        )

    async def lines(self, path: Path, count: int) -> list[str]:
        """Wait for so many lines of a log."""

        def found() -> list[str]:
            lines = path.read_text().splitlines() if path.exists() else []
            return lines if len(lines) == count else []

        found_lines: list[str] = await wait_for(running_reactor(), found)
        return found_lines

    async def test_a_request_leaves_a_line(self) -> None:
        await request(
            "GET",
            f"{self.router.url}/path?q=1",
            headers={"Host": HOST, "X-Team": "blue", "User-Agent": "test"},
        )
        (line,) = await self.lines(self.path, 1)
        self.assertRegex(
            line,
            rf'\A{HOST} - \[20\d\d-\d\d-\d\dT[\d:.]+Z\] "GET /path\?q=1 HTTP/1\.1"'
            rf' 200 0 4 "-" "test" "127\.0\.0\.1:\d+" "{self.server.address}"'
            r' x_forwarded_for:"127\.0\.0\.1" x_forwarded_proto:"http"'
            r' vcap_request_id:"[0-9a-f-]{36}" response_time:\d\.\d+'
            r' gorouter_time:\d\.\d+ app_id:"-" app_index:"-" instance_id:"[^"]+"'
            r' x_cf_routererror:"-" x_team:"blue"\Z',
        )

    async def test_refusals_leave_lines_too(self) -> None:
        await self.router.get("nobody.example.com")
        (line,) = await self.lines(self.path, 1)
        self.assertIn(' HTTP/1.1" 404 0 ', line)
        self.assertIn('x_cf_routererror:"unknown_route"', line)

    async def test_hang_up_reopens_it_after_it_was_moved_away(self) -> None:
        await self.router.get(HOST)
        await self.lines(self.path, 1)
        moved = self.path.with_suffix(".1")
        os.rename(self.path, moved)
        await self.router.get(HOST)
        await self.lines(moved, 2)

        self.router.program.signal("HUP")
        await wait_for(running_reactor(), self.path.exists, what="the new file")
        await self.router.get(HOST)
        await self.lines(self.path, 1)
        self.assertEqual(2, len(moved.read_text().splitlines()))
        self.assertEqual(200, await self.router.code(HOST))

    async def test_no_line_is_lost_at_the_end(self) -> None:
        for _ in range(20):
            await self.router.get(HOST)
        await self.router.stop()
        self.assertEqual(20, len(self.path.read_text().splitlines()))
