"""One timer for the deadlines of all connections."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger


class HasDeadline(Protocol):
    """What the sweeper looks at.

    ``deadline_s`` is a time of the sweeper's clock (see :meth:`Sweeper.after`), 0 for
    none. When it has passed, ``deadline_passed`` is called, once for each sweep until
    the deadline is moved or the object is removed.
    """

    deadline_s: float

    def deadline_passed(self) -> None:
        """Act on it."""


# Note [Why the sweeper's time is coarse]
# A delayed call for each request costs more than the request's own bookkeeping, and so
# does a fresh clock reading for each deadline. ``now_s`` is read once a sweep; a
# deadline set between two sweeps is therefore based on a time up to one interval old,
# which ``after`` makes good by adding an interval. A timeout of T fires in
# [T, T + 2 intervals], never early.


class Sweeper:
    """Looks at every deadline once an interval.

    :param clock: source of time and of the one delayed call.
    :param interval_s: seconds between two sweeps; the precision of all timeouts.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, interval_s: float = 1.0) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._watched: set[HasDeadline] = set()
        self._call: IDelayedCall | None = None
        #: Seconds on the clock at the last sweep.
        self.now_s: float = clock.seconds()
        self.add = self._watched.add
        self.remove = self._watched.discard

    def __len__(self) -> int:
        return len(self._watched)

    def after(self, timeout_s: float) -> float:
        """The deadline ``timeout_s`` from now; 0, for none, if that is 0 or less."""
        return self.now_s + timeout_s + self._interval_s if timeout_s > 0 else 0.0

    def start(self) -> None:
        """Start sweeping."""
        self.now_s = self._clock.seconds()
        self._call = self._clock.callLater(self._interval_s, self._sweep)

    def stop(self) -> None:
        """Stop sweeping; what is watched stays so."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _sweep(self) -> None:
        self._call = self._clock.callLater(self._interval_s, self._sweep)
        now_s = self.now_s = self._clock.seconds()
        for watched in [w for w in self._watched if 0 < w.deadline_s <= now_s]:
            # One that has acted just before may have moved or removed this one.
            if not 0 < watched.deadline_s <= now_s or watched not in self._watched:
                continue
            try:
                watched.deadline_passed()
            except Exception:
                self._log.failure("{what} raised at its deadline", what=watched)
                # Not again in each sweep to come; its next deadline counts.
                watched.deadline_s = 0.0
