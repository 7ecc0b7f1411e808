"""The shape of what Docker 20.10 (API 1.41) answers about a container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def container_json(
    *,
    name: str = "web",
    number: int = 1,
    image: str = "nginx:1.25",
    env: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    ports: Mapping[str, Sequence[tuple[str, str]] | None] | None = None,
    exposed: Iterable[str] = (),
    network: str = "default",
    state: Mapping[str, Any] | None = None,
    stop_signal: str = "",
    stop_timeout: int | None = None,
    health: str = "",
) -> dict[str, Any]:
    """What ``/containers/ID/json`` answers for a running container.

    :param number: makes its id.
    :param ports: ``{"80/tcp": [(host IP, host port), ...]}``; ``None`` instead of the
        list for a port that is not published.
    :param exposed: further ports that the image exposes.
    :param state: fields of ``State`` that differ from a running container's.
    :param stop_signal: left out if empty, as Docker does.
    :param stop_timeout: seconds; left out if ``None``.
    :param health: ``State.Health.Status``; empty without a health check.
    """
    stop: dict[str, Any] = {"StopSignal": stop_signal} if stop_signal else {}
    if stop_timeout is not None:
        stop["StopTimeout"] = stop_timeout
    published = {
        key: None
        if pairs is None
        else [{"HostIp": ip, "HostPort": port} for ip, port in pairs]
        for key, pairs in (ports or {}).items()
    }
    return {
        "Id": _id(number),
        "Created": f"2026-01-01T00:00:00.{number:09d}Z",
        "Name": f"/{name}",
        "Image": "sha256:" + f"{number + 0xABC0:x}" * 16,
        "RestartCount": 0,
        "State": {
            "Status": "running",
            "Running": True,
            "Paused": False,
            "Restarting": False,
            "OOMKilled": False,
            "Dead": False,
            "Pid": 1000 + number,
            "ExitCode": 0,
            "Error": "",
            "StartedAt": "2026-01-01T00:00:01Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
            **({"Health": {"Status": health, "Log": []}} if health else {}),
            **(state or {}),
        },
        "Config": {
            "Hostname": _id(number)[:12],
            "Env": list(env) or None,
            "Image": image,
            "Labels": dict(labels or {}),
            "ExposedPorts": {key: {} for key in [*published, *exposed]},
            **stop,
        },
        "HostConfig": {"NetworkMode": network},
        "NetworkSettings": {
            "Ports": {} if network == "host" else published,
            "Networks": {
                "bridge" if network == "default" else network: {
                    "IPAddress": "" if network == "host" else "172.17.0.2",
                    "GlobalIPv6Address": "",
                }
            },
        },
    }


def _id(number: int) -> str:
    """64 digits, of which the first twelve differ already."""
    return f"{number:012x}".ljust(64, "0")
