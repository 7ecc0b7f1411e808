"""Facts to show, and a client that reads a page without a network."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource, Resource
from zope.interface import implementer

from twisted_router.interfaces import (
    IEventLog,
    IFactsSource,
    IRouteTables,
    RegistrarState,
    SourceState,
)
from twisted_router.model import Quarantined, Route
from twisted_router.proxy.counters import Counters
from twisted_router.routing.history import History
from twisted_router.routing.table import RouteTable
from twisted_router.status.facts import StatusFacts


@implementer(IFactsSource)
@dataclass
class FakeSource:
    """A source in any state."""

    name: str = "consul"
    ready: bool = True
    age_s: float | None = 0.5
    error: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    quarantine: tuple[Quarantined, ...] = ()

    def state(self) -> SourceState:
        return SourceState(self.name, self.ready, self.age_s, self.error, **self.more)


@implementer(IRouteTables)
@dataclass
class FakeTables:
    """Holds a table that the test replaces as it likes."""

    table: RouteTable = field(default_factory=RouteTable)

    def subscribe(self, listener: Any) -> None:
        raise AssertionError("the status site only reads")


def table_of(
    *routes: Route,
    quarantine: Sequence[Quarantined] = (),
    instance_count: int = 0,
    built_at_s: float = 0.0,
) -> RouteTable:
    """A table with these routes."""
    return RouteTable().replaced(
        {(route.host, route.path): route for route in routes},
        quarantine={("test",): tuple(quarantine)},
        instance_count=instance_count,
        built_at_s=built_at_s,
    )


def registrar_state(**differences: Any) -> RegistrarState:
    """The state of a registrar that is well, and holds two services."""
    state: RegistrarState = {
        "ready": True,
        "error": "",
        "docker_connected": True,
        "consul_connected": True,
        "api_version": "1.41",
        "last_event_age_s": 7.0,
        "last_reconcile_age_s": 3.0,
        "last_reconcile_s": 0.25,
        "drift": 1,
        "containers": 3,
        "odd_containers": 0,
        "dirty_containers": 4,
        "stopping_containers": 5,
        "services": 2,
        "refused_attributes": 6,
        "writes": 8,
        "pending_writes": 9,
        "failed_writes": 10,
        "failing_services": 0,
        "beats": 11,
    }
    return cast(RegistrarState, {**state, **differences})


def facts(
    *sources: FakeSource,
    table: RouteTable | None = None,
    counters: Counters | None = None,
    draining: bool = False,
    events: IEventLog | None = None,
    **more: Any,
) -> StatusFacts:
    """Facts of a router that serves on port 8081 since 2023-11-14 22:13:20."""
    return StatusFacts(
        tables=FakeTables(table or RouteTable()),
        counters=counters or Counters(),
        sources=sources,
        events=events or History(lambda: 1700000000.0, lambda source: 0),
        explain=lambda method, url: {},
        proxy_port=lambda: 8081,
        draining=lambda: draining,
        started_at_s=1700000000.0,
        **more,
    )


@dataclass(frozen=True)
class Answer:
    """What a page said."""

    status: int
    headers: Headers
    length: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The one value of a header field."""
        values = self.headers.getRawHeaders(name, [None])
        assert len(values) == 1, values
        return values[0]


class PageTestCase(SynchronousTestCase):
    """Reads pages."""

    def read(
        self,
        page: IResource,
        method: str = "GET",
        below: str = "",
        headers: Headers | None = None,
    ) -> Answer:
        """Ask for ``/page`` + ``below``, where ``page`` is served."""
        root = Resource()
        root.putChild(b"page", page)
        client = StubTreq(root)
        reading: Deferred[Any] = client.request(
            method, f"http://router/page{below}", headers=headers
        )
        client.flush()
        response = self.successResultOf(reading)
        body = self.successResultOf(client.content(response))
        return Answer(response.code, response.headers, response.length, body)
