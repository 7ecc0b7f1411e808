"""The long run: many inputs, on all the cores it is given."""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import queue
import random
import signal
import sys
import time
from dataclasses import asdict
from typing import Any

from twisted.logger import ILogObserver, LogEvent, globalLogBeginner
from zope.interface import implementer

from .cases import Case, save
from .checks import CaseSource, Checker, fails, shrink
from .world import BrokenInvariantError

#: A worker reports this often, in inputs; and gives up after so many failures.
REPORT_EVERY = 500
MOST_FAILURES = 20

#: Seconds of processor time that one input may take. Most take less than a
#: thousandth of one.
INPUT_S = 30

#: Bytes of a failed input that are shown; all of it is in the file.
SHOWN = 2000

#: Seconds to wait for workers on a busy machine before they count as dead.
PATIENCE_S = 300


@implementer(ILogObserver)
class _LoggedFailures:
    """An observer that keeps what should never be logged."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, event: LogEvent) -> None:
        if "log_failure" in event:
            self.seen += 1


def _too_long(_signal: int, _frame: Any) -> None:
    raise BrokenInvariantError("takes too long")


class _Worker:
    """One process: its cases follow from the seed and its number."""

    def __init__(self, seed: int, number: int, inputs: int, until_s: float) -> None:
        self._source = CaseSource(random.Random(f"{seed}/{number}"))
        self._checker = Checker()
        self._inputs = inputs
        self._until_s = until_s
        self._logged = _LoggedFailures()

    def run(self, reports: Any) -> None:
        """Check cases; put (inputs, passed on, failure) on the queue."""
        globalLogBeginner.beginLoggingTo([self._logged], redirectStandardIO=False)
        signal.signal(signal.SIGPROF, _too_long)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        done = passed = failures = 0
        for done in range(1, self._inputs + 1):
            case = self._source.next()
            signal.setitimer(signal.ITIMER_PROF, INPUT_S)
            try:
                passed += self._checker.check(case)
                if self._logged.seen:
                    self._logged.seen = 0
                    raise BrokenInvariantError("logged a failure")
            except Exception as error:
                signal.setitimer(signal.ITIMER_PROF, 0)
                failures += 1
                reports.put((0, 0, self._keep(case, error)))
            if done % REPORT_EVERY == 0:
                reports.put((REPORT_EVERY, passed, None))
                passed = 0
                if time.monotonic() > self._until_s or failures >= MOST_FAILURES:
                    break
        signal.setitimer(signal.ITIMER_PROF, 0)
        reports.put((done % REPORT_EVERY, passed, None))
        reports.put(None)

    def _keep(self, case: Case, error: Exception) -> str:
        what = f"{type(error).__name__}: {' '.join(str(arg) for arg in error.args)}"
        if fails(case, self._checker):
            case = shrink(case, self._checker)
        name = f"{case.kind}-{hashlib.sha1(case.data).hexdigest()[:8]}"
        path = save(case, name.replace(" ", "-"), what[:200])
        shown = json.dumps({**asdict(case), "data": repr(case.data[:SHOWN])})
        return f"{what[:2000]}\n  {shown}\n  kept as {path}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run; 0 if no input failed."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=2_000_000, help="in all")
    parser.add_argument("--seconds", type=float, default=1800, help="at most")
    parser.add_argument("--seed", type=int, help="any number; random unless given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    options = parser.parse_args(arguments)
    seed = options.seed
    if seed is None:
        seed = random.SystemRandom().randrange(1 << 32)
    jobs: int = options.jobs
    _say(f"seed {seed}, {options.inputs} inputs, {jobs} processes")
    context = multiprocessing.get_context("fork")
    reports: Any = context.Queue()
    started_s = said_s = time.monotonic()
    until_s = started_s + options.seconds
    workers = []
    for number in range(jobs):
        share = options.inputs // jobs + (number < options.inputs % jobs)
        worker = _Worker(seed, number, share, until_s)
        workers.append(context.Process(target=worker.run, args=(reports,), daemon=True))
    for process in workers:
        process.start()
    total = passed = failures = 0
    running = jobs
    while running:
        try:
            report = reports.get(timeout=PATIENCE_S)
        except queue.Empty:
            _say("a process is gone or stuck")
            failures += 1
            break
        if report is None:
            running -= 1
            continue
        count, count_passed, failure = report
        total += count
        passed += count_passed
        if failure is not None:
            failures += 1
            _say(failure)
        now_s = time.monotonic()
        if now_s - said_s > 30:
            said_s = now_s
            _say(f"{total} inputs, {total / (now_s - started_s):.0f}/s")
    taken_s = time.monotonic() - started_s
    _say(
        f"seed {seed}: {total} inputs in {taken_s:.0f} s, {total / taken_s:.0f}/s, "
        f"{passed} messages passed on, {failures} failures"
    )
    return 1 if failures or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
