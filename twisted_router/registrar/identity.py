"""Who this host is: as configured, or as its agent and its engine say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config.schema import DockerConfig
from ..interfaces import CatalogError, DockerError, IConsulClient, IDockerClient
from .owner import Owner
from .reach import Host


async def find_host(
    docker: IDockerClient, consul: IConsulClient, config: DockerConfig
) -> Host:
    """Find out who this host is; the agent is asked for what is not configured.

    :raises CatalogError: it did not answer, or knows no address that others reach.
    :raises DockerError: the engine did not answer.
    """
    node, address = config.node, config.ip
    if not (node and address):
        agent = await consul.agent_self()
        node = node or _text(agent, "Config", "NodeName")
        address = address or _text(agent, "Member", "Addr")
    if not node or address in ("", "0.0.0.0", "::"):
        raise CatalogError(
            f"the agent calls itself {node!r} at {address!r}: set docker.node and "
            "docker.ip"
        )
    owner = Owner(node, *await _engine(docker), config.adopt)
    return Host(owner, address, bool(config.ip), config)


async def _engine(docker: IDockerClient) -> tuple[str, str]:
    """The engine's id and its host's name.

    Both are ``""`` if a proxy before its socket does not let us ask.
    """
    try:
        info = await docker.info()
    except DockerError as error:
        if not 400 <= error.status < 500:
            raise
        return "", ""
    return _text(info, "ID"), _text(info, "Name")


def _text(answer: Mapping[str, Any], *path: str) -> str:
    """A text deep in an answer, ``""`` if it is not there."""
    value: Any = answer
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""
