"""How soon a router that was started has all routes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.discovery.agents import Agent
from benchmarks.discovery.catalog import fill
from benchmarks.discovery.figures import Figure
from benchmarks.discovery.site import Router, backend

SERVICES = 2000
INSTANCES = 5

_COLD_S = 5.0
_SNAPSHOT_S = 1.0

#: How often it is done: what else the machine does shows in single starts.
_TIMES = 3


def measure(directory: Path, cores: str) -> list[Figure]:
    """From Consul, and from the snapshot while Consul is down; from ``exec`` on."""
    case = f"start, {SERVICES} x {INSTANCES}"
    agent = Agent(directory / "consul")
    try:
        with backend(directory) as port:
            fill(agent.wait(), SERVICES, INSTANCES, port)
            figures = []
            for number in range(_TIMES):
                keys = {"address": agent.address}
                # The last one leaves a snapshot.
                if number == _TIMES - 1:
                    keys["snapshot"] = str(directory / "snapshot")
                took_s = _start(directory / f"cold-{number}", keys, cores)
                figures.append(Figure(case, "from Consul", took_s, "s", _COLD_S))
            agent.kill()
            for number in range(_TIMES):
                took_s = _start(directory / f"warm-{number}", keys, cores)
                figures.append(Figure(case, "Consul is down", took_s, "s", _SNAPSHOT_S))
            return figures
    finally:
        agent.stop()


def _start(directory: Path, consul: dict[str, str], cores: str) -> float:
    router = Router(directory, consul, cores)
    try:
        return router.wait_for_routes(SERVICES)
    finally:
        router.stop()
