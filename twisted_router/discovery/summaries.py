"""Summaries of all services, read when the catalog moves: which of them changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import Answer, CatalogError, IConsulClient
from .lists import SeenList
from .pace import Pace
from .poll import Terms

#: Of the agent's time, summaries may take one part in so many: for 10,000 instances
#: one takes it 30 ms.
_SHARE = 3
_INTERVAL_S = 0.05


class Summaries:
    """Reads the summaries when asked to, at once unless that was done a moment ago.

    An agent that refuses them is not asked again. What an agent that does not answer
    leaves open is asked for at the next move.

    :param differ: told the names of the services whose summaries are others than
        before, if there are any.
    :param settled: called after each read, however it ended.
    """

    _log = Logger()

    def __init__(
        self,
        terms: Terms,
        client: IConsulClient,
        differ: Callable[[Iterable[str]], None],
        settled: Callable[[], None],
    ) -> None:
        self._clock = terms.clock
        self._client = client
        self._differ = differ
        self._settled = settled
        self._seen: SeenList[str, Any] = SeenList()
        self._reading: Deferred[Any] | None = None
        self._wanted = False
        self._refused = False
        self._pace = Pace(terms.clock, _INTERVAL_S, self._read)

    @property
    def awaited(self) -> bool:
        """Whether they are being read, or soon will be."""
        return self._wanted or self._reading is not None

    def want(self) -> None:
        """Read them; once more if they are being read."""
        if not self._refused:
            self._wanted = True
            self._pace.wake()

    def reset(self) -> None:
        """Believe nothing of them any more, and ask even an agent that refused."""
        self._refused = False
        self._seen.reset()

    def stop(self) -> None:
        """End at once: nothing is told any more."""
        self._wanted = False
        self._pace.close()
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()

    def _read(self) -> None:
        if self._reading is not None:
            return  # when that is done
        self._wanted = False
        began_s = self._clock.seconds()
        request = self._reading = maybeDeferred(self._client.summaries)

        def settled(result: Answer | Failure) -> None:
            if self._reading is not request:
                return  # dropped
            self._reading = None
            took_s = self._clock.seconds() - began_s
            self._pace.period_s = max(_INTERVAL_S, took_s * _SHARE)
            if isinstance(result, Failure):
                self._failed(result)
            else:
                found = self._seen.is_now(result.data, result.index)
                if names := {name: None for name, _ in found}:
                    self._differ(names)
            if self._wanted:
                self._pace.wake()
            self._settled()

        request.addBoth(settled)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, CatalogError):
            self._log.failure("summaries, read from Consul", failure)
        elif not error.status:
            return  # the polls notice as well that nobody answers
        self._refused = True
        self._wanted = False
        self._log.info(
            "no summaries of services: {reason}; their changes will take longer",
            reason=str(error),
        )
