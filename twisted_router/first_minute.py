"""What a router without a configuration does: the first minute of a newcomer."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace

import requests  # noqa: TID251 - before the reactor runs, once, in bounded time

from .config import load_config
from .config.schema import Config, ConsulConfig

#: Where Consul's agent listens unless it is told otherwise.
USUAL_ADDRESS = "127.0.0.1:8500"

#: How long the agent has to answer, in seconds. It is on this machine, or not there.
_PATIENCE_S = 1.0


def usual_agent(environ: Mapping[str, str]) -> str:
    """The address at which Consul's own command line would look for an agent."""
    return environ.get("CONSUL_HTTP_ADDR") or USUAL_ADDRESS


def agent_answers(address: str) -> bool:
    """Whether a Consul agent answers there, now.

    Blocks for a second at most, so call it before the reactor runs.
    """
    base = address if "://" in address else f"http://{address}"
    if base.startswith("unix:"):
        return False
    try:
        answer = requests.get(
            f"{base}/v1/status/leader", timeout=_PATIENCE_S, allow_redirects=False
        )
        return answer.status_code == 200 and isinstance(answer.json(), str)
    except (requests.RequestException, ValueError):
        return False


def config_of(environ: Mapping[str, str]) -> Config:
    """The defaults, with routes from the agent that Consul's own variables name.

    :raises ConfigError: one of them cannot be used.
    """
    return load_config("consul:\n", "environment", environ).config


def config_for(address: str) -> Config:
    """The defaults, with routes from the catalog at ``address``."""
    return replace(Config(), consul=ConsulConfig(address=(address,)))


def welcome(proxy: str, status: str, catalog: str) -> str:
    """What is printed when everything listens: addresses, and lines to paste.

    :param proxy: ``host:port`` of the proxy; likewise ``status`` and ``catalog``, the
        embedded one.
    """
    return f"""
  proxy    http://{proxy}/
  status   http://{status}/health  /routes  /varz
  catalog  http://{catalog}/v1/catalog/services  (gone when this ends)

To see it work, paste this into another terminal: start a web server, register it,
and reach it by its name through the router.

  python3 -m http.server 9100 --bind 127.0.0.1 &
  curl -X PUT -d '{{"Name": "web", "Address": "127.0.0.1", "Port": 9100, \
"Tags": ["urlprefix-web.localhost/"]}}' http://{catalog}/v1/agent/service/register
  sleep 1; curl -H 'Host: web.localhost' http://{proxy}/

"""


def free_port(host: str, wanted: int) -> int:
    """``wanted`` if nobody listens on it, else some port that is free just now."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise OSError(f"no free port on {host}")
