"""The checks that the catalog makes itself, and the words it puts into others."""

from __future__ import annotations

from .model import Check, CheckStatus, CheckType

#: Consul keeps as much of a check's output (its ``OutputMaxSize``).
_OUTPUT_LIMIT = 4096

_EXPIRED = "TTL expired"

_NO_REASON = (
    "Maintenance mode is enabled for this {}, but no reason was provided. "
    "This is a default message."
)

#: Says that the node lives: always, for the node is this process.
ALIVE = Check(
    id="serfHealth",
    name="Serf Health Status",
    status=CheckStatus.PASSING,
    output="Agent alive and reachable",
    type=CheckType.NODE,
)


def service_maintenance(service_id: str, reason: str) -> Check:
    """Make the check that a service in maintenance mode has."""
    return Check(
        id=f"_service_maintenance:{service_id}",
        name="Service Maintenance Mode",
        service_id=service_id,
        notes=reason or _NO_REASON.format("service"),
        type=CheckType.MAINTENANCE,
    )


def node_maintenance(reason: str) -> Check:
    """Make the check that the node has in maintenance mode."""
    return Check(
        id="_node_maintenance",
        name="Node Maintenance Mode",
        notes=reason or _NO_REASON.format("node"),
        type=CheckType.MAINTENANCE,
    )


def kept_output(output: str) -> str:
    """Return what is kept of a reported output."""
    if len(output) <= _OUTPUT_LIMIT:
        return output
    return (
        f"{output[:_OUTPUT_LIMIT]} ... "
        f"(captured {_OUTPUT_LIMIT} of {len(output)} bytes)"
    )


def expired_output(output: str) -> str:
    """Return the output of a check whose TTL is over; ``output`` was its last."""
    if not output:
        return _EXPIRED
    if output.startswith(_EXPIRED):
        return output
    return f"{_EXPIRED} (last output before timeout follows): {output}"
