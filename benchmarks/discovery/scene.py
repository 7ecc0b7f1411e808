"""A router with a filled catalog behind it and visitors before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.discovery.agents import Agent, Consul, wait_until
from benchmarks.discovery.catalog import (
    fill,
    host_of,
    instance,
    instance_address,
    service_name,
)
from benchmarks.discovery.figures import Figure
from benchmarks.discovery.site import Router, backend
from benchmarks.discovery.visitor import Crowd, Visitor
from benchmarks.processes import BenchmarkError

SERVICES = 300
INSTANCES = 5

#: Requests a second of the visitors, and seconds for which they come before anything
#: happens.
RATE = 300.0
QUIET_S = 2.0

_LOST_S = 90.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A catalog of 300 services, their backend and a router."""

    consul: Consul
    router: Router
    port: int

    def change(self, number: int, consul: Consul | None = None) -> tuple[str, bytes]:
        """Register one more instance of a service; its host and what it answers.

        :param number: another one for each change.
        :param consul: whom to tell, the agent of the start by default.
        """
        service = service_name(number % SERVICES)
        about = instance(service, 1_000_000 + number, self.port)
        (consul or self.consul).put("/v1/agent/service/register", about)
        return host_of(service), instance_address(1_000_000 + number).encode()

    def wait_for(self, change: tuple[str, bytes]) -> None:
        """Wait until a change shows."""
        visitor = Visitor(self.router.port)
        host, expected = change
        wait_until(lambda: visitor.ask(host) == (200, expected), _LOST_S, host, 0.001)
        visitor.close()

    def wait_until_held(self, count: int) -> None:
        """Wait until the guard holds so many instances."""
        wait_until(
            lambda: self.router.source()["held"] == count, _LOST_S, f"{count} held"
        )

    def crowd(self) -> Crowd:
        """Visitors of all services."""
        hosts = [host_of(service_name(number)) for number in range(SERVICES)]
        return Crowd(self.router.port, hosts, RATE)


@contextmanager
def filled(directory: Path, agent: Agent, **consul_keys: Any) -> Iterator[Scene]:
    """Fill an agent's catalog and start a router.

    :param consul_keys: of the router's configuration, section ``consul``.
    """
    with ExitStack() as stack:
        consul = agent.wait()
        port = stack.enter_context(backend(directory))
        fill(consul, SERVICES, INSTANCES, port)
        router = Router(directory, {"address": agent.address, **consul_keys})
        stack.callback(router.stop)
        router.wait_for_routes(SERVICES)
        yield Scene(consul, router, port)


def requests(case: str, visitor: Visitor) -> list[Figure]:
    """What became of the visitors' requests so far.

    :raises BenchmarkError: there was none.
    """
    if not visitor.count:
        raise BenchmarkError("there was not one request")
    return [
        Figure(case, "requests", visitor.count, ""),
        Figure(case, "failed requests", visitor.failed.total(), "", 0),
        Figure(case, "slowest request", visitor.slowest_s * 1000, "ms"),
    ]
