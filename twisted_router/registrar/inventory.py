"""The running containers of an engine, each inspected once until something changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime

from ..config.schema import DockerConfig
from ..interfaces import DockerError, IDockerClient
from .concurrency import for_each
from .container import Container, OddContainerError, read_container
from .joined import joined, lender_id
from .reach import Host
from .registration import SHORT_ID, Registrations, registrations_of

# As in "Up 5 minutes (healthy)": the time itself says nothing.
_HEALTH = re.compile(r"\((healthy|unhealthy|health: starting)\)")

#: Containers that are inspected at a time.
INSPECTIONS = 8

#: Seconds until a container is inspected again about which the engine gave no answer.
#: Everything else waits while it is asked.
STUCK_REST_S = 60.0


@dataclass(slots=True)
class _Known:
    """A container as it was when it was inspected last.

    :ivar fingerprint: of its entry in the list then.
    :ivar container: ``None`` when nothing could be made of it, for the ``reason``.
    :ivar rests_until_s: it is not inspected before that, on our clock, unless the list
        shows it to be different.
    :ivar described: what it comes to on ``host``, once that was asked for: ``reached``
        as it then was.
    """

    fingerprint: int
    container: Container | None = None
    reason: str = ""
    rests_until_s: float = -inf
    host: Host | None = None
    reached: Container | None = None
    described: Registrations | None = None


class Inventory:
    """Keeps what is known of the running containers.

    Docker's list has neither their environment nor, on the host's network, their
    ports: each container must be inspected. Nothing of that changes while it runs,
    but for what its entry in the list shows as well, or an event tells.
    """

    def __init__(
        self, docker: IDockerClient, rules: DockerConfig, clock: IReactorTime
    ) -> None:
        self._docker = docker
        self._rules = rules
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._dirty: set[str] = set()

    def __len__(self) -> int:
        """How many containers run, the odd ones included."""
        return len(self._known)

    def __contains__(self, container_id: object) -> bool:
        """Whether a container ran when that was last asked."""
        return container_id in self._known

    def running(self) -> dict[str, Container | None]:
        """What runs, by id; ``None`` for those that nothing could be made of."""
        return {key: known.container for key, known in self._known.items()}

    def find(self, container_id: str) -> Container | None:
        """What is known of a container, ``None`` if that is nothing."""
        known = self._known.get(container_id)
        return None if known is None else known.container

    def mark_dirty(self, container_id: str) -> None:
        """Inspect this container again at the next :meth:`refresh`."""
        self._dirty.add(container_id)

    @property
    def dirty(self) -> int:
        """How many containers are to be inspected again."""
        return len(self._dirty)

    def refused_attributes(self) -> int:
        """How many attributes of what was described last are not used."""
        return sum(
            known.described.refused
            for known in self._known.values()
            if known.described is not None
        )

    def odd(self) -> dict[str, str]:
        """Containers that nothing could be made of, by short id, and why."""
        return {
            container_id[:SHORT_ID]: known.reason
            for container_id, known in self._known.items()
            if known.container is None
        }

    def describe(self, host: Host) -> list[tuple[Container, Registrations]]:
        """What every container comes to on ``host``."""
        return [
            (known.container, self._registrations(known.container, known, host))
            for known in self._known.values()
            if known.container is not None
        ]

    async def refresh(self) -> None:
        """Ask the engine what runs now, and inspect what may have changed.

        :raises DockerError: it did not answer; what is known stays as it was.
        """
        listed = {
            entry["Id"]: _fingerprint(entry)
            for entry in await self._docker.containers()
            if isinstance(entry, dict) and isinstance(entry.get("Id"), str)
        }
        stale = [
            container_id
            for container_id, fingerprint in listed.items()
            if self._is_stale(container_id, fingerprint)
        ]

        async def inspect(container_id: str) -> None:
            await self._inspect(container_id, listed[container_id])

        await for_each(stale, inspect, INSPECTIONS)
        for container_id in self._known.keys() - listed.keys():
            del self._known[container_id]
        self._dirty &= listed.keys()

    def _is_stale(self, container_id: str, fingerprint: int) -> bool:
        known = self._known.get(container_id)
        if known is None:
            return True
        is_same = known.fingerprint == fingerprint
        if is_same and self._clock.seconds() < known.rests_until_s:
            return False
        if container_id in self._dirty:
            return True
        # The odd ones may get better.
        return known.container is None or not is_same

    async def _inspect(self, container_id: str, fingerprint: int) -> None:
        # An event that comes from now on may tell of what the answer does not show.
        self._dirty.discard(container_id)
        known = _Known(fingerprint)
        try:
            data = await self._docker.inspect(container_id)
            if data is None:
                self._known.pop(container_id, None)
                return
            known.container = read_container(data, self._rules)
        except OddContainerError as error:
            known.reason = str(error)
        except DockerError as error:
            known.reason = str(error)
            if not error.status:
                await self._assure_it_answers(container_id)
                known.rests_until_s = self._clock.seconds() + STUCK_REST_S
        except CancelledError:
            self._dirty.add(container_id)
            raise
        self._known[container_id] = known

    async def _assure_it_answers(self, container_id: str) -> None:
        """Find out whether the engine is away, or has no answer about one container.

        It keeps silent for as long as something of that container hangs: a volume, or
        its runtime.

        :raises DockerError: it is away.
        """
        try:
            await self._docker.ping()
        except (DockerError, CancelledError):
            self._dirty.add(container_id)
            raise

    def _registrations(
        self, container: Container, known: _Known, host: Host
    ) -> Registrations:
        lender = self.find(lender_id(container))
        reached = container if lender is None else joined(container, lender)
        if known.described is None or (known.host, known.reached) != (host, reached):
            known.described = registrations_of(reached, host)
            known.host, known.reached = host, reached
        return known.described


def _fingerprint(entry: Mapping[str, Any]) -> int:
    """Tells apart the states of a container, by what the list shows of it.

    The list has its ports in any order. An entry that is not as Docker documents it is
    compared as a whole, and so may look new more often than it is.
    """
    try:
        ports = sorted(repr(sorted(port.items())) for port in entry.get("Ports") or ())
        networks = _networks(entry)
    except (AttributeError, TypeError):
        return hash(repr(entry))
    health = _HEALTH.search(str(entry.get("Status")))
    facts = (
        entry.get("Names"),
        entry.get("State"),
        health and health[1],
        ports,
        networks,
    )
    return hash(repr(facts))


def _networks(entry: Mapping[str, Any]) -> list[str]:
    settings = entry.get("NetworkSettings") or {}
    return sorted(
        repr((name, (network or {}).get("IPAddress")))
        for name, network in (settings.get("Networks") or {}).items()
    )
