"""A Docker engine in memory: its containers, their events, and verbs to make both.

What it answers has the shape that Docker 20.10 (API 1.41) gives; the contract suite
in ``tests/contracts`` holds it to that. Real time plays no part in it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from .docker_json import container_json

Event = dict[str, Any]

#: 2026-01-01, where the fake's time begins; each event is a millisecond later.
_START_NS = 1_767_225_600 * 10**9
_STEP_NS = 10**6

_RING = 256

#: By name, as ``docker kill --signal`` takes them: those that somebody here sends.
_SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "TERM": 15}


@dataclass
class FakeDockerEngine:
    """The engine. Containers are named by id or name, as in the CLI.

    :ivar api: newest API version it speaks; ``None``: it does not say so in headers.
    :ivar minimum: oldest one.
    :ivar engine_id: its own, which lasts; empty: a proxy lets nobody ask for it.
    :ivar away: nobody listens at its address.
    :ivar hung: it accepts requests and answers none.
    :ivar mute: it sends no events, as to a reader that is too slow.
    :ivar requests: path of each request so far, without query.
    :ivar broken: ids of containers that it fails to inspect.
    :ivar stuck: ids of those about which it never answers.
    """

    api: str | None = "1.41"
    minimum: str = "1.12"
    engine_id: str = "ABCD:EFGH"
    away: bool = False
    hung: bool = False
    mute: bool = False
    requests: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._containers: dict[str, dict[str, Any]] = {}
        self._numbers = count(1)
        self._ports = count(32768)
        self._now_ns = _START_NS
        self._ring: list[Event] = []
        self._streams: dict[Callable[[bytes | None], None], list[str]] = {}

    # Verbs

    def run(
        self,
        name: str,
        *,
        image: str = "nginx:1.25",
        env: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        publish: Sequence[str] = (),
        expose: Sequence[str] = (),
        network: str = "default",
        stop_signal: str = "",
        stop_timeout: int | None = None,
        health: str = "",
    ) -> str:
        """``docker run --detach``. Gives the id.

        :param publish: ``80``, which gets a free port of the host, or ``8080:80``.
        """
        number = next(self._numbers)
        pairs = [port.rpartition(":")[::2] for port in publish]
        data = container_json(
            name=name,
            number=number,
            image=image,
            env=env,
            labels=labels,
            ports={self._key(port): None for _, port in pairs},
            exposed=[self._key(port) for port in expose],
            network=network,
            stop_signal=stop_signal,
            stop_timeout=stop_timeout,
            health=health,
        )
        data["HostConfig"]["PortBindings"] = {
            self._key(port): [{"HostIp": "", "HostPort": host}] for host, port in pairs
        }
        self._containers[data["Id"]] = data
        self._emit("create", data)
        self.start(name)
        return str(data["Id"])

    def start(self, container: str) -> None:
        """``docker start``: published ports move, as random ones do."""
        data = self._find(container)
        self._state(data, "running", Running=True, ExitCode=0)
        data["State"]["StartedAt"] = self._text_time()
        ports = data["NetworkSettings"]["Ports"]
        if data["HostConfig"]["NetworkMode"] != "host":
            ports.update({key: None for key in data["Config"]["ExposedPorts"]})
            for key, (asked,) in data["HostConfig"]["PortBindings"].items():
                # The numbers for IPv4 and IPv6 are chosen apart.
                ports[key] = [
                    {"HostIp": ip, "HostPort": asked["HostPort"] or str(self._free())}
                    for ip in ("0.0.0.0", "::")
                ]
        self._emit_network("connect", data)
        self._emit("start", data)

    def die(self, container: str, exit_code: int = 0) -> None:
        """Its process ends by itself."""
        data = self._find(container)
        ended = {"Running": False, "Paused": False, "ExitCode": exit_code}
        self._state(data, "exited", **ended)
        data["NetworkSettings"]["Ports"].clear()
        self._emit("die", data, exitCode=str(exit_code))
        self._emit_network("disconnect", data)

    def stop(self, container: str) -> None:
        """``docker stop`` of one that ends as soon as it is told to."""
        self.begin_stop(container)
        self.die(container)
        self._emit("stop", self._find(container))

    def begin_stop(self, container: str) -> None:
        """``docker stop`` of one that takes its time: :meth:`die` is still to come."""
        self.kill(container, self._find(container)["Config"].get("StopSignal", "TERM"))

    def kill(self, container: str, signal: str = "KILL") -> None:
        """``docker kill``; only KILL ends it, everything else it survives."""
        number = _SIGNALS[signal.removeprefix("SIG")]
        self._emit("kill", self._find(container), signal=str(number))
        if number == _SIGNALS["KILL"]:
            self.die(container, 137)

    def report_health(self, container: str, status: str) -> None:
        """Its health check comes to another result."""
        data = self._find(container)
        data["State"]["Health"]["Status"] = status
        self._emit(f"health_status: {status}", data)

    def pause(self, container: str) -> None:
        """``docker pause``: it runs, and does nothing."""
        data = self._find(container)
        self._state(data, "paused", Paused=True)
        self._emit("pause", data)

    def unpause(self, container: str) -> None:
        """``docker unpause``."""
        data = self._find(container)
        self._state(data, "running", Paused=False)
        self._emit("unpause", data)

    def restart(self, container: str) -> None:
        """``docker restart``."""
        self.stop(container)
        self.start(container)
        self._emit("restart", self._find(container))

    def rename(self, container: str, name: str) -> None:
        """``docker rename``."""
        data = self._find(container)
        old, data["Name"] = data["Name"], f"/{name}"
        self._emit("rename", data, oldName=old)

    def remove(self, container: str) -> None:
        """``docker rm --force``."""
        data = self._find(container)
        if data["State"]["Running"]:
            self.kill(container)
        del self._containers[data["Id"]]
        self._emit("destroy", data)

    def corrupt(self, container: str) -> None:
        """Make what it answers for a container what Docker never would."""
        self._find(container)["Config"]["Env"] = "PATH=/bin"

    def restart_daemon(self) -> None:
        """Restart the engine with live-restore: streams end, past events are gone."""
        self._ring.clear()
        self.drop_streams()

    def drop_streams(self) -> None:
        """End every event stream."""
        for write in list(self._streams):
            write(None)

    def emit_raw(self, line: bytes) -> None:
        """Send bytes on every event stream."""
        for write in list(self._streams):
            write(line)

    @property
    def streams(self) -> int:
        """How many event streams are open."""
        return len(self._streams)

    # What the API answers

    def list_json(self) -> list[dict[str, Any]]:
        """``/containers/json``: newest first, running only."""
        running = [d for d in self._containers.values() if d["State"]["Running"]]
        return [self._entry(data) for data in reversed(running)]

    def inspect_json(self, container: str) -> dict[str, Any] | None:
        """``/containers/ID/json``; ``None`` if there is no such container."""
        try:
            return copy.deepcopy(self._find(container))
        except KeyError:
            return None

    def follow(
        self,
        write: Callable[[bytes | None], None],
        since_ns: int | None,
        types: list[str],
        actions: list[str],
        encode: Callable[[Event], bytes],
    ) -> None:
        """Write past events from ``since_ns`` on, then each new one; ``None`` ends."""
        self._encode = encode
        self._streams[write] = [*types, *actions]
        if since_ns is not None:
            for event in self._ring:
                if event["timeNano"] >= since_ns:
                    self._send(event, write)

    def unfollow(self, write: Callable[[bytes | None], None]) -> None:
        """Whoever wrote has gone."""
        self._streams.pop(write, None)

    # How

    def _find(self, container: str) -> dict[str, Any]:
        for data in self._containers.values():
            if container in (data["Id"], data["Id"][:12], data["Name"][1:]):
                return data
        raise KeyError(container)

    def _key(self, port: str) -> str:
        return port if "/" in port else f"{port}/tcp"

    def _free(self) -> int:
        return next(self._ports)

    def _state(self, data: dict[str, Any], status: str, **fields: Any) -> None:
        data["State"].update(Status=status, **fields)

    def _text_time(self) -> str:
        return f"2026-01-01T00:00:{self._now_ns % (60 * 10**9) / 10**9:012.9f}Z"

    def _emit(self, action: str, data: dict[str, Any], **attributes: str) -> None:
        config = data["Config"]
        facts = {"image": config["Image"], "name": data["Name"][1:]}
        event = {
            "status": action,
            "id": data["Id"],
            "from": config["Image"],
            "Type": "container",
            "Action": action,
            "Actor": {
                "ID": data["Id"],
                "Attributes": {**config["Labels"], **facts, **attributes},
            },
        }
        self._publish(event)

    def _emit_network(self, action: str, data: dict[str, Any]) -> None:
        (network,) = data["NetworkSettings"]["Networks"]
        facts = {"container": data["Id"], "name": network, "type": "bridge"}
        actor = {"ID": f"{0xBEEF:064x}", "Attributes": facts}
        self._publish({"Type": "network", "Action": action, "Actor": actor})

    def _publish(self, event: Event) -> None:
        self._now_ns += _STEP_NS
        now = {"time": self._now_ns // 10**9, "timeNano": self._now_ns}
        event |= {"scope": "local", **now}
        self._ring = [*self._ring, event][-_RING:]
        for write in list(self._streams):
            if not self.mute:
                self._send(event, write)

    def _send(self, event: Event, write: Callable[[bytes | None], None]) -> None:
        wanted = self._streams[write]
        action = event["Action"].partition(":")[0]
        if not wanted or (event["Type"] in wanted and action in wanted):
            write(self._encode(event))

    def _entry(self, data: dict[str, Any]) -> dict[str, Any]:
        ports = []
        for key, bindings in data["NetworkSettings"]["Ports"].items():
            private, _, kind = key.partition("/")
            port = {"PrivatePort": int(private), "Type": kind}
            if bindings is None:
                ports.append(port)
            for binding in bindings or ():
                public = int(binding["HostPort"])
                ports.append({"IP": binding["HostIp"], **port, "PublicPort": public})
        return {
            "Id": data["Id"],
            "Names": [data["Name"]],
            "Image": data["Config"]["Image"],
            "ImageID": data["Image"],
            "Created": _START_NS // 10**9,
            "Ports": ports,
            "Labels": dict(data["Config"]["Labels"]),
            "State": data["State"]["Status"],
            "Status": "Up 5 seconds" + _health_words(data),
            "HostConfig": {"NetworkMode": data["HostConfig"]["NetworkMode"]},
            "NetworkSettings": {
                "Networks": copy.deepcopy(data["NetworkSettings"]["Networks"])
            },
        }


def _health_words(data: dict[str, Any]) -> str:
    """How the list shows health."""
    status = data["State"].get("Health", {}).get("Status", "")
    return f" (health: {status})" if status == "starting" else status and f" ({status})"
