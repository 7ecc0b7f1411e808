"""Summaries of all services: which of them changed when the catalog moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import Answer, CatalogError, IConsulClient
from .lists import SeenList
from .pace import Pace
from .poll import Terms

#: Of the agent's time, summaries may take one part in so many: for 10,000 instances
#: one takes it 30 ms. And where nobody wanted those that came last.
_SHARE = 3
_UNWANTED_SHARE = 20
_INTERVAL_S = 0.05

#: How often as long as usual those that were asked for ahead may take when they are
#: wanted, and seconds that they may take in any case.
_PATIENCE = 3
_PATIENCE_S = 0.5

#: Seconds in which a blocking query is not answered if nothing has changed.
_AT_ONCE_S = 1.0

# Note [Asking ahead]
# The list of the catalog says that something changed, the summaries say what. For
# 10,000 instances the agent makes the one in 20 ms and the others in 50. So they are
# not asked for when the list has come, but before, by a blocking query of their own:
# both are made at a time, and the summaries have often come when they are wanted.
# What wakes that query are changes of checks as well, of which there may be hundreds a
# second. So it is made again only some time after it was answered, and the longer if
# its answer was not wanted. Whoever wants summaries in between reads them, as he does
# if the agent does not let him wait.


class Summaries:
    """Tells which services changed, for each move of the catalog.

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
        self._wait_s = terms.wait_s
        self._client = client
        self._differ = differ
        self._settled = settled
        self._seen: SeenList[str, Any] = SeenList()
        # The catalog's index that they are wanted for, and whether they still are.
        self._wanted_index = 0
        self._wanted = False
        self._refused = False
        self._reading: Deferred[Any] | None = None
        self._pace = Pace(terms.clock, _INTERVAL_S, self._read)
        # Seconds that one takes the agent, about.
        self._usual_s = 0.0
        self._ahead: Deferred[Any] | None = None
        self._can_wait = True
        self._ask_timer: IDelayedCall | None = None
        self._patience_timer: IDelayedCall | None = None

    @property
    def awaited(self) -> bool:
        """Whether those of the catalog's last move have not come, and still may."""
        return self._wanted or self._reading is not None

    def want(self, index: int) -> None:
        """Tell what changed up to an index of the catalog, if that was not told yet."""
        if self._refused:
            return
        if 0 < index <= self._seen.index:
            # They came before the list of the catalog: worth to be asked for again.
            if self._ask_timer is not None:
                self._ask_ahead_in(self._usual_s * _SHARE)
            return
        self._wanted, self._wanted_index = True, index
        if self._ahead is None:
            self._pace.wake()
        elif self._patience_timer is None:
            self._patience_timer = self._clock.callLater(
                max(_PATIENCE_S, self._usual_s * _PATIENCE), self._wait_no_longer
            )

    def reset(self) -> None:
        """Believe nothing of them any more, and ask even an agent that refused."""
        self._refused = False
        self._can_wait = True
        self._seen.reset()
        self._drop_ahead()

    def stop(self) -> None:
        """End at once: nothing is told any more."""
        self._wanted = False
        self._pace.close()
        self._drop_ahead()
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()

    # By plain reads

    def _read(self) -> None:
        if self._reading is not None:
            return  # when that is done
        self._wanted = False
        self._drop_ahead()
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
                # One that was slow says little: the agent had other things to do.
                slower = self._usual_s and took_s > self._usual_s
                self._usual_s = (self._usual_s + took_s) / 2 if slower else took_s
                self._take(result)
                self._ask_ahead_in(took_s * _SHARE)
            if self._wanted:
                self._pace.wake()
            self._settled()

        request.addBoth(settled)

    def _take(self, answer: Answer) -> None:
        found = self._seen.is_now(answer.data, answer.index)
        if names := {name: None for name, _ in found}:
            self._differ(names)

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

    # Ahead: see Note [Asking ahead]

    def _ask_ahead_in(self, delay_s: float) -> None:
        if self._ask_timer is not None:
            self._ask_timer.cancel()
            self._ask_timer = None
        if self._can_wait:
            self._ask_timer = self._clock.callLater(
                max(_INTERVAL_S, delay_s), self._ask_ahead
            )

    def _ask_ahead(self) -> None:
        self._ask_timer = None
        if self._wanted or self._reading is not None:
            return  # when that is done
        asked_with, began_s = self._seen.index, self._clock.seconds()
        request = self._ahead = maybeDeferred(
            self._client.summaries, asked_with, self._wait_s
        )

        def settled(result: Answer | Failure) -> None:
            if self._ahead is not request:
                return  # dropped
            self._ahead = None
            self._be_patient()
            if isinstance(result, Failure):
                # What that means, the next plain read shows; they are asked for ahead
                # again after one that succeeds.
                if not isinstance(result.value, CatalogError):
                    self._log.failure("summaries, read from Consul", result)
            else:
                at_once = self._clock.seconds() - began_s < _AT_ONCE_S
                self._can_wait = result.index != asked_with or not at_once
                self._take(result)
                was_wanted = self._wanted
                self._wanted = was_wanted and result.index < self._wanted_index
                share = _SHARE if was_wanted else _UNWANTED_SHARE
                self._ask_ahead_in(self._usual_s * share)
            if self._wanted:
                self._pace.wake()
            self._settled()

        request.addBoth(settled)

    def _wait_no_longer(self) -> None:
        self._patience_timer = None
        self._pace.wake()

    def _be_patient(self) -> None:
        if self._patience_timer is not None:
            self._patience_timer.cancel()
            self._patience_timer = None

    def _drop_ahead(self) -> None:
        self._be_patient()
        if self._ask_timer is not None:
            self._ask_timer.cancel()
            self._ask_timer = None
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
