"""Facts about services from a Consul agent."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ..config.schema import ConsulConfig
from ..interfaces import (
    Answer,
    CatalogError,
    IConsulClient,
    IFactsConsumer,
    IFactsSource,
    SourceState,
)
from ..model import Instance, Quarantined
from ..retry import backoff_policy
from .contact import Contact
from .pace import Pace
from .poll import Poll, Terms
from .sweep import NotifiedReads
from .watch import CATALOG, IWatch, Listener, PollForEach

#: Services up to which each has a blocking query, and so a connection, of its own.
#: An agent takes 200 connections from one client address.
POLL_LIMIT = 50

#: Seconds in which further changes are gathered after a first one was told at once.
GATHER_S = 0.05

#: Seconds between attempts while Consul does not answer, from the first to the most.
RETRY_S = (0.25, 10.0)

#: Failed reads after which the first snapshot does not wait for a service any more.
_PATIENCE = 3

#: What every catalog has, and nobody routes to: the servers of Consul themselves.
_CONSUL_ITSELF = "consul"

#: The field of an instance's Meta that may have routes.
_URIS = "uris"

_NAME = "consul"


@implementer(IFactsSource)
class ConsulSource(Service):
    """Tells a consumer what Consul knows of every service, and what changes.

    The consumer gets one ``replace`` with the first complete snapshot, after that
    ``apply`` with the services whose instances changed. What cannot be read stays as
    it was; a service that the catalog does not list any more is taken back.

    Every service is followed, whatever its tags: a route may stand in the Meta of an
    instance, which no listing of services shows.

    :param client: closed by whoever made it, after this service has stopped.
    :param rng: jitter of the retries.
    :param poll_limit: see :data:`POLL_LIMIT`.
    :param contact: is told of each read; one of its own if left out.
    """

    name = "consul"
    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        client: IConsulClient,
        consumer: IFactsConsumer,
        config: ConsulConfig,
        rng: random.Random,
        poll_limit: int = POLL_LIMIT,
        contact: Contact | None = None,
    ) -> None:
        self._client = client
        self._consumer = consumer
        self._config = config
        self._poll_limit = poll_limit
        initial_s, maximum_s = RETRY_S
        self._contact = contact or Contact(clock)
        self._terms = Terms(
            clock,
            self._contact,
            backoff_policy(rng, initial_s, maximum_s),
            float(config.wait),
        )
        self._listener = Listener(self._answered, self._failed, self._is_routed)
        self._publishing: Pace | None = None
        self._catalog: Poll | None = None
        self._watch: IWatch | None = None
        # The catalog as last read, None before; and what of it was never read.
        self._services: dict[str, Sequence[str]] | None = None
        self._awaited: set[str] = set()
        self._hopeless: set[str] = set()
        self._known: dict[str, tuple[Instance, ...]] = {}
        self._unusable: dict[str, tuple[Quarantined, ...]] = {}
        # What the consumer has, and the services of which it may have too little.
        self._told: dict[str, tuple[Instance, ...]] = {}
        self._stale: set[str] = set()
        # The highest index of an answer that was taken.
        self._index = 0
        self._ready = False
        self._waiting: list[Deferred[None]] = []

    def state(self) -> SourceState:
        """See :meth:`IFactsSource.state`."""
        contact = self._contact
        return SourceState(
            _NAME,
            self._ready,
            contact.age_s,
            contact.error,
            self.index,
            reservation=contact.reservation,
        )

    @property
    def index(self) -> int:
        """The highest index of an answer; 0 before any."""
        return int(self._index)  # a client's may know more than its number

    @property
    def quarantine(self) -> tuple[Quarantined, ...]:
        """Entries of the catalog that cannot be instances, by service."""
        return tuple(
            entry for name in sorted(self._unusable) for entry in self._unusable[name]
        )

    def ages(self) -> dict[str, float]:
        """Seconds since Consul last confirmed what is known, by service.

        Services that were never read are left out.
        """
        now_s = self._terms.clock.seconds()
        watch = self._watch
        if watch is None:
            return {}
        return {
            name: now_s - confirmed_s
            for name in self._known
            if (confirmed_s := watch.confirmed_s(name)) is not None
        }

    def when_ready(self) -> Deferred[None]:
        """Fire when the consumer has the first snapshot; may be cancelled.

        Fails with ``CancelledError`` if the service stops before.
        """
        if self._ready:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        return waiting

    def reread(self) -> None:
        """Believe nothing that was read: read everything again, soon."""
        if self._catalog is not None:
            self._catalog.rewind()
        if self._watch is not None:
            self._watch.reread()

    def startService(self) -> None:
        """Begin to read; the first answer may take as long as Consul is away."""
        super().startService()
        self._publishing = Pace(self._terms.clock, GATHER_S, self._publish)
        self._catalog = Poll(
            self._terms,
            CATALOG,
            self._client.services,
            on_news=self._catalog_is,
            on_backwards=self._history_is_shorter,
            moves_are_news=True,
        )
        self._catalog.start()

    def stopService(self) -> Deferred[None]:
        """Cancel every read and timer; the consumer keeps what it has."""
        super().stopService()
        if self._catalog is not None:
            self._catalog.stop()
            self._catalog = None
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        if self._publishing is not None:
            self._publishing.close()
            self._publishing = None
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.errback(CancelledError())
        return succeed(None)

    # What the reads bring

    def _catalog_is(self, answer: Answer) -> None:
        services = {
            name: tags for name, tags in answer.data.items() if name != _CONSUL_ITSELF
        }
        before = self._services or {}
        self._services = services
        self._index = max(self._index, answer.index)
        gone = before.keys() - services.keys()
        for name in gone:
            self._known.pop(name, None)
            self._unusable.pop(name, None)
        self._awaited |= services.keys() - before.keys() - self._known.keys()
        self._awaited -= gone
        self._hopeless -= gone
        self._stale |= gone
        self._choose_watch(len(services)).follow(services, answer.index)
        self._publish_soon()

    def _choose_watch(self, services: int) -> IWatch:
        """The way to follow that many services; a change of it reads all anew."""
        watch = self._watch
        wanted: type[PollForEach] | type[NotifiedReads]
        if services > self._poll_limit:
            wanted = NotifiedReads
        elif watch is None or services <= self._poll_limit * 4 // 5:
            wanted = PollForEach
        else:
            # What is in use stays: no to and fro at the limit.
            return watch
        if not isinstance(watch, wanted):
            if watch is not None:
                watch.stop()
            watch = self._watch = wanted(self._terms, self._client, self._listener)
        return watch

    def _history_is_shorter(self) -> None:
        self._log.info("the catalog's index went backwards; all is read again")
        self._index = 0
        if self._watch is not None:
            self._watch.reread()

    def _answered(self, name: str, answer: Answer) -> None:
        self._index = max(self._index, answer.index)
        self._quarantine(name, answer.quarantined)
        self._awaited.discard(name)
        self._hopeless.discard(name)
        if self._known.get(name) != answer.data:
            self._known[name] = answer.data
            self._stale.add(name)
        self._publish_soon()

    def _failed(self, name: str, attempt: int, error: CatalogError) -> None:
        # No answer at all says nothing about this service.
        if error.status and attempt >= _PATIENCE and name in self._awaited:
            self._hopeless.add(name)
            self._publish_soon()

    def _quarantine(self, name: str, entries: tuple[Quarantined, ...]) -> None:
        for entry in set(entries) - set(self._unusable.get(name, ())):
            # Services that are no business of ours often have no port.
            log = self._log.warn if self._is_routed(name) else self._log.debug
            log(
                "service {name}, instance {instance}: {reason}; left out: {text}",
                name=name,
                instance=entry.instance_id,
                reason=entry.reason,
                text=entry.text,
            )
        if entries:
            self._unusable[name] = entries
        else:
            self._unusable.pop(name, None)

    def _is_routed(self, name: str) -> bool:
        """Whether the service surely wants requests, as far as the catalog tells."""
        config = self._config
        if config.domain or name == config.default_service:
            return True
        tags = (self._services or {}).get(name, ())
        if any(tag.startswith(config.tag_prefix) for tag in tags):
            return True
        return any(_URIS in instance.meta for instance in self._known.get(name, ()))

    # What the consumer is told

    def _publish_soon(self) -> None:
        news = self._stale if self._ready else self._is_complete()
        if news and self._publishing is not None:
            self._publishing.wake()

    def _is_complete(self) -> bool:
        """Whether every service was read, or cannot be while others can."""
        if self._services is None or not self._awaited <= self._hopeless:
            return False
        return not self._hopeless or bool(self._known)

    def _publish(self) -> None:
        if not self._ready:
            if self._is_complete():
                self._publish_first()
            return
        changes = {
            name: self._known.get(name, ())
            for name in sorted(self._stale)
            if self._known.get(name, ()) != self._told.get(name, ())
        }
        if changes and not self._tell(self._consumer.apply, changes):
            return
        self._stale.clear()

    def _publish_first(self) -> None:
        services = {name: found for name, found in self._known.items() if found}
        if not self._tell(self._consumer.replace, services):
            return
        self._ready = True
        self._stale.clear()
        self._log.info("{count} services read from Consul", count=len(services))
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def _tell(
        self,
        call: Callable[[str, Mapping[str, Sequence[Instance]]], None],
        services: Mapping[str, tuple[Instance, ...]],
    ) -> bool:
        """Pass facts on; whether the consumer took them. If not, it is a bug of his."""
        try:
            call(_NAME, services)
        except Exception:
            self._log.failure("facts from Consul were refused")
            return False
        for name, found in services.items():
            if found:
                self._told[name] = found
            else:
                self._told.pop(name, None)
        return True
