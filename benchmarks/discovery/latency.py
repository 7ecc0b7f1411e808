"""How long a change takes from Consul to the first request that shows it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.discovery.agents import Agent, Consul
from benchmarks.discovery.catalog import (
    fill,
    host_of,
    instance,
    instance_address,
    service_name,
)
from benchmarks.discovery.figures import Figure, latencies
from benchmarks.discovery.site import Router, backend
from benchmarks.discovery.visitor import Visitor
from benchmarks.processes import BenchmarkError

#: Instances of each service that stand still.
INSTANCES = 5

#: How many changes of one kind are made before those of the next.
_BLOCK = 50

#: Seconds between a change that was seen and the next.
_PAUSE_S = 0.05, 0.25

_LOST_S = 30.0
_REST_S = 20.0

#: A removed instance is gone when so many answers in a row are not its own: the
#: instances of a service take turns.
_ABSENT = 2 * INSTANCES + 2

#: By number of services: seconds from one visit to the next, where the visits would
#: take the agent's processor.
_EVERY_S = {300: 0.001, 2000: 0.001}

#: By number of services: p50 and p99 in ms that are aimed at for new instances.
_AIMS = {10: (4.0, 15.0), 300: (20.0, 80.0), 2000: (80.0, 250.0)}
_CONNECTIONS = {2000: 16.0}
_REST_PERCENT = {2000: 1.0}
_COLD_S = {2000: 5.0}


@dataclass(frozen=True, slots=True)
class Scene:
    """What a change is made in."""

    consul: Consul
    visitor: Visitor
    rng: random.Random
    services: int
    port: int

    def visit(self, host: str) -> tuple[int, bytes]:
        """Ask for a page, after a while if there should be one; see the visitor."""
        time.sleep(_EVERY_S.get(self.services, 0.0))
        return self.visitor.ask(host)


@dataclass(slots=True)
class _Extra:
    """An instance that comes, changes and goes."""

    service: str
    number: int
    registration: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.service}-extra-{self.number}"

    @property
    def address(self) -> str:
        return instance_address(self.number)


def measure(
    directory: Path, services: int, changes: int, only_new: bool, cores: str
) -> list[Figure]:
    """Everything about a catalog of a given size.

    :param changes: of each kind.
    :param only_new: of the five kinds, only instances that come and leave.
    """
    case = f"{services} x {INSTANCES}"
    agent = Agent(directory / "consul")
    try:
        consul = agent.wait()
        with backend(directory) as port:
            fill(consul, services, INSTANCES, port)
            router = Router(directory, {"address": agent.address}, cores)
            try:
                cold_s = router.wait_for_routes(services)
                figures = [
                    Figure(case, "cold start", cold_s, "s", _COLD_S.get(services))
                ]
                figures += _at_rest(case, router, agent.port, services)
                scene = Scene(
                    consul, Visitor(router.port), random.Random(1), services, port
                )
                cpu_s, began_s = router.process.cpu_s(), time.monotonic()
                figures += _changing(case, scene, changes, only_new)
                took_s = time.monotonic() - began_s
                cpu_s = router.process.cpu_s() - cpu_s
                figures += [
                    Figure(case, "router's CPU meanwhile", cpu_s / took_s * 100, "%"),
                    Figure(
                        case, "slowest request", scene.visitor.slowest_s * 1000, "ms"
                    ),
                    Figure(
                        case, "failed requests", scene.visitor.failed.total(), "", 0
                    ),
                ]
                return figures
            finally:
                router.stop()
    finally:
        agent.stop()


def _at_rest(case: str, router: Router, port: int, services: int) -> list[Figure]:
    time.sleep(_REST_S / 2)  # what was to be done after the start is done
    cpu_s = router.process.cpu_s()
    time.sleep(_REST_S)
    busy = (router.process.cpu_s() - cpu_s) / _REST_S
    return [
        Figure(
            case, "router's CPU at rest", busy * 100, "%", _REST_PERCENT.get(services)
        ),
        Figure(
            case,
            "connections to the agent",
            router.connections_to(port),
            "",
            _CONNECTIONS.get(services),
        ),
    ]


def _changing(case: str, scene: Scene, changes: int, only_new: bool) -> list[Figure]:
    kinds: dict[str, Callable[[Scene, _Extra], float]] = {
        "new instance": _add,
        "check fails": _fail,
        "check passes": _pass,
        "instance moves": _move,
        "instance leaves": _remove,
    }
    if only_new:
        kinds = {"new instance": _add, "instance leaves": _remove}
    returned: dict[str, list[float]] = {kind: [] for kind in kinds}
    sent: list[float] = []
    for block in _blocks(scene, changes):
        for kind, change in kinds.items():
            scene.rng.shuffle(block)
            for extra in block:
                began_s = time.perf_counter()
                taken_s = change(scene, extra)
                returned[kind].append(taken_s)
                if kind == "new instance":
                    sent.append(time.perf_counter() - began_s)
                time.sleep(scene.rng.uniform(*_PAUSE_S))
    p50_ms, p99_ms = _AIMS.get(scene.services, (0, 0))
    figures = []
    for kind, taken in returned.items():
        aims = (p50_ms, p99_ms) if kind == "new instance" else (0, 0)
        figures += latencies(case, kind, taken, *aims)
    return figures + latencies(case, "new instance, since it was sent", sent)


def _blocks(scene: Scene, changes: int) -> Iterator[list[_Extra]]:
    made = 0
    while made < changes:
        # No service twice: the more instances, the longer until the new one's turn.
        size = min(_BLOCK, changes - made, scene.services)
        numbers = scene.rng.sample(range(scene.services), size)
        yield [
            _Extra(service_name(number), 1_000_000 + made + place)
            for place, number in enumerate(numbers)
        ]
        made += size


def _register(scene: Scene, extra: _Extra) -> None:
    extra.registration = {
        **instance(extra.service, extra.number, scene.port),
        "ID": extra.id,
        "Check": {"CheckID": extra.id, "TTL": "1h", "Status": "passing"},
    }
    scene.consul.put("/v1/agent/service/register", extra.registration)


def _add(scene: Scene, extra: _Extra) -> float:
    _register(scene, extra)
    return _until_it_answers(scene, extra)


def _fail(scene: Scene, extra: _Extra) -> float:
    scene.consul.put(f"/v1/agent/check/fail/{extra.id}")
    return _until_it_is_gone(scene, extra)


def _pass(scene: Scene, extra: _Extra) -> float:
    scene.consul.put(f"/v1/agent/check/pass/{extra.id}")
    return _until_it_answers(scene, extra)


def _move(scene: Scene, extra: _Extra) -> float:
    """The same ID at another address, as of a container that was started again."""
    extra.number += 1_000_000
    old = extra.registration
    scene.consul.put("/v1/agent/service/register", {**old, "Address": extra.address})
    return _until_it_answers(scene, extra)


def _remove(scene: Scene, extra: _Extra) -> float:
    service_id = extra.registration["ID"]
    scene.consul.put(f"/v1/agent/service/deregister/{service_id}")
    return _until_it_is_gone(scene, extra)


def _until_it_answers(scene: Scene, extra: _Extra) -> float:
    began_s = time.perf_counter()
    host, expected = host_of(extra.service), extra.address.encode()
    while True:
        status, body = scene.visit(host)
        taken_s = time.perf_counter() - began_s
        if (status, body) == (200, expected):
            return taken_s
        if taken_s > _LOST_S:
            raise BenchmarkError(f"{extra} does not answer after {taken_s:.0f} s")


def _until_it_is_gone(scene: Scene, extra: _Extra) -> float:
    began_s = last_s = time.perf_counter()
    host, unwanted = host_of(extra.service), extra.address.encode()
    absent = 0
    while absent < _ABSENT:
        _, body = scene.visit(host)
        now_s = time.perf_counter()
        if body == unwanted:
            absent, last_s = 0, now_s
        else:
            absent += 1
        if now_s - began_s > _LOST_S:
            raise BenchmarkError(f"{extra} still answers after {_LOST_S:.0f} s")
    return last_s - began_s
