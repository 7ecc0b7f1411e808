"""Work that takes long and must not keep the reactor: hashing of passwords, in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from ..interfaces import RouterError

#: Runs ``check(password, hash)`` outside of the reactor's thread.
Run = Callable[[bytes, bytes], Deferred[bool]]


class TooManyError(RouterError):
    """As many verifications wait as may."""


class _Verification:
    """One password held against one hash, for everybody who waits for that."""

    __slots__ = ("digest", "hashed", "password", "waiters")

    def __init__(self, digest: bytes, password: bytes, hashed: bytes) -> None:
        self.digest = digest
        self.password = password
        self.hashed = hashed
        self.waiters: list[Deferred[bool]] = []


class VerificationQueue:
    """Verifies passwords, a few at a time, first come, first served.

    A password that several requests bring at once is hashed once. One that nobody waits
    for any more is not hashed at all, if its turn has not come.

    :param run: does the work.
    :param at_once: how many are under way at most.
    :param waiting_max: how many more may wait.
    """

    def __init__(self, run: Run, at_once: int, waiting_max: int) -> None:
        self._run = run
        self._at_once = at_once
        self._waiting_max = waiting_max
        self._running: set[Deferred[bool]] = set()
        self._waiting: deque[_Verification] = deque()
        self._pending: dict[bytes, _Verification] = {}

    def verify(self, digest: bytes, password: bytes, hashed: bytes) -> Deferred[bool]:
        """Whether the password is right; cancel it when nobody wants to know any more.

        :param digest: the same for the same password and hash, and for no others.
        :raises TooManyError: as what the Deferred fails with.
        """
        verification = self._pending.get(digest)
        if verification is None:
            full = len(self._running) >= self._at_once
            if full and len(self._waiting) >= self._waiting_max:
                return fail(TooManyError("too many passwords to verify"))
            verification = _Verification(digest, password, hashed)
            self._pending[digest] = verification
            self._waiting.append(verification)
        waiter: Deferred[bool] = Deferred(self._left)
        verification.waiters.append(waiter)
        self._next()
        return waiter

    def stop(self) -> None:
        """Let nobody wait any more: all fail with CancelledError."""
        for verification in list(self._pending.values()):
            for waiter in list(verification.waiters):
                waiter.cancel()

    def _left(self, waiter: Deferred[bool]) -> None:
        """Somebody waits no more."""
        for verification in self._pending.values():
            if waiter in verification.waiters:
                verification.waiters.remove(waiter)
                if not verification.waiters and verification in self._waiting:
                    self._waiting.remove(verification)
                    del self._pending[verification.digest]
                return

    def _next(self) -> None:
        while self._waiting and len(self._running) < self._at_once:
            verification = self._waiting.popleft()
            running = self._run(verification.password, verification.hashed)
            self._running.add(running)
            running.addBoth(self._done, running, verification)

    def _done(
        self,
        outcome: bool | Failure,
        running: Deferred[bool],
        verification: _Verification,
    ) -> None:
        self._running.discard(running)
        del self._pending[verification.digest]
        self._next()
        for waiter in verification.waiters:
            if isinstance(outcome, Failure):
                waiter.errback(outcome)
            else:
                waiter.callback(outcome)
