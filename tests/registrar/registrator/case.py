"""The form in which the differences from registrator are written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.docker_json import container_json
from twisted_router.config.schema import DockerConfig

#: Where registrator runs and we: both are told so.
NODE, ADDRESS = "node-1", "192.0.2.1"

#: One port, published on every address of the host.
PORT_80: Mapping[str, Any] = {"80/tcp": [("0.0.0.0", "32768")]}
TWO_PORTS: Mapping[str, Any] = {**PORT_80, "443/tcp": [("0.0.0.0", "32770")]}

#: A field that is not there.
ABSENT = object()


@dataclass(frozen=True)
class Differs:
    """One field of a payload that we have otherwise.

    :ivar name: of the field; ``Check.Args`` is a field of the check.
    :ivar ours: what we have there.
    """

    name: str
    ours: Any
    reason: str


@dataclass(frozen=True)
class Same:
    """A service that both register, but for what ``differences`` say."""

    theirs: Mapping[str, Any]
    differences: tuple[Differs, ...] = ()

    def ours(self) -> dict[str, Any]:
        """Our payload."""
        payload = {**self.theirs}
        for difference in self.differences:
            place, _, name = difference.name.rpartition(".")
            target = payload
            if place:
                target = payload[place] = {**payload[place]}
            if difference.ours is ABSENT:
                del target[name]
            else:
                target[name] = difference.ours
        return payload


@dataclass(frozen=True)
class OnlyTheirs:
    """A service that registrator registers and we do not."""

    theirs: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class OnlyOurs:
    """A service that we register and registrator does not."""

    payload: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class Case:
    """One container, and what both make of it.

    :ivar rule: what it shows.
    :ivar container: what Docker's inspect answers.
    :ivar services: in the order of their ports.
    :ivar flags: registrator's.
    :ivar config: the same, in the ``docker`` section.
    :ivar lender: what Docker answers about the container whose network it shares.
    :ivar notes: for each thing that we do not heed, a part of what we say of it.
    """

    rule: str
    container: Mapping[str, Any]
    services: tuple[Same | OnlyTheirs | OnlyOurs, ...] = ()
    flags: str = f"-ip {ADDRESS}"
    config: DockerConfig = field(default_factory=DockerConfig)
    notes: tuple[str, ...] = ()
    lender: Mapping[str, Any] | None = None


def inspected(
    *env: str,
    networks: Mapping[str, str] | None = None,
    mode: str = "",
    **facts: Any,
) -> dict[str, Any]:
    """What Docker answers about a container with these variables.

    Its one port is published, unless told otherwise.

    :param networks: addresses by network.
    :param mode: ``HostConfig.NetworkMode``.
    """
    data = container_json(env=env, **{"ports": PORT_80, **facts})
    if mode:
        data["HostConfig"]["NetworkMode"] = mode
    if networks is not None:
        data["NetworkSettings"]["Networks"] = {
            name: {"IPAddress": address} for name, address in networks.items()
        }
    return data


def service(
    port: int = 32768,
    *,
    id: str = "node-1:web:80",
    name: str = "nginx",
    address: str = ADDRESS,
    tags: tuple[str, ...] = (),
    meta: Mapping[str, str] | None = None,
    check: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A payload of ``PUT /v1/agent/service/register``."""
    payload = {
        "ID": id,
        "Name": name,
        "Address": address,
        "Port": port,
        "Tags": list(tags),
        "Meta": dict(meta or {}),
    }
    return payload if check is None else payload | {"Check": dict(check)}
