"""gorouter's messages: from a line of text to routes.

The schema is that of ``router.register`` and ``router.unregister`` on NATS: unknown
fields are ignored, a field of the wrong type spoils the message. What would be served
less safely here than its sender asks for is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from ..config.addresses import is_address
from ..routing.uris import GrammarError
from .registration import RouteRegistration, read_uri


class Action(StrEnum):
    """What a message asks for."""

    REGISTER = "register"
    UNREGISTER = "unregister"


class MessageError(ValueError):
    """Why a message is skipped."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a message comes to.

    :ivar notes: one sentence for each part of it that is left out.
    """

    action: Action
    registrations: tuple[RouteRegistration, ...]
    notes: tuple[str, ...] = ()


#: A subject may stand before the JSON, as tools that listen on NATS write it.
_SUBJECT = re.compile(r"(router\.[a-z._]+)\s+")

_T = TypeVar("_T")

# Consul's limits of Meta: one violation, and it refuses the whole service.
_META_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_META_PAIRS = 64
_META_VALUE_BYTES = 512

#: Fields that are told on, and the key of Meta that has them: those of the access log
#: first.
_TOLD = {
    "app": "app",
    "private_instance_index": "index",
    "private_instance_id": "private_instance_id",
    "availability_zone": "availability_zone",
    "isolation_segment": "isolation_segment",
}


def read_message(
    line: bytes, action: Action, pattern: RouteRegistration
) -> Message | None:
    """Read one line: JSON, perhaps after ``router.register`` or ``router.unregister``.

    :param action: what a line without a subject asks for.
    :param pattern: what messages do not say; its TTL is the longest.
    :returns: ``None`` for an empty line, and for another subject.
    :raises MessageError: nothing of it can be used.
    """
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise MessageError("no UTF-8") from None
    subject = _SUBJECT.match(text)
    if subject is not None:
        text = text[subject.end() :]
        name = subject[1].removeprefix("router.")
        if name not in tuple(Action):
            return None
        action = Action(name)
    if not text:
        return None
    return _message(_decoded(text), action, pattern)


def _decoded(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise MessageError("no JSON") from None
    if not isinstance(found, dict):
        raise MessageError("no JSON object")
    return found


def _message(
    found: Mapping[str, Any], action: Action, pattern: RouteRegistration
) -> Message:
    host, port, https = _place(found)
    uris = _list_of_text(found, "uris")
    notes: list[str] = []
    if action is Action.REGISTER:
        _refuse_unsafe(found)
        ttl_s = _ttl_s(found, pattern.ttl_s)
        pattern = replace(pattern, ttl_s=ttl_s, meta=_meta(found, notes), https=https)
        app = _field(found, "app", str, "")
        if app and not pattern.service:
            pattern = replace(pattern, service=app)
    registrations = {}
    for uri in uris:
        try:
            route = read_uri(uri)
        except GrammarError as error:
            notes.append(f"uri {uri!r} is left out: {error}")
        else:
            one = replace(pattern, uri=route, address=host, port=port)
            registrations[one.id] = one
    return Message(action, tuple(registrations.values()), tuple(notes))


def _place(found: Mapping[str, Any]) -> tuple[str, int, bool]:
    """Host and port of the instance, and whether the port speaks TLS."""
    host = _field(found, "host", str, "")
    host = host.removeprefix("[").removesuffix("]")
    if not is_address(host):
        raise MessageError(f"host {host!r} is no name or IP address")
    tls_port = _port(found, "tls_port")
    port = tls_port or _port(found, "port")
    if not port:
        raise MessageError("there is no port")
    return host, port, bool(tls_port)


def _refuse_unsafe(found: Mapping[str, Any]) -> None:
    if _field(found, "route_service_url", str, ""):
        raise MessageError(
            "route_service_url: there are no route services here, and without its "
            "own the route is not served"
        )
    if found.get("tls_port") and _field(found, "server_cert_domain_san", str, ""):
        raise MessageError(
            "server_cert_domain_san: the name in a certificate cannot be chosen here; "
            "the instance needs one for its address"
        )


def _ttl_s(found: Mapping[str, Any], longest_s: float) -> float:
    """As gorouter: its own TTL, but not a longer one than the others have."""
    own_s = _field(found, "stale_threshold_in_seconds", int, 0)
    if own_s < 0:
        raise MessageError("stale_threshold_in_seconds is below 0")
    return min(own_s, longest_s) if own_s and longest_s else own_s or longest_s


def _meta(found: Mapping[str, Any], notes: list[str]) -> dict[str, str]:
    meta = {}
    tags = found.get("tags")
    for key, value in (tags if isinstance(tags, dict) else {}).items():
        if not isinstance(value, str):
            raise MessageError(f"tags: {key!r} is no text")
        meta[key] = value
    if tags is not None and not isinstance(tags, dict):
        raise MessageError("tags is no object")
    for name, key in _TOLD.items():
        value = _field(found, name, str, "")
        if value:
            meta[key] = value
    # "uris" is what makes a route.
    kept: dict[str, str] = {}
    for key, value in meta.items():
        if (
            key == "uris"
            or key.startswith("consul-")
            or not _META_KEY.fullmatch(key)
            or len(value.encode("utf-8", "replace")) > _META_VALUE_BYTES
            or len(kept) == _META_PAIRS - 1
        ):
            notes.append(f"tag {key!r} is left out: Consul's Meta cannot have it")
        else:
            kept[key] = value
    return kept


def _field(found: Mapping[str, Any], name: str, kind: type[_T], default: _T) -> _T:
    """A field of a message; ``null`` is none."""
    value = found.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or isinstance(value, bool):
        raise MessageError(f"{name} is no {'text' if kind is str else 'whole number'}")
    return value


def _port(found: Mapping[str, Any], name: str) -> int:
    port = _field(found, name, int, 0)
    if not 0 <= port <= 65535:
        raise MessageError(f"{name} is none from 0 to 65535")
    return port


def _list_of_text(found: Mapping[str, Any], name: str) -> list[str]:
    value = found.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise MessageError(f"{name} is no list of text")
    return value
