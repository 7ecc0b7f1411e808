"""Which endpoint answers a path below ``/v1/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from . import agent, reads
from .call import Act

_EXACT = agent.EXACT | reads.EXACT
_NAMED = agent.NAMED | reads.NAMED


class Found(NamedTuple):
    """The endpoint of a path, and the name in the path.

    :ivar acts: what it does, by method.
    """

    acts: Mapping[str, Act]
    name: str


def find(path: bytes) -> Found | None:
    """Look up the path of a request, still encoded: ``%2F`` is part of a name."""
    text = path.decode("utf-8", "replace")
    if text in _EXACT:
        return Found(_EXACT[text], name="")
    for prefix, acts in _NAMED.items():
        if text.startswith(prefix) or text == prefix[:-1]:
            return Found(acts, unquote(text[len(prefix) :]))
    return None
