"""The threads that hash passwords."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool


class HashingThreads:
    """Runs a slow check aside, while the reactor goes on.

    What is run has to let go of Python's lock while it computes, as bcrypt does.

    :param check: ``check(password, hash)``.
    :param most: threads at once; they are started when they are needed.
    """

    def __init__(
        self, reactor: Any, check: Callable[[bytes, bytes], bool], most: int
    ) -> None:
        self._reactor = reactor
        self._check = check
        self._pool = ThreadPool(0, most, "auth")

    def run(self, password: bytes, hashed: bytes) -> Deferred[bool]:
        """Check one password in a thread."""
        if not self._pool.started:
            self._pool.start()
        return deferToThreadPool(
            self._reactor, self._pool, self._check, password, hashed
        )

    def stop(self) -> None:
        """End the threads, when what they do is done."""
        if self._pool.started:
            self._pool.stop()
