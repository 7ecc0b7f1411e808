"""Consul's maintenance mode of services, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

# An operator's reason may be anything but this.
_OURS = "twisted-router: "

#: Why a service is in maintenance mode: shown in Consul, and the mark by which we know
#: again what we have switched on.
PAUSED = f"{_OURS}container is paused"

# Consul itself always has one; a check that was made by hand may have none.
_NO_REASON = "no reason given"

_CHECK_PREFIX = "_service_maintenance:"

#: ``{service id: reason}`` of the services that are in maintenance mode.
Maintenance: TypeAlias = Mapping[str, str]


def stopping(run: str) -> str:
    """Likewise, for a container that is being stopped.

    :param run: when the run began that is being stopped, as Docker writes it: after a
        restart of all that is on this machine, the reason is known not to hold any
        more. ``""`` if it is not known.
    """
    return f"{_OURS}container is stopping" + (f" (started {run})" if run else "")


def read_maintenance(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Pick the services in maintenance mode out of what ``/v1/agent/checks`` answers.

    Consul never overwrites a reason: the first one stays until the mode ends.
    """
    return {
        check_id.removeprefix(_CHECK_PREFIX): check.get("Notes") or _NO_REASON
        for check_id, check in checks.items()
        if check_id.startswith(_CHECK_PREFIX)
    }


def is_ours(reason: str) -> bool:
    """Whether we have switched it on."""
    return reason.startswith(_OURS)
