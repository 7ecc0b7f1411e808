"""Which services a host's containers come to, all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .container import Container
from .registration import Registration, Registrations


@dataclass(frozen=True, slots=True)
class Desired:
    """What the agent should hold.

    :ivar services: each ID once.
    :ivar notes: (container, sentence) for everything that was left out.
    """

    services: tuple[Registration, ...]
    notes: tuple[tuple[Container, str], ...]


def merge(
    described: Iterable[tuple[Container, Registrations]], draining: Mapping[str, str]
) -> Desired:
    """Put the services of containers together.

    An ID that several containers give is the oldest one's. So it does not change
    hands as long as that one lives, in whatever order Docker lists them.

    :param draining: why a container's services are to be in maintenance mode, by its
        id.
    """
    services: dict[str, Registration] = {}
    notes: list[tuple[Container, str]] = []
    by_age = sorted(described, key=lambda pair: (pair[0].created, pair[0].id))
    for container, registrations in by_age:
        notes += [(container, note) for note in registrations.notes]
        for service in registrations.services:
            if service.id in services:
                notes.append(
                    (
                        container,
                        f"service {service.id} is not registered: container "
                        f"{services[service.id].container} has this ID already",
                    )
                )
            else:
                if reason := draining.get(container.id, ""):
                    service = replace(service, maintenance=reason)
                services[service.id] = service
    return Desired(tuple(services.values()), tuple(notes))
