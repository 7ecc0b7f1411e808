"""What should be in the agent beside what is there, and what follows from that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .desired import Desired
from .maintenance import Maintenance
from .meta import CONTAINER
from .owner import Owner, meta_of
from .plan import (
    Actual,
    Statuses,
    Step,
    conflicts,
    held_by_container,
    plan_changes,
)
from .registration import Registration
from .remarks import remarks_on
from .reports import alive_check_id


@dataclass(frozen=True, slots=True)
class Comparison:
    """One look at both sides.

    :ivar services: what the agent should hold.
    :ivar found: what it holds.
    :ivar held: services of ours that each container has, or is about to have: IDs by
        its short id.
    :ivar steps: what makes the agent hold what it should; see :func:`.plan_changes`.
    :ivar alive: ids of the checks that fail unless they are told to pass.
    :ivar remarks: see :func:`.remarks_on`.
    """

    services: tuple[Registration, ...]
    found: Actual
    held: Mapping[str, Collection[str]]
    steps: tuple[Step, ...]
    alive: frozenset[str]
    remarks: frozenset[tuple[str, str]]


def compare(
    desired: Desired,
    services: Actual,
    maintenance: Maintenance,
    owner: Owner,
    odd: Mapping[str, str],
    kept: Collection[str],
    statuses: Statuses,
) -> Comparison:
    """Compare what should be with what is.

    :param services: all that the agent holds.
    :param odd: containers that nothing could be made of, by short id, and why. What
        nothing could be made of is not gone: its services stay as they are.
    :param kept: short ids of containers that are gone, and whose services stay.
    :param statuses: of all checks that the agent has.
    """
    actual = {
        service_id: service
        for service_id, service in services.items()
        if (container := meta_of(service).get(CONTAINER)) not in odd
        and container not in kept
    }
    clashing = conflicts(desired.services, actual, owner)
    foreign = {each.id for each in clashing}
    alive = {
        alive_check_id(service_id)
        for service_id, service in services.items()
        if owner.owns(service) and meta_of(service).get(CONTAINER) in odd
    } & statuses.keys()
    for registration in desired.services:
        if registration.id not in foreign:
            alive |= registration.check_ids() & {alive_check_id(registration.id)}
    return Comparison(
        services=desired.services,
        found=services,
        held=held_by_container(desired.services, services, owner),
        steps=plan_changes(desired.services, actual, maintenance, owner, statuses),
        alive=frozenset(alive),
        remarks=frozenset(remarks_on(desired, odd, clashing)),
    )
