"""A whole router as a process of its own, as ``twistd -n router`` starts it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectError
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.program import Program
from tests.services import Answer, ServiceError, request, running_reactor, wait_for

#: The twistd of the venv that runs the tests.
TWISTD = (sys.executable, str(Path(sys.executable).with_name("twistd")))

#: Ports of its own, and no waiting at the end of a test for clients that stay.
_DEFAULTS: Mapping[str, Any] = {
    "port": 0,
    "host": "127.0.0.1",
    "status": {"port": 0},
    "drain_timeout": "1s",
}


def config_file(testcase: SynchronousTestCase, config: Mapping[str, Any] | str) -> str:
    """Write a configuration and return its path.

    :param config: keys that differ from ports of its own; or the text, as it is.
    """
    path = Path(testcase.mktemp()).absolute()
    if not isinstance(config, str):
        config = json.dumps({**_DEFAULTS, **config})  # JSON is YAML
    path.write_text(config)
    return str(path)


def twistd(
    testcase: SynchronousTestCase,
    *arguments: str,
    options: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    within: Sequence[str] = (),
) -> Program:
    """Start ``twistd OPTIONS router ARGUMENTS`` in the foreground.

    :param within: a command that runs the one which follows it.
    """
    return Program.started(
        testcase,
        *(*within, *TWISTD, "--nodaemon", "--pidfile=", *options),
        *("router", *arguments),
        environ=environ,
    )


class Router:
    """A router that serves, with what a test wants to know of it.

    ::

        router = await Router.started(self, {"consul": {"address": ...}})
        answer = await router.get("web.example.com")

    It stops when its test ends. That it can, in good order and without one traceback
    in all its life, is a part of every such test.

    :ivar url: of the proxy, ``http://127.0.0.1:PORT``; ``status_url`` of the site.
    """

    def __init__(self, testcase: SynchronousTestCase, program: Program) -> None:
        self._testcase = testcase
        self.program = program
        self.port = self.status_port = 0

    @classmethod
    async def started(
        cls,
        testcase: SynchronousTestCase,
        config: Mapping[str, Any] | str | None = None,
        *,
        options: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> Router:
        """Start one and wait until it serves.

        :param config: see :func:`config_file`.
        :param options: of twistd.
        """
        path = config_file(testcase, config or {})
        program = twistd(testcase, "-c", path, options=options, environ=environ)
        router = cls(testcase, program)
        testcase.addCleanup(router._finish)
        await router.serving()
        return router

    async def serving(self) -> None:
        """Wait until both of its ports answer.

        :raises ServiceError: it exited, or did not answer in 20 seconds.
        """
        await wait_for(running_reactor(), self._serves, 20, what="the router's ports")

    async def _serves(self) -> bool:
        if self.program.status is not None:
            raise ServiceError(f"the router exited: {self.program.output}")
        proxy = re.search(r"proxy: port (\d+)\n", self.program.output)
        site = re.search(r"status: http://[^/]+:(\d+)/\n", self.program.output)
        if proxy is None or site is None:
            return False
        self.port, self.status_port = int(proxy[1]), int(site[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.status_url = f"http://127.0.0.1:{self.status_port}"
        # It is logged before the reactor runs, and handles signals.
        await self.status("/is-process-alive-do-not-use-for-loadbalancing")
        return True

    async def get(self, host: str, path: str = "/", **options: Any) -> Answer:
        """GET through the proxy, on a connection of its own."""
        return await request("GET", self.url + path, headers={"Host": host}, **options)

    async def code(self, host: str, path: str = "/") -> int:
        """Say how the proxy answers a GET."""
        return (await self.get(host, path)).code

    async def body(self, host: str, path: str = "/") -> bytes:
        """GET through the proxy; the body, whatever the status."""
        return (await self.get(host, path)).body

    async def page_is(self, host: str, page: bytes, limit_s: float = 20) -> None:
        """Wait until the host's page is this one."""

        async def is_so() -> bool:
            return await self.body(host) == page

        await wait_for(running_reactor(), is_so, limit_s, what=f"the page {page!r}")

    async def status(self, path: str) -> Answer:
        """GET a page of the status site."""
        return await request("GET", self.status_url + path)

    async def health(self) -> int:
        """Say how ``/health`` answers."""
        return (await self.status("/health")).code

    async def varz(self) -> dict[str, Any]:
        """Read the figures."""
        figures: dict[str, Any] = (await self.status("/varz")).json()
        return figures

    async def varz_says(self, timeout_s: float = 5.0, **figures: Any) -> None:
        """Wait until these figures are as given."""
        seen: dict[str, Any] = {}

        async def as_given() -> bool:
            varz = await self.varz()
            seen.update({name: varz[name] for name in figures})
            return seen == figures

        try:
            await wait_for(running_reactor(), as_given, timeout_s)
        except ServiceError as error:
            raise ServiceError(f"/varz says {seen}, not {figures}") from error

    def memory_kib(self, figure: str = "VmRSS") -> int:
        """Resident memory now; with ``VmHWM`` the most since :meth:`forget_peak`."""
        status = Path(f"/proc/{self.program.pid}/status").read_text()
        match = re.search(rf"^{figure}:\s+(\d+) kB$", status, re.MULTILINE)
        assert match is not None, status
        return int(match[1])

    def forget_peak(self) -> None:
        """Let ``VmHWM`` begin anew from what is resident now (proc(5), clear_refs)."""
        Path(f"/proc/{self.program.pid}/clear_refs").write_text("5")

    async def accepts(self) -> bool:
        """Whether the proxy takes new connections."""
        try:
            await self.get("nobody.example.com")
        except ConnectError:
            return False
        return True

    async def stop(self, timeout_s: float = 15.0) -> int:
        """Ask it to stop; its exit status."""
        self.program.signal("TERM")
        return await self.program.ended(timeout_s)

    async def _finish(self) -> None:
        status = await self.stop()
        output = self.program.output
        self._testcase.assertNotIn("Traceback", output)
        self._testcase.assertEqual(0, status, output)
