"""``SERVICE_CHECK_*`` attributes as a check in Consul's own JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .labels import is_true

_DEFAULT_INTERVAL = "10s"

# Go's time.ParseDuration, without signs; Consul refuses the whole service for anything
# else, and for a time of nothing at all.
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS_IN = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_MAX_NANOSECONDS = 2**63 - 1

_STATUSES = frozenset({"passing", "warning", "critical"})

# registrator's order: the first one that is given is the check.
_KINDS = ("http", "https", "cmd", "script", "ttl", "tcp", "grpc")

# Consul would have them; registrator does not.
_UNKNOWN_KINDS = ("docker", "alias", "udp")


@dataclass(frozen=True, slots=True)
class Target:
    """What a check looks at.

    :ivar address: where the service is registered, as is ``port``.
    :ivar container: its short id.
    :ivar exposed_port: the container's own.
    """

    address: str
    port: int
    container: str
    exposed_port: int

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"


def build_check(
    attributes: Mapping[str, str], target: Target
) -> tuple[dict[str, Any] | None, list[str]]:
    """Build the check of a service.

    :param attributes: of the service, by lower-case key (``check_http`` ...).
    :returns: the check, or ``None`` for a service without one; and a sentence for
        everything in the attributes that was not heeded.
    """
    notes = [
        f"SERVICE_CHECK_{kind.upper()} is not supported"
        for kind in _UNKNOWN_KINDS
        if attributes.get(f"check_{kind}")
    ]
    kind = next((k for k in _KINDS if attributes.get(f"check_{k}")), None)
    if kind is None:
        return None, notes
    value = attributes[f"check_{kind}"]
    check: dict[str, Any]
    if kind == "ttl":
        if not is_duration(value):
            return None, [*notes, _no_duration("ttl", value)]
        check = {"TTL": value}
    else:
        check = _probe(kind, value, attributes, target)
        check["Interval"] = _DEFAULT_INTERVAL
        _take_duration(check, "Interval", attributes, "interval", notes)
        _take_duration(check, "Timeout", attributes, "timeout", notes)
    _take_duration(
        check,
        "DeregisterCriticalServiceAfter",
        attributes,
        "deregister_after",
        notes,
    )
    status = attributes.get("check_initial_status", "")
    if status in _STATUSES:
        check["Status"] = status
    elif status:
        notes.append(f"SERVICE_CHECK_INITIAL_STATUS is not heeded: {status!r:.60}")
    return check, notes


def _probe(
    kind: str, value: str, attributes: Mapping[str, str], target: Target
) -> dict[str, Any]:
    if kind == "tcp":
        return {"TCP": str(target)}
    if kind == "grpc":
        return _grpc(attributes, target)
    if kind == "cmd":
        # A program of the image progrium/consul; it gets the same arguments.
        port = str(target.exposed_port)
        return {"Args": ["check-cmd", target.container, port, value]}
    if kind == "script":
        # A shell takes it apart, as it did before Consul wanted arguments: registrator
        # passes it on as a single one, which breaks all scripts of two words.
        script = value.replace("$SERVICE_IP", target.address)
        script = script.replace("$SERVICE_PORT", str(target.port))
        return {"Args": ["/bin/sh", "-c", script]}
    path = value if value.startswith("/") else f"/{value}"
    check: dict[str, Any] = {"HTTP": f"{kind}://{target}{path}"}
    method = attributes.get(f"check_{kind}_method")
    if method:
        check["Method"] = method
    if kind == "https" and is_true(attributes.get("check_tls_skip_verify", "")):
        check["TLSSkipVerify"] = True
    return check


def _grpc(attributes: Mapping[str, str], target: Target) -> dict[str, Any]:
    check: dict[str, Any] = {"GRPC": str(target)}
    if is_true(attributes.get("check_grpc_use_tls", "")):
        check["GRPCUseTLS"] = True
        if is_true(attributes.get("check_tls_skip_verify", "")):
            check["TLSSkipVerify"] = True
    return check


def _take_duration(
    check: dict[str, Any],
    field: str,
    attributes: Mapping[str, str],
    key: str,
    notes: list[str],
) -> None:
    value = attributes.get(f"check_{key}", "")
    if is_duration(value):
        check[field] = value
    elif value:
        notes.append(_no_duration(key, value))


def is_duration(text: str) -> bool:
    """Whether Consul takes a text as the time between checks: more than nothing."""
    if _DURATION_PART.sub("", text):
        return False
    nanoseconds = sum(
        float(number) * _NANOSECONDS_IN[unit]
        for number, unit in _DURATION_PART.findall(text)
    )
    return 1 <= nanoseconds < _MAX_NANOSECONDS


def _no_duration(key: str, value: str) -> str:
    return (
        f"SERVICE_CHECK_{key.upper()} is not heeded: {value!r:.60} is no duration "
        "such as 10s"
    )
