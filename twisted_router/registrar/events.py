"""Docker's events, as far as they say that it is time to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .moments import moment_of

_OF_CONTAINERS = frozenset(
    {"start", "kill", "die", "pause", "unpause", "rename", "update", "health_status"}
)
_OF_NETWORKS = frozenset({"connect", "disconnect"})


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """Something happened to a container.

    :ivar container_id: all 64 digits.
    :ivar action: ``start``, ``kill``, ``die``, ``pause``, ``unpause``, ``rename``,
        ``update``, ``health_status``; or ``connect`` and ``disconnect``: to and from a
        network.
    :ivar at: when, on the engine's clock; ``None`` if it does not say so.
    :ivar signal: number of the one that was sent; only means something with ``kill``.
    """

    container_id: str
    action: str
    at: datetime | None
    signal: str = ""


def read_event(data: Mapping[str, Any]) -> ContainerEvent | None:
    """Read an event; ``None`` for those that are of no interest here."""
    actor = data.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    kind = data.get("Type")
    # As in "health_status: healthy".
    action = str(data.get("Action")).partition(":")[0]
    at = moment_of(data.get("timeNano"))
    if kind == "container" and action in _OF_CONTAINERS:
        signal = str(attributes.get("signal", ""))
        return ContainerEvent(actor.get("ID", ""), action, at, signal)
    if kind == "network" and action in _OF_NETWORKS:
        return ContainerEvent(attributes.get("container", ""), action, at)
    return None
