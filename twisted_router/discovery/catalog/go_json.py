"""JSON as Go reads it: what Consul takes, and how it refuses the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from .model import RefusedError

#: Turns a decoded JSON value into ours; the text says where it stands, for errors.
Reader = Callable[[Any, str], Any]

_UNITS_S = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_UNIT = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_PART = re.compile(_UNIT)
_DURATION = re.compile(rf"([-+]?)((?:{_UNIT})+)")

#: Go counts nanoseconds in 64 bits: 292 years.
_LONGEST_S = 2**63 / 1e9

_INT64 = range(-(2**63), 2**63)


class _Float(float):
    """A number with a point or an exponent: no integer to Go, whatever its value."""


def parse_duration(text: str) -> float:
    """Seconds of a Go duration: ``30s``, ``1m30s``, ``1.5h``, ``0``; may be negative.

    :raises ValueError: it is none; the message is Go's.
    """
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if match is not None:
        parts = _PART.findall(match[2])
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
        if seconds < _LONGEST_S:
            return -seconds if match[1] == "-" else seconds
    raise ValueError(f'time: invalid duration "{text}"')


def decode_json(body: bytes) -> Any:
    """Decode a request's body.

    :raises RefusedError: it is no JSON.
    """
    if not body.strip():
        raise _refused("EOF")
    try:
        return json.loads(
            body.decode("utf-8", "replace"),
            parse_float=_Float,
            parse_constant=_not_in_json,
        )
    except (ValueError, RecursionError) as error:
        raise _refused(str(error)) from error


def _not_in_json(name: str) -> Any:
    raise ValueError(f"{name} is not in JSON")


def text(value: Any, where: str) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise _wrong_type(value, where, "string")
    return value


def integer(value: Any, where: str) -> int:
    """Read an integer of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in _INT64:
        raise _wrong_type(value, where, "int")
    return value


def flag(value: Any, where: str) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        raise _wrong_type(value, where, "bool")
    return value


def duration(value: Any, where: str) -> float:
    """Read seconds from Go's text, or from a number of nanoseconds."""
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise _refused(str(error)) from error
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(value, where, "Duration")
    if abs(value) >= 2**63:
        raise _wrong_type(value, where, "Duration")
    return value / 1e9


def anything(value: Any, where: str) -> Any:
    """Read what nobody looks into."""
    return value


def list_of(read: Reader) -> Reader:
    """Make a reader of lists."""

    def read_list(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong_type(value, where, "[]")
        return tuple(read(item, where) for item in value)

    return read_list


def map_of(read: Reader) -> Reader:
    """Make a reader of objects whose keys are data."""

    def read_map(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong_type(value, where, "map[string]")
        return {key: read(item, where) for key, item in value.items()}

    return read_map


def struct(fields: Mapping[str, Reader], **aliases: str) -> Reader:
    """Make a reader of objects whose keys are fields; case does not matter.

    :param fields: readers by name, in lower case.
    :param aliases: other spellings, in lower case, and the fields they mean.
    :returns: a reader that leaves out fields that are null, and refuses unknown ones.
    """

    def read_struct(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong_type(value, where, "struct")
        found = {}
        for key, item in value.items():
            name = aliases.get(key.lower(), key.lower())
            if name not in fields:
                raise _refused(f'json: unknown field "{key}"')
            if item is not None:
                found[name] = fields[name](item, f"{where}.{key}")
        return found

    return read_struct


def _refused(reason: str) -> RefusedError:
    return RefusedError(f"Request decode failed: {reason}")


def _wrong_type(value: Any, where: str, wanted: str) -> RefusedError:
    match value:
        case bool():
            kind = "bool"
        case float():
            kind = f"number {value}"
        case int():
            kind = "number"
        case str():
            kind = "string"
        case list():
            kind = "array"
        case _:
            kind = "object" if value is not None else "null"
    place = f"struct field {where}" if where else "value"
    return _refused(f"json: cannot unmarshal {kind} into Go {place} of type {wanted}")
