"""Many containers: that start at once, that stand still, that are remembered."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from benchmarks.discovery.figures import Figure
from benchmarks.processes import settle
from benchmarks.registrar.differences import differences
from benchmarks.registrar.docker_api import STUBBORN
from benchmarks.registrar.site import Site, site

_LOST_S = 30.0
_MIB = 1024 * 1024

#: Seconds in which writes may come that should not, some looks long.
_AFTERMATH_S = 5.0

#: Containers that stand still in the case of the unchanged world.
_STILL = 24


def burst(directory: Path, count: int) -> list[Figure]:
    """Containers that are all told to start at the same moment, and later to stop."""
    case = f"{count} containers at once"
    # Looks that nobody asked for would write doubly, if anything does.
    with site(directory, counted=True, reconcile_interval=1) as scene:
        api, book = scene.engine.api, scene.book()
        ids = [api.create(f"web-{number}", STUBBORN) for number in range(count)]
        began_s = time.monotonic()
        started_s = _together(lambda each: api.start(each), ids)
        scene.wait_for_services(count, _LOST_S)
        registered_s = max(each.at_s for each in book.writes)
        time.sleep(_AFTERMATH_S)
        figures = [
            Figure(case, "engine starts them in", started_s - began_s, "s"),
            Figure(case, "all registered after", registered_s - started_s, "s", 3.0),
            Figure(case, "differences from Docker", len(differences(scene)), "", 0),
            Figure(case, "writes too many", len(book.writes) - count, "", 0),
        ]
        book.writes.clear()
        stopped_s = _together(lambda each: api.act("stop", each, "?t=1"), ids)
        scene.wait_for_services(0, _LOST_S)
        time.sleep(_AFTERMATH_S)
        gone_s = max(each.at_s for each in book.writes)
        doubled = Counter((each.verb, each.subject) for each in book.writes)
        return [
            *figures,
            Figure(case, "stopped, all gone after", gone_s - stopped_s, "s"),
            Figure(case, "doubled writes", doubled.total() - len(doubled), "", 0),
        ]


def _together(act: Callable[[str], None], ids: Sequence[str]) -> float:
    """Do it with all at the same moment; when the last one was done."""
    barrier = Barrier(len(ids))

    def when(each: str) -> float:
        barrier.wait()
        act(each)
        return time.monotonic()

    with ThreadPoolExecutor(len(ids)) as threads:
        return max(threads.map(when, ids))


def unchanged(directory: Path, seconds: float) -> list[Figure]:
    """All kinds of containers that nothing happens to, looked at each second."""
    case = f"unchanged for {seconds:g} s"
    with site(directory, counted=True, reconcile_interval=1) as scene:
        _still_life(scene)
        book = scene.book()
        # A health check begins with "starting".
        time.sleep(10)
        book.writes.clear()
        book.reads.clear()
        time.sleep(seconds)
        for write in book.writes:
            print(f"  {write.verb} {write.subject}")
        return [
            Figure(case, "services", len(scene.services()), ""),
            Figure(case, "reconciliations", book.reads["/v1/agent/services"], ""),
            Figure(case, "writes", len(book.writes), "", 0),
        ]


def _still_life(scene: Site) -> None:
    api = scene.engine.api
    for number in range(_STILL):
        name = f"web-{number}"
        environ = {"SERVICE_NAME": name, "SERVICE_TAGS": "b,a", "SERVICE_URIS": "x.y"}
        command: Sequence[str] = STUBBORN
        ports = ["80/tcp"]
        healthcheck, network = None, "default"
        match number % 5:
            case 1:
                ports = ["80/tcp", "53/udp", "443/tcp"]
            case 2:
                environ["SERVICE_CHECK_TCP"] = "yes"
            case 3:
                five_seconds = 5 * 10**9
                healthcheck = {"Test": ["CMD", "true"], "Interval": five_seconds}
            case 4:
                # Only one could listen there.
                command, network = ("sleep", "100000"), "host"
        created = api.create(
            name,
            command,
            environ=environ,
            ports=ports,
            network=network,
            healthcheck=healthcheck,
        )
        api.start(created)
    api.act("pause", "web-0")
    two_more = sum(number % 5 == 1 for number in range(_STILL))
    scene.wait_for_services(_STILL + 2 * two_more, _LOST_S)


def memory(directory: Path, count: int) -> list[Figure]:
    """What a registrar's process grows by with the containers that it knows."""
    case = f"{count} containers known"
    with site(directory, reconcile_interval=1) as scene:
        process = scene.registrar.process
        time.sleep(5)
        idle = settle(process.rss_bytes)
        api = scene.engine.api

        def run(number: int) -> None:
            # On the host's network none needs a docker-proxy, only the shim.
            environ = {"SERVICE_NAME": f"web-{number}", "SERVICE_TAGS": "urlprefix-/x"}
            command = ("sleep", "100000")
            created = api.create(
                f"web-{number}", command, environ=environ, network="host"
            )
            api.start(created)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(run, range(count)))
        scene.wait_for_services(count, _LOST_S)
        time.sleep(10)
        grown = settle(process.rss_bytes) - idle
        return [
            Figure(case, "idle process", idle / _MIB, "MiB"),
            Figure(case, "more than that", grown / _MIB, "MiB", 20.0),
        ]
