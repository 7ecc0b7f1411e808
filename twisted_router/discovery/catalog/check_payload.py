"""From the bodies of requests to checks; refusals in Consul's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .go_json import (
    Reader,
    decode_json,
    duration,
    flag,
    integer,
    list_of,
    map_of,
    struct,
    text,
)
from .model import (
    Check,
    CheckStatus,
    CheckType,
    HttpTarget,
    Probe,
    RefusedError,
    Service,
    TcpTarget,
)

#: Fields that make a check of a kind that Consul runs and this catalog does not.
_NOT_RUN = {
    "grpc": "gRPC",
    "args": "Script",
    "dockercontainerid": "Docker",
    "aliasnode": "Alias",
    "aliasservice": "Alias",
}

_CHECK_FIELDS = {
    "name": text,
    "notes": text,
    "status": text,
    "serviceid": text,
    "ttl": duration,
    "interval": duration,
    "timeout": duration,
    "deregistercriticalserviceafter": duration,
    "http": text,
    "method": text,
    "header": map_of(list_of(text)),
    "body": text,
    "tlsskipverify": flag,
    "tcp": text,
    "grpc": text,
    "grpcusetls": flag,
    "args": list_of(text),
    "dockercontainerid": text,
    "shell": text,
    "aliasnode": text,
    "aliasservice": text,
    "outputmaxsize": integer,
    "successbeforepassing": integer,
    "failuresbeforecritical": integer,
}
_CHECK_ALIASES = {
    "script_args": "args",
    "scriptargs": "args",
    "deregister_critical_service_after": "deregistercriticalserviceafter",
    "docker_container_id": "dockercontainerid",
    "tls_skip_verify": "tlsskipverify",
    "service_id": "serviceid",
}
_read_check = struct({**_CHECK_FIELDS, "id": text, "token": text}, **_CHECK_ALIASES)
_read_update = struct({"status": text, "output": text})

#: Reads a check inside the registration of a service.
read_service_check = struct({**_CHECK_FIELDS, "checkid": text}, **_CHECK_ALIASES)

#: Consul raises shorter times to these.
_SHORTEST_DEREGISTRATION_S = 60.0
_SHORTEST_INTERVAL_S = 1.0

#: What a run may take unless it is told: Consul's.
_DEFAULT_TIMEOUT_S = 10.0
#: What it may take at most: there are only so many runs at once.
_LONGEST_TIMEOUT_S = 60.0

_DEFAULT_OUTPUT_BYTES = 4096
#: Consul has no limit.
_LARGEST_OUTPUT_BYTES = 64 * 1024


def read_check(body: bytes) -> Check:
    """Read the body of ``agent/check/register``.

    :raises RefusedError: as for :func:`.payload.read_registration`.
    """
    found = decode_struct(_read_check, body)
    name = found.get("name", "")
    if not name:
        raise RefusedError("Missing check name")
    _check_kind(found)
    status = _status(found.get("status") or CheckStatus.CRITICAL, "Bad check status")
    return _check(
        found, status, found.get("id") or name, name, found.get("serviceid", "")
    )


def service_checks(service: Service, found: Mapping[str, Any]) -> tuple[Check, ...]:
    """Make the checks that a registration of a service has.

    :param found: the fields of the registration.
    :raises RefusedError: as for :func:`.payload.read_registration`.
    """
    single = found.get("check", {})
    # A single check without any content is none; in a list it is a mistake.
    given = [single] if any(single.values()) else []
    given += found.get("checks", ())
    checks = []
    for number, one in enumerate(given, start=1):
        _check_kind(one)
        status = _status(
            one.get("status") or CheckStatus.CRITICAL,
            "Status for checks must 'passing', 'warning', 'critical'",
        )
        own_id = f"service:{service.id}" + (f":{number}" if len(given) > 1 else "")
        checks.append(
            _check(
                one,
                status,
                one.get("checkid") or own_id,
                one.get("name") or f"Service '{service.name}' check",
                service.id,
            )
        )
    return tuple(checks)


def read_update(body: bytes) -> tuple[CheckStatus, str]:
    """Read the body of ``agent/check/update``: a status and the output.

    :raises RefusedError: as for :func:`.payload.read_registration`.
    """
    found = decode_struct(_read_update, body)
    given = found.get("status", "")
    return _status(given, f"Invalid check status: '{given}'"), found.get("output", "")


def decode_struct(read: Reader, body: bytes) -> dict[str, Any]:
    """Decode a body and read it as an object; ``null`` is an empty one."""
    value = decode_json(body)
    found: dict[str, Any] = read({} if value is None else value, "")
    return found


def _check(
    found: Mapping[str, Any],
    status: CheckStatus,
    check_id: str,
    name: str,
    service_id: str,
) -> Check:
    after_s = found.get("deregistercriticalserviceafter", 0.0)
    if after_s > 0:
        after_s = max(after_s, _SHORTEST_DEREGISTRATION_S)
    probe = _probe(found)
    if probe is None:
        kind = CheckType.TTL
    elif isinstance(probe.target, HttpTarget):
        kind = CheckType.HTTP
    else:
        kind = CheckType.TCP
    return Check(
        id=check_id,
        name=name,
        service_id=service_id,
        status=status,
        notes=found.get("notes", ""),
        type=kind,
        ttl_s=found.get("ttl", 0.0) if probe is None else 0.0,
        probe=probe,
        deregister_after_s=max(after_s, 0.0),
    )


def _probe(found: Mapping[str, Any]) -> Probe | None:
    """What to run; with a URL and an address, Consul asks for the URL."""
    target: HttpTarget | TcpTarget
    if found.get("http"):
        target = HttpTarget(
            url=found["http"],
            method=found.get("method") or "GET",
            headers=tuple(found.get("header", {}).items()),
            body=found.get("body", ""),
            verify=not found.get("tlsskipverify", False),
        )
    elif found.get("tcp"):
        target = TcpTarget(found["tcp"])
    else:
        return None
    interval_s = max(found["interval"], _SHORTEST_INTERVAL_S)
    timeout_s = found.get("timeout", 0.0)
    if timeout_s <= 0:
        # Consul: for a URL, no longer than until the next run.
        timeout_s = _DEFAULT_TIMEOUT_S
        if isinstance(target, HttpTarget):
            timeout_s = min(timeout_s, interval_s)
    return Probe(
        target,
        interval_s,
        min(timeout_s, _LONGEST_TIMEOUT_S),
        min(found.get("outputmaxsize") or _DEFAULT_OUTPUT_BYTES, _LARGEST_OUTPUT_BYTES),
        found.get("successbeforepassing", 0),
        found.get("failuresbeforecritical", 0),
    )


def _check_kind(found: Mapping[str, Any]) -> None:
    """Refuse a check that is of no kind, of several, or of one not run here."""
    not_run = [name for field, name in _NOT_RUN.items() if found.get(field)]
    to_run = bool(found.get("http") or found.get("tcp"))
    ttl_s, interval_s = found.get("ttl", 0), found.get("interval", 0)
    if ttl_s > 0 and interval_s > 0:
        raise RefusedError("Invalid check: Interval and TTL cannot both be specified")
    if (to_run or (not_run and not_run[0] != "Alias")) and interval_s <= 0:
        raise RefusedError(
            "Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks"
        )
    if not_run:
        raise RefusedError(
            f"Invalid check: {not_run[0]} checks are not run by this development "
            "catalog; use a TTL, HTTP or TCP check, or a Consul agent"
        )
    if not to_run and ttl_s <= 0:
        raise RefusedError("Invalid check: TTL must be > 0 for TTL checks")
    if found.get("outputmaxsize", 0) < 0:
        raise RefusedError("Invalid check: MaxOutputMaxSize must be positive")


def _status(value: str, refusal: str) -> CheckStatus:
    try:
        return CheckStatus(value)
    except ValueError:
        raise RefusedError(refusal) from None
