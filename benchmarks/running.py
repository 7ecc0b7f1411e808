"""Runs cases that measure figures: what the commands of several rigs have in common."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.discovery.figures import Figure, as_json, table
from benchmarks.kept import machine
from benchmarks.processes import (
    BenchmarkError,
    interrupt_on_signals,
    raise_open_files_limit,
)

#: Consul waits for its disk at each write; how long that takes is not our subject.
_MEMORY = Path("/dev/shm")

#: Measures something in an empty directory.
Case = Callable[[Path, argparse.Namespace], list[Figure]]


def require_cases(
    parser: argparse.ArgumentParser, names: Sequence[str], cases: Mapping[str, Case]
) -> None:
    """End with an error of the command line if there is no case of such a name."""
    for name in names:
        if name not in cases:
            parser.error(f"no case {name!r}; there are {', '.join(cases)}")


def run(
    prefix: str,
    cases: Mapping[str, Case],
    options: argparse.Namespace,
    keep: Callable[[str, list[Figure]], None] = lambda name, found: None,
) -> list[Figure]:
    """Run ``options.cases``, all if there are none, and print what they found.

    :param prefix: of the names of their directories, which are in memory and go away.
    :param keep: called with a case's name and its figures after each.
    :raises SystemExit: one could not be measured (1), or was interrupted (130);
        standard error says so.
    """
    raise_open_files_limit()
    interrupt_on_signals()
    figures: list[Figure] = []
    try:
        for name in options.cases or list(cases):
            with tempfile.TemporaryDirectory(
                prefix=prefix, dir=_MEMORY if _MEMORY.is_dir() else None
            ) as directory:
                found = cases[name](Path(directory), options)
            print(f"\n{table(found)}", flush=True)
            figures += found
            keep(name, found)
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        print("interrupted; everything was stopped", file=sys.stderr)
        raise SystemExit(130) from None
    return figures


def as_kept(figures: Sequence[Figure]) -> dict[str, Any]:
    """Figures as files have them: with the machine, and when it was."""
    return {
        "machine": machine(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "figures": as_json(figures),
    }
