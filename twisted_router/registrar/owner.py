"""Whose a service in the agent is: by marks in its Meta, never by its ID."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .meta import CONTAINER, ENGINE, OWNER


@dataclass(frozen=True, slots=True)
class Owner:
    """The registrar of one Docker engine, as its services are marked.

    :ivar node: name of its host, as in service IDs.
    :ivar engine: the engine's own id, ``""`` if it does not tell: by it, services are
        known again after the host was renamed.
    :ivar adopts: take over what bears nobody's mark, where it stands in the way.
    """

    node: str
    engine: str = ""
    adopts: bool = False

    def marks(self, container: str) -> dict[str, str]:
        """Meta by which a service of ours is known; ``container`` is its short id."""
        engine = {ENGINE: self.engine} if self.engine else {}
        return {OWNER: self.node, CONTAINER: container} | engine

    def owns(self, service: Mapping[str, Any]) -> bool:
        """Whether we have registered it, as far as the marks say."""
        meta = meta_of(service)
        if meta.get(OWNER) == self.node:
            return True
        return bool(self.engine) and meta.get(ENGINE) == self.engine

    def may_replace(self, service: Mapping[str, Any]) -> bool:
        """Whether a service of ours may take its ID."""
        return self.owns(service) or (self.adopts and is_unmarked(service))


def is_unmarked(service: Mapping[str, Any]) -> bool:
    """Whether it was registered by hand, by another program, or by registrator."""
    return OWNER not in meta_of(service)


def meta_of(service: Mapping[str, Any]) -> Mapping[str, str]:
    """Its Meta; Go writes an empty one as null."""
    return service.get("Meta") or {}
