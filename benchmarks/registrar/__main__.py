"""From Docker to Consul: ``python -m benchmarks.registrar --help``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.discovery.figures import Figure, as_json, table
from benchmarks.kept import machine
from benchmarks.processes import BenchmarkError, raise_open_files_limit
from benchmarks.registrar import crowd, latency, stress

#: Consul waits for its disk at each write; how long that takes is not our subject.
_MEMORY = Path("/dev/shm")

#: Measures something in an empty directory.
_Case = Callable[[Path, argparse.Namespace], list[Figure]]


def _stress(*, live_restore: bool) -> _Case:
    def measure(directory: Path, options: argparse.Namespace) -> list[Figure]:
        return stress.measure(
            directory,
            options.cycles,
            options.calm,
            options.seed,
            live_restore=live_restore,
        )

    return measure


_CASES: dict[str, _Case] = {
    "latency": lambda directory, options: latency.start(directory, options.containers),
    "stop": lambda directory, options: latency.stop(directory, options.containers),
    "burst": lambda directory, options: crowd.burst(directory, options.burst),
    "unchanged": lambda directory, options: crowd.unchanged(directory, options.seconds),
    "memory": lambda directory, options: crowd.memory(directory, options.known),
    "stress": _stress(live_restore=False),
    "stress-live": _stress(live_restore=True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen cases; the exit status is 1 if one missed its reach."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.registrar",
        description="How containers reach Consul; see benchmarks/README.rst.",
    )
    add = parser.add_argument
    add("cases", nargs="*", metavar="CASE", help=f"of {', '.join(_CASES)}; all if none")
    add("--containers", type=int, default=50, help="of latency and stop (50)")
    add("--burst", type=int, default=100, help="containers that start at once (100)")
    add("--seconds", type=float, default=600, help="of the unchanged world (600)")
    add("--known", type=int, default=500, help="containers of memory (500)")
    add(
        "--cycles", type=int, default=1000, help="of stress, each start and stop (1000)"
    )
    add("--calm", type=float, default=6, help="mean seconds between its faults (6)")
    add("--seed", type=int, default=1, help="of what stress does (1)")
    add("--results", type=Path, help="file to keep the figures in, as JSON")
    options = parser.parse_args(arguments)
    for name in options.cases:
        if name not in _CASES:
            parser.error(f"no case {name!r}; there are {', '.join(_CASES)}")
    raise_open_files_limit()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    figures: list[Figure] = []
    try:
        for name in options.cases or list(_CASES):
            with tempfile.TemporaryDirectory(
                prefix="registrar-", dir=_MEMORY if _MEMORY.is_dir() else None
            ) as directory:
                found = _CASES[name](Path(directory), options)
            print(f"\n{table(found)}", flush=True)
            figures += found
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; everything was stopped", file=sys.stderr)
        return 130
    if options.results is not None:
        kept = {
            "machine": machine(),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "figures": as_json(figures),
        }
        options.results.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return int(not all(figure.good for figure in figures))


def _interrupted(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
