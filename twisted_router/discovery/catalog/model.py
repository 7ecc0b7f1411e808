"""What the embedded catalog holds, as frozen values; names follow Consul's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Generic, TypeVar

from ...interfaces import RouterError
from ...model import Weights

#: The only datacenter there is; Consul's default name.
DATACENTER = "dc1"


class RefusedError(RouterError):
    """The catalog says no.

    :ivar status: HTTP status of the answer, as Consul 1.8.7 chooses it.
    """

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class CheckStatus(StrEnum):
    """Status of one check."""

    PASSING = "passing"
    WARNING = "warning"
    CRITICAL = "critical"


class CheckType(StrEnum):
    """What keeps a check up to date; ``NODE`` is the node's own, always passing."""

    TTL = "ttl"
    HTTP = "http"
    TCP = "tcp"
    MAINTENANCE = "maintenance"
    NODE = ""


@dataclass(frozen=True)
class Node:
    """The one node: this process.

    :ivar address: what services without an address of their own are reached at.
    """

    name: str = "dev"
    address: str = "127.0.0.1"

    @cached_property
    def id(self) -> str:
        """A UUID, the same for the same name."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """One of a service's tagged addresses."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it was registered.

    :ivar meta: ``None`` when the registration had none: Consul shows that as null.
    :ivar port: not checked, as in Consul: 0 is none, others may be nonsense.
    """

    id: str
    name: str
    tags: tuple[str, ...] = ()
    address: str = ""
    port: int = 0
    meta: Mapping[str, str] | None = None
    weights: Weights = field(default_factory=Weights)
    tagged_addresses: Mapping[str, ServiceAddress] | None = None
    enable_tag_override: bool = False


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A URL to ask for.

    :ivar headers: names, with all values of each.
    :ivar verify: whether the server's certificate must be right.
    """

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    body: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class TcpTarget:
    """A ``host:port`` to connect to."""

    address: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What the catalog does itself to learn the status of a check.

    :ivar interval_s: seconds from the end of one run to the next.
    :ivar timeout_s: seconds that a run may take.
    :ivar output_limit_bytes: what is kept of a body: its end.
    :ivar successes_before_passing: how many in a row it takes to leave critical;
        0 is 1.
    :ivar failures_before_critical: how many in a row it takes to become critical.
    """

    target: HttpTarget | TcpTarget
    interval_s: float
    timeout_s: float
    output_limit_bytes: int = 4096
    successes_before_passing: int = 0
    failures_before_critical: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """A check as it was registered, and as it stands.

    :ivar service_id: ``""`` for a check of the node.
    :ivar ttl_s: seconds without an update until it is critical; 0 = never.
    :ivar probe: ``None`` for a check that others report on.
    :ivar deregister_after_s: seconds of critical until its service is removed;
        0 = never.
    """

    id: str
    name: str
    service_id: str = ""
    status: CheckStatus = CheckStatus.CRITICAL
    notes: str = ""
    output: str = ""
    type: CheckType = CheckType.TTL
    ttl_s: float = 0.0
    probe: Probe | None = None
    deregister_after_s: float = 0.0


_Value = TypeVar("_Value", Service, Check)


@dataclass(frozen=True, slots=True)
class Indexed(Generic[_Value]):
    """A value and the indexes at which it came and last changed."""

    value: _Value
    created: int
    modified: int
