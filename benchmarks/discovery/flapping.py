"""Whether a proxy is as quick as ever while checks flap in services it does not ask."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.discovery.agents import Agent, Consul
from benchmarks.discovery.catalog import fill, host_of, instance, service_name
from benchmarks.discovery.figures import Figure
from benchmarks.discovery.site import Router, backend
from benchmarks.load.generators import Generators
from benchmarks.processes import BenchmarkError

SERVICES = 300
INSTANCES = 5

#: The services that are asked for pages; the checks of others flap.
ASKED = 50

#: Checks that flap in turn, and how many of them a second.
CHECKS = 200
RATE = 200.0

_CONNECTIONS = 64
_ROUND_S = 5.0
_ROUNDS = 5

#: Seconds of flapping before it counts.
_WARM_UP_S = 2.0

_AIM_PERCENT = 10.0


@dataclass(slots=True)
class _Round:
    """Requests of one kind of rounds, by second and by second of processor time."""

    by_time: list[float] = field(default_factory=list)
    by_cpu: list[float] = field(default_factory=list)
    errors: int = 0


class _Flapping:
    """Checks that fail and pass in turn, for as long as the context lasts.

    :ivar count: changes so far.
    """

    def __init__(self, consul: Consul, checks: Sequence[str]) -> None:
        self._consul = consul
        self._checks = checks
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._flap, daemon=True)
        self.count = 0

    def __enter__(self) -> _Flapping:
        self._thread.start()
        time.sleep(_WARM_UP_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for check in self._checks:
            self._consul.put(f"/v1/agent/check/pass/{check}")

    def _flap(self) -> None:
        began_s = time.monotonic()
        while not self._over.is_set():
            turn, place = divmod(self.count, len(self._checks))
            verb = "pass" if turn % 2 else "fail"
            self._consul.put(f"/v1/agent/check/{verb}/{self._checks[place]}")
            self.count += 1
            due_s = began_s + self.count / RATE
            self._over.wait(max(0.0, due_s - time.monotonic()))


def measure(directory: Path, cores: str) -> list[Figure]:
    """In services that nobody routes to, and in other services that have routes.

    The router has a core of its own, the first one if none is named; everything else
    runs on the others.
    """
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise BenchmarkError("flapping needs two cores")
    mine = cores or str(available[0])
    others = ",".join(str(core) for core in available if str(core) != mine)
    agent = Agent(directory / "consul", cores=others)
    try:
        consul = agent.wait()
        with backend(directory, others) as port:
            fill(consul, SERVICES, INSTANCES, port)
            unrouted = [_register(consul, port, n, False) for n in range(CHECKS)]
            routed = [_register(consul, port, n, True) for n in range(CHECKS)]
            with _running(directory, agent, mine) as router:
                load = _Load(directory, router, others)
                return [
                    *load.compare("unrouted services", consul, unrouted),
                    *load.compare("other routes", consul, routed),
                ]
    finally:
        agent.stop()


@contextmanager
def _running(directory: Path, agent: Agent, cores: str) -> Iterator[Router]:
    router = Router(directory, {"address": agent.address}, cores)
    try:
        router.wait_for_routes(SERVICES)
        yield router
    finally:
        router.stop()


def _register(consul: Consul, port: int, number: int, routed: bool) -> str:
    """One more instance, with a check; its name."""
    if routed:
        service = service_name(ASKED + number % (SERVICES - ASKED))
    else:
        service = f"batch-{number // INSTANCES:02d}"
    about: dict[str, Any] = instance(service, 1_000_000 + number, port)
    if not routed:
        about["Tags"] = ["batch"]
    about["Check"] = {"CheckID": about["ID"], "TTL": "1h", "Status": "passing"}
    consul.put("/v1/agent/service/register", about)
    return str(about["ID"])


class _Load:
    """Requests for the services that stand still, as many as can be."""

    def __init__(self, directory: Path, router: Router, cores: str) -> None:
        self._router = router
        self._generators = Generators(directory, cores)
        heads = [
            f"GET / HTTP/1.1\r\nHost: {host_of(service_name(number))}\r\n\r\n".encode()
            for number in range(ASKED)
        ]
        self._requests = self._generators.write_requests("asked", heads)

    def compare(self, what: str, consul: Consul, checks: Sequence[str]) -> list[Figure]:
        """Alternate between quiet and flapping."""
        case = f"{RATE:g} checks/s of {what} flap"
        quiet, busy = _Round(), _Round()
        rates = []
        self._ask(_Round())  # to warm up
        for _ in range(_ROUNDS):
            self._ask(quiet)
            with _Flapping(consul, checks) as flapping:
                count, began_s = flapping.count, time.monotonic()
                self._ask(busy)
                rates.append((flapping.count - count) / (time.monotonic() - began_s))
        lost = [
            (1 - statistics.median(after) / statistics.median(before)) * 100
            for before, after in (
                (quiet.by_time, busy.by_time),
                (quiet.by_cpu, busy.by_cpu),
            )
        ]
        return [
            Figure(case, "throughput, quiet", statistics.median(quiet.by_time), "/s"),
            Figure(case, "throughput", statistics.median(busy.by_time), "/s"),
            Figure(case, "throughput lost", lost[0], "%", _AIM_PERCENT),
            Figure(case, "lost by the router's CPU time", lost[1], "%", _AIM_PERCENT),
            Figure(case, "checks that flapped", statistics.median(rates), "/s"),
            Figure(case, "failed requests", quiet.errors + busy.errors, "", 0),
        ]

    def _ask(self, into: _Round) -> None:
        cpu_s = self._router.process.cpu_s()
        outcome = self._generators.wrk(
            self._router.port, self._requests, _CONNECTIONS, _ROUND_S
        )
        cpu_s = self._router.process.cpu_s() - cpu_s
        into.by_time.append(outcome.operations / outcome.seconds)
        into.by_cpu.append(outcome.operations / cpu_s)
        into.errors += outcome.errors
