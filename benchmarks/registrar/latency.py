"""How soon a container is in Consul, and how soon it gets no more requests."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.discovery.figures import Figure, latencies
from benchmarks.processes import BenchmarkError
from benchmarks.registrar.docker_api import STUBBORN
from benchmarks.registrar.engine import IMAGE
from benchmarks.registrar.site import Site, site

_LOST_S = 15.0

_Entries = list[dict[str, Any]]


class _Watch:
    """A router's view of one service: a blocking query, again and again.

    :param seen: what is waited for, of the entries that a query answers with.
    """

    def __init__(self, site: Site, name: str, seen: Callable[[_Entries], bool]) -> None:
        self._connection = http.client.HTTPConnection(
            site.agent.host, site.agent.port, timeout=2 * _LOST_S
        )
        self._path = f"/v1/health/service/{name}?wait={_LOST_S:g}s"
        self._seen = seen
        self._at_s: float | None = None
        self._asking = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._asking.wait(_LOST_S)

    def seen_s(self) -> float:
        """When it saw that, by ``time.monotonic()``; waits for it.

        :raises BenchmarkError: it did not come.
        """
        self._thread.join(_LOST_S)
        if self._at_s is None:
            raise BenchmarkError(f"{self._path}: not seen within {_LOST_S:g} s")
        return self._at_s

    def _watch(self) -> None:
        index = "0"
        with closing(self._connection) as connection:
            while True:
                connection.request("GET", f"{self._path}&index={index}")
                answer = connection.getresponse()
                index = answer.headers["X-Consul-Index"]
                if self._seen(json.load(answer)):
                    self._at_s = time.monotonic()
                    return
                self._asking.set()


def start(directory: Path, count: int) -> list[Figure]:
    """``docker run`` beside Consul, one container after the other; all stay."""
    taken_s = []
    with site(directory) as scene:
        for number in range(count):
            name = f"web-{number}"
            watch = _Watch(scene, name, bool)
            _docker(
                scene,
                *("run", "--detach", "--publish", "80", "--name", name),
                *("--env", f"SERVICE_NAME={name}", IMAGE, *STUBBORN),
            )
            returned_s = time.monotonic()
            # The client needs some time after the start as well.
            taken_s.append(max(0.0, watch.seen_s() - returned_s))
    case = f"docker run, {count} containers"
    return latencies(case, "returned to in Consul", taken_s, 150, 500)


def stop(directory: Path, count: int) -> list[Figure]:
    """``docker stop`` beside Consul, of containers that take a second for it."""
    taken_s = []
    with site(directory) as scene:
        names = [f"web-{number}" for number in range(count)]
        for name in names:
            environ = {"SERVICE_NAME": name}
            created = scene.engine.api.create(name, STUBBORN, environ=environ)
            scene.engine.api.start(created)
        scene.wait_for_services(count, _LOST_S)
        for name in names:
            watch = _Watch(scene, name, _is_maintained)
            issued_s = time.monotonic()
            _docker(scene, "stop", "--time=1", name)
            taken_s.append(watch.seen_s() - issued_s)
    case = f"docker stop, {count} containers"
    return latencies(case, "issued to maintenance seen", taken_s, p99_ms=100)


def _is_maintained(entries: _Entries) -> bool:
    return any(
        check["CheckID"].startswith("_service_maintenance:")
        for entry in entries
        for check in entry["Checks"]
    )


def _docker(scene: Site, *arguments: str) -> None:
    """Run Docker's own client, as a person would.

    :raises BenchmarkError: it failed.
    """
    environ = {**os.environ, "DOCKER_HOST": scene.engine.endpoint}
    done = subprocess.run(
        ["docker", *arguments], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"docker {arguments[0]}: {done.stderr}")
