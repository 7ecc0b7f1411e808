"""What the status site may see of the router."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ..interfaces import (
    IEventLog,
    IFactsSource,
    IGuard,
    IRouteTables,
    RegistrarState,
    ServiceState,
)
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
    :ivar registrar: how the registrar is doing, if there is one.
    :ivar serves: whether there is a proxy. Without one, the registrar is what the
        process is for.
    :ivar guard: holds what vanished from a source, if anything does.
    :ivar services: how old what is known of each service is, if that is known.
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
    registrar: Callable[[], RegistrarState] | None = None
    serves: bool = True
    guard: IGuard | None = None
    services: Callable[[], Sequence[ServiceState]] | None = None
    uuid: str = field(default_factory=lambda: str(uuid4()))

    def complaint(self) -> str:
        """Why this process is of no use, in one line; ``""`` if it is of any.

        A router that has not read its routes yet would answer 404 to everything. One
        that has, and lost sight of Consul since, goes on with what it has: no reason
        to take it out. Nor is its registrar's state one: clients do not need that, and
        a host whose Docker hangs would lose its router as well. A registrar alone is
        judged like a router: until it has compared Docker with Consul once.
        """
        if self.draining():
            return "draining"
        unread = sorted(
            state.name
            for state in (source.state() for source in self.sources)
            if not state.ready
        )
        if unread:
            return f"no routes yet from {', '.join(unread)}"
        state = None if self.registrar is None or self.serves else self.registrar()
        if state is not None and not state["ready"]:
            return f"registrar: nothing compared yet{_who_is_away(state)}"
        return ""

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
        if self.registrar is not None:
            remarks += _remarks_on(self.registrar())
        return remarks

    def quarantine(self) -> tuple[Quarantined, ...]:
        """Every entry that is not used, and why.

        Those that cannot be routed, and those that cannot even be an instance.
        """
        entries: tuple[Quarantined, ...] = self.tables.table.quarantine
        for source in self.sources:
            entries += source.quarantine
        return entries


def _who_is_away(state: RegistrarState) -> str:
    """Whom the registrar waits for: to be appended to a sentence; ``""`` for nobody."""
    away = [
        name
        for name, is_connected in (
            ("Docker", state["docker_connected"]),
            ("Consul", state["consul_connected"]),
        )
        if not is_connected
    ]
    # Without Docker, Consul is not even asked.
    return f": {away[0]} fails" if away and state["error"] else ""


def _remarks_on(state: RegistrarState) -> list[str]:
    """What people should know of the registrar, which has clients of its own."""
    remarks = []
    if not state["ready"]:
        remarks.append(f"registrar: nothing compared yet{_who_is_away(state)}")
    elif away := _who_is_away(state):
        age_s = state["last_reconcile_age_s"] or 0.0
        remarks.append(f"registrar{away}; compared {age_s:.0f} s ago")
    if state["failing_services"]:
        remarks.append(
            f"registrar: Consul does not take {state['failing_services']} services"
        )
    if state["odd_containers"]:
        remarks.append(
            f"registrar: {state['odd_containers']} containers cannot be understood"
        )
    return remarks
