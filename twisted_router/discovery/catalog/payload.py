"""From the bodies of requests to services and checks; refusals in Consul's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from ...model import Weights
from .go_json import (
    Reader,
    anything,
    decode_json,
    duration,
    flag,
    integer,
    list_of,
    map_of,
    struct,
    text,
)
from .model import Check, CheckStatus, RefusedError, Service, ServiceAddress

#: Fields that make a check of a kind that would have to be run.
_RUN_CHECKS = {
    "http": "HTTP",
    "tcp": "TCP",
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
    "header": anything,
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
_read_service_check = struct({**_CHECK_FIELDS, "checkid": text}, **_CHECK_ALIASES)
_read_check = struct({**_CHECK_FIELDS, "id": text, "token": text}, **_CHECK_ALIASES)
_read_service = struct(
    {
        "id": text,
        "name": text,
        "tags": list_of(text),
        "address": text,
        "port": integer,
        "meta": map_of(text),
        "weights": struct({"passing": integer, "warning": integer}),
        "taggedaddresses": map_of(struct({"address": text, "port": integer})),
        "enabletagoverride": flag,
        "kind": text,
        "proxy": anything,
        "connect": anything,
        "token": text,
        "check": _read_service_check,
        "checks": list_of(_read_service_check),
    },
    tagged_addresses="taggedaddresses",
    enable_tag_override="enabletagoverride",
)
_read_update = struct({"status": text, "output": text})

_META_KEY = re.compile(r"[a-zA-Z0-9_-]+")
_META_PAIRS = 64
_META_KEY_BYTES = 128
_META_VALUE_BYTES = 512

_WEIGHT_LIMIT = 65535

#: Consul raises shorter times to this.
_SHORTEST_DEREGISTRATION_S = 60.0


def read_registration(body: bytes) -> tuple[Service, tuple[Check, ...]]:
    """Read the body of ``agent/service/register``: a service and its checks.

    :raises RefusedError: with the text and the status Consul 1.8.7 answers, and for
        checks of kinds that this catalog does not run.
    """
    found = _decode(_read_service, body)
    name = found.get("name", "")
    if not name:
        raise RefusedError("Missing service name")
    address = found.get("address", "")
    if address in ("0.0.0.0", "::", "[::]"):
        raise RefusedError("Invalid service address")
    if found.get("kind") or found.get("proxy") or found.get("connect"):
        raise RefusedError("Connect is not in this development catalog")
    meta = found.get("meta")
    _check_meta(meta or {})
    service = Service(
        id=found.get("id") or name,
        name=name,
        tags=found.get("tags", ()),
        address=address,
        port=found.get("port", 0),
        meta=meta,
        weights=_weights(found.get("weights")),
        tagged_addresses=_tagged_addresses(found),
        enable_tag_override=found.get("enabletagoverride", False),
    )
    return service, _service_checks(service, found)


def read_check(body: bytes) -> Check:
    """Read the body of ``agent/check/register``.

    :raises RefusedError: as for :func:`read_registration`.
    """
    found = _decode(_read_check, body)
    name = found.get("name", "")
    if not name:
        raise RefusedError("Missing check name")
    _check_kind(found)
    status = _status(found.get("status") or CheckStatus.CRITICAL, "Bad check status")
    return _check(
        found, status, found.get("id") or name, name, found.get("serviceid", "")
    )


def read_update(body: bytes) -> tuple[CheckStatus, str]:
    """Read the body of ``agent/check/update``: a status and the output.

    :raises RefusedError: as for :func:`read_registration`.
    """
    found = _decode(_read_update, body)
    given = found.get("status", "")
    return _status(given, f"Invalid check status: '{given}'"), found.get("output", "")


def _decode(read: Reader, body: bytes) -> dict[str, Any]:
    value = decode_json(body)
    found: dict[str, Any] = read({} if value is None else value, "")
    return found


def _service_checks(service: Service, found: Mapping[str, Any]) -> tuple[Check, ...]:
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
    return Check(
        id=check_id,
        name=name,
        service_id=service_id,
        status=status,
        notes=found.get("notes", ""),
        ttl_s=found["ttl"],
        deregister_after_s=max(after_s, 0.0),
    )


def _check_kind(found: Mapping[str, Any]) -> None:
    """Refuse what is no TTL check."""
    to_run = [name for field, name in _RUN_CHECKS.items() if found.get(field)]
    ttl_s, interval_s = found.get("ttl", 0), found.get("interval", 0)
    if ttl_s > 0 and interval_s > 0:
        raise RefusedError("Invalid check: Interval and TTL cannot both be specified")
    if to_run and to_run[0] != "Alias" and interval_s <= 0:
        raise RefusedError(
            "Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks"
        )
    if to_run:
        raise RefusedError(
            f"Invalid check: {to_run[0]} checks are not run by this development "
            "catalog; use a TTL check, or a Consul agent"
        )
    if ttl_s <= 0:
        raise RefusedError("Invalid check: TTL must be > 0 for TTL checks")


def _status(value: str, refusal: str) -> CheckStatus:
    try:
        return CheckStatus(value)
    except ValueError:
        raise RefusedError(refusal) from None


def _check_meta(meta: Mapping[str, str]) -> None:
    if len(meta) > _META_PAIRS:
        raise RefusedError(
            "Invalid Service Meta: Node metadata cannot contain more than "
            f"{_META_PAIRS} key/value pairs"
        )
    for key, value in meta.items():
        if not key:
            fault = "Key cannot be blank"
        elif not _META_KEY.fullmatch(key):
            fault = "Key contains invalid characters"
        elif len(key) > _META_KEY_BYTES:
            fault = f"Key is too long (limit: {_META_KEY_BYTES} characters)"
        elif key.startswith("consul-"):
            fault = "Key prefix 'consul-' is reserved for internal use"
        elif len(value.encode("utf-8", "replace")) > _META_VALUE_BYTES:
            fault = f"Value is too long (limit: {_META_VALUE_BYTES} characters)"
        else:
            continue
        raise RefusedError(
            f"Invalid Service Meta: Couldn't load metadata pair ('{key}', "
            f"'{value}'): {fault}"
        )


def _weights(found: Mapping[str, int] | None) -> Weights:
    if found is None:
        return Weights()
    weights = Weights(found.get("passing", 0), found.get("warning", 0))
    if weights.passing < 1:
        raise RefusedError("Invalid Weights: Passing must be greater than 0")
    if weights.warning < 0:
        raise RefusedError("Invalid Weights: Warning must be greater or equal than 0")
    if max(weights.passing, weights.warning) > _WEIGHT_LIMIT:
        raise RefusedError(
            f"Invalid Weights: DNS Weight must be between 0 and {_WEIGHT_LIMIT}"
        )
    return weights


def _tagged_addresses(found: Mapping[str, Any]) -> dict[str, ServiceAddress] | None:
    """Those that were given, and the two that Consul adds for an IP address."""
    tagged = {
        tag: ServiceAddress(one.get("address", ""), one.get("port", 0))
        for tag, one in found.get("taggedaddresses", {}).items()
    }
    address = found.get("address", "")
    try:
        version = ip_address(address).version
    except ValueError:
        return tagged or None
    own = ServiceAddress(address, found.get("port", 0))
    for side in ("lan", "wan"):
        tagged.setdefault(f"{side}_ipv{version}", own)
    return tagged
