"""Whose a service in the agent is: by marks in its Meta, never by its ID."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .meta import CONTAINER, ENGINE, HOST, OWNER

# Note [Whose a service is]
#
# The node's name alone does not tell: several engines may register with one agent, and
# each would take its name from it. They would deregister each other's services for
# ever. The engine's id alone does not tell either: it is lost with Docker's data, and
# what the old one had registered is left over. So a service is ours if it is the
# engine's; or if it has our node's name, and nothing says that another host's engine
# has registered it.


@dataclass(frozen=True, slots=True)
class Owner:
    """The registrar of one Docker engine, as its services are marked.

    :ivar node: name of its host, as in service IDs.
    :ivar engine: the engine's own id, ``""`` if it does not tell: by it, services are
        known again after the host was renamed.
    :ivar host: what the engine's host calls itself, ``""`` if the engine does not tell:
        by it, services are known again after the engine has lost its id.
    :ivar adopts: take over what bears nobody's mark, where it stands in the way.
    """

    node: str
    engine: str = ""
    host: str = ""
    adopts: bool = False

    def marks(self, container: str) -> dict[str, str]:
        """Meta by which a service of ours is known; ``container`` is its short id."""
        known = {ENGINE: self.engine, HOST: self.host}
        told = {key: value for key, value in known.items() if value}
        return {OWNER: self.node, CONTAINER: container} | told

    def owns(self, service: Mapping[str, Any]) -> bool:
        """Whether we have registered it, as far as the marks say.

        See Note [Whose a service is].
        """
        meta = meta_of(service)
        engine, host = meta.get(ENGINE), meta.get(HOST)
        if self.engine and engine == self.engine:
            return True
        is_anothers = (
            engine and self.engine and host and self.host and host != self.host
        )
        return meta.get(OWNER) == self.node and not is_anothers

    def may_replace(self, service: Mapping[str, Any]) -> bool:
        """Whether a service of ours may take its ID."""
        return self.owns(service) or (self.adopts and is_unmarked(service))


def is_unmarked(service: Mapping[str, Any]) -> bool:
    """Whether it was registered by hand, by another program, or by registrator."""
    return OWNER not in meta_of(service)


def meta_of(service: Mapping[str, Any]) -> Mapping[str, str]:
    """Its Meta; Go writes an empty one as null."""
    return service.get("Meta") or {}
