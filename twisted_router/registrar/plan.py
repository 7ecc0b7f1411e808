"""What to write so that an agent holds the services it should, and nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .meta import CONTAINER, OWNER
from .registration import Registration

#: ``{service id: service}`` as ``/v1/agent/services`` answers.
Actual: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Register:
    """Register a service, or replace what is registered under its ID."""

    registration: Registration

    @property
    def service_id(self) -> str:
        """ID of the service."""
        return self.registration.id

    @property
    def container(self) -> str:
        """Short id of its container."""
        return self.registration.container


@dataclass(frozen=True, slots=True)
class Deregister:
    """Take a service away."""

    service_id: str
    container: str


Step: TypeAlias = Register | Deregister


def plan_changes(
    desired: Iterable[Registration], actual: Actual, owner: str
) -> tuple[Step, ...]:
    """Say which writes make ``actual`` hold ``desired``: none if it does already.

    Services without the mark of ``owner`` are another's: they are neither replaced
    nor taken away; see :func:`conflicts`.

    :param desired: each ID once.
    :param owner: the node, as its services are marked with it.
    :returns: steps that may run side by side, but for those of one container, whose
        order counts: a service that goes by a new ID is registered under it before
        the old one goes.
    """
    wanted = {registration.id: registration for registration in desired}
    foreign = {each.id for each in conflicts(wanted.values(), actual, owner)}
    alive = {registration.container for registration in wanted.values()}
    register = [
        Register(registration)
        for registration in wanted.values()
        if registration.id not in foreign
        and not _holds(actual.get(registration.id), registration)
    ]
    deregister = [
        Deregister(service_id, _meta(service).get(CONTAINER, ""))
        for service_id, service in actual.items()
        if service_id not in wanted and _meta(service).get(OWNER) == owner
    ]
    # Requests fail at a container that is gone, so those come first.
    gone = [step for step in deregister if step.container not in alive]
    renamed = [step for step in deregister if step.container in alive]
    return (*gone, *register, *renamed)


def conflicts(
    desired: Iterable[Registration], actual: Actual, owner: str
) -> tuple[Registration, ...]:
    """Which of ``desired`` have an ID that somebody else's service has already."""
    return tuple(
        registration
        for registration in desired
        if registration.id in actual
        and _meta(actual[registration.id]).get(OWNER) != owner
    )


def _holds(service: Mapping[str, Any] | None, wanted: Registration) -> bool:
    """Whether a service in the agent is what it should be.

    The check is compared by its digest in Meta.
    """
    return service is not None and (
        service.get("Service") == wanted.name
        and service.get("Address") == wanted.address
        and service.get("Port") == wanted.port
        and tuple(service.get("Tags") or ()) == wanted.tags
        and _meta(service) == wanted.meta
    )


def _meta(service: Mapping[str, Any]) -> Mapping[str, str]:
    # Go writes an empty map as null.
    return service.get("Meta") or {}
