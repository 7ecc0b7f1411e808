"""Scalars of the file: text to value, and back to the text a person would write.

A parser returns ``None`` for text it does not understand; who calls it knows the key
and writes the message. Text is taken as written: what YAML 1.1 makes of ``010`` or
``1:30`` is not what anybody means.
"""

from __future__ import annotations

import re
from decimal import Decimal

from .schema import KIB, MIB, Bytes, Seconds

# Longer numbers mean nothing here, and int() refuses very long ones with an error.
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = r"[0-9]{1,15}(?:\.[0-9]{0,9})?"
_NUMBER = re.compile(rf"[+-]?{_DECIMAL}")
_DURATION = re.compile(rf"[+-]?(?:{_DECIMAL}(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(rf"({_DECIMAL})(ns|us|µs|ms|s|m|h)")
_SIZE = re.compile(rf"([+-]?{_DECIMAL}) ?([kKMGT]i?B|B)?")

# Go's units, since gorouter's files have them.
_SECONDS_IN = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_BYTES_IN = {
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KIB": 1024,
    "MIB": 1024**2,
    "GIB": 1024**3,
    "TIB": 1024**4,
}
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}


def parse_integer(text: str) -> int | None:
    """``8081``, ``-1``; decimal without leading zeros."""
    return int(text) if _INTEGER.fullmatch(text) else None


def parse_boolean(text: str) -> bool | None:
    """``true`` or ``false``, and YAML 1.1's other words for them, in any case."""
    return _BOOLEANS.get(text.lower())


def parse_seconds(text: str) -> Seconds | None:
    """``30s``, ``500ms``, ``1h30m``, or a plain number of seconds."""
    if _NUMBER.fullmatch(text):
        return Seconds(text)
    if not _DURATION.fullmatch(text):
        return None
    parts = _DURATION_PART.findall(text)
    total = sum(Decimal(number) * _SECONDS_IN[unit] for number, unit in parts)
    return Seconds(-total if text.startswith("-") else total)


def parse_bytes(text: str) -> Bytes | None:
    """``64KiB``, ``1.5MB``, or a plain number of bytes; whole bytes only."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    number, unit = match.groups(default="B")
    size = Decimal(number) * _BYTES_IN[unit.upper()]
    return Bytes(int(size)) if size == int(size) else None


def format_seconds(value: float) -> str:
    """The shortest text that :func:`parse_seconds` reads as ``value``: ``90s``."""
    if 0 < value < 1:
        return f"{value * 1000:g}ms"
    if value and value % 3600 == 0:
        return f"{value / 3600:g}h"
    return f"{value:g}s"


def format_bytes(value: int) -> str:
    """The text with the largest binary unit that divides ``value``: ``64KiB``."""
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if value and value % unit == 0:
            return f"{value // unit}{name}"
    return str(value)
