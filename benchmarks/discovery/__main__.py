"""From Consul to the first request: ``python -m benchmarks.discovery --help``."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.discovery import faults, flapping, latency, losses, start
from benchmarks.discovery.figures import Figure, as_json, table
from benchmarks.kept import machine
from benchmarks.processes import BenchmarkError, raise_open_files_limit

#: Consul waits for its disk at each write; how long that takes is not our subject.
_MEMORY = Path("/dev/shm")

#: Measures something in an empty directory.
_Case = Callable[[Path, argparse.Namespace], list[Figure]]


def _latency(services: int) -> _Case:
    def measure(directory: Path, options: argparse.Namespace) -> list[Figure]:
        # The fewer, the quicker it is done.
        changes = options.changes or (500 if services <= 300 else 200)
        return latency.measure(
            directory, services, changes, options.only_new, options.router_core
        )

    return measure


_CASES: dict[str, _Case] = {
    "10": _latency(10),
    "300": _latency(300),
    "2000": _latency(2000),
    "start": lambda directory, options: start.measure(directory, options.router_core),
    "flapping": lambda directory, options: flapping.measure(
        directory, options.router_core
    ),
    "outage": lambda directory, options: faults.outage(directory, options.outage),
    "lost-data": lambda directory, options: losses.lost_data(directory),
    "token": lambda directory, options: losses.token(directory),
    "black-hole": lambda directory, options: faults.black_hole(directory),
    "leader": lambda directory, options: faults.leader(directory),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen cases; the exit status is 1 if one missed its aim."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.discovery",
        description="How changes in Consul reach requests; see benchmarks/README.rst.",
    )
    add = parser.add_argument
    add("cases", nargs="*", metavar="CASE", help=f"of {', '.join(_CASES)}; all if none")
    add("--changes", type=int, help="of each kind (default 500, in large catalogs 200)")
    add("--only-new", action="store_true", help="no checks that fail, no moves")
    add("--outage", type=float, default=60, help="seconds without Consul (60)")
    add("--router-core", default="", help="pin the router to it (default: none)")
    add("--results", type=Path, help="file to keep figures in, by case, as JSON")
    options = parser.parse_args(arguments)
    for name in options.cases:
        if name not in _CASES:
            parser.error(f"no case {name!r}; there are {', '.join(_CASES)}")
    if shutil.which("nginx") is None:
        parser.error("nginx is missing (apt-get install nginx)")
    raise_open_files_limit()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    figures: list[Figure] = []
    try:
        for name in options.cases or list(_CASES):
            with tempfile.TemporaryDirectory(
                prefix="discovery-", dir=_MEMORY if _MEMORY.is_dir() else None
            ) as directory:
                found = _CASES[name](Path(directory), options)
            print(f"\n{table(found)}", flush=True)
            figures += found
            if options.results is not None:
                keep(options.results, name, found)
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; everything was stopped", file=sys.stderr)
        return 130
    return int(not all(figure.good for figure in figures))


def keep(path: Path, case: str, figures: Sequence[Figure]) -> None:
    """Put figures into a file, in place of those of an earlier run of the same case."""
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    kept[case] = {
        "machine": machine(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "figures": as_json(figures),
    }
    path.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def _interrupted(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
