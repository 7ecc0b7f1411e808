"""An authenticator that takes as long as the test wants."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import implementer

from twisted_router.interfaces import IAuthenticator, Verdict


@implementer(IAuthenticator)
class FakeAuthenticator:
    """Says nothing before it is told to.

    :ivar asked: ``(schemes, authorization)`` of those who wait, the first first.
    :ivar left: how many did not wait for an answer.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], bytes]] = []
        self.left = 0
        self._waiting: list[Deferred[Verdict]] = []

    def check(self, schemes: Sequence[str], authorization: bytes) -> Deferred[Verdict]:
        waiting: Deferred[Verdict] = Deferred(self._forget)
        self.asked.append((tuple(schemes), authorization))
        self._waiting.append(waiting)
        return waiting

    def say(self, verdict: Verdict) -> None:
        """Answer who asked first."""
        self.asked.pop(0)
        self._waiting.pop(0).callback(verdict)

    def break_down(self, error: Exception) -> None:
        """Fail, against the rules."""
        self.asked.pop(0)
        self._waiting.pop(0).errback(error)

    def _forget(self, waiting: Deferred[Verdict]) -> None:
        place = self._waiting.index(waiting)
        del self.asked[place], self._waiting[place]
        self.left += 1
        # As the real one does, which has a verdict whatever happens.
        waiting.callback(Verdict(False))
