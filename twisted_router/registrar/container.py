"""What the registrar needs to know of a container, out of Docker's inspect answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from ..config.addresses import is_address, is_ip
from ..config.schema import DockerConfig
from ..config.template import Template, TemplateError
from ..interfaces import RouterError
from .labels import service_variables, split_tags
from .moments import read_moment

_T = TypeVar("_T")

_COMPOSE_SERVICE = "com.docker.compose.service"

_PORT = re.compile(r"([0-9]{1,5})/([a-z]+)")
_HOST_PORT = re.compile(r"[0-9]{1,5}")

# Longer than anybody waits; numbers without end are no floats.
_MAX_STOP_TIMEOUT_S = 10**9


class OddContainerError(RouterError):
    """A container that cannot be made sense of; the message says why."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A place on the host where a port is published.

    :ivar host_ip: IP address; a wildcard (``0.0.0.0``, ``::``) stands for every address
        of its family, ``""`` for every address of both.
    :ivar host_port: 1-65535.
    """

    host_ip: str
    host_port: int


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a container exposes.

    :ivar protocol: ``tcp``, ``udp`` or ``sctp``.
    :ivar bindings: where it can be reached through the host; none if it cannot.
    """

    number: int
    protocol: str
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Container:
    """The facts about a container that decide what is registered for it.

    :ivar id: all 64 digits.
    :ivar name: without the slash that Docker puts before it.
    :ivar image: as it was given to ``docker run``; may be an id.
    :ivar image_id: ``sha256:`` and 64 digits.
    :ivar running: it runs, and is not waiting for its next restart.
    :ivar paused: it runs, and does nothing.
    :ivar health: what its HEALTHCHECK says: ``starting``, ``healthy``, ``unhealthy``;
        ``""`` if it has none.
    :ivar started: when this run of it began, on the engine's clock; ``None`` if it does
        not say so.
    :ivar stop_signal: name or number of the signal that ``docker stop`` sends, ``""``
        for the usual one.
    :ivar stop_timeout_s: seconds that ``docker stop`` waits, negative for as long as it
        takes; ``None`` for the usual time.
    :ivar ports: by number.
    :ivar network: the one that it was started with; ``host`` for the host's.
    :ivar addresses: IP addresses of its own, by network; IPv4 where it has both.
    :ivar variables: see :func:`.labels.service_variables`.
    :ivar compose_service: its service in a Compose file, ``""`` if it is not of one.
    :ivar given_address: by the label that ``docker.use_ip_from_label`` names.
    :ivar common_tags: what ``docker.tags`` comes to for it.
    :ivar notes: a sentence for each of these two that cannot be used.
    """

    id: str
    name: str
    image: str
    image_id: str
    created: str
    running: bool
    paused: bool
    health: str
    started: datetime | None
    stop_signal: str
    stop_timeout_s: float | None
    ports: tuple[Port, ...]
    network: str
    addresses: Mapping[str, str]
    variables: Mapping[str, str]
    compose_service: str
    given_address: str = ""
    common_tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


_NO_RULES = DockerConfig()


def read_container(
    data: Mapping[str, Any], rules: DockerConfig = _NO_RULES
) -> Container:
    """Read what ``/containers/ID/json`` answered.

    Takes nothing that API 1.52 has dropped from it.

    :raises OddContainerError: it is not what Docker documents.
    """
    _expect(dict, data, "the answer")
    config = _part(dict, data, "Config")
    state = _part(dict, data, "State")
    labels = _texts(_part(dict, config, "Labels"), "Labels")
    env = [_expect(str, entry, "Env") for entry in _part(list, config, "Env")]
    mode = _part(str, _part(dict, data, "HostConfig"), "NetworkMode")
    given_address, about_address = _given_address(labels, rules.use_ip_from_label)
    common_tags, about_tags = _common_tags(data, rules.tags)
    return Container(
        id=_expect(str, data.get("Id"), "Id"),
        name=_expect(str, data.get("Name"), "Name").removeprefix("/"),
        image=_expect(str, config.get("Image"), "Config.Image"),
        image_id=_expect(str, data.get("Image"), "Image"),
        created=_expect(str, data.get("Created"), "Created"),
        # While it waits for its next restart, Docker calls it running as well.
        running=bool(state.get("Running")) and not state.get("Restarting"),
        paused=bool(state.get("Paused")),
        health=_health(state),
        started=read_moment(_part(str, state, "StartedAt")),
        stop_signal=_part(str, config, "StopSignal"),
        stop_timeout_s=_stop_timeout_s(config),
        ports=_ports(data, config, mode),
        network="bridge" if mode == "default" else mode,
        addresses=_addresses(data),
        variables=service_variables(env, labels),
        compose_service=labels.get(_COMPOSE_SERVICE, ""),
        given_address=given_address,
        common_tags=common_tags,
        notes=tuple(note for note in (about_address, about_tags) if note),
    )


def _given_address(labels: Mapping[str, str], label: str) -> tuple[str, str]:
    """The address that a label gives, and what is wrong with it."""
    if not label or label not in labels:
        return "", ""
    address = labels[label].partition("/")[0].strip()
    if is_address(address):
        return address, ""
    return "", f"the label {label} is not heeded: {address!r:.60} is no address"


def _common_tags(data: Mapping[str, Any], tags: str) -> tuple[tuple[str, ...], str]:
    """What ``docker.tags`` comes to, and why it comes to nothing."""
    try:
        return split_tags(Template(tags).render(data)), ""
    except TemplateError as error:
        return (), f"docker.tags are left out: {error}"


def _addresses(data: Mapping[str, Any]) -> dict[str, str]:
    networks = _part(dict, _part(dict, data, "NetworkSettings"), "Networks")
    found: dict[str, str] = {}
    for name, network in networks.items():
        facts = _expect(dict, network or {}, "Networks")
        for key in ("IPAddress", "GlobalIPv6Address"):
            if is_ip(address := _part(str, facts, key)):
                found.setdefault(name, address)
    return found


def _health(state: Mapping[str, Any]) -> str:
    status = _part(str, _part(dict, state, "Health"), "Status")
    return "" if status == "none" else status


def _stop_timeout_s(config: Mapping[str, Any]) -> float | None:
    seconds = config.get("StopTimeout")
    if seconds is None:
        return None
    # Any negative one is for ever.
    seconds = max(-1, _expect(int, seconds, "StopTimeout"))
    return float(min(seconds, _MAX_STOP_TIMEOUT_S))


def _ports(
    data: Mapping[str, Any], config: Mapping[str, Any], mode: str
) -> tuple[Port, ...]:
    # Docker's own tools take ranges apart; who talks to its API may not.
    exposed = {
        key: None for key in _part(dict, config, "ExposedPorts") if "-" not in key
    }
    published = _part(dict, _part(dict, data, "NetworkSettings"), "Ports")
    ports = []
    for key, value in {**exposed, **published}.items():
        number, protocol = _port(key)
        # Nothing is published on the host's network, all of it is the host's own port.
        own = (Binding("", number),) if mode == "host" else ()
        ports.append(Port(number, protocol, own or _bindings(value)))
    return tuple(sorted(ports, key=lambda port: (port.number, port.protocol)))


def _port(key: str) -> tuple[int, str]:
    match = _PORT.fullmatch(key)
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise OddContainerError(f"{key!r:.60} is no port")
    return int(match[1]), match[2]


def _bindings(value: Any) -> tuple[Binding, ...]:
    """Bindings of one port; ``null`` is a port that is exposed but not published."""
    found = []
    for entry in _expect(list, value or [], "Ports"):
        pair = _expect(dict, entry, "Ports")
        text = _expect(str, pair.get("HostPort") or "0", "HostPort")
        # 0: asked for, but not bound (yet).
        if not _HOST_PORT.fullmatch(text) or int(text) > 65535:
            raise OddContainerError(f"published at the host's port {text!r:.60}")
        if int(text):
            ip = _expect(str, pair.get("HostIp") or "", "HostIp")
            found.append(Binding(ip, int(text)))
    return tuple(found)


def _part(kind: type[_T], data: Mapping[str, Any], name: str) -> _T:
    """A part of the answer; Go writes an empty one as ``null`` or leaves it out."""
    value = data.get(name)
    return kind() if value is None else _expect(kind, value, name)


def _expect(kind: type[_T], value: Any, name: str) -> _T:
    if not isinstance(value, kind):
        raise OddContainerError(f"{name} is {value!r:.60}, not a {kind.__name__}")
    return value


def _texts(values: dict[Any, Any], name: str) -> dict[str, str]:
    return {
        _expect(str, key, name): _expect(str, value, name)
        for key, value in values.items()
    }
