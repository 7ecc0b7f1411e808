"""Which endpoint answers a path below ``/v1/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from . import agent, kv, reads
from .call import Act

#: Bytes of a request's body. Twice what a registration with 64 pairs of Meta, 512
#: bytes each, needs.
BODY_LIMIT_BYTES = 64 * 1024

_EXACT = agent.EXACT | reads.EXACT
_NAMED = agent.NAMED | reads.NAMED | kv.NAMED


class Found(NamedTuple):
    """The endpoint of a path, and the name in the path.

    :ivar acts: what it does, by method.
    :ivar body_limit_bytes: what it takes.
    """

    acts: Mapping[str, Act]
    name: str = ""
    body_limit_bytes: int = BODY_LIMIT_BYTES


def find(path: bytes) -> Found | None:
    """Look up the path of a request, still encoded: ``%2F`` is part of a name."""
    text = path.decode("utf-8", "replace")
    if text in _EXACT:
        return Found(_EXACT[text])
    for prefix, acts in _NAMED.items():
        if text.startswith(prefix) or text == prefix[:-1]:
            limit = (
                kv.VALUE_LIMIT_BYTES if acts in kv.NAMED.values() else BODY_LIMIT_BYTES
            )
            return Found(acts, unquote(text[len(prefix) :]), limit)
    return None
