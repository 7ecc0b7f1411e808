"""From the bodies of registrations to services; refusals in Consul's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from ...model import Weights
from .check_payload import decode_struct, read_service_check, service_checks
from .go_json import anything, flag, integer, list_of, map_of, struct, text
from .model import Check, RefusedError, Service, ServiceAddress

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
        "check": read_service_check,
        "checks": list_of(read_service_check),
    },
    tagged_addresses="taggedaddresses",
    enable_tag_override="enabletagoverride",
)

_META_KEY = re.compile(r"[a-zA-Z0-9_-]+")
_META_PAIRS = 64
_META_KEY_BYTES = 128
_META_VALUE_BYTES = 512

_WEIGHT_LIMIT = 65535


def read_registration(body: bytes) -> tuple[Service, tuple[Check, ...]]:
    """Read the body of ``agent/service/register``: a service and its checks.

    :raises RefusedError: with the text and the status Consul 1.8.7 answers, and for
        checks of kinds that this catalog does not run.
    """
    found = decode_struct(_read_service, body)
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
    return service, service_checks(service, found)


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
