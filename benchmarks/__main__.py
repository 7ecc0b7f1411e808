"""Runs the benchmarks: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.about import DIRECT
from benchmarks.cases import Case, all_cases
from benchmarks.kept import KeptCase, just_finished, read_json, write_json
from benchmarks.pages import pages
from benchmarks.peers.caddy import Caddy
from benchmarks.peers.haproxy import HAProxy
from benchmarks.peers.nginx import Nginx
from benchmarks.peers.peer import Peer, RunningPeer
from benchmarks.peers.router import Router
from benchmarks.peers.twisted_web import TwistedWeb
from benchmarks.picture import draw
from benchmarks.processes import (
    BenchmarkError,
    interrupt_on_signals,
    raise_open_files_limit,
)
from benchmarks.report import reach_table, table
from benchmarks.rig import Cores, Rig, rig
from benchmarks.samples import Result, Sample

_RESULTS = Path(__file__).parent / "results"
_PICTURE = "benchmarks.svg"
#: A proxy needs two for each connection of the largest case, and some more.
_OPEN_FILES = 12_000
#: What the rig itself is made of.
_PROGRAMS = "wrk", "nginx", "taskset"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen cases; the exit status is 1 if anything had errors."""
    peers: list[Peer] = [
        Nginx(),
        Nginx(large_buffers=True),
        HAProxy(),
        Caddy(),
        Router(),
        TwistedWeb(),
    ]
    cases = all_cases()
    options = _parser(cases, peers).parse_args(arguments)
    if options.report:
        return _report(options.results or _RESULTS)
    if options.quick:
        options.rounds, options.seconds = 1, 2
    elif options.results is None:
        options.results = _RESULTS
    lacking = [program for program in _PROGRAMS if shutil.which(program) is None]
    if lacking:
        print(f"missing: {', '.join(lacking)} (apt-get install them)", file=sys.stderr)
        return 1
    chosen = []
    for name in _names(options.peers, [peer.name for peer in peers]):
        peer = next(peer for peer in peers if peer.name == name)
        reason = peer.missing()
        if reason:
            print(f"left out: {peer.name}: {reason}")
        else:
            chosen.append(peer)
            if peer.duties:
                print(f"note: {peer.name}: {peer.duties}")
    # However it is ended, everything that was started is stopped.
    interrupt_on_signals()
    cores = Cores(options.proxy_core, options.load_cores)
    done: list[KeptCase] = []
    try:
        raise_open_files_limit(_OPEN_FILES)
        for key in _names(options.cases, [case.about.key for case in cases]):
            case = next(case for case in cases if case.about.key == key)
            rounds = min(options.rounds, case.about.most_rounds or options.rounds)
            results = run(
                case, chosen, cores, rounds, options.seconds, quick=options.quick
            )
            if not results:
                continue
            print(f"\n{table(case.about, results)}", flush=True)
            done.append(just_finished(case.about, results, options.seconds))
            if options.results is not None:
                write_json(options.results, done[-1])
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; everything was stopped", file=sys.stderr)
        return 130
    if done:
        print(f"\n{reach_table(done)}")
    if options.results is not None:
        _publish(options.results)
    return int(any(result.errors for case in done for result in case.results))


def _report(directory: Path) -> int:
    """Print what is kept as if it had just been run."""
    cases = read_json(directory)
    for case in cases:
        print(f"{table(case.about, case.results)}\n")
    print(reach_table(cases))
    _publish(directory)
    return 0


def _publish(directory: Path) -> None:
    """Draw what is kept; tables in the checkout's pages are of its own results."""
    cases = read_json(directory)
    picture = directory / _PICTURE
    picture.write_text(draw(cases), "utf-8")
    print(f"\nkept in {directory}, drawn in {picture}")
    if directory == _RESULTS:
        for path, text in pages(cases):
            path.write_text(text, "utf-8")


def run(
    case: Case,
    chosen: Sequence[Peer],
    cores: Cores,
    rounds: int,
    seconds: float,
    *,
    quick: bool,
) -> list[Result]:
    """Run a case against all proxies, in turns.

    Each round takes every proxy once and begins with another one, so that whatever
    changes on the machine meanwhile meets all of them alike.
    """
    about = case.about
    peers = case.peers(chosen)
    if not peers:
        return []
    samples: dict[str, list[Sample]] = {}
    with rig(cores, seconds, quick=quick) as machine:
        if about.fresh:
            for number in range(rounds):
                with machine.proxies(
                    peers, about.backend, direct=about.direct
                ) as running:
                    _round(case, machine, running, number, samples)
        else:
            with machine.proxies(peers, about.backend, direct=about.direct) as running:
                for number in range(rounds):
                    _round(case, machine, running, number, samples)
    return [Result(name, tuple(taken)) for name, taken in samples.items()]


def _round(
    case: Case,
    machine: Rig,
    running: list[RunningPeer],
    number: int,
    samples: dict[str, list[Sample]],
) -> None:
    for peer in running:
        samples.setdefault(peer.name, [])
    if number > 0:
        # That load and backend outrun the proxies is seen once.
        running = [peer for peer in running if peer.name != DIRECT]
    first = number % len(running)
    for peer in running[first:] + running[:first]:
        if sys.stderr.isatty():
            print(
                f"\r\033[K({case.about.key}) round {number + 1}: {peer.name}",
                end="\r",
                file=sys.stderr,
            )
        samples[peer.name].append(case.measure(machine, peer))


def _parser(cases: Sequence[Case], peers: Sequence[Peer]) -> argparse.ArgumentParser:
    listed = "".join(f"\n  {case.about.key:3} {case.about.title}" for case in cases)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="The router beside its peers; see benchmarks/README.rst.",
        epilog=f"cases:{listed}\n\nproxies: {', '.join(p.name for p in peers)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    last_core = str(max(os.sched_getaffinity(0)))
    add = parser.add_argument
    add("--cases", default="", metavar="a,e", help="only these")
    add("--peers", default="", metavar="router,nginx", help="only these proxies")
    add("--rounds", type=int, default=5, help="runs of each (default 5)")
    add("--seconds", type=float, default=5, help="of each run (default 5)")
    add(
        "--quick",
        action="store_true",
        help="one round of 2 s, not kept",
    )
    add("--report", action="store_true", help="run nothing; print what is kept")
    add("--results", type=Path, help=f"folder to keep them in (default {_RESULTS})")
    add("--proxy-core", default="0", help="core of the proxy (default 0)")
    add("--load-cores", default=last_core, help="of load and backend, as 1 or 1-3")
    return parser


def _names(chosen: str, known: Sequence[str]) -> list[str]:
    """The chosen of the known names, all if none; ``d`` chooses ``d1`` and ``d2``."""
    if not chosen:
        return list(known)
    wanted = [name.strip() for name in chosen.split(",") if name.strip()]
    for name in wanted:
        if not any(_is_chosen(name, other) for other in known):
            sys.exit(f"no {name!r}; there are {', '.join(known)}")
    return [other for other in known if any(_is_chosen(n, other) for n in wanted)]


def _is_chosen(name: str, known: str) -> bool:
    return known == name or known.rstrip("0123456789") == name


if __name__ == "__main__":
    sys.exit(main())
