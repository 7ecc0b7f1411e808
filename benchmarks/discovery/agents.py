"""Consul agents for a measurement: alone or as a cluster."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import BenchmarkError, PinnedProcess, free_port
from tests.services.needs import find_consul

_START_S = 30.0
_TIMEOUT_S = 10.0


class Consul:
    """Calls an agent's HTTP API, over one connection that is kept.

    :param token: the ACL token of all calls.
    """

    def __init__(self, host: str, port: int, token: str = "") -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        self._headers = {"X-Consul-Token": token} if token else {}

    def put(self, path: str, value: object = None) -> Any:
        """PUT a value as JSON; the answer's.

        :raises BenchmarkError: Consul refused, or does not answer.
        """
        return self._call("PUT", path, b"" if value is None else json.dumps(value))

    def get(self, path: str) -> Any:
        """GET a path; the answer's JSON. Errors as :meth:`put`."""
        return self._call("GET", path, None)

    def delete(self, path: str) -> Any:
        """DELETE a path; the answer's JSON. Errors as :meth:`put`."""
        return self._call("DELETE", path, None)

    def _call(self, method: str, path: str, body: str | bytes | None) -> Any:
        try:
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise BenchmarkError(f"consul, {method} {path}: {error!r}") from error
        if answer.status != 200:
            raise BenchmarkError(f"consul, {method} {path}: {content!r}")
        return json.loads(content) if content.strip() else None


class Agent:
    """One agent of Consul, a server, started when made.

    Not in dev mode, which indents every answer and so takes three times as long for
    the large ones.

    :param host: an address of the loopback device, for all of its ports.
    :param token: may do everything, and who has none may do nothing; without it there
        are no ACLs.
    :param cores: as ``taskset --cpu-list`` reads them; all by default.
    :param settings: more of Consul's configuration.
    :ivar address: of its HTTP API.
    """

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        token: str = "",
        cores: str = "",
        settings: dict[str, Any] | None = None,
    ) -> None:
        program = find_consul()
        if program is None:
            raise BenchmarkError(
                "there is no consul; set CONSUL, or run tests/provision"
            )
        self._directory = directory
        self._data = directory / "data"
        self._token = token
        self._cores = cores or all_cores()
        directory.mkdir(parents=True)
        self.host, self.port = host, free_port()
        self.address = f"{host}:{self.port}"
        config: dict[str, Any] = {
            "bind_addr": host,
            "client_addr": host,
            "node_name": f"agent-{host}",
            "disable_update_check": True,
            "log_level": "warn",
            "ports": {
                "http": self.port,
                "server": free_port(),
                "serf_lan": free_port(),
                "serf_wan": -1,
                "dns": -1,
                "grpc": -1,
            },
            "data_dir": str(self._data),
            "server": True,
            "bootstrap_expect": 1,
            "performance": {"raft_multiplier": 1},
            **(settings or {}),
        }
        if token:
            config["acl"] = {
                "enabled": True,
                "default_policy": "deny",
                "tokens": {"master": token, "agent": token},
            }
        file = directory / "agent.json"
        file.write_text(json.dumps(config))
        self._argv = [program, "agent", "-config-file", str(file)]
        self._process: PinnedProcess | None = None
        self.start()

    @property
    def process(self) -> PinnedProcess:
        """Its process, while it runs."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it, without waiting until it is ready."""
        self._process = PinnedProcess(
            "consul", self._argv, self._cores, self._directory / "log"
        )

    def wait(self) -> Consul:
        """Wait until it has a leader and takes writes; a connection to it."""
        consul = Consul(self.host, self.port, self._token)

        def answers() -> bool:
            try:
                # Its own registration is the last thing that a new server does.
                return bool(consul.get(f"/v1/catalog/node/agent-{self.host}"))
            except BenchmarkError:
                return False

        wait_until(answers, _START_S, "consul's first answer")
        return consul

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def forget(self) -> None:
        """Lose all that it has on disk; not while it runs."""
        shutil.rmtree(self._data)

    def stop(self) -> None:
        """End it, if it runs."""
        self.process.stop()


def cluster(directory: Path, hosts: Sequence[str]) -> list[Agent]:
    """Servers that elect a leader among them; they share port numbers."""
    ports = {
        "http": free_port(),
        "server": free_port(),
        "serf_lan": free_port(),
        "serf_wan": -1,
        "dns": -1,
        "grpc": -1,
    }
    agents = []
    for host in hosts:
        settings: dict[str, Any] = {
            "ports": ports,
            "bootstrap_expect": len(hosts),
            "retry_join": list(hosts),
            "retry_interval": "1s",
        }
        agent = Agent(directory / host, host=host, settings=settings)
        agent.port = ports["http"]
        agent.address = f"{host}:{agent.port}"
        agents.append(agent)
    return agents


def wait_until(
    condition: Callable[[], object], limit_s: float, what: str, every_s: float = 0.02
) -> float:
    """Wait for something; seconds that it took.

    :raises BenchmarkError: it did not come.
    """
    began_s = time.monotonic()
    while not condition():
        if time.monotonic() - began_s > limit_s:
            raise BenchmarkError(f"{what}: not within {limit_s:g} s")
        time.sleep(every_s)
    return time.monotonic() - began_s


def all_cores() -> str:
    """Every core that we may use, as ``taskset --cpu-list`` reads them."""
    return ",".join(map(str, sorted(os.sched_getaffinity(0))))
