"""Which address and port reach a container's port, and which of several to register."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from ..config.schema import DockerConfig
from .container import Binding, Container, Port
from .owner import Owner


@dataclass(frozen=True, slots=True)
class Host:
    """A host, and what its operator wants of the registrar.

    :ivar owner: whose its services are.
    :ivar address: IP address or name that others reach it by; never a wildcard.
    :ivar address_is_fixed: the operator gave it: it stands for specific bindings too.
    """

    owner: Owner
    address: str
    address_is_fixed: bool = False
    rules: DockerConfig = field(default_factory=DockerConfig)


def reach(container: Container, port: Port, host: Host) -> tuple[str, int] | None:
    """Say at which address and port others reach a container's port.

    The address of its label goes before everything else, then ``docker.ip`` for ports
    of the host: a container's own address is of its own ports.

    :returns: ``None`` if they cannot; see :func:`choose_address`.
    """
    if container.given_address:
        given = container.given_address
        host = replace(host, address=given, address_is_fixed=True)
    if not host.rules.internal or container.network == "host":
        return choose_address(port.bindings, host)
    own = container.given_address or _own_address(container, host)
    return (own, port.number) if own else None


def _own_address(container: Container, host: Host) -> str:
    """A container's own address, ``""`` if it has none.

    The first by name, where neither the operator nor the container's start tells which
    network is meant: registrator takes any.
    """
    if host.rules.network:
        return container.addresses.get(host.rules.network, "")
    first = min(container.addresses, default="")
    return container.addresses.get(
        container.network, container.addresses.get(first, "")
    )


def choose_address(bindings: Iterable[Binding], host: Host) -> tuple[str, int] | None:
    """Choose what to register for a port.

    Engines publish one port for IPv4 and for IPv6 apart, and the host's port numbers
    of the two may differ (moby#42442): taking the first would pair one's address with
    the other's port. So the family of the registered address decides.

    :returns: address and port, or ``None`` if nothing of ``bindings`` can be reached
        by the address to be registered: published for the other family only, or on
        loopback while that address is not.
    """
    candidates = [
        (rank, binding.host_ip, binding.host_port)
        for binding in bindings
        if (rank := _rank(binding, host)) is not None
    ]
    if not candidates:
        return None
    _, ip, port = min(candidates)
    if host.address_is_fixed or _is_wildcard(_parse(ip)):
        return host.address, port
    return ip, port


def _rank(binding: Binding, host: Host) -> int | None:
    """How well a binding suits: the lower the better, ``None`` for not at all."""
    theirs, ours = _parse(binding.host_ip), _parse(host.address)
    if theirs is None:
        # Either every address of the host, or something that is no address.
        return 1 if binding.host_ip == "" else None
    # A name may stand for either family; most stand for IPv4.
    same_family = theirs.version == (4 if ours is None else ours.version)
    if theirs == ours:
        return 0
    if theirs.is_unspecified:
        return 1 if same_family else (2 if ours is None else None)
    if theirs.is_loopback and not _is_loopback(host.address):
        return None
    if host.address_is_fixed:
        return 3 if same_family else None
    return 3 if same_family else 4


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_wildcard(address: IPv4Address | IPv6Address | None) -> bool:
    return address is None or address.is_unspecified


def _is_loopback(text: str) -> bool:
    address = _parse(text)
    return text == "localhost" if address is None else address.is_loopback
