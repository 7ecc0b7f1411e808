"""The endpoint ``/v1/kv/``: reading and writing keys and values."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from .call import NOTHING, Act, Call, Raw, View
from .keys import Entry
from .model import RefusedError

#: Bytes of one value: Consul's ``kv_max_value_size``.
VALUE_LIMIT_BYTES = 512 * 1024

_UINT64 = 2**64


def _get(call: Call) -> View:
    if "keys" in call.query:
        return _get_keys(call)
    keys, name = call.store.keys, call.name
    if "recurse" in call.query:
        return View(
            lambda: [_shown(one) for one in keys.below(name)] or NOTHING,
            lambda: keys.index_below(name),
        )
    key = call.named("Missing key name")
    raw = "raw" in call.query

    def show() -> Any:
        entry = keys.entry(key)
        if entry is None:
            return NOTHING
        return Raw(entry.value) if raw else [_shown(entry)]

    return View(show, lambda: keys.index(key))


def _get_keys(call: Call) -> View:
    keys, prefix = call.store.keys, call.name
    separator = call.query.text("separator")

    def cut(key: str) -> str:
        """Up to the first separator behind the prefix."""
        at = key.find(separator, len(prefix)) if separator else -1
        return key if at < 0 else key[: at + len(separator)]

    def show() -> Any:
        found = list(dict.fromkeys(cut(one.key) for one in keys.below(prefix)))
        return found if found or not prefix else NOTHING

    return View(show, lambda: keys.index_below(prefix))


def _put(call: Call) -> View:
    call.query.check_options()
    key = call.named("Missing key name")
    _refuse_conflicts(call, "acquire", "release", "cas")
    for name in ("acquire", "release"):
        if name in call.query:
            raise RefusedError("Sessions are not in this development catalog", 500)
    flags = _number(call, "flags") or 0
    written = call.store.keys.put(key, call.body, flags, _number(call, "cas"))
    return View(lambda: written)


def _delete(call: Call) -> View:
    call.query.check_options()
    _refuse_conflicts(call, "recurse", "cas")
    if "recurse" in call.query:
        call.store.keys.delete_below(call.name)
        return View(lambda: True)
    gone = call.store.keys.delete(call.named("Missing key name"), _number(call, "cas"))
    return View(lambda: gone)


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "LockIndex": 0,
        "Key": entry.key,
        "Flags": entry.flags,
        "Value": b64encode(entry.value).decode() if entry.value else None,
        "CreateIndex": entry.created,
        "ModifyIndex": entry.modified,
    }


def _number(call: Call, name: str) -> int | None:
    """An unsigned number of 64 bits; ``None`` if the parameter is not there."""
    if name not in call.query:
        return None
    text = call.query.text(name)
    if not (text.isascii() and text.isdigit()):
        raise RefusedError(f'strconv.ParseUint: parsing "{text}": invalid syntax', 500)
    if len(text) > 20 or int(text) >= _UINT64:
        raise RefusedError(
            f'strconv.ParseUint: parsing "{text}": value out of range', 500
        )
    return int(text)


def _refuse_conflicts(call: Call, *names: str) -> None:
    """Refuse parameters of which there may be one at most."""
    if sum(name in call.query for name in names) > 1:
        given = sorted(call.query.parameters.items())
        raise RefusedError(f"Conflicting flags: {urlencode(given, doseq=True)}")


#: What the path does, by method; a key follows, which may have slashes.
NAMED: dict[str, Mapping[str, Act]] = {
    "/v1/kv/": {"GET": _get, "PUT": _put, "DELETE": _delete}
}
