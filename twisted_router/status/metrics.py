"""``/metrics``: figures for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from ..interfaces import SourceState
from ..proxy.counters import LATENCY_BOUNDS_S, Counters
from .credentials import Credentials
from .facts import StatusFacts
from .page import Page, reply
from .registrar_metrics import registrar_metrics

_PREFIX = "twisted_router_"


class MetricsPage(Page):
    """What the router counts, in Prometheus' text format.

    No label takes its values from requests or from the names of services: the number
    of series does not grow with use.

    :param clock: the one by which routing tables are stamped.
    """

    def __init__(
        self, facts: StatusFacts, clock: IReactorTime, credentials: Credentials
    ) -> None:
        super().__init__(credentials)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Figures(facts, clock))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def answer(self, request: Request) -> bytes:
        """All of them, as of now."""
        text = generate_latest(self._registry)
        return reply(request, 200, CONTENT_TYPE_LATEST, text)


class _Figures(Collector):
    """Reads the figures when it is asked."""

    def __init__(self, facts: StatusFacts, clock: IReactorTime) -> None:
        self._facts = facts
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield from _traffic(self._facts.counters)
        yield from self._routing()
        yield from self._sources()
        if self._facts.registrar is not None:
            yield from registrar_metrics(self._facts.registrar())

    def _routing(self) -> Iterator[Metric]:
        table = self._facts.tables.table
        age_s = self._clock.seconds() - table.built_at_s
        yield _gauge("routes", "Routes in the table.", table.uri_count)
        yield _gauge("instances", "Instances behind the routes.", table.instance_count)
        yield _gauge("table_age_seconds", "Time since the table changed.", age_s)
        quarantined = GaugeMetricFamily(
            _PREFIX + "quarantined_entries",
            "Entries that are not routed, by where they are written.",
            labels=["source"],
        )
        entries = Counter(entry.source for entry in self._facts.quarantine())
        for source, count in sorted(entries.items()):
            quarantined.add_metric([source], count)
        yield quarantined

    def _sources(self) -> Iterator[Metric]:
        ready = GaugeMetricFamily(
            _PREFIX + "source_ready",
            "Whether a source of facts has given its first snapshot.",
            labels=["source"],
        )
        failing = GaugeMetricFamily(
            _PREFIX + "source_failing",
            "Whether a source of facts does not hear from its origin now.",
            labels=["source"],
        )
        age = GaugeMetricFamily(
            _PREFIX + "source_age_seconds",
            "Time since a source of facts heard from its origin.",
            labels=["source"],
        )
        states = [source.state() for source in self._facts.sources]
        for state in states:
            ready.add_metric([state.name], state.ready)
            failing.add_metric([state.name], bool(state.error))
            if state.age_s is not None:
                age.add_metric([state.name], state.age_s)
        yield from (ready, failing, age)
        yield from _kept(states)
        yield _gauge(
            "draining", "Whether the router is about to stop.", self._facts.draining()
        )


#: Name and meaning of what is kept of a source that fails, or is not believed.
_KEPT: tuple[tuple[str, str, Callable[[SourceState], float | None]], ...] = (
    (
        "source_snapshot_age_seconds",
        "Age of the facts while they are those of the file on disk.",
        lambda state: state.snapshot_age_s,
    ),
    (
        "source_oldest_service_seconds",
        "Time since the facts of the oldest service were confirmed.",
        lambda state: state.oldest_s,
    ),
    (
        "source_doubtful_services",
        "Services whose facts cannot be confirmed now.",
        lambda state: state.doubtful,
    ),
    (
        "source_withdrawn_services",
        "Services not routed, as nobody confirmed them for too long.",
        lambda state: state.withdrawn,
    ),
    (
        "source_held_instances",
        "Instances routed although the source lists them no more.",
        lambda state: state.held,
    ),
)


def _kept(states: Sequence[SourceState]) -> Iterator[Metric]:
    for name, text, value_of in _KEPT:
        gauge = GaugeMetricFamily(_PREFIX + name, text, labels=["source"])
        for state in states:
            value = value_of(state)
            if value is not None:
                gauge.add_metric([state.name], value)
        yield gauge
    alarms = CounterMetricFamily(
        _PREFIX + "source_alarms",
        "What was reported about the facts, by kind.",
        labels=["source", "kind"],
    )
    for state in states:
        for kind, count in sorted(state.alarms.items()):
            alarms.add_metric([state.name, kind], count)
    yield alarms


def _traffic(counters: Counters) -> Iterator[Metric]:
    """What the data plane counts."""
    for name, text, value in (
        (
            "requests",
            "Requests sent to instances, retries included.",
            counters.requests,
        ),
        ("retries", "Requests sent once more, elsewhere.", counters.retries),
        ("rejected_requests", "Requests without an instance.", counters.rejected),
        ("bad_gateways", "Responses 502 of the router's own.", counters.bad_gateways),
        (
            "connect_failures",
            "Instances that could not be reached.",
            counters.connect_failures,
        ),
        (
            "protocol_errors",
            "Messages of instances that were refused.",
            counters.protocol_errors,
        ),
        (
            "backend_exhausted_conns",
            "Requests whose instances all had as many as they may.",
            counters.exhausted,
        ),
        ("connections", "Connections accepted from clients.", counters.accepted),
        ("websocket_upgrades", "Tunnels opened.", counters.upgrades),
        ("websocket_failures", "Tunnels refused.", counters.upgrade_failures),
        (
            "access_log_lines_dropped",
            "Lines that the access log could not write.",
            counters.log_lines_dropped,
        ),
    ):
        yield CounterMetricFamily(_PREFIX + name, text, value)
    yield _gauge("open_connections", "Connections of clients.", counters.clients)
    yield _gauge("in_flight", "Requests and tunnels under way.", counters.in_flight)
    yield _gauge("tunnels", "Tunnels open.", counters.tunnels)
    responses = CounterMetricFamily(
        _PREFIX + "responses",
        "Responses of instances by class.",
        labels=["status_group"],
    )
    other, _, *groups = counters.responses
    for group, count in enumerate(groups, 2):
        responses.add_metric([f"{group}xx"], count)
    responses.add_metric(["xxx"], other)
    yield responses
    own = CounterMetricFamily(
        _PREFIX + "own_responses",
        "Responses of the router's own by status.",
        labels=["status"],
    )
    for status, count in sorted(counters.errors.items()):
        own.add_metric([str(status)], count)
    yield own
    bounds = [*map(str, LATENCY_BOUNDS_S), "+Inf"]
    yield HistogramMetricFamily(
        _PREFIX + "request_duration_seconds",
        "From a request's head to the end of its response.",
        buckets=list(zip(bounds, accumulate(counters.latency), strict=True)),
        sum_value=counters.latency_total_s,
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(_PREFIX + name, text, value)
