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

#: Reads at a time; and of services for which nobody waits.
CONCURRENCY = 4
LEISURE_CONCURRENCY = 1


class Reads:
    """Reads what it is told to, and tries again what could not be read.

    A service that is marked while it is read is read once more: the answer may have
    been made before the change.

    :param asked: called when a service is about to be read; what it returns goes to
        ``answered``.
    :param answered: called after the listener with the name, whether it was a suspect,
        the answer, and that value.
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
        # Dicts as ordered sets: the ones that changed, that may have, and the others.
        self._changed: dict[str, None] = {}
        self._suspects: dict[str, None] = {}
        self._leisure: dict[str, None] = {}
        self._reading: dict[str, Deferred[Any]] = {}
        # Of these, the ones that changed.
        self._urgent: set[str] = set()
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
        """Whether all that changed, or may have, was read or cannot be."""
        waiting = (self._changed.keys() | self._suspects.keys()) - self._retries.keys()
        return not waiting and not self._reading

    def awaits(self, name: str) -> bool:
        """Whether a service is to be read, is being read, or could not be."""
        return (
            name in self._changed
            or name in self._suspects
            or name in self._leisure
            or name in self._reading
            or name in self._retries
        )

    def mark(self, name: str) -> None:
        """Read a service that changed, at the next :meth:`pump`."""
        self._suspects.pop(name, None)
        self._leisure.pop(name, None)
        self._changed[name] = None

    def suspect(self, names: Iterable[str]) -> None:
        """Read these and no other suspects, in their order, after what changed."""
        self._suspects = {name: None for name in names if name not in self._changed}

    def acquit(self) -> None:
        """The suspects that were not read yet need not be."""
        self._suspects.clear()

    def mark_at_leisure(self, names: Iterable[str]) -> None:
        """Read these as well when nothing else is to be read, one at a time."""
        self._leisure.update((name, None) for name in names)

    def forget(self, name: str) -> None:
        """Drop all that is planned and under way about a service."""
        for known in (self._changed, self._suspects, self._leisure, self._failures):
            known.pop(name, None)
        self._urgent.discard(name)
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
        for queue in (self._changed, self._suspects, self._leisure):
            queue.clear()

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
        """The next service that is not read now and may be; whether it is a suspect."""
        for queue, concurrency in (
            (self._changed, CONCURRENCY),
            (self._suspects, CONCURRENCY),
            (self._leisure, LEISURE_CONCURRENCY),
        ):
            if len(self._reading) >= concurrency:
                return None
            if queue is not self._changed and self._urgent:
                return None  # the agent would take longer for these
            for name in queue:
                if name not in self._reading and name not in self._retries:
                    del queue[name]
                    if queue is self._changed:
                        self._urgent.add(name)
                    return name, queue is self._suspects
        return None

    def _read(self, name: str, suspect: bool) -> None:
        asked = self._asked()
        request = maybeDeferred(self._client.health, name)
        self._reading[name] = request

        def settled(result: Answer | Failure) -> None:
            if self._reading.get(name) is not request:
                return  # dropped
            del self._reading[name]
            self._urgent.discard(name)
            if isinstance(result, Failure):
                self._failed(name, result)
            else:
                self._answered(name, result)
                self._on_answer(name, suspect, result, asked)
            self.pump()

        request.addBoth(settled)

    def _answered(self, name: str, answer: Answer) -> None:
        self._unanswered = 0
        self._failures.pop(name, None)
        self._terms.contact.heard(read_name(name), answer)
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
            self._pause(error)
        self._listener.failed(name, attempt, error)

    def _retry(self, name: str) -> None:
        del self._retries[name]
        self.mark(name)
        self.pump()

    def _pause(self, error: CatalogError) -> None:
        """Nobody answers: ask nothing for a while."""
        if self._resume is None:
            self._unanswered += 1
            delay_s = self._terms.retry_s(self._unanswered, error)
            self._resume = self._terms.clock.callLater(delay_s, self._go_on)

    def _go_on(self) -> None:
        self._resume = None
        self.pump()
