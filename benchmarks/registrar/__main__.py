"""From Docker to Consul: ``python -m benchmarks.registrar --help``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.discovery.figures import Figure
from benchmarks.registrar import crowd, latency, stress
from benchmarks.running import Case, as_kept, require_cases, run


def _stress(*, live_restore: bool) -> Case:
    def measure(directory: Path, options: argparse.Namespace) -> list[Figure]:
        return stress.measure(
            directory,
            options.cycles,
            options.calm,
            options.seed,
            live_restore=live_restore,
        )

    return measure


_CASES: dict[str, Case] = {
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
    require_cases(parser, options.cases, _CASES)
    figures = run("registrar-", _CASES, options)
    if options.results is not None:
        kept = json.dumps(as_kept(figures), indent=1)
        options.results.write_text(kept + "\n", "utf-8")
    return int(not all(figure.good for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
