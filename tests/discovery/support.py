"""Doubles of both ends of a source of facts: Consul's client, and the consumer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from twisted_router.interfaces import (
    Answer,
    CatalogError,
    Event,
    IConsulClient,
    IEventLog,
    IFactsConsumer,
)
from twisted_router.model import Instance, Quarantined

GONE = CatalogError("GET /v1/x at consul: Connection refused")
#: Of a read that has nothing special about it.
ANSWER = Answer(1, {})

REFUSED = CatalogError("GET /v1/x at consul: 403 Permission denied", 403)


def instance(service: str, number: int = 1, **fields: Any) -> Instance:
    """An instance of a service, on port 8000 and some."""
    given: dict[str, Any] = {
        "service": service,
        "id": f"{service}-{number}",
        "address": "10.0.0.1",
        "port": 8000 + number,
        "node": "n1",
        **fields,
    }
    return Instance(**given)


@dataclass(eq=False)
class Asked:
    """A read that waits for its answer.

    :ivar what: ``services``, ``critical checks``, ``summaries``, or the name of a
        service.
    """

    what: str
    index: int
    wait_s: float
    reading: Deferred[Answer]
    cancelled: bool = False

    def answer(
        self, index: int, data: Any, quarantined: tuple[Quarantined, ...] = ()
    ) -> None:
        """Let Consul answer."""
        self.reading.callback(Answer(index, data, quarantined=quarantined))

    def fail(self, error: Exception = GONE) -> None:
        """Let the read fail."""
        self.reading.errback(error)


@implementer(IConsulClient)
class ScriptedConsul:
    """A client whose every read waits until the test answers it.

    :ivar asked: all reads ever, in their order.
    :ivar most: the most reads that were open at a time.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.most = 0

    @property
    def open(self) -> list[Asked]:
        """Reads that wait for an answer."""
        return [asked for asked in self.asked if not asked.reading.called]

    def only(self, what: str) -> Asked:
        """The one open read of something."""
        (asked,) = (asked for asked in self.open if asked.what == what)
        return asked

    def count(self, what: str) -> int:
        """How often something was read so far."""
        return sum(asked.what == what for asked in self.asked)

    def _ask(self, what: str, index: int, wait_s: float) -> Deferred[Answer]:
        def cancelled(_: Deferred[Answer]) -> None:
            asked.cancelled = True

        asked = Asked(what, index, wait_s, Deferred(cancelled))
        self.asked.append(asked)
        self.most = max(self.most, len(self.open))
        return asked.reading

    def services(self, index: int = 0, wait_s: float = 0.0) -> Deferred[Answer]:
        """See :class:`IConsulClient`."""
        return self._ask("services", index, wait_s)

    def health(
        self, service: str, index: int = 0, wait_s: float = 0.0
    ) -> Deferred[Answer]:
        """See :class:`IConsulClient`."""
        return self._ask(service, index, wait_s)

    def checks(
        self, index: int = 0, wait_s: float = 0.0, status: str = "any"
    ) -> Deferred[Answer]:
        """See :class:`IConsulClient`."""
        return self._ask(f"{status} checks", index, wait_s)

    def summaries(self, index: int = 0, wait_s: float = 0.0) -> Deferred[Answer]:
        """See :class:`IConsulClient`."""
        return self._ask("summaries", index, wait_s)

    def agent_self(self) -> Deferred[dict[str, Any]]:
        """See :class:`IConsulClient`."""
        raise NotImplementedError

    def agent_services(self) -> Deferred[dict[str, dict[str, Any]]]:
        """See :class:`IConsulClient`."""
        raise NotImplementedError

    def agent_checks(self) -> Deferred[dict[str, dict[str, Any]]]:
        """See :class:`IConsulClient`."""
        raise NotImplementedError

    def register(
        self, payload: Mapping[str, Any], keep_checks: bool = False
    ) -> Deferred[None]:
        """See :class:`IConsulClient`."""
        raise NotImplementedError

    def deregister(self, service_id: str) -> Deferred[None]:
        """See :class:`IConsulClient`."""
        raise NotImplementedError

    def maintenance(
        self, service_id: str, enable: bool, reason: str = ""
    ) -> Deferred[None]:
        """See :class:`IConsulClient`."""
        raise NotImplementedError

    def report(self, check_id: str, status: str, output: str = "") -> Deferred[None]:
        """See :class:`IConsulClient`."""
        raise NotImplementedError

    def close(self) -> Deferred[None]:
        """See :class:`IConsulClient`."""
        raise NotImplementedError


@implementer(IFactsConsumer)
class Consumer:
    """Remembers what it is told.

    :ivar told: ``(method, source, services)`` of each call, in their order.
    :ivar on_call: called after each; may raise.
    """

    def __init__(self) -> None:
        self.told: list[tuple[str, str, dict[str, tuple[Instance, ...]]]] = []
        self.on_call: Callable[[], None] = lambda: None

    def apply(self, source: str, changes: Mapping[str, Sequence[Instance]]) -> None:
        """See :class:`IFactsConsumer`."""
        self._remember("apply", source, changes)

    def replace(self, source: str, services: Mapping[str, Sequence[Instance]]) -> None:
        """See :class:`IFactsConsumer`."""
        self._remember("replace", source, services)

    def _remember(
        self, method: str, source: str, services: Mapping[str, Sequence[Instance]]
    ) -> None:
        found = {name: tuple(instances) for name, instances in services.items()}
        self.told.append((method, source, found))
        self.on_call()

    def last(self) -> dict[str, tuple[Instance, ...]]:
        """The services of the last call."""
        return self.told[-1][2]

    def knows(self) -> dict[str, tuple[Instance, ...]]:
        """What all calls together amount to, without services that are gone."""
        known: dict[str, tuple[Instance, ...]] = {}
        for method, _, services in self.told:
            known = services if method == "replace" else {**known, **services}
        return {name: found for name, found in known.items() if found}


@implementer(IEventLog)
class EventLog:
    """Remembers what is recorded.

    :ivar recorded: ``(kind, source, text, details)`` of each call, in their order.
    """

    def __init__(self) -> None:
        self.recorded: list[tuple[str, str, str, dict[str, Any]]] = []

    def record(
        self,
        kind: str,
        source: str,
        text: str,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """See :class:`IEventLog`."""
        self.recorded.append((kind, source, text, dict(details or {})))

    def after(self, number: int) -> Sequence[Event]:
        """See :class:`IEventLog`."""
        raise NotImplementedError
