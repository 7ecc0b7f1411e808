"""One scalar of the file, typed and held to what its key may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .report import RefusedError, has_control, shown
from .schema import Bytes, Seconds
from .tree import Value, kind_of
from .values import (
    format_seconds,
    parse_boolean,
    parse_bytes,
    parse_integer,
    parse_seconds,
)

_PARSERS: dict[type, tuple[Callable[[str], Any], str]] = {
    bool: (parse_boolean, "true or false"),
    int: (parse_integer, "a whole number"),
    Seconds: (parse_seconds, "a duration such as 30s, 500ms, 2m or 1h30m"),
    Bytes: (parse_bytes, "a size such as 64KiB, 1MB or a number of bytes"),
}
# Beyond ten years a timer is a mistake, and sums of clock readings lose precision.
_LONGEST = Seconds(10 * 365 * 24 * 3600)


def read_scalar(kind: type[Any], metadata: Mapping[str, Any], value: Value) -> Any:
    """The typed value of a scalar.

    :param kind: ``str`` or a type of number that the schema uses.
    :param metadata: of the key; see :func:`twisted_router.config.schema._key`.
    :raises RefusedError: it is of another kind, or out of the key's range.
    """
    return _text(metadata, value) if kind is str else _number(kind, metadata, value)


def _text(metadata: Mapping[str, Any], value: Value) -> str:
    expected = metadata.get("expected", "text")
    choices = metadata.get("choices")
    if choices:
        expected = f"one of {', '.join(choices)}"
    if not isinstance(value, str):
        raise RefusedError(f"got {kind_of(value)}, expected {expected}")
    text = value
    if choices:
        # gorouter's loggers take their words in either case.
        word = value.lower()
        text = str(metadata.get("aliases", {}).get(word, word))
        fits = text in choices
    else:
        check = metadata.get("check")
        blank = not text and not metadata.get("nonempty")
        fits = blank or not check or check(text)
    if has_control(text):
        raise RefusedError(f"got {shown(value)}, expected no control characters")
    if not fits:
        raise RefusedError(f"got {shown(value)}, expected {expected}")
    return text


def _number(kind: type[Any], metadata: Mapping[str, Any], value: Value) -> Any:
    parse, expected = _PARSERS[kind]
    number = parse(value) if isinstance(value, str) else None
    lowest = metadata.get("minimum", 0)
    highest = metadata.get("maximum", _LONGEST if kind is Seconds else None)
    if kind is not bool:
        expected += _range(kind, lowest, highest)
    if number is None or number < lowest or (highest is not None and number > highest):
        raise RefusedError(f"got {kind_of(value)}, expected {expected}")
    return number


def _range(kind: type[Any], lowest: float, highest: float | None) -> str:
    write = format_seconds if kind is Seconds else str
    if highest is None:
        return f", at least {write(lowest)}"
    return f", from {write(lowest)} to {write(highest)}"
