"""Consul's maintenance mode of services, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from .meta import CONTAINER
from .moments import read_moment

# An operator's reason may be anything but this.
_OURS = "twisted-router: "

#: Why a service is in maintenance mode: shown in Consul, and the mark by which we know
#: again what we have switched on.
PAUSED = f"{_OURS}container is paused"

_STOPPING = f"{_OURS}container is stopping"

# Consul itself always has one; a check that was made by hand may have none.
_NO_REASON = "no reason given"

_CHECK_PREFIX = "_service_maintenance:"

#: ``{service id: reason}`` of the services that are in maintenance mode.
Maintenance: TypeAlias = Mapping[str, str]


def stopping(since: datetime | None) -> str:
    """Likewise, for a container that is being stopped.

    :param since: when it was told to stop, on the engine's clock: a container that has
        started after that is not being stopped any more. ``None`` if it is not known.
    """
    return _STOPPING if since is None else f"{_STOPPING} since {since.isoformat()}"


def stopping_since(reason: str) -> datetime | None:
    """When a container was told to stop; ``None`` if that is not what it says."""
    stops, _, since = reason.partition(" since ")
    return read_moment(since) if stops == _STOPPING else None


def read_maintenance(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Pick the services in maintenance mode out of what ``/v1/agent/checks`` answers.

    Consul never overwrites a reason: the first one stays until the mode ends.
    """
    return {
        check_id.removeprefix(_CHECK_PREFIX): check.get("Notes") or _NO_REASON
        for check_id, check in checks.items()
        if check_id.startswith(_CHECK_PREFIX)
    }


def told_to_stop(
    services: Mapping[str, Mapping[str, Any]], maintenance: Maintenance
) -> dict[str, datetime]:
    """When containers were told to stop, by short id, as far as services say so.

    :param services: what ``/v1/agent/services`` answers.
    """
    return {
        (services[service_id].get("Meta") or {}).get(CONTAINER, ""): since
        for service_id, reason in maintenance.items()
        if service_id in services and (since := stopping_since(reason)) is not None
    }


def is_ours(reason: str) -> bool:
    """Whether we have switched it on."""
    return reason.startswith(_OURS)
