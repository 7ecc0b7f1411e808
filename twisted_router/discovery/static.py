"""The routes of the configuration file, as facts like any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..config.addresses import split_host_port
from ..config.schema import StaticRoute
from ..model import Instance

#: Port of an instance that is written without one.
_DEFAULT_PORT = 80


def static_instances(
    routes: tuple[StaticRoute, ...], tag_prefix: str
) -> Mapping[str, tuple[Instance, ...]]:
    """Turn static routes into services, whose instances carry the route as a tag.

    :param tag_prefix: what routing tags begin with, as for Consul's instances; so
        one grammar decides what a route may be, and says why it cannot be used.
    :returns: ``{"static:URI": instances}``. Routes with the same URI are one service,
        and an instance that two of them name carries both tags.
    :raises ValueError: an instance is no ``host``, ``host:port`` or ``[IPv6]:port``;
        the message names the route.
    """
    tags: dict[str, dict[tuple[str, int], list[str]]] = {}
    for route in routes:
        instances = tags.setdefault(f"static:{route.uri}", {})
        tag = _tag(route, tag_prefix)
        for address in _addresses(route):
            carried = instances.setdefault(address, [])
            if tag not in carried:
                carried.append(tag)
    return {
        service: tuple(
            Instance(
                service=service,
                id=f"{service}:{host}:{port}",
                address=host,
                port=port,
                tags=tuple(carried),
            )
            for (host, port), carried in instances.items()
        )
        for service, instances in tags.items()
    }


def _tag(route: StaticRoute, tag_prefix: str) -> str:
    """The route in the grammar of tags, where a whole host ends in a slash."""
    uri = route.uri if "/" in route.uri else route.uri + "/"
    options = (("strip", route.strip), ("prepend", route.prepend), ("host", route.host))
    return " ".join(
        [tag_prefix + uri, *(f"{name}={value}" for name, value in options if value)]
    )


def _addresses(route: StaticRoute) -> Iterator[tuple[str, int]]:
    for text in route.instances:
        try:
            yield split_host_port(text, _DEFAULT_PORT)
        except ValueError as error:
            raise ValueError(f"static route {route.uri}: {text!r}: {error}") from None
