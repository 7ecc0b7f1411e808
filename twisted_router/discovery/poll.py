"""One blocking query, repeated for as long as somebody wants its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import Answer, CatalogError
from ..retry import RetryPolicy
from .contact import Contact

#: A read: the index to wait for a change of, and seconds to wait at most.
Read = Callable[[int, float], Deferred[Answer]]

#: Seconds from one question to the next, at least. After a quiet time a change is
#: asked for when it comes; of a burst, this gathers what comes together.
MIN_INTERVAL_S = 0.05

#: The same at most while a burst lasts, as of checks that flap: reached by doubling,
#: when so many answers in a row had something new that came sooner than it is asked.
BURST_INTERVAL_S = 0.25
_BURST_ANSWERS = 3

#: The same for an agent that answers at once and says nothing new, which would
#: otherwise be asked again and again: reached by doubling.
MAX_INTERVAL_S = 2.0
_AT_ONCE_S = 1.0

#: Seconds between attempts, at most, while nobody answers or there is no leader.
AWAY_S = 2.0
_AWAY = frozenset({0, 500})


@dataclass(frozen=True, slots=True)
class Terms:
    """How Consul is asked, the same for all reads of a source.

    :ivar retry: for those that are told to ask less, or may not ask.
    :ivar wait_s: how long a blocking query may wait for a change.
    """

    clock: IReactorTime
    contact: Contact
    retry: RetryPolicy
    wait_s: float

    def retry_s(self, attempt: int, error: CatalogError) -> float:
        """Seconds until a read that failed is made again.

        An agent that is away, or has no leader (500), is busy with nothing that more
        questions could delay, and is to be noticed soon when it is back.
        """
        delay_s = self.retry(attempt)
        return min(delay_s, AWAY_S) if error.status in _AWAY else delay_s


# Note [Indexes]
# - An index that went backwards (Consul was restored, or another server answers)
#   means nothing any more: the next read starts from 0.
# - After an error the next read starts from 0 too: the one who answers then may be
#   another one, to whom an index of before is far in the future. It would wait.
# - The index moves when the receiver has taken the answer, so that none is lost.
# - That a read returns does not mean that something changed: content decides.
# https://developer.hashicorp.com/consul/api-docs/features/blocking


class Poll:
    """Asks, waits, and tells what is new, over errors and restarts of Consul.

    The client bounds the time of each question; see
    :class:`twisted_router.interfaces.IConsulClient`.

    :param name: what the read is about, unique among those of one ``Contact``.
    :param on_news: takes an answer with new content (or a new index, if
        ``moves_are_news``). It may stop the poll, or rewind it.
    :param on_failure: called with the number of failures in a row and the error.
    :param on_backwards: called when Consul's history is shorter than it was.
    """

    _log = Logger()

    def __init__(
        self,
        terms: Terms,
        name: str,
        read: Read,
        on_news: Callable[[Answer], None],
        on_failure: Callable[[int, CatalogError], None] = lambda _attempt, _error: None,
        on_backwards: Callable[[], None] = lambda: None,
        moves_are_news: bool = False,
        min_interval_s: float = MIN_INTERVAL_S,
    ) -> None:
        self._terms = terms
        self._clock = terms.clock
        self._name = name
        self._read = read
        self._on_news = on_news
        self._on_failure = on_failure
        self._on_backwards = on_backwards
        self._moves_are_news = moves_are_news
        self._min_interval_s = min_interval_s
        self._index = 0
        self._highest = 0
        self._content: Any = None
        self._failures = 0
        self._idle_answers = 0
        self._burst_answers = 0
        self._asked_s = 0.0
        self._request: Deferred[Any] | None = None
        self._timer: IDelayedCall | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin soon; the first read does not wait for a change."""
        self._ask_in(0.0)

    def rewind(self) -> None:
        """Read again soon, from index 0, whatever the poll is doing."""
        if self._stopped:
            return
        self._index = 0
        self._drop()
        self._ask_in(self._min_interval_s)

    def stop(self) -> None:
        """End at once: the read under way is cancelled, nothing is told any more."""
        self._stopped = True
        self._drop()

    def _drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        request, self._request = self._request, None
        if request is not None:
            request.cancel()

    def _ask_in(self, delay_s: float) -> None:
        # Never from a callback of the answer before: that would grow the stack.
        self._timer = self._clock.callLater(delay_s, self._ask)

    def _ask(self) -> None:
        self._timer = None
        self._asked_s = self._clock.seconds()
        request = maybeDeferred(self._read, self._index, self._terms.wait_s)
        self._request = request

        def settled(result: Answer | Failure) -> None:
            if self._request is not request:
                return  # dropped
            self._request = None
            if isinstance(result, Failure):
                self._failed(result)
            else:
                self._answered(result)

        request.addBoth(settled)

    def _answered(self, answer: Answer) -> None:
        asked_with, self._index = self._index, 0
        self._terms.contact.heard(self._name, answer)
        content = (answer.data, answer.quarantined)
        backwards = answer.index < self._highest
        moved = answer.index != asked_with
        news = content != self._content or (self._moves_are_news and moved)
        try:
            if backwards:
                self._on_backwards()
            if news and not self._stopped:
                self._on_news(answer)
        except Exception:
            self._failed(Failure())
            return
        self._failures = 0
        self._content = content
        self._highest = answer.index
        if self._stopped or self._timer is not None:
            return
        self._index = 0 if answer.index < asked_with else answer.index
        self._ask_in(self._pause_s(news))

    def _pause_s(self, news: bool) -> float:
        took_s = self._clock.seconds() - self._asked_s
        if news or took_s >= _AT_ONCE_S:
            self._idle_answers = 0
        else:
            self._idle_answers = min(self._idle_answers + 1, 16)
        if news and took_s < self._min_interval_s:
            self._burst_answers = min(self._burst_answers + 1, 16)
        else:
            self._burst_answers = 0
        if self._idle_answers:
            doublings, limit_s = self._idle_answers, MAX_INTERVAL_S
        else:
            doublings = max(0, self._burst_answers - _BURST_ANSWERS)
            limit_s = BURST_INTERVAL_S
        interval_s = min(self._min_interval_s * 2.0**doublings, limit_s)
        return max(0.0, interval_s - took_s)

    def _failed(self, failure: Failure) -> None:
        self._failures += 1
        self._index = 0
        if isinstance(failure.value, CatalogError):
            error = failure.value
            self._terms.contact.failed(self._name, error)
        else:
            self._log.failure("{name}, read from Consul", failure, name=self._name)
            error = CatalogError(f"internal error: {failure.value!r}", status=500)
        self._on_failure(self._failures, error)
        if not self._stopped and self._timer is None:
            self._ask_in(self._terms.retry_s(self._failures, error))
