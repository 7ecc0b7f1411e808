"""Access by address: fabio's ``allow=ip:...`` and ``deny=ip:...``, failing closed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from ..model import AccessRule
from .uris import GrammarError

# A real path through proxies is a handful. Each has to be looked at, so that a head
# full of addresses would be a cheap way to keep the router busy.
_HOPS_MAX = 100

# As proxies write their clients: some add the port, brackets go with IPv6.
_WITH_PORT = re.compile(r"(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?")

# ::ffff:0:0/96, IPv4 as a socket for both families shows it (RFC 4291 2.5.5.2).
_MAPPED = IPv6Network("::ffff:0:0/96")


def parse_access_rule(text: str, allow: bool) -> AccessRule:
    """Read ``ip:ADDRESS`` and ``ip:NETWORK/BITS``, separated by commas.

    Bits of the host in a network do not matter.

    :raises GrammarError: any part of it is malformed; there are no half rules.
    """
    return AccessRule(allow, tuple(_parse_item(item) for item in text.split(",")))


def _parse_item(item: str) -> IPv4Network | IPv6Network:
    kind, colon, value = item.partition(":")
    if not colon or kind.lower() != "ip":
        raise GrammarError(f"{item!r}: write ip:ADDRESS or ip:NETWORK/BITS")
    try:
        # Of an address with a zone (%eth0) others than this host know nothing. And
        # fabio knows networks by their number of bits only.
        _, slash, bits = value.partition("/")
        if "%" in value or (slash and not (bits.isascii() and bits.isdecimal())):
            raise ValueError
        network = ip_network(value, strict=False)
    except ValueError:
        raise GrammarError(f"{value!r} is no IP address or network") from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        assert mapped is not None
        return IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    return network


def admitted(rules: Iterable[AccessRule], peer: bytes, forwarded_for: bytes) -> bool:
    """Whether every rule admits a request.

    As fabio does it, the peer and everybody in X-Forwarded-For must be admitted: so a
    forged field can only keep its sender out. What is no address is admitted by no
    rule; fabio lets it pass.

    :param peer: the address of who is connected.
    :param forwarded_for: the values of all X-Forwarded-For fields, joined by commas.
    """
    hops = {peer}
    if forwarded_for:
        hops.update(hop.strip(b"\t ") for hop in forwarded_for.split(b","))
        hops.discard(b"")  # RFC 9110 5.6.1: empty elements of a list do not count
        if len(hops) > _HOPS_MAX:
            return False
    try:
        addresses = [_address(hop.decode("ascii")) for hop in hops]
    except ValueError:
        return False
    return all(_admits(rule, address) for rule in rules for address in addresses)


def _admits(rule: AccessRule, address: IPv4Address | IPv6Address) -> bool:
    return rule.allow == any(address in network for network in rule.networks)


def _address(text: str) -> IPv4Address | IPv6Address:
    match = _WITH_PORT.fullmatch(text)
    address = ip_address((match[1] or match[2]) if match else text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
