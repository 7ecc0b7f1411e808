"""Which address and port reach a published port, and which of several to register."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from .container import Binding


@dataclass(frozen=True, slots=True)
class Host:
    """What is the same for all containers of a host.

    :ivar node: its name, in service IDs and as the owner of services.
    :ivar address: IP address or name that others reach it by; never a wildcard.
    :ivar address_is_fixed: the operator gave it: it stands for specific bindings too.
    :ivar explicit: register only what has a ``SERVICE_NAME``.
    """

    node: str
    address: str
    address_is_fixed: bool = False
    explicit: bool = False


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
