"""From Consul to the first request: ``python -m benchmarks.discovery --help``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.discovery import faults, flapping, latency, losses, start
from benchmarks.discovery.figures import Figure
from benchmarks.running import Case, as_kept, require_cases, run


def _latency(services: int) -> Case:
    def measure(directory: Path, options: argparse.Namespace) -> list[Figure]:
        # The fewer, the quicker it is done.
        changes = options.changes or (500 if services <= 300 else 200)
        return latency.measure(
            directory, services, changes, options.only_new, options.router_core
        )

    return measure


_CASES: dict[str, Case] = {
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
    require_cases(parser, options.cases, _CASES)
    if shutil.which("nginx") is None:
        parser.error("nginx is missing (apt-get install nginx)")

    def kept(name: str, found: list[Figure]) -> None:
        if options.results is not None:
            keep(options.results, name, found)

    figures = run("discovery-", _CASES, options, kept)
    return int(not all(figure.good for figure in figures))


def keep(path: Path, case: str, figures: Sequence[Figure]) -> None:
    """Put figures into a file, in place of those of an earlier run of the same case."""
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    kept[case] = as_kept(figures)
    path.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
