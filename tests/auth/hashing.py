"""Hashing that takes as long as the test wants."""

from twisted.internet.defer import Deferred


class SlowHashing:
    """Stands in for :class:`HashingThreads`: nothing is done before it is told to.

    :ivar asked: what is under way, ``(password, hash)``, in the order of asking.
    :ivar stopped: whether it was stopped.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self.stopped = False
        self._running: list[Deferred[bool]] = []

    def run(self, password: bytes, hashed: bytes) -> Deferred[bool]:
        self.asked.append((password, hashed))
        self._running.append(Deferred())
        return self._running[-1]

    def finish(self, right: bool) -> None:
        """End what was asked first."""
        self.asked.pop(0)
        self._running.pop(0).callback(right)

    def break_down(self, error: Exception) -> None:
        """Let what was asked first fail."""
        self.asked.pop(0)
        self._running.pop(0).errback(error)

    def stop(self) -> None:
        self.stopped = True
