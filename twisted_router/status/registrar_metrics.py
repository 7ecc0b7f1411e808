"""What the registrar counts and measures, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from ..interfaces import RegistrarState

_PREFIX = "twisted_router_registrar_"

#: What it counts from its start on: key of the state, which is the name, and meaning.
_COUNTED = {
    "writes": "Writes that Consul took.",
    "failed_writes": "Writes that failed.",
    "drift": "Differences of Docker and Consul that no event had announced.",
    "beats": "Reports to Consul that services are still there.",
}

#: What it measures: key of the state, name, and meaning.
_MEASURED = (
    ("ready", "ready", "Whether Docker and Consul were compared at least once."),
    ("docker_connected", "docker_connected", "Whether Docker's events are followed."),
    (
        "consul_connected",
        "consul_connected",
        "Whether Consul answered when it was asked last.",
    ),
    ("last_event_age_s", "last_event_age_seconds", "Time since an event of Docker."),
    (
        "last_reconcile_age_s",
        "last_reconcile_age_seconds",
        "Time since Docker and Consul were compared, and differences written.",
    ),
    ("last_reconcile_s", "last_reconcile_duration_seconds", "How long that took."),
    ("containers", "containers", "Containers that run."),
    ("odd_containers", "odd_containers", "Those that nothing could be made of."),
    ("dirty_containers", "dirty_containers", "Those that are to be inspected again."),
    ("stopping_containers", "stopping_containers", "Those that are being stopped."),
    ("services", "services", "Services that Consul should hold."),
    ("failing_services", "failing_services", "Those whose last write it refused."),
    (
        "refused_attributes",
        "refused_attributes",
        "Attributes of containers that are not used.",
    ),
    ("pending_writes", "pending_writes", "Writes that are planned or under way."),
)


def registrar_metrics(state: RegistrarState) -> Iterator[Metric]:
    """All families; of what has not happened yet, none."""
    figures = cast(Mapping[str, float | None], state)
    for name, text in _COUNTED.items():
        yield CounterMetricFamily(_PREFIX + name, text, figures[name])
    for key, name, text in _MEASURED:
        value = figures[key]
        if value is not None:
            yield GaugeMetricFamily(_PREFIX + name, text, value)
