"""Which services a host's containers come to, all of them together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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


def merge(described: Iterable[tuple[Container, Registrations]]) -> Desired:
    """Put the services of containers together.

    An ID that several containers give is the oldest one's. So it does not change
    hands as long as that one lives, in whatever order Docker lists them.
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
                services[service.id] = service
    return Desired(tuple(services.values()), tuple(notes))
