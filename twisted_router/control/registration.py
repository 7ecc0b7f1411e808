"""One route of one instance, as it stands in Consul."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from ..routing.uris import parse_uri

#: Consul takes so much in a value of Meta, and refuses the whole service otherwise.
_META_VALUE_BYTES = 512

#: Consul raises shorter times to this.
_SHORTEST_DEREGISTRATION_S = 60.0

_NO_NAME = re.compile("[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class RouteRegistration:
    """An instance that answers a route: a service of its own in Consul.

    Not one service for all routes of an instance: so each route can be registered and
    taken back by itself, by processes that know nothing of each other, as with
    gorouter's messages.

    :ivar uri: ``host/path``, in the form :func:`read_uri` gives.
    :ivar address: of the instance, a name or an IP address without brackets.
    :ivar ttl_s: seconds that it lives without being refreshed; 0 = for ever.
    :ivar service: name of the service; ``""`` for one made of the host.
    :ivar meta: what else is told of the instance.
    :ivar https: speak TLS with the instance.
    :ivar tag_prefix: what the router's tags begin with.
    """

    uri: str
    address: str
    port: int
    ttl_s: float = 120.0
    service: str = ""
    meta: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    https: bool = False
    tag_prefix: str = "urlprefix-"

    @property
    def place(self) -> str:
        """Where the instance listens."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    @property
    def id(self) -> str:
        """The same for the same route and instance, and for nothing else."""
        digest = sha256(f"{self.uri} {self.place}".encode()).hexdigest()[:12]
        return f"route-{_name(self.uri)}-{self.address}:{self.port}-{digest}"

    @property
    def check_id(self) -> str:
        """ID of the TTL check, if it has one."""
        return f"service:{self.id}"

    @property
    def name(self) -> str:
        """Name of the service."""
        return self.service or _name(self.uri)

    @property
    def tags(self) -> list[str]:
        """Its tag, if the route cannot be said in Meta."""
        if self._in_meta:
            return []
        # A tag's host ends in a slash.
        uri = self.uri if "/" in self.uri else f"{self.uri}/"
        return [f"{self.tag_prefix}{uri}{' proto=https' if self.https else ''}"]

    @property
    def full_meta(self) -> dict[str, str]:
        """Its Meta, with the route where it can be said there."""
        return {**self.meta, "uris": self.uri} if self._in_meta else dict(self.meta)

    @property
    def check(self) -> dict[str, Any] | None:
        """Its check, in Consul's own JSON.

        It begins passing: whoever registers a route says that it works. Once nobody
        refreshes it any more, it is out of the routes after its TTL and out of Consul
        some time later.
        """
        if not self.ttl_s:
            return None
        return {
            "CheckID": self.check_id,
            "Name": "refreshed by routerctl",
            "TTL": f"{round(self.ttl_s * 1000)}ms",
            "Status": "passing",
            "DeregisterCriticalServiceAfter": (
                f"{round(max(self.ttl_s, _SHORTEST_DEREGISTRATION_S))}s"
            ),
        }

    @property
    def _in_meta(self) -> bool:
        # There a comma separates, and there are no options.
        return (
            not self.https
            and "," not in self.uri
            and len(self.uri.encode()) <= _META_VALUE_BYTES
        )


def read_uri(text: str) -> str:
    """Check a route and bring it into its one form.

    ``Web.example/a/`` is ``web.example/a``; a host alone has no slash.

    :raises GrammarError: as :func:`~twisted_router.routing.uris.parse_uri`.
    """
    host, path = parse_uri(text)
    return host if host and path == "/" else host + path


def _name(uri: str) -> str:
    """A name for services that answer a URI: of its host, in letters DNS can have."""
    host = uri.partition("/")[0].replace("*", "any")
    return _NO_NAME.sub("-", host).strip("-") or "any"
