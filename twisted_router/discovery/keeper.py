"""What stands between Consul and the routing table, so that nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from zope.interface import implementer

from ..config.schema import Config, ConsulConfig
from ..interfaces import (
    IConsulClient,
    IEventLog,
    IFactsConsumer,
    IFactsSource,
    ServiceState,
    SourceState,
)
from ..model import Instance, Quarantined
from .ageing import Freshness, Pruning
from .alarms import Alarms
from .contact import Contact
from .facts_file import Stored
from .guard import Guard
from .rebuilding import Blueprint, Rebuilding
from .reconcile import Reconcile
from .snapshot import DiskThread, Snapshot

#: Seconds that Consul has to tell everything before the snapshot is used. One that
#: refuses does not get them.
PATIENCE_S = 1.0

_LOOK_S = 0.02

# Ages of thousands of services are looked at no more often than this, in seconds:
# every change of the table asks for the state.
_AGED_S = 1.0


class Source(Protocol):
    """What is asked of the source; see :class:`.consul.ConsulSource`."""

    @property
    def quarantine(self) -> tuple[Quarantined, ...]:
        """See :class:`IFactsSource`."""

    @property
    def index(self) -> int:
        """The highest index that it has seen."""

    def state(self) -> SourceState:
        """See :meth:`IFactsSource.state`."""

    def ages(self) -> Mapping[str, float]:
        """Seconds since each service was confirmed."""

    def reread(self) -> None:
        """Read everything again."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who the keeper works with.

    :ivar source: gives the source whose facts are kept. It is made after the keeper,
        which it tells.
    :ivar contact: which of its reads fail.
    :ivar tables: gets the facts in the end.
    :ivar wall_s: seconds since the epoch.
    """

    source: Callable[[], Source]
    contact: Contact
    client: IConsulClient
    tables: IFactsConsumer
    blueprint: Blueprint
    events: IEventLog
    wall_s: Callable[[], float]


@implementer(IFactsConsumer, IFactsSource)
class Keeper(Service):
    """The chain of guard, pruning, snapshot and rebuilding, and its state.

    Start it before the source and stop it after.

    :ivar source: its name.
    :ivar guard: for the status site.
    """

    name = "keeper"
    _log = Logger()

    def __init__(
        self, reactor: Any, config: Config, source: str, around: Surroundings
    ) -> None:
        consul = config.consul or ConsulConfig()
        self._reactor = reactor
        self.source = source
        self._around = around
        self._alarms = alarms = Alarms(around.events, source)
        self._freshness = Freshness(
            reactor, around.contact, lambda: around.source().ages()
        )
        self._thread = DiskThread(reactor)
        rebuilding = Rebuilding(
            reactor, around.tables, around.blueprint, source, alarms
        )
        self._snapshot: Snapshot | None = None
        if consul.snapshot:
            self._snapshot = Snapshot(
                reactor,
                rebuilding,
                consul.snapshot,
                " ".join([source, consul.datacenter]).strip(),
                consul.snapshot_max_age,
                around.wall_s,
                lambda: self._freshness.list_age_s,
                self._thread,
                alarms,
            )
        self._pruning = Pruning(
            reactor,
            self._snapshot or rebuilding,
            self._freshness,
            source,
            config.droplet_stale_threshold,
            config.prune_stale_droplets_interval,
            config.suspend_pruning_if_consul_unavailable,
            config.guard.percent,
            alarms,
        )
        self.guard = Guard(
            reactor,
            self._pruning,
            config.guard,
            source,
            around.client.services,
            lambda: around.contact.reservation,
            alarms,
        )
        self._reconcile = Reconcile(
            reactor,
            around.client,
            rebuilding,
            lambda: self.guard.facts,
            lambda: not self._told or self._freshness.away,
            self,
            source,
            lambda: around.source().reread(),
            consul.reconcile_interval,
            alarms,
        )
        # Whether the source has told everything, or the file did so in its place.
        self._told = False
        self._from_file = False
        self._stored: Stored | None = None
        self._stored_s = self._until_s = 0.0
        self._patience: IDelayedCall | None = None
        self._aged: tuple[float, float | None, int] | None = None

    @property
    def quarantine(self) -> tuple[Quarantined, ...]:
        """See :class:`IFactsSource`: the source's."""
        return self._around.source().quarantine

    @property
    def index(self) -> int:
        """The highest index that the source has seen.

        It is asked for at each change of the table; :meth:`state` would take longer.
        """
        return self._around.source().index

    def state(self) -> SourceState:
        """How the source is doing, and what is kept of it."""
        now_s = self._reactor.seconds()
        if self._aged is None or now_s - self._aged[0] >= _AGED_S:
            doubtful = len(self._pruning.doubtful())
            self._aged = (now_s, self._pruning.oldest_s(), doubtful)
        state = self._around.source().state()
        return replace(
            state,
            ready=state.ready or self._from_file,
            snapshot_age_s=now_s - self._stored_s if self._from_file else None,
            oldest_s=self._aged[1],
            doubtful=self._aged[2],
            withdrawn=len(self._pruning.withdrawn),
            held=self.guard.held,
            alarms=dict(self._alarms.counts),
        )

    def services(self) -> tuple[ServiceState, ...]:
        """What is known of each service, and how sure that is."""
        return self._pruning.services()

    def startService(self) -> None:
        """Read the snapshot, and use it if Consul does not answer soon."""
        super().startService()
        self._pruning.start()
        self._reconcile.start()
        if self._snapshot is None:
            return
        self._snapshot.start()
        loaded = self._snapshot.load()
        if loaded is not None:
            now_s = self._reactor.seconds()
            self._stored, age_s = loaded
            self._stored_s, self._until_s = now_s - age_s, now_s + PATIENCE_S
            self.guard.expect(self._stored.services)
            self._patience = self._reactor.callLater(_LOOK_S, self._look)

    async def _stop(self) -> None:
        if self._snapshot is not None:
            await self._snapshot.stop()
        self._thread.stop()

    def stopService(self) -> Deferred[None]:
        """Write what is not on disk yet; fires when that is done."""
        super().stopService()
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._reconcile.stop()
        self.guard.stop()
        self._pruning.stop()
        return Deferred.fromCoroutine(self._stop())

    def apply(self, source: str, changes: Mapping[str, Sequence[Instance]]) -> None:
        """Take changes; see :meth:`IFactsConsumer.apply`."""
        self.guard.apply(source, changes)

    def replace(self, source: str, services: Mapping[str, Sequence[Instance]]) -> None:
        """Take everything: what came from the snapshot is over."""
        self.guard.replace(source, services)
        self._told, self._from_file = True, False
        self._stored = None

    def _look(self) -> None:
        """Use the snapshot, unless Consul has told everything or still may."""
        self._patience = None
        stored = self._stored
        if stored is None:
            return
        now_s, error = self._reactor.seconds(), self._around.contact.error
        if now_s < self._until_s and not error:
            self._patience = self._reactor.callLater(_LOOK_S, self._look)
            return
        age_s = now_s - self._stored_s
        self._freshness.presume(age_s)
        self._from_file, self._stored = True, None
        self.guard.replace(self.source, stored.services)
        self._alarms.warn(
            "snapshot",
            f"Consul does not answer: {error or 'nothing yet'}; the routes are those "
            f"of {age_s:.0f} s ago, {len(stored.services)} services",
        )
