"""Plain reads of services, a few at a time: the ones that changed first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..interfaces import Answer, CatalogError, IConsulClient
from .poll import Terms
from .watch import Listener, read_name

#: Reads of services that changed, at a time; and of the rest, which nobody waits for.
CONCURRENCY = 4
IDLE_CONCURRENCY = 1


class Reads:
    """Reads what it is told to, and tries again what could not be read.

    A service that is marked while it is read is read once more: the answer may have
    been made before the change.

    :param asked: called when a service is about to be read; what it returns goes to
        ``answered``.
    :param answered: called after the listener with the name, whether it was one of
        those that changed, the answer, and that value.
    """

    _log = Logger()

    def __init__(
        self,
        terms: Terms,
        client: IConsulClient,
        listener: Listener,
        asked: Callable[[], Any],
        answered: Callable[[str, bool, Answer, Any], None],
    ) -> None:
        self._terms = terms
        self._client = client
        self._listener = listener
        self._asked = asked
        self._on_answer = answered
        # Dicts as ordered sets: the ones that changed, and the rest in haste or not.
        self._changed: dict[str, None] = {}
        self._rest: dict[str, None] = {}
        self._hurry = False
        self._reading: dict[str, Deferred[Any]] = {}
        self._failures: dict[str, int] = {}
        self._retries: dict[str, IDelayedCall] = {}
        self._unanswered = 0
        self._resume: IDelayedCall | None = None
        self._pumping = False
        self._stopped = False

    @property
    def under_way(self) -> Iterable[str]:
        """The services that are being read."""
        return tuple(self._reading)

    @property
    def caught_up(self) -> bool:
        """Whether all that changed was read, or cannot be."""
        waiting = self._changed.keys() - self._retries.keys()
        return not waiting and not self._reading

    def awaits(self, name: str) -> bool:
        """Whether a service is to be read, is being read, or could not be."""
        return (
            name in self._changed
            or name in self._rest
            or name in self._reading
            or name in self._retries
        )

    def mark(self, name: str) -> None:
        """Read a service that changed, at the next :meth:`pump`."""
        self._rest.pop(name, None)
        self._changed[name] = None

    def mark_rest(self, names: Iterable[str], *, hurry: bool) -> None:
        """Read these too, in their order, when nothing else is to be read.

        :param hurry: as many at a time as of those that changed.
        """
        self._hurry = hurry
        self._rest = {name: None for name in names if name not in self._changed}

    def drop_haste(self) -> None:
        """Leave out what of the rest was to be read in a hurry."""
        if self._hurry:
            self._rest.clear()

    def forget(self, name: str) -> None:
        """Drop all that is planned and under way about a service."""
        for known in (self._changed, self._rest, self._failures):
            known.pop(name, None)
        retry = self._retries.pop(name, None)
        if retry is not None:
            retry.cancel()
        reading = self._reading.pop(name, None)
        if reading is not None:
            reading.cancel()
        self._terms.contact.forget(read_name(name))

    def stop(self) -> None:
        """End at once: nothing is told any more."""
        self._stopped = True
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        for name in {*self._reading, *self._retries}:
            self.forget(name)
        self._changed.clear()
        self._rest.clear()

    def pump(self) -> None:
        """Read as many of the marked services as may be at a time."""
        if self._pumping:
            return  # an answer that was there at once; the loop below goes on
        self._pumping = True
        try:
            while (
                not self._stopped
                and self._resume is None
                and (found := self._next()) is not None
            ):
                self._read(*found)
        finally:
            self._pumping = False

    def _next(self) -> tuple[str, bool] | None:
        """The next service, not one that is being read or waits; whether it changed."""
        idle = CONCURRENCY if self._hurry else IDLE_CONCURRENCY
        for queue, concurrency in ((self._changed, CONCURRENCY), (self._rest, idle)):
            if len(self._reading) >= concurrency:
                return None
            for name in queue:
                if name not in self._reading and name not in self._retries:
                    del queue[name]
                    return name, queue is self._changed
        return None

    def _read(self, name: str, changed: bool) -> None:
        asked = self._asked()
        request = maybeDeferred(self._client.health, name)
        self._reading[name] = request

        def settled(result: Answer | Failure) -> None:
            if self._reading.get(name) is not request:
                return  # dropped
            del self._reading[name]
            if isinstance(result, Failure):
                self._failed(name, result)
            else:
                self._answered(name, result)
                self._on_answer(name, changed, result, asked)
            self.pump()

        request.addBoth(settled)

    def _answered(self, name: str, answer: Answer) -> None:
        self._unanswered = 0
        self._failures.pop(name, None)
        self._terms.contact.heard(read_name(name))
        try:
            self._listener.answered(name, answer)
        except Exception:
            self._log.failure("service {name}, read from Consul", name=name)

    def _failed(self, name: str, failure: Failure) -> None:
        attempt = self._failures[name] = self._failures.get(name, 0) + 1
        if isinstance(failure.value, CatalogError):
            error = failure.value
            self._terms.contact.failed(read_name(name), error)
        else:
            self._log.failure("service {name}, read from Consul", failure, name=name)
            error = CatalogError(f"internal error: {failure.value!r}", status=500)
        if error.status:
            # The agent is there, but not for this service: the others go on.
            delay_s = self._terms.retry(attempt)
            self._retries[name] = self._terms.clock.callLater(
                delay_s, self._retry, name
            )
        else:
            self._changed[name] = None
            self._pause()
        self._listener.failed(name, attempt, error)

    def _retry(self, name: str) -> None:
        del self._retries[name]
        self.mark(name)
        self.pump()

    def _pause(self) -> None:
        """Nobody answers: ask nothing for a while."""
        if self._resume is None:
            self._unanswered += 1
            delay_s = self._terms.retry(self._unanswered)
            self._resume = self._terms.clock.callLater(delay_s, self._go_on)

    def _go_on(self) -> None:
        self._resume = None
        self.pump()
