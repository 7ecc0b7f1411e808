"""One pending wake-up: the earliest that anyone has asked for."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Wakeup:
    """Wakes one waiter, once for any number of reasons.

    A wake-up that comes while nobody waits is kept for the next who does.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._waiter: Deferred[None] | None = None
        self._due = False

    def within(self, delay_s: float) -> None:
        """Wake up in ``delay_s`` seconds, or earlier if that was asked for before."""
        if self._due:
            return
        if self._call is not None:
            if self._call.getTime() <= self._clock.seconds() + delay_s:
                return
            self._call.cancel()
        self._call = self._clock.callLater(delay_s, self._fire)

    def wait(self) -> Deferred[None]:
        """Fires at the next wake-up; can be cancelled. Only one may wait at a time."""
        waiter: Deferred[None] = Deferred(lambda _: self._leave())
        if self._due:
            self._due = False
            waiter.callback(None)
        else:
            self._waiter = waiter
        return waiter

    def cancel(self) -> None:
        """Forget what was asked for."""
        self._due = False
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _fire(self) -> None:
        self._call = None
        if self._waiter is None:
            self._due = True
            return
        waiter = self._waiter
        self._waiter = None
        waiter.callback(None)

    def _leave(self) -> None:
        self._waiter = None
