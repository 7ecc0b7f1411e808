"""At once for the first of many changes, then not too often."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Pace:
    """Calls ``action`` at once for a wake, and then at most every ``period_s``.

    A lone change is not delayed; a burst costs two calls.

    :ivar period_s: may be changed; counts from the next call on.
    """

    def __init__(
        self, clock: IReactorTime, period_s: float, action: Callable[[], None]
    ) -> None:
        self._clock = clock
        self.period_s = period_s
        self._action = action
        self._timer: IDelayedCall | None = None
        self._woken = False
        self._closed = False

    def wake(self) -> None:
        """Something changed."""
        if self._closed:
            return
        if self._timer is not None:
            self._woken = True
            return
        self._timer = self._clock.callLater(self.period_s, self._period_over)
        self._action()

    def close(self) -> None:
        """Call never again, whatever was woken and will be."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _period_over(self) -> None:
        self._timer = None
        if self._woken:
            self._woken = False
            self.wake()
