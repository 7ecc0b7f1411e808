"""Hashing in threads, with Clock's idea of a reactor."""

import threading
from collections.abc import Callable
from queue import Queue
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.auth.threads import HashingThreads


class OtherThreads:
    """A reactor's way in from other threads."""

    def __init__(self) -> None:
        self.calls: Queue[Callable[[], Any]] = Queue()

    def callFromThread(  # noqa: N802 - the reactor's name
        self, f: Callable[..., Any], *args: Any
    ) -> None:
        self.calls.put(lambda: f(*args))


class HashingThreadsTests(SynchronousTestCase):
    """The reactor's thread is free meanwhile."""

    def test_it_is_done_in_another_thread_and_answered_in_this(self) -> None:
        reactor = OtherThreads()
        seen: list[int] = []

        def check(password: bytes, hashed: bytes) -> bool:
            seen.append(threading.get_ident())
            return (password, hashed) == (b"p", b"h")

        threads = HashingThreads(reactor, check, 1)
        self.addCleanup(threads.stop)
        asked = threads.run(b"p", b"h")
        reactor.calls.get(timeout=60)()
        self.assertTrue(self.successResultOf(asked))
        self.assertNotEqual(threading.get_ident(), seen[0])

    def test_it_can_be_stopped_without_ever_having_run(self) -> None:
        threads = HashingThreads(OtherThreads(), lambda password, hashed: True, 1)
        threads.stop()
        self.assertNotIn("auth", "".join(t.name for t in threading.enumerate()))
