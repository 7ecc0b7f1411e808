"""From a container to the services that are registered for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from ..config.schema import DockerConfig
from .checks import Target, build_check
from .container import Container, Port
from .labels import Metadata, read_metadata
from .meta import CHECK, publishable
from .reach import Host, reach
from .reports import Report, own_check_id, reports_of

#: Digits of a container's id that name it, here as in ``docker ps``.
SHORT_ID = 12


@dataclass(frozen=True, slots=True)
class Registration:
    """A service as it is to stand in the agent.

    :ivar id: unique on the agent.
    :ivar container: short id of the container behind it.
    :ivar meta: with the marks of its owner.
    :ivar check: the one that its container asks for, in Consul's own JSON; ``None``
        for a service without.
    :ivar reports: further checks, whose status is ours to say.
    :ivar maintenance: why it is to be in maintenance mode, ``""`` when it is not.
    """

    id: str
    name: str
    address: str
    port: int
    container: str
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    check: Mapping[str, Any] | None = None
    reports: tuple[Report, ...] = ()
    maintenance: str = ""

    def payload(self) -> dict[str, Any]:
        """Body of ``PUT /v1/agent/service/register``; that knows no maintenance."""
        payload: dict[str, Any] = {
            "ID": self.id,
            "Name": self.name,
            "Address": self.address,
            "Port": self.port,
            "Tags": list(self.tags),
            "Meta": dict(self.meta),
        }
        own = {} if self.check is None else dict(self.check)
        if self.reports:
            # The first one has the id that it has when it is alone.
            named = [{"CheckID": own_check_id(self.id)} | own] if own else []
            payload["Checks"] = named + [each.payload() for each in self.reports]
        elif own:
            payload["Check"] = own
        return payload

    def check_ids(self) -> set[str]:
        """Ids of all its checks."""
        own = set() if self.check is None else {own_check_id(self.id)}
        return own | {report.check_id for report in self.reports}


@dataclass(frozen=True, slots=True)
class Registrations:
    """What one container comes to.

    :ivar notes: one sentence for each thing that was left out, and why.
    :ivar refused: how many of these are attributes.
    """

    services: tuple[Registration, ...] = ()
    notes: tuple[str, ...] = ()
    refused: int = 0


def registrations_of(container: Container, host: Host) -> Registrations:
    """Decide which services a container is registered as: none if it does not run.

    The rules are registrator's, but for those it has wrong: a port that is ignored
    does not count when names are told apart by port, and images given by their id or
    digest do not lend it to the service as a name. ``docker.registrator_names`` has
    names as wrong as they were.
    """
    if not container.running or not _is_fit(container, host.rules):
        return Registrations()
    notes = list(container.notes)
    chosen: list[tuple[Port, Metadata, str, int]] = []
    open_ports = [
        port for port in container.ports if port.bindings or host.rules.internal
    ]
    for port in open_ports:
        metadata = read_metadata(container.variables, port.number)
        if metadata.ignore or (host.rules.explicit and not metadata.name):
            continue
        reached = reach(container, port, host)
        if reached is None:
            notes.append(_unreachable(container, port, host))
            continue
        chosen.append((port, metadata, *reached))
    refused: list[str] = []
    told_apart = open_ports if host.rules.registrator_names else chosen
    services = tuple(
        _registration(container, host, *choice, len(told_apart) > 1, refused)
        for choice in chosen
    )
    # The same attribute is left out for each port, but said once.
    refused = list(dict.fromkeys(refused))
    return Registrations(services, (*notes, *refused), len(refused))


def _is_fit(container: Container, rules: DockerConfig) -> bool:
    return not rules.only_healthy or container.health in ("", "healthy")


def _unreachable(container: Container, port: Port, host: Host) -> str:
    said = f"port {port.number}/{port.protocol} is not registered: "
    if host.rules.internal:
        where = f" in the network {host.rules.network}" if host.rules.network else ""
        return f"{said}the container has no address{where}"
    address = container.given_address or host.address
    return f"{said}it is not published where {address} would reach it"


def _registration(
    container: Container,
    host: Host,
    port: Port,
    metadata: Metadata,
    address: str,
    host_port: int,
    one_of_several: bool,
    refused: list[str],
) -> Registration:
    if not is_addressable(metadata.id):
        refused.append(
            f"SERVICE_ID is not heeded: Consul would not find {metadata.id!r:.60} again"
        )
        metadata = replace(metadata, id="")
    meta, meta_notes = publishable(metadata.attributes, host.rules.publish_secrets)
    short_id = container.id[:SHORT_ID]
    target = Target(address, host_port, short_id, port.number)
    check, check_notes = build_check(metadata.attributes, target)
    refused += meta_notes + check_notes
    meta |= host.owner.marks(short_id)
    service_id = _id(container, host, port, metadata, one_of_several)
    reports = reports_of(service_id, container, check is not None, host.rules)
    if reports:
        meta[CHECK] = _digest([check, *(report.definition() for report in reports)])
    elif check is not None:
        meta[CHECK] = _digest(check)
    # Transports other than TCP show in the ID and as a tag.
    other = () if port.protocol == "tcp" else (port.protocol,)
    return Registration(
        id=service_id,
        name=_name(container, host, port, metadata, one_of_several),
        address=address,
        port=host_port,
        container=short_id,
        tags=tuple(dict.fromkeys(metadata.tags + container.common_tags + other)),
        meta=MappingProxyType(meta),
        check=None if check is None else MappingProxyType(check),
        reports=reports,
    )


def is_addressable(service_id: str) -> bool:
    """Whether Consul finds what it has registered under an ID.

    It is a part of the path then, and Go tidies paths up: ``/web`` and ``a/../b`` can
    be registered, and never deregistered.
    """
    *way, last = service_id.split("/")
    return not {"", ".", ".."}.intersection(way) and last not in (".", "..")


def _name(
    container: Container,
    host: Host,
    port: Port,
    metadata: Metadata,
    one_of_several: bool,
) -> str:
    name = metadata.name or default_name(container, host.rules.registrator_names)
    if one_of_several and not metadata.name_is_own:
        return f"{name}-{port.number}"
    return name


def _id(
    container: Container,
    host: Host,
    port: Port,
    metadata: Metadata,
    one_of_several: bool,
) -> str:
    protocol = "" if port.protocol == "tcp" else f":{port.protocol}"
    if not metadata.id:
        return f"{host.owner.node}:{container.name}:{port.number}{protocol}"
    if one_of_several and not metadata.id_is_own:
        # One ID for all ports would leave one of them in Consul.
        return f"{metadata.id}:{port.number}{protocol}"
    return metadata.id


def default_name(container: Container, with_digest: bool = False) -> str:
    """What a service is called when nobody says: as the image, without its registry.

    An image that was given by its id has no name (Compose does that); its service in
    the Compose file stands in for it, else the container's name.

    :param with_digest: what of the digest or the id comes before its colon counts, as
        with registrator: ``app@sha256``, ``sha256``.
    """
    if with_digest:
        return container.image.rpartition("/")[2].partition(":")[0]
    image = container.image.partition("@")[0]
    name = image.rpartition("/")[2].partition(":")[0]
    digits = container.image_id.removeprefix("sha256:")
    is_an_id = name == "sha256" or (len(name) >= SHORT_ID and digits.startswith(name))
    if name and not is_an_id:
        return name
    return container.compose_service or container.name


def _digest(checks: Any) -> str:
    text = json.dumps(checks, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:SHORT_ID]
