"""Checks whose status is what the registrar says, in Consul's own JSON."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from ..config.schema import DockerConfig
from .container import Container

PASSING, CRITICAL = "passing", "critical"

# For ever, as far as Consul knows that: what Docker has said of a container's health
# holds until it says something else. Whether anybody is there to hear it is another
# check's matter.
_FOR_EVER = "87600h"

#: Consul's own least time until it deregisters what is critical.
_LEAST_DEREGISTRATION_S = 60


@dataclass(frozen=True, slots=True)
class Report:
    """A check, and what there is to say of it now.

    :ivar check_id: unique on the agent.
    :ivar ttl: how long Consul believes what it is told, as Go writes durations.
    :ivar deregister_after: how long after that it deregisters the service; ``""`` for
        never.
    :ivar status: ``passing`` or ``critical``.
    :ivar output: why.
    """

    check_id: str
    name: str
    ttl: str
    status: str
    output: str
    deregister_after: str = ""

    def definition(self) -> dict[str, Any]:
        """The check, as it is registered; without its status."""
        definition = {"CheckID": self.check_id, "Name": self.name, "TTL": self.ttl}
        if self.deregister_after:
            definition["DeregisterCriticalServiceAfter"] = self.deregister_after
        return definition

    def payload(self) -> dict[str, Any]:
        """Likewise, with the status that it begins with."""
        return self.definition() | {"Status": self.status}


def health_check_id(service_id: str) -> str:
    """Id of the check that follows the container's own."""
    return f"service:{service_id}:health"


def alive_check_id(service_id: str) -> str:
    """Id of the check that fails when the registrar falls silent."""
    return f"service:{service_id}:alive"


def own_check_id(service_id: str) -> str:
    """Id of the check that a container's attributes ask for: Consul's usual one."""
    return f"service:{service_id}"


def reports_of(
    service_id: str, container: Container, has_check: bool, rules: DockerConfig
) -> tuple[Report, ...]:
    """The checks of a service that are ours to report.

    :param has_check: its attributes ask for one, which then stands for its health.
    """
    reports = []
    if rules.healthcheck and container.health and not has_check:
        is_healthy = container.health == "healthy"
        reports.append(
            Report(
                health_check_id(service_id),
                "Docker's health check",
                _FOR_EVER,
                PASSING if is_healthy else CRITICAL,
                f"the container is {container.health}",
            )
        )
    if rules.ttl:
        after_s = max(_LEAST_DEREGISTRATION_S, ceil(rules.ttl))
        reports.append(
            Report(
                alive_check_id(service_id),
                "Registrar",
                f"{round(rules.ttl * 1000)}ms",
                PASSING,
                "the registrar sees the container run",
                f"{after_s}s",
            )
        )
    return tuple(reports)
