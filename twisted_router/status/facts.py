"""What the status site may see of the router."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ..interfaces import IEventLog, IFactsSource, IGuard, IRouteTables
from ..model import Quarantined
from ..proxy.counters import Counters


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Where the site reads. It only ever reads.

    :ivar sources: where facts about services come from; may be none.
    :ivar events: what happened to the routes lately.
    :ivar explain: says, as JSON can hold it, what the proxy would do with a request of
        this method and URL.
    :ivar proxy_port: the port on which the proxy listens, 0 while it does not.
    :ivar draining: whether the router is about to stop and wants no new clients.
    :ivar started_at_s: when the router started, in seconds since the epoch.
    :ivar index: number of this router among several.
    :ivar registrar: what the registrar says of itself, if there is one; what JSON can
        hold, without secrets.
    :ivar guard: holds what vanished from a source, if anything does.
    :ivar uuid: tells one run of the router from the next.
    """

    tables: IRouteTables
    counters: Counters
    sources: Sequence[IFactsSource]
    events: IEventLog
    explain: Callable[[bytes, bytes], Mapping[str, Any]]
    proxy_port: Callable[[], int]
    draining: Callable[[], bool]
    started_at_s: float
    index: int = 0
    registrar: Callable[[], Mapping[str, Any]] | None = None
    guard: IGuard | None = None
    uuid: str = field(default_factory=lambda: str(uuid4()))

    def complaint(self) -> str:
        """Why no client should be sent here, in one line; ``""`` if any may.

        A router that has not read its routes yet would answer 404 to everything. One
        that has, and lost sight of Consul since, goes on with what it has: no reason
        to take it out.
        """
        if self.draining():
            return "draining"
        unread = sorted(
            state.name
            for state in (source.state() for source in self.sources)
            if not state.ready
        )
        return f"no routes yet from {', '.join(unread)}" if unread else ""

    def remarks(self) -> list[str]:
        """What clients need not mind and people should: one line for each."""
        remarks = []
        for state in (source.state() for source in self.sources):
            if state.snapshot_age_s is not None:
                remarks.append(
                    f"{state.name} does not answer: routes of "
                    f"{state.snapshot_age_s:.0f} s ago, from the snapshot"
                )
            elif state.ready and state.error and state.age_s is not None:
                remarks.append(f"{state.name} fails; heard {state.age_s:.0f} s ago")
            if state.reservation:
                remarks.append(f"{state.name}: {state.reservation}")
            if state.held:
                remarks.append(
                    f"{state.name} has lost {state.held} instances; they stay routed"
                )
        return remarks

    def quarantine(self) -> tuple[Quarantined, ...]:
        """Every entry that is not used, and why.

        Those that cannot be routed, and those that cannot even be an instance.
        """
        entries: tuple[Quarantined, ...] = self.tables.table.quarantine
        for source in self.sources:
            entries += source.quarantine
        return entries
