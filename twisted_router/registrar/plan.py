"""What to write so that an agent holds the services it should, and nothing more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from .maintenance import Maintenance, is_ours
from .meta import CHECK, CONTAINER
from .owner import Owner, is_unmarked, meta_of
from .registration import Registration
from .reports import (
    CRITICAL,
    Report,
    alive_check_id,
    health_check_id,
    own_check_id,
)

#: ``{service id: service}`` as ``/v1/agent/services`` answers.
Actual: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Register:
    """Register a service, or replace what is registered under its ID.

    :ivar keep_checks: what it has of checks beside the registration's own stays, and
        with them maintenance mode.
    """

    registration: Registration
    keep_checks: bool = False

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


@dataclass(frozen=True, slots=True)
class Maintain:
    """Switch a service's maintenance mode on; nothing happens if it is on."""

    service_id: str
    container: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Switch a service's maintenance mode off."""

    service_id: str
    container: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the status of a check."""

    service_id: str
    container: str
    report: Report


Step: TypeAlias = Register | Deregister | Maintain | Resume | Tell

#: ``{check id: status}``, all that the agent has.
Statuses: TypeAlias = Mapping[str, str]

_NO_STATUSES: Statuses = MappingProxyType({})


def plan_changes(
    desired: Iterable[Registration],
    actual: Actual,
    maintenance: Maintenance,
    owner: Owner,
    statuses: Statuses = _NO_STATUSES,
) -> tuple[Step, ...]:
    """Say which writes make the agent hold ``desired``: none if it does already.

    Services that are not ``owner``'s are neither replaced nor taken away, unless it
    adopts them; see :func:`conflicts` and :func:`leftovers`. Nor is maintenance mode
    ended that another has switched on.

    :param desired: each ID once.
    :param maintenance: services in maintenance mode; others than ``actual`` do not
        matter.
    :returns: steps that may run side by side, but for those of one container, whose
        order counts: a service that goes by a new ID is registered under it before
        the old one goes.
    """
    wanted = {registration.id: registration for registration in desired}
    foreign = {each.id for each in conflicts(wanted.values(), actual, owner)}
    alive = {registration.container for registration in wanted.values()}
    drain: list[Step] = []
    register: list[Step] = []
    for registration in wanted.values():
        if registration.id in foreign:
            continue
        service = actual.get(registration.id)
        if service is None:
            register += _creation(registration)
            continue
        reason = maintenance.get(registration.id)
        urgent, others = _changes(registration, service, reason, statuses)
        drain += urgent
        register += others
    deregister = [
        Deregister(service_id, meta_of(service).get(CONTAINER, ""))
        for service_id, service in actual.items()
        if service_id not in wanted and owner.owns(service)
    ]
    deregister += leftovers(wanted.values(), actual, owner)
    # Requests fail at a container that stops, and at one that is gone: those go first.
    gone = [step for step in deregister if step.container not in alive]
    renamed = [step for step in deregister if step.container in alive]
    return (*drain, *gone, *register, *renamed)


def _creation(wanted: Registration) -> list[Step]:
    """What brings a service into being; Consul wants it there before its mode."""
    return [Register(wanted), *_maintain(wanted, wanted.maintenance)]


def _changes(
    wanted: Registration,
    service: Mapping[str, Any],
    reason: str | None,
    statuses: Statuses,
) -> tuple[list[Step], list[Step]]:
    """What makes a service that is there what it should be.

    :param reason: of its maintenance mode, ``None`` while that is off.
    :returns: what cannot wait, and the rest.
    """
    is_on = reason is not None
    # Another's mode stays on: by his own reason, should it have to be switched again.
    target = reason if reason and not is_ours(reason) else wanted.maintenance
    urgent = [] if is_on else _maintain(wanted, target)
    others: list[Step] = []
    if not _holds(service, wanted, statuses):
        # A check that is no more has to go, and would stay with the others.
        has_lost_check = _has_lost_check(service, wanted, statuses)
        keep_checks = (is_on or bool(target)) and not has_lost_check
        others.append(Register(wanted, keep_checks))
        others += [] if keep_checks else _maintain(wanted, target)
    if is_on and not target:
        others.append(Resume(wanted.id, wanted.container))
    for report in wanted.reports:
        # One that is registered only now begins with its status; others keep theirs.
        if statuses.get(report.check_id, report.status) != report.status:
            step = Tell(wanted.id, wanted.container, report)
            (urgent if report.status == CRITICAL else others).append(step)
    return urgent, others


def _has_lost_check(
    service: Mapping[str, Any], wanted: Registration, statuses: Statuses
) -> bool:
    """Whether a service has a check of ours that it should not have any more."""
    if CHECK in meta_of(service) and CHECK not in wanted.meta:
        return True
    ids = (own_check_id, health_check_id, alive_check_id)
    ours = {check_id(wanted.id) for check_id in ids}
    return any(check_id in statuses for check_id in ours - wanted.check_ids())


def _maintain(wanted: Registration, reason: str) -> list[Step]:
    return [Maintain(wanted.id, wanted.container, reason)] if reason else []


def conflicts(
    desired: Iterable[Registration], actual: Actual, owner: Owner
) -> tuple[Registration, ...]:
    """Which of ``desired`` have an ID that somebody else's service has already."""
    return tuple(
        registration
        for registration in desired
        if registration.id in actual and not owner.may_replace(actual[registration.id])
    )


def leftovers(
    desired: Iterable[Registration], actual: Actual, owner: Owner
) -> list[Deregister]:
    """What registrator has left under IDs with another host name in them.

    That name is often the id of registrator's own container, and so a new one after
    each of its updates. Only who adopts takes anything away, and only what has the
    very place of a service that he registers himself.
    """
    if not owner.adopts:
        return []
    places = {
        (each.id.partition(":")[2], each.address, each.port): each.container
        for each in desired
        if each.id.startswith(f"{owner.node}:")
    }
    return [
        Deregister(service_id, places[place])
        for service_id, service in actual.items()
        if is_unmarked(service)
        and not service_id.startswith(f"{owner.node}:")
        and (place := _place(service_id, service)) in places
    ]


def _place(service_id: str, service: Mapping[str, Any]) -> tuple[str, str, int]:
    """What of a service does not depend on the name of its host."""
    address, port = service.get("Address") or "", service.get("Port") or 0
    return service_id.partition(":")[2], address, port


def held_by_container(
    desired: Collection[Registration], actual: Actual, owner: Owner
) -> dict[str, set[str]]:
    """Which services of ours each container has, or is about to have.

    :returns: service IDs by the container's short id.
    """
    held: dict[str, set[str]] = {}
    for service_id, service in actual.items():
        if owner.owns(service):
            container = meta_of(service).get(CONTAINER, "")
            held.setdefault(container, set()).add(service_id)
    foreign = {each.id for each in conflicts(desired, actual, owner)}
    for registration in desired:
        if registration.id not in foreign:
            held.setdefault(registration.container, set()).add(registration.id)
    return held


def _holds(
    service: Mapping[str, Any], wanted: Registration, statuses: Statuses
) -> bool:
    """Whether a service in the agent is what it should be.

    Checks are compared by their digest in Meta.
    """
    return (
        service.get("Service") == wanted.name
        and service.get("Address") == wanted.address
        and service.get("Port") == wanted.port
        and tuple(service.get("Tags") or ()) == wanted.tags
        and meta_of(service) == wanted.meta
        and all(report.check_id in statuses for report in wanted.reports)
    )
