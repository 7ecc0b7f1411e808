"""Asks the catalog which services there are, now, outside of all blocking queries."""

from __future__ import annotations

from collections.abc import Callable, Collection

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import Answer, CatalogError

#: Seconds from one question to the next, if the first was not answered or its answer
#: settled nothing.
AGAIN_S = 2.0


class Inquiry:
    """One question at a time, repeated until its answer is good enough.

    :param listing: reads the names of all services now, as
        :meth:`twisted_router.interfaces.IConsulClient.services` does.
    :param asks: called before each question.
    :param hears: called with the names.
    :param again: called after each question, answered or not: whether to ask again.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        listing: Callable[[], Deferred[Answer]],
        asks: Callable[[], None],
        hears: Callable[[Collection[str]], None],
        again: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._listing = listing
        self._asks = asks
        self._hears = hears
        self._again = again
        self._question: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None

    def ask(self) -> None:
        """Ask, unless a question is open or about to be asked."""
        if self._question is not None or self._timer is not None:
            return
        self._asks()
        self._question = question = maybeDeferred(self._listing).addCallback(
            lambda answer: self._hears(answer.data.keys())
        )
        question.addErrback(self._failed).addCallback(self._over)

    def stop(self) -> None:
        """Ask nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        question, self._question = self._question, None
        if question is not None:
            question.cancel()

    def _failed(self, failure: Failure) -> None:
        if self._question is not None and not failure.check(CatalogError):
            self._log.failure("the names of all services", failure)

    def _over(self, _: object) -> None:
        if self._question is None:
            return  # stopped
        self._question = None
        if self._again():
            self._timer = self._clock.callLater(AGAIN_S, self._once_more)

    def _once_more(self) -> None:
        self._timer = None
        self.ask()
