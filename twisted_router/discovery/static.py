"""The routes of the configuration file, as facts like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..config.addresses import split_host_port
from ..config.schema import StaticRoute
from ..interfaces import STATIC_TAG_PREFIX
from ..model import Instance

#: Port of an instance that is written without one.
_DEFAULT_PORT = 80

#: An instance's ID, host and port.
_Address = tuple[str, str, int]


def static_instances(
    routes: tuple[StaticRoute, ...],
) -> Mapping[str, tuple[Instance, ...]]:
    """Turn static routes into services, whose instances carry the route as a tag.

    So the grammar of tags decides what a route may be, and says why it cannot be used.

    :returns: ``{"static:URI": instances}``, where the URI of a whole host ends in a
        slash. Routes with the same URI are one service, and an instance that two of
        them name carries both tags. Instances with the same address have the same
        identity, whatever the route: what is learned of it serves all.
    :raises ValueError: an instance is no ``host``, ``host:port`` or ``[IPv6]:port``;
        the message names the route.
    """
    addresses: dict[str, _Address] = {}
    services: dict[str, tuple[Instance, ...]] = {}
    for route in routes:
        uri = route.uri if "/" in route.uri else route.uri + "/"
        # Without options the tag is the service's name: for 100,000 routes it matters
        # that these are one string.
        tag = service = STATIC_TAG_PREFIX + uri
        options = _options(route)
        if options:
            tag = f"{service} {options}"
        for text in route.instances:
            if text not in addresses:
                addresses[text] = _address(route, text)
        instances = tuple(
            Instance(service=service, id=id, address=host, port=port, tags=(tag,))
            for id, host, port in dict.fromkeys(addresses[t] for t in route.instances)
        )
        if service in services:
            instances = _together(services[service], instances)
        services[service] = instances
    return services


def _together(
    before: tuple[Instance, ...], more: tuple[Instance, ...]
) -> tuple[Instance, ...]:
    """The instances of two routes with the same URI."""
    all_of_them = {instance.identity: instance for instance in before}
    for instance in more:
        known = all_of_them.setdefault(instance.identity, instance)
        if known is not instance:
            all_of_them[known.identity] = replace(
                known, tags=tuple(dict.fromkeys(known.tags + instance.tags))
            )
    return tuple(all_of_them.values())


def _options(route: StaticRoute) -> str:
    options = (("strip", route.strip), ("prepend", route.prepend), ("host", route.host))
    return " ".join(f"{name}={value}" for name, value in options if value)


def _address(route: StaticRoute, text: str) -> _Address:
    try:
        host, port = split_host_port(text, _DEFAULT_PORT)
    except ValueError as error:
        raise ValueError(f"static route {route.uri}: {text!r}: {error}") from None
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}", host, port)
