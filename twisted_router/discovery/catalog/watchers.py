"""Blocked queries: who waits for which index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from .model import RefusedError


@dataclass(eq=False, slots=True)
class _Waiter:
    index: Callable[[], int]
    after: int
    woken: Deferred[None]
    timeout: IDelayedCall


class Watchers:
    """Keeps blocked queries until their index moves, their time is up, or they leave.

    :param limit: how many may wait at once.
    """

    def __init__(self, clock: IReactorTime, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        # A dict for its order: who came first is woken first.
        self._waiting: dict[_Waiter, None] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(
        self, index: Callable[[], int], after: int, timeout_s: float
    ) -> Deferred[None]:
        """Wait until ``index()`` is above ``after``.

        :returns: fires with ``None`` when it is, or after ``timeout_s``, or at
            :meth:`close`. Cancel it to wait no more.
        :raises RefusedError: too many wait already.
        """
        if self._closed or index() > after:
            return succeed(None)
        if len(self._waiting) >= self._limit:
            raise RefusedError(
                f"Too many blocked queries: this development catalog holds "
                f"{self._limit}",
                429,
            )
        woken: Deferred[None] = Deferred(lambda _: self._forget(waiter))
        timeout = self._clock.callLater(timeout_s, lambda: self._release(waiter))
        waiter = _Waiter(index, after, woken, timeout)
        self._waiting[waiter] = None
        return woken

    def wake(self) -> None:
        """Release all whose index has moved."""
        for waiter in [one for one in self._waiting if one.index() > one.after]:
            self._release(waiter)

    def close(self) -> None:
        """Release all; from now on nobody waits."""
        self._closed = True
        for waiter in list(self._waiting):
            self._release(waiter)

    def _release(self, waiter: _Waiter) -> None:
        # Whoever was woken before may have made this one leave.
        if waiter in self._waiting:
            self._forget(waiter)
            waiter.woken.callback(None)

    def _forget(self, waiter: _Waiter) -> None:
        del self._waiting[waiter]
        if waiter.timeout.active():
            waiter.timeout.cancel()
