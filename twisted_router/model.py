"""Facts as frozen values: what the catalog knows of an instance, and its routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from typing import Any

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Status(StrEnum):
    """An instance's aggregated health, worst first, in Consul's words."""

    MAINTENANCE = "maintenance"
    CRITICAL = "critical"
    WARNING = "warning"
    PASSING = "passing"


@dataclass(frozen=True, slots=True)
class Weights:
    """Consul's service weights: relative, at least 0, one for each usable status."""

    passing: int = 1
    warning: int = 1


@dataclass(frozen=True, slots=True)
class Instance:
    """One address that serves a service.

    ``address`` is an IP address or a host name, never empty; ``port`` is 1-65535.
    ``id`` is unique on its ``node`` (Consul's service ID).
    """

    service: str
    id: str
    address: str
    port: int
    node: str = ""
    status: Status = Status.PASSING
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=lambda: _NOTHING, hash=False)
    weights: Weights = Weights()

    @property
    def identity(self) -> tuple[str, str, str, int]:
        """What makes two facts speak of the same instance: node, id, address, port.

        A changed port or address is another instance: nothing that was learned of
        the old one (connections, failures) may be believed of the new one.
        """
        return (self.node, self.id, self.address, self.port)

    @property
    def usable(self) -> bool:
        """Whether requests may be sent to it: passing or warning."""
        return self.status in (Status.PASSING, Status.WARNING)


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Which addresses may ask: fabio's ``allow=`` or ``deny=``.

    :ivar allow: whether ``networks`` are all that are let in, or all that are not.
    """

    allow: bool
    networks: tuple[IPv4Network | IPv6Network, ...]

    def __str__(self) -> str:
        items = ",".join(f"ip:{network}" for network in self.networks)
        return f"{'allow' if self.allow else 'deny'}={items}"


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where clients are sent in place of an answer: fabio's ``redirect=``.

    :ivar status: 301, 302, 303, 307 or 308.
    :ivar scheme: ``http`` or ``https``.
    :ivar authority: may have ``$host`` in it, for the host that the client asked for.
    :ivar path: begins with a slash, or with ``$path``; that stands for the client's
        path, at most once.
    :ivar query: ``?`` and what follows it; ``""`` for none of its own.
    """

    status: int
    scheme: str
    authority: str
    path: str
    query: str = ""

    def __str__(self) -> str:
        return f"{self.status},{self.scheme}://{self.authority}{self.path}{self.query}"


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """What a tag says besides where its instance answers.

    :ivar strip: path prefix removed before forwarding, ``""`` for none.
    :ivar prepend: path prefix added after ``strip``, ``""`` for none.
    :ivar host: Host sent to the instance: ``""`` as received, ``"dst"`` its own
        address and port, anything else literally (fabio's ``host=``).
    :ivar weight: share of the route's requests for this instance, 0 < w <= 1, or
        ``None`` for an equal part of what the others leave.
    :ivar redirect: what to answer instead of asking the instance.
    :ivar access: who may ask, by address.
    :ivar auth: the scheme by which clients say who they are, ``""`` for none.
    :ivar https: speak TLS with the instance, and unless ``skip_verify``, verify its
        certificate.
    """

    strip: str = ""
    prepend: str = ""
    host: str = ""
    weight: float | None = None
    redirect: Redirect | None = None
    access: AccessRule | None = None
    auth: str = ""
    https: bool = False
    skip_verify: bool = False

    @property
    def restricts(self) -> bool:
        """Whether not everybody may ask."""
        return self.access is not None or self.auth != ""


#: What most tags say: nothing.
NO_OPTIONS = TargetOptions()


@dataclass(frozen=True, slots=True)
class Target:
    """An instance as one route sees it: the options of a tag belong to its instance.

    The options are an object of their own because there are few of them that differ,
    and many targets.
    """

    instance: Instance
    options: TargetOptions = NO_OPTIONS


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands before a route, whichever instance would serve.

    :ivar access: rules that all must admit a client.
    :ivar auth: schemes that it all must pass.
    :ivar redirect: options whose redirect is the answer; ``None`` = none is.
    """

    access: tuple[AccessRule, ...] = ()
    auth: tuple[str, ...] = ()
    redirect: TargetOptions | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        """Everything it demands, as options of a tag."""
        terms = [*map(str, self.access), *(f"auth={name}" for name in self.auth)]
        if self.redirect is not None:
            terms.append(f"redirect={self.redirect.redirect}")
        return tuple(terms)


@dataclass(frozen=True, slots=True)
class Route:
    """What answers one host and path.

    :ivar host: lower case, no port, no trailing dot; ``"*.x"`` for every name under
        ``x``; ``""`` for any host.
    :ivar path: ``"/"``, or ``"/a/b"`` without a trailing slash, byte for byte as
        clients must send it.
    :ivar targets: usable instances, in a stable order.
    :ivar unusable: known instances that health leaves out. A route with these alone
        answers 503.
    :ivar gate: ``None`` = everybody may pass.
    :ivar turns: the balancer's, who keeps here whose turn it is: it asks for every
        request, and this is where to find it the fastest. No part of the value.
    """

    host: str
    path: str
    targets: tuple[Target, ...] = ()
    unusable: tuple[Target, ...] = ()
    gate: Gate | None = None
    turns: Any = field(default=None, init=False, repr=False, compare=False)

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the services behind it, sorted."""
        targets = (*self.targets, *self.unusable)
        return tuple(sorted({target.instance.service for target in targets}))

    @property
    def uri(self) -> str:
        """``host/path`` as gorouter's ``/routes`` writes it: no trailing slash."""
        return self.host + ("" if self.path == "/" and self.host else self.path)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One entry that could not be used, and why; everything else is untouched by it.

    :ivar source: where the text stands: ``tag``, ``meta uris``, ``config`` ...
    :ivar text: the entry as it was written.
    """

    service: str
    instance_id: str
    source: str
    text: str
    reason: str
