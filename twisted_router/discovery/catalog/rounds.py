"""When the catalog runs which check, and what becomes of the outcome."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from .model import Check, CheckStatus, Probe


class Outcome(NamedTuple):
    """What one run found."""

    status: CheckStatus
    output: str


#: Runs once. Fires with what was found, bad things included; can be cancelled.
Run = Callable[[Probe], Deferred[Outcome]]


@dataclass(eq=False, slots=True)
class _Round:
    """One check: it waits for its time, then for its turn, then for its outcome."""

    check_id: str
    probe: Probe
    next: IDelayedCall | None = None
    running: Deferred[None] | None = None
    successes: int = 0
    failures: int = 0

    def enough(self, status: CheckStatus) -> bool:
        """Count an outcome; say whether it is to be believed."""
        if status is CheckStatus.CRITICAL:
            self.failures, self.successes = self.failures + 1, 0
            return self.failures >= self.probe.failures_before_critical
        self.failures, self.successes = 0, self.successes + 1
        return self.successes >= self.probe.successes_before_passing


class CheckRounds:
    """Runs each check in its interval, some at a time.

    The first run comes after a random part of the interval, as Consul's: checks that
    were registered together do not run together.

    :param report: called with the check ID, the status and the output.
    :param at_once: how many may run at the same time; the others wait for their turn.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        rng: random.Random,
        run: Run,
        report: Callable[[str, CheckStatus, str], None],
        at_once: int = 32,
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._run = run
        self._report = report
        self._at_once = at_once
        self._rounds: dict[str, _Round] = {}
        self._running = 0
        # Each at most once, so no longer than there are checks.
        self._turn: deque[_Round] = deque()
        self._taking_turns = False

    def begin(self, check: Check) -> None:
        """Run a check from now on; one that is run like this already goes on."""
        known = self._rounds.get(check.id)
        if known is not None:
            if known.probe == check.probe:
                return
            self.forget(check.id)
        if check.probe is not None:
            round_ = self._rounds[check.id] = _Round(check.id, check.probe)
            self._wait(round_, check.probe.interval_s * self._rng.random())

    def forget(self, check_id: str) -> None:
        """Run a check no more, and give up a run under way; nothing if none is."""
        round_ = self._rounds.pop(check_id, None)
        if round_ is None:
            return
        if round_.next is not None:
            round_.next.cancel()
        elif round_ in self._turn:
            self._turn.remove(round_)
        elif round_.running is not None:
            round_.running.cancel()

    def stop(self) -> None:
        """Run nothing any more."""
        for check_id in tuple(self._rounds):
            self.forget(check_id)

    def _wait(self, round_: _Round, delay_s: float) -> None:
        round_.next = self._clock.callLater(delay_s, self._due, round_)

    def _due(self, round_: _Round) -> None:
        round_.next = None
        self._turn.append(round_)
        self._take_turns()

    def _take_turns(self) -> None:
        # A run that ends at once comes back here: no deeper, one after the other.
        if self._taking_turns:
            return
        self._taking_turns = True
        while self._turn and self._running < self._at_once:
            self._start(self._turn.popleft())
        self._taking_turns = False

    def _start(self, round_: _Round) -> None:
        self._running += 1
        running = round_.running = Deferred.fromCoroutine(self._once(round_))
        running.addErrback(self._unexpected)
        running.addCallback(self._ended, round_)

    async def _once(self, round_: _Round) -> None:
        outcome = await self._run(round_.probe)
        if round_.enough(outcome.status):
            self._report(round_.check_id, *outcome)

    def _unexpected(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("catalog: running a check failed", failure)

    def _ended(self, _: None, round_: _Round) -> None:
        self._running -= 1
        round_.running = None
        if self._rounds.get(round_.check_id) is round_:
            self._wait(round_, round_.probe.interval_s)
        self._take_turns()
