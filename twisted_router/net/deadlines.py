"""One timer for the deadlines of all connections."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger


class HasDeadline(Protocol):
    """What the sweeper looks at.

    ``deadline_s`` is a time of the sweeper's clock (see :class:`Timeout`), 0 for
    none. When it has passed, ``deadline_passed`` is called, once for each sweep until
    the deadline is moved or the object is removed.
    """

    deadline_s: float

    def deadline_passed(self) -> None:
        """Act on it."""


# Note [Why the sweeper's time is coarse]
# A delayed call for each request costs more than the request's own bookkeeping, and so
# does a fresh clock reading for each deadline. The clock is read once a sweep, and the
# deadline of each timeout worked out then, so that setting one costs no call. It is
# based on a time up to one interval old, which is made good by adding an interval. A
# timeout of T fires in [T, T + 2 intervals], never early.


class Timeout:
    """A time that something may take, for any number of watched objects.

    :ivar deadline_s: the deadline of what begins now; 0 if it may take for ever.
    """

    __slots__ = ("_seconds", "deadline_s")

    def __init__(self, seconds: float, now_s: float, interval_s: float) -> None:
        self._seconds = seconds
        self.move(now_s, interval_s)

    def move(self, now_s: float, interval_s: float) -> None:
        """Go on to a later time; the sweeper does it."""
        seconds = self._seconds
        self.deadline_s = now_s + seconds + interval_s if seconds > 0 else 0.0


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
        self._timeouts: list[Timeout] = []
        self._call: IDelayedCall | None = None
        self._now_s: float = clock.seconds()
        self.add = self._watched.add
        self.remove = self._watched.discard

    def __len__(self) -> int:
        return len(self._watched)

    def timeout(self, seconds: float) -> Timeout:
        """Make a timeout, to be kept: there is no way to be rid of it.

        :param seconds: 0 or less for none, that is for ever.
        """
        timeout = Timeout(seconds, self._now_s, self._interval_s)
        self._timeouts.append(timeout)
        return timeout

    def after(self, seconds: float) -> float:
        """The deadline ``seconds`` from now, where that is asked for rarely."""
        return Timeout(seconds, self._now_s, self._interval_s).deadline_s

    def start(self) -> None:
        """Start sweeping."""
        self._read_clock()
        self._call = self._clock.callLater(self._interval_s, self._sweep)

    def stop(self) -> None:
        """Stop sweeping; what is watched stays so."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _read_clock(self) -> float:
        now_s = self._now_s = self._clock.seconds()
        for timeout in self._timeouts:
            timeout.move(now_s, self._interval_s)
        return now_s

    def _sweep(self) -> None:
        self._call = self._clock.callLater(self._interval_s, self._sweep)
        now_s = self._read_clock()
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
