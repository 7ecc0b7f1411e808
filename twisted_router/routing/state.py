"""What is learned of an instance while it serves; it outlives routing tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..model import Instance, Target, TargetOptions

Identity = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class TlsTerms:
    """How to speak TLS with an instance. Connections of other terms are other ones.

    :ivar name: host name or IP address that its certificate is for.
    :ivar verify: whether to hold it to that.
    """

    name: str
    verify: bool


class InstanceState:
    """One instance as the data plane knows it: mutable, one for each identity.

    :ivar in_flight: requests and tunnels it serves now; the proxy counts.
    :ivar requests: requests it was ever sent; the proxy counts.
    :ivar failures: failures since it last did well.
    :ivar failed_until_s: until when it is passed over, in seconds on the balancer's
        clock; 0 when it is not.
    :ivar idle: kept connections, of the proxy's own kind; those with TLS are in
        ``idle_tls``, by their terms.
    :ivar retired: no route names it any more: keep no connection to it.
    """

    __slots__ = (
        "address",
        "failed_until_s",
        "failures",
        "identity",
        "idle",
        "idle_tls",
        "in_flight",
        "port",
        "requests",
        "retired",
    )

    def __init__(self, instance: Instance) -> None:
        self.identity = instance.identity
        self.address = instance.address
        self.port = instance.port
        self.in_flight = 0
        self.requests = 0
        self.failures = 0
        self.failed_until_s = 0.0
        self.idle: list[Any] = []
        self.idle_tls: dict[TlsTerms, list[Any]] | None = None
        self.retired = False

    def idle_for(self, tls: TlsTerms | None) -> list[Any]:
        """The kept connections of these terms, to be changed in place."""
        if tls is None:
            return self.idle
        if self.idle_tls is None:
            self.idle_tls = {}
        return self.idle_tls.setdefault(tls, [])

    def __repr__(self) -> str:
        return (
            f"<InstanceState {self.address}:{self.port} in_flight={self.in_flight}"
            f" failures={self.failures} retired={self.retired}>"
        )


class Candidate:
    """A target of a route in the form that the hot path needs. Read it, never write.

    :ivar authority: ``b"10.0.0.1:8080"``; IPv6 addresses in brackets.
    :ivar host: Host to send, ``b""`` for the one received.
    :ivar strip: path prefix to remove, ``b""`` for none.
    :ivar prepend: path prefix to add after that, ``b""`` for none.
    :ivar tls: ``None`` to speak without.
    :ivar idle: connections that are kept for it, those of its state.
    :ivar share: part of the route's requests by weight; 0 when the route has none.
    :ivar credit: the balancer's: how far behind its share it is.
    """

    __slots__ = (
        "address",
        "authority",
        "credit",
        "host",
        "idle",
        "instance",
        "port",
        "prepend",
        "share",
        "state",
        "strip",
        "tls",
    )

    def __init__(self, target: Target, state: InstanceState, share: float) -> None:
        instance, options = target.instance, target.options
        address = instance.address
        bracketed = f"[{address}]" if ":" in address else address
        self.instance = instance
        self.state = state
        self.address = address
        self.port = instance.port
        self.authority = f"{bracketed}:{instance.port}".encode()
        self.host = self.authority if options.host == "dst" else options.host.encode()
        self.strip = options.strip.encode("ascii")
        self.prepend = options.prepend.encode("ascii")
        self.tls = _tls_terms(instance, options) if options.https else None
        self.idle = state.idle_for(self.tls)
        self.share = share
        self.credit = 0.0


def _tls_terms(instance: Instance, options: TargetOptions) -> TlsTerms:
    """As with fabio, ``host=NAME`` is also whom the certificate must be for."""
    name = options.host
    if name in ("", "dst"):
        name = instance.address
    elif name.startswith("["):
        name = name[1 : name.index("]")]
    else:
        name = name.partition(":")[0]
    return TlsTerms(name, not options.skip_verify)
