"""Waiting, free ports, single requests and commands, all on trial's reactor."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
from collections.abc import Callable, Mapping
from inspect import isawaitable
from pathlib import Path
from typing import Any, NamedTuple

import treq
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

#: The checkout.
TOP = Path(__file__).resolve().parents[2]


class ServiceError(Exception):
    """A service that a test needs did not start, or a command for it failed."""


def running_reactor() -> Any:
    """Return trial's reactor; loosely typed, for it provides a dozen interfaces."""
    from twisted.internet import reactor

    return reactor


async def wait_for(
    clock: IReactorTime,
    predicate: Callable[[], Any],
    timeout_s: float = 10.0,
    *,
    what: str = "",
    every_s: float = 0.05,
) -> Any:
    """Ask *predicate* again and again until it answers something true.

    :param predicate: plain, ``async``, or returning a Deferred; what it raises goes
        to the caller.
    :param what: what is waited for, for the message.
    :returns: the true answer.
    :raises ServiceError: nothing true within *timeout_s*; names the last answer.
    """
    deadline_s = clock.seconds() + timeout_s
    while True:
        pending = predicate()
        answer = await pending if isawaitable(pending) else pending
        if answer:
            return answer
        if clock.seconds() >= deadline_s:
            subject = what or getattr(predicate, "__qualname__", repr(predicate))
            raise ServiceError(f"{subject}: still {answer!r} after {timeout_s} s")
        await deferLater(clock, every_s)


def free_port() -> int:
    """Return a loopback port that nobody uses, for TCP and UDP.

    Not one of the kernel's ephemeral ports, as port 0 would give: while a server on
    such a port is down, an outgoing connection may take it; worse, a client that
    dials it again and again will in the end be given it as its own source port and
    find itself connected to itself.
    """
    bounds = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    for _ in range(1000):
        port = random.SystemRandom().randrange(10000, max(int(bounds[0]), 10100))
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServiceError("no free port on 127.0.0.1")


class Answer(NamedTuple):
    """One complete HTTP response."""

    code: int
    headers: Headers
    body: bytes

    def json(self) -> Any:
        """Return the body as what its JSON says."""
        return json.loads(self.body)


async def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float = 5.0,
) -> Answer:
    """Make one HTTP request on a connection of its own.

    :param headers: may name a ``Host`` that differs from the one in *url*.
    :raises twisted.internet.error.ConnectError: nobody listens there.
    """
    reactor = running_reactor()
    pool = HTTPConnectionPool(reactor, persistent=False)
    agent = Agent(reactor, connectTimeout=timeout_s, pool=pool)
    response = await treq.request(
        method,
        url,
        headers=dict(headers or {}),
        data=body,
        agent=agent,
        reactor=reactor,
        timeout=timeout_s,
        allow_redirects=False,
    )
    return Answer(response.code, response.headers, await response.content())


async def run_command(
    *command: str, environ: Mapping[str, str] | None = None, directory: Path = TOP
) -> str:
    """Run a program to its end without blocking the reactor; return its stdout.

    :param environ: added to the environment of trial.
    :raises ServiceError: exit status other than 0; with what it wrote.
    """
    out, err, status = await getProcessOutputAndValue(
        shutil.which(command[0]) or command[0],
        command[1:],
        env={**os.environ, **(environ or {})},
        path=str(directory),
        reactor=running_reactor(),
    )
    if status != 0:
        wrote = (err or out).decode(errors="replace").strip()
        raise ServiceError(f"{' '.join(command)}: exit status {status}: {wrote}")
    return str(out.decode())
