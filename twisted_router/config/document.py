"""``etc/router.yml``: every key with its default and its comment, from the schema.

After a change of the schema: ``python -m twisted_router.config.document >
etc/router.yml``.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

from .keys import Key, section_keys
from .schema import (
    AuthScheme,
    Bytes,
    Config,
    ConsulConfig,
    DockerConfig,
    Seconds,
    StaticRoute,
)
from .values import format_bytes, format_seconds

_HEAD = """\
# The configuration of twistd router: every key, with its default.
#
# Durations: 30s, 500ms, 2m, 1h30m or a number of seconds.
# Sizes: 64KiB, 1MB or a number of bytes. 0 switches a limit or a timeout off.
# Secrets: the text itself, {file: PATH} or {env: NAME}.
# A section that is commented out is off; take away the first # of its lines.
# In a consul section, keys that are left out take Consul's own variables:
# CONSUL_HTTP_ADDR, CONSUL_HTTP_SSL, CONSUL_HTTP_TOKEN_FILE or else CONSUL_HTTP_TOKEN,
# CONSUL_CACERT, CONSUL_CAPATH, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY,
# CONSUL_TLS_SERVER_NAME and CONSUL_HTTP_SSL_VERIFY. A key that is given counts alone.
"""
# What the shipped file shows: sections that are on, and off, in it.
_ON = Config(consul=ConsulConfig())
_OFF: dict[str, Any] = {
    "docker": DockerConfig(),
    "routes": (
        StaticRoute(uri="legacy.example.com/old", instances=("10.0.0.5:8080",)),
    ),
    "auth": (("staff", AuthScheme(file="/etc/router/staff.htpasswd")),),
}


def annotated_yaml() -> str:
    """The text of ``etc/router.yml``; it loads as it is, without a warning."""
    lines: list[str] = []
    for key in section_keys(Config):
        shown = getattr(_ON, key.attribute)
        off = key.name in _OFF
        value = _OFF[key.name] if off else shown
        block = [f"# {key.metadata['doc']}"]
        block += [f"#{line}" if off else line for line in _entry(key, value)]
        lines += ["", *block]
    return _HEAD + "\n".join(lines) + "\n"


def _entry(key: Key, value: Any) -> Iterator[str]:
    if dataclasses.is_dataclass(value):
        yield f"{key.name}:"
        yield from _section(value, "  ", "  ")
    elif key.named:
        yield f"{key.name}:"
        for name, section in value:
            yield f"  {name}:"
            yield from _section(section, "    ", "    ")
    elif value and dataclasses.is_dataclass(value[0] if key.item else None):
        yield f"{key.name}:"
        for item in value:
            yield from _section(item, "  - ", "    ")
    else:
        yield f"{key.name}: {_scalar(_shortest(key, value))}"


def _section(value: Any, first: str, indent: str) -> Iterator[str]:
    """A section's keys; ``first`` begins its first key, ``indent`` the others."""
    for key in section_keys(type(value)):
        yield f"{indent}# {key.metadata['doc']}"
        shown = _shortest(key, getattr(value, key.attribute))
        yield f"{first}{key.name}: {_scalar(shown)}"
        first = indent


def _shortest(key: Key, value: Any) -> Any:
    """A value as a person would write it: a list that may be one item, as that."""
    is_one = key.metadata.get("one_or_more") and len(value) == 1
    return value[0] if is_one else value


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Seconds):
        return format_seconds(value)
    if isinstance(value, Bytes):
        return format_bytes(value)
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return str(value) or '""'


if __name__ == "__main__":
    sys.stdout.write(annotated_yaml())
