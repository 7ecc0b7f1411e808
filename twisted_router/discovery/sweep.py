"""The instances of any number of services over a handful of connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..interfaces import Answer, CatalogError, IConsulClient
from .pace import Pace
from .poll import Poll, Terms
from .watch import CATALOG, CHECKS, IWatch, Listener, read_name

#: Reads of services at a time. With the two notifying polls that makes six
#: connections, whatever the number of services.
CONCURRENCY = 4

#: Seconds in which marked services are gathered after a first one was read at once.
GATHER_S = 0.05

#: Seconds from one reading of *all* services to the next, at least: so many for each
#: service, and so many at most. A read costs this process one or two milliseconds,
#: which it has to spare for requests.
SWEEP_S_PER_SERVICE = 0.01
MAX_SWEEP_INTERVAL_S = 5.0

#: What the notifying polls are called in a ``Contact``.
_NOTIFIERS = (CATALOG, CHECKS)

#: The list of all checks is long and changes often.
_CHECKS_INTERVAL_S = 0.25

# Note [What wakes a read]
# Nothing in Consul tells which services changed, so it is found by comparing:
# - a service is new in the catalog, or its tags changed;
# - a check of it, or a check of a node it is on, came, went or changed;
# - the catalog's index moved: something else may have changed as well, such as the
#   port of an instance without checks. No listing shows that, so all are read again,
#   after those that are known to have changed, and at once unless that was done a
#   moment ago.
# A service that is marked while it is read is read once more: the answer may have
# been made before the change.
#
# Note [What comes and goes between two lists]
# A check that comes and goes again between two lists of checks (maintenance, switched
# on and off) leaves no trace in them. A read in between may have seen it. Indexes
# tell: an answer whose index is beyond that of the list which was known when it was
# asked for saw something that this list does not show. The service is read again
# after the next list.


@implementer(IWatch)
class NotifiedReads:
    """Plain reads of the services that two notifying polls show to have changed.

    The one of the catalog is the owner's, who calls :meth:`follow`; the other is of
    all checks, ``health/state/any``.
    """

    _log = Logger()

    def __init__(self, terms: Terms, client: IConsulClient, listener: Listener) -> None:
        self._terms = terms
        self._client = client
        self._listener = listener
        self._services: dict[str, tuple[str, ...]] = {}
        self._nodes: dict[str, frozenset[str]] = {}
        self._checks: dict[tuple[Any, ...], tuple[Any, ...]] | None = None
        self._checks_index = 0
        self._ahead: dict[str, None] = {}
        # Dicts as ordered sets: first the ones that changed, then the rest.
        self._changed: dict[str, None] = {}
        self._rest: dict[str, None] = {}
        self._reading: dict[str, Deferred[Any]] = {}
        self._failures: dict[str, int] = {}
        self._retries: dict[str, IDelayedCall] = {}
        self._unanswered = 0
        self._resume: IDelayedCall | None = None
        self._pumping = False
        self._stopped = False
        self._gather = Pace(terms.clock, GATHER_S, self._pump)
        self._sweep = Pace(terms.clock, MAX_SWEEP_INTERVAL_S, self._mark_rest)
        self._poll = Poll(
            terms,
            CHECKS,
            client.checks,
            on_news=self._checks_are,
            on_backwards=lambda: self._mark(self._services),
            moves_are_news=True,
            min_interval_s=_CHECKS_INTERVAL_S,
        )
        self._following = False

    def follow(self, services: Mapping[str, Sequence[str]]) -> None:
        """See :meth:`IWatch.follow`."""
        before = self._services
        self._services = {name: tuple(tags) for name, tags in services.items()}
        for name in before.keys() - services.keys():
            self._forget(name)
        if not self._following:
            self._following = True
            self._poll.start()
        self._mark(
            name for name, tags in self._services.items() if before.get(name) != tags
        )
        self._sweep.period_s = min(
            SWEEP_S_PER_SERVICE * len(services), MAX_SWEEP_INTERVAL_S
        )
        self._sweep.wake()
        self._gather.wake()

    def reread(self) -> None:
        """See :meth:`IWatch.reread`."""
        self._poll.rewind()
        self._mark(self._services)
        self._gather.wake()

    def confirmed_s(self, service: str) -> float | None:
        """See :meth:`IWatch.confirmed_s`.

        That is when it was read or, unless it is to be read again, when the notifying
        polls were last answered: they would have shown a change.
        """
        contact = self._terms.contact
        read_s = contact.heard_s(read_name(service))
        notified_s = [contact.heard_s(name) for name in _NOTIFIERS]
        if read_s is None or self._is_awaited(service) or None in notified_s:
            return read_s
        return max(read_s, min(s for s in notified_s if s is not None))

    def _is_awaited(self, service: str) -> bool:
        """Whether a service is to be read, is being read, or could not be."""
        return (
            service in self._changed
            or service in self._rest
            or service in self._ahead
            or service in self._reading
            or service in self._retries
        )

    def stop(self) -> None:
        """See :meth:`IWatch.stop`."""
        self._stopped = True
        self._gather.close()
        self._sweep.close()
        self._poll.stop()
        self._terms.contact.forget(CHECKS)
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        for name in list(self._services):
            self._forget(name)
        self._services = {}

    def _forget(self, name: str) -> None:
        """Drop all that is known, planned and under way about a service."""
        for known in (
            self._changed,
            self._rest,
            self._ahead,
            self._nodes,
            self._failures,
        ):
            known.pop(name, None)
        retry = self._retries.pop(name, None)
        if retry is not None:
            retry.cancel()
        reading = self._reading.pop(name, None)
        if reading is not None:
            reading.cancel()
        self._terms.contact.forget(read_name(name))

    # What is to be read

    def _mark(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._services:
                self._rest.pop(name, None)
                self._changed[name] = None

    def _mark_rest(self) -> None:
        for name in self._services:
            if name not in self._changed:
                self._rest[name] = None
        self._gather.wake()

    def _checks_are(self, answer: Answer) -> None:
        before = self._checks
        self._checks = {_check_key(check): _check_value(check) for check in answer.data}
        self._checks_index = answer.index
        ahead, self._ahead = self._ahead, {}
        self._mark(ahead)
        if before is not None:
            for key in before.keys() | self._checks.keys():
                old, new = before.get(key), self._checks.get(key)
                if old != new:
                    self._mark(self._concerned(key, old))
                    self._mark(self._concerned(key, new))
        self._gather.wake()

    def _concerned(
        self, key: tuple[Any, ...], value: tuple[Any, ...] | None
    ) -> Iterable[str]:
        """The services that a check says something about."""
        if value is None:
            return ()
        service, node = value[0], key[0]
        if service:
            return (service,)
        on_node = [name for name, nodes in self._nodes.items() if node in nodes]
        return [*on_node, *self._reading]

    # Reading it

    def _pump(self) -> None:
        if self._pumping:
            return  # an answer that was there at once; the loop below goes on
        self._pumping = True
        try:
            while (
                not self._stopped
                and self._resume is None
                and len(self._reading) < CONCURRENCY
                and (name := self._next()) is not None
            ):
                self._read(name)
        finally:
            self._pumping = False

    def _next(self) -> str | None:
        """The next service to read: not one that is being read or waits for a retry."""
        for queue in (self._changed, self._rest):
            for name in queue:
                if name not in self._reading and name not in self._retries:
                    del queue[name]
                    return name
        return None

    def _read(self, name: str) -> None:
        checks_index = self._checks_index
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
                if result.index > checks_index:
                    self._is_ahead(name, checks_index)
            self._pump()

        request.addBoth(settled)

    def _answered(self, name: str, answer: Answer) -> None:
        self._unanswered = 0
        self._failures.pop(name, None)
        self._nodes[name] = frozenset(instance.node for instance in answer.data)
        self._terms.contact.heard(read_name(name))
        try:
            self._listener.answered(name, answer)
        except Exception:
            self._log.failure("service {name}, read from Consul", name=name)

    def _is_ahead(self, name: str, checks_index: int) -> None:
        """An answer saw more than the checks did; see the note above."""
        if checks_index != self._checks_index:
            self._mark([name])
        else:
            self._ahead[name] = None

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
        self._mark([name])
        self._gather.wake()

    def _pause(self) -> None:
        """Nobody answers: ask nothing for a while."""
        if self._resume is None:
            self._unanswered += 1
            delay_s = self._terms.retry(self._unanswered)
            self._resume = self._terms.clock.callLater(delay_s, self._go_on)

    def _go_on(self) -> None:
        self._resume = None
        self._pump()


def _check_key(check: Mapping[str, Any]) -> tuple[Any, ...]:
    return (check.get("Node"), check.get("CheckID"), check.get("ServiceID"))


def _check_value(check: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of a check matters; its output does not."""
    return (check.get("ServiceName"), check.get("Status"), check.get("ModifyIndex"))
