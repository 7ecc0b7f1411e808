"""Where the Docker engine listens: from our configuration, else as Docker's own CLI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config.addresses import split_host_port
from ..config.schema import DockerConfig
from .address import AgentAddress, AgentEndpoints
from .tls import client_tls

DEFAULT_ENDPOINT = "unix:///var/run/docker.sock"

# Registered for Docker, without and with TLS.
_PORT = 2375
_TLS_PORT = 2376

#: Seconds to connect to the engine.
CONNECT_LIMIT_S = 3.0


def find_engine(
    config: DockerConfig, environ: Mapping[str, str]
) -> tuple[AgentAddress, dict[str, str]]:
    """Find the engine's address, and the files for TLS.

    :param environ: ``DOCKER_HOST``, when the configuration has no endpoint. Then
        also ``DOCKER_TLS_VERIFY`` (TLS, when it is not empty; it always verifies) and
        ``DOCKER_CERT_PATH`` (``ca.pem``, ``cert.pem`` and ``key.pem`` are there; else
        in ``~/.docker``).
    :returns: the address, and the keyword arguments of
        :func:`twisted_router.clients.tls.client_tls`.
    :raises ValueError: it is an endpoint of a kind that we do not speak.
    """
    endpoint = config.endpoint or environ.get("DOCKER_HOST") or DEFAULT_ENDPOINT
    files = {
        "ca_cert": config.ca_cert,
        "client_cert": config.client_cert,
        "client_key": config.client_key,
    }
    if not config.endpoint and environ.get("DOCKER_TLS_VERIFY"):
        home = Path(environ.get("HOME", "/"))
        directory = Path(environ.get("DOCKER_CERT_PATH") or home / ".docker")
        for key, name in zip(files, ("ca.pem", "cert.pem", "key.pem"), strict=True):
            files[key] = files[key] or str(directory / name)
    scheme, _, rest = endpoint.partition("://")
    if scheme == "unix" and rest.startswith("/"):
        return AgentAddress("unix", path=rest), {}
    if scheme != "tcp":
        raise ValueError(
            f"{endpoint!r} as Docker's endpoint: only unix:///path and tcp://host:port "
            "can be used"
        )
    tls = any(files.values())
    try:
        host, port = split_host_port(rest.rstrip("/"), _TLS_PORT if tls else _PORT)
    except ValueError as error:
        raise ValueError(f"{endpoint!r} as Docker's endpoint: {error}") from None
    return AgentAddress("https" if tls else "http", host, port), files if tls else {}


def engine_endpoints(
    reactor: Any, address: AgentAddress, files: Mapping[str, Any]
) -> AgentEndpoints:
    """How to connect to an engine that :func:`find_engine` found.

    :raises ValueError: a file has no certificate or key; the message names the file.
    :raises OSError: a file cannot be read.
    """
    tls = client_tls(address.host, **files) if files else None
    return AgentEndpoints(reactor, address, tls, CONNECT_LIMIT_S)
