"""Consul's JSON of a service's health, read into instances."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from sys import intern
from types import MappingProxyType
from typing import Any, TypeVar

from ..config.addresses import is_address
from ..model import Instance, Quarantined, Status, Weights

_NODE_MAINTENANCE = "_node_maintenance"
_SERVICE_MAINTENANCE = "_service_maintenance:"
_TELLING = ("ID", "Address", "Port", "Tags")
_EXCERPT_CHARS = 200

# What nearly all addresses are, told in a tenth of the time of the full check.
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")

_NO_TAGS: tuple[str, ...] = ()
_NO_META: Mapping[str, str] = MappingProxyType({})
_EQUAL_WEIGHTS = Weights()

_T = TypeVar("_T")

# Note [One of each]
# A table of 10,000 instances lives as long as the router, and most of what they say is
# the same: nodes, versions, the tags of a service. ``intern`` makes equal strings one
# in memory, and the instances of an answer share equal tags and meta.


class _UnusableError(Exception):
    """Why an entry cannot be an instance."""


def read_instances(
    service: str, entries: list[Any]
) -> tuple[tuple[Instance, ...], tuple[Quarantined, ...]]:
    """Read the answer of ``/v1/health/service/NAME``.

    :param entries: the decoded JSON array.
    :returns: the instances, sorted, so that equal answers are equal values; and the
        entries that cannot be one, which spoil nothing but themselves.
    """
    instances = []
    unusable = []
    shared: dict[Any, Any] = {}
    for entry in entries:
        try:
            instances.append(_instance(service, entry, shared))
        except _UnusableError as error:
            unusable.append(
                Quarantined(
                    service=service,
                    instance_id=_id_if_any(entry),
                    source="catalog",
                    text=_excerpt(entry),
                    reason=str(error),
                )
            )
    instances.sort(key=lambda instance: instance.identity)
    unusable.sort(key=lambda entry: (entry.instance_id, entry.text))
    return tuple(instances), tuple(unusable)


def _instance(service: str, entry: Any, shared: dict[Any, Any]) -> Instance:
    about = _object(_object(entry, "entry").get("Service"), "Service")
    node = _object(entry.get("Node"), "Node")
    node_name = _text(node.get("Node"), "Node.Node")
    instance_id = _text(about.get("ID"), "Service.ID")
    if not instance_id:
        raise _UnusableError("no Service.ID")
    address = _text(about.get("Address"), "Service.Address") or _text(
        node.get("Address"), "Node.Address"
    )
    if not address:
        raise _UnusableError("no address, neither of its own nor of its node")
    if not _IPV4.fullmatch(address) and not is_address(address):
        raise _UnusableError(f"address {address!r} is no IP address and no host name")
    port = _number(about.get("Port", 0), "Service.Port")
    if not 1 <= port <= 65535:
        raise _UnusableError(f"port {port}")
    return Instance(
        service=service,
        id=instance_id,
        address=intern(address),
        port=port,
        node=intern(node_name),
        status=_status(instance_id, entry.get("Checks")),
        tags=_tags(about.get("Tags"), shared),
        meta=_meta(about.get("Meta"), shared),
        weights=_weights(about.get("Weights")),
    )


def _status(instance_id: str, checks: Any) -> Status:
    """The worst of the checks that concern the instance, its node's included.

    As Consul's own ``HealthChecks.AggregatedStatus``; a status that nobody knows
    counts as critical, since nothing speaks for the instance.
    """
    worst = Status.PASSING
    for check in _list(checks, "Checks"):
        check = _object(check, "a check")
        if check.get("Status") == "passing":
            continue
        owner = _text(check.get("ServiceID"), "a check's ServiceID")
        if owner not in ("", instance_id):
            continue
        check_id = _text(check.get("CheckID"), "a check's CheckID")
        if check_id == _NODE_MAINTENANCE or check_id.startswith(_SERVICE_MAINTENANCE):
            return Status.MAINTENANCE
        status = _text(check.get("Status"), "a check's Status")
        if status == Status.WARNING:
            if worst == Status.PASSING:
                worst = Status.WARNING
        elif status != Status.PASSING:
            worst = Status.CRITICAL
    return worst


def _tags(value: Any, shared: dict[Any, Any]) -> tuple[str, ...]:
    if not value and isinstance(value, list | None):
        return _NO_TAGS
    tags = tuple(_interned(tag, "a tag") for tag in _list(value, "Service.Tags"))
    return _one_of(shared, tags, tags)


def _meta(value: Any, shared: dict[Any, Any]) -> Mapping[str, str]:
    if not value and isinstance(value, dict | None):
        return _NO_META
    pairs = {
        key: _interned(text, f"Service.Meta.{key}")
        for key, text in _object(value, "Service.Meta").items()
    }
    return _one_of(shared, tuple(pairs.items()), MappingProxyType(pairs))


def _one_of(shared: dict[Any, Any], key: Any, value: _T) -> _T:
    """What was first read that is equal."""
    found: _T = shared.setdefault(key, value)
    return found


def _weights(value: Any) -> Weights:
    if value is None:
        return _EQUAL_WEIGHTS
    pair = _object(value, "Service.Weights")
    passing = _number(pair.get("Passing", 1), "Service.Weights.Passing")
    warning = _number(pair.get("Warning", 1), "Service.Weights.Warning")
    if passing < 0 or warning < 0:
        raise _UnusableError("a negative weight")
    if passing == warning == 1:
        return _EQUAL_WEIGHTS
    return Weights(passing, warning)


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _UnusableError(f"{name} is not a JSON object")
    return value


def _list(value: Any, name: str) -> list[Any]:
    """A list; Go writes an empty one as null."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _UnusableError(f"{name} is not a list")
    return value


def _text(value: Any, name: str) -> str:
    """A string that may be absent."""
    return "" if value is None else _string(value, name)


def _string(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise _UnusableError(f"{name} is not a string")
    return value


def _interned(value: Any, name: str) -> str:
    return intern(_string(value, name))


def _number(value: Any, name: str) -> int:
    # bool is an int to Python, not to JSON.
    if not isinstance(value, int) or isinstance(value, bool):
        raise _UnusableError(f"{name} is not a whole number")
    return value


def _id_if_any(entry: Any) -> str:
    """The ID that a broken entry has, for messages."""
    about = entry.get("Service") if isinstance(entry, dict) else None
    found = about.get("ID") if isinstance(about, dict) else None
    return found if isinstance(found, str) else ""


def _excerpt(entry: Any) -> str:
    """What tells the entry from others; not Meta, where people keep secrets too."""
    about = entry.get("Service", entry) if isinstance(entry, dict) else entry
    if isinstance(about, dict):
        about = {key: about[key] for key in _TELLING if key in about}
    return json.dumps(about)[:_EXCERPT_CHARS]
