"""Containers that have no network of their own, but share another container's."""

from __future__ import annotations

from dataclasses import replace

from .container import Binding, Container, Port

_MODE = "container:"


def lender_id(container: Container) -> str:
    """Id of the container whose network it shares, ``""`` if it has its own."""
    if not container.network.startswith(_MODE):
        return ""
    return container.network.removeprefix(_MODE)


def joined(container: Container, lender: Container) -> Container:
    """See a container as it is reached: by what ``lender``, whose network it is, has.

    Docker tells nothing of that network where it is asked about the container itself.
    A port of it is published if the same port of the lender is.
    """
    places = {
        (port.number, port.protocol): port.bindings
        for port in lender.ports
        if port.bindings
    }
    return replace(
        container,
        network=lender.network,
        addresses=lender.addresses,
        ports=tuple(_port(each, lender, places) for each in container.ports),
    )


def _port(
    port: Port, lender: Container, places: dict[tuple[int, str], tuple[Binding, ...]]
) -> Port:
    if lender.network == "host":
        return replace(port, bindings=(Binding("", port.number),))
    return replace(port, bindings=places.get((port.number, port.protocol), ()))
