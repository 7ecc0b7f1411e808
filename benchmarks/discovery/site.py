"""The router under test and its backend."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from benchmarks.discovery.agents import all_cores, wait_until
from benchmarks.peers.peer import TOP
from benchmarks.processes import BenchmarkError, PinnedProcess, free_port

_TWISTD = Path(sys.executable).with_name("twistd")
_START_S = 120.0

#: Every instance is this one, which says at which of its addresses it was asked.
_BACKEND = """\
{user}
daemon off;
worker_processes 1;
pid {directory}/backend.pid;
error_log {directory}/backend.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path {directory}/1;
    proxy_temp_path {directory}/2;
    fastcgi_temp_path {directory}/3;
    uwsgi_temp_path {directory}/4;
    scgi_temp_path {directory}/5;
    server {{
        listen {port} backlog=4096;
        allow 127.0.0.0/8;
        deny all;
        default_type text/plain;
        location / {{ return 200 $server_addr; }}
    }}
}}
"""


@contextmanager
def backend(directory: Path, cores: str = "") -> Iterator[int]:
    """Run what answers at every loopback address; its port.

    :param cores: as ``taskset --cpu-list`` reads them; all by default.
    """
    port = free_port()
    config = directory / "backend.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(_BACKEND.format(user=user, directory=directory, port=port))
    argv = ["nginx", "-p", str(directory), "-c", str(config)]
    output = directory / "backend.out"
    process = PinnedProcess("nginx", argv, cores or all_cores(), output)
    try:
        process.wait_for_port(port)
        yield port
    finally:
        process.stop()


class Router:
    """A router that reads from an agent; it listens when made.

    :param cores: as ``taskset --cpu-list`` reads them; all by default.
    :param consul: keys of the configuration's section ``consul``.
    """

    def __init__(
        self, directory: Path, consul: dict[str, Any], cores: str = ""
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port, self._status_port = free_port(), free_port()
        config = directory / "router.yml"
        config.write_text(
            yaml.safe_dump(
                {
                    "host": "127.0.0.1",
                    "port": self.port,
                    "status": {"port": self._status_port},
                    "consul": consul,
                }
            )
        )
        self.started_s = time.monotonic()
        self.process = PinnedProcess(
            "router",
            [
                *(str(_TWISTD), "--nodaemon", "--pidfile="),
                *("router", "--config", str(config)),
            ],
            cores or all_cores(),
            directory / "router.log",
            {"PYTHONPATH": str(TOP)},
            TOP,
        )
        self.process.wait_for_port(self._status_port)

    def varz(self) -> dict[str, Any]:
        """Its figures."""
        url = f"http://127.0.0.1:{self._status_port}/varz"
        with urllib.request.urlopen(url, timeout=10) as answer:
            figures: dict[str, Any] = json.load(answer)
        return figures

    def source(self) -> dict[str, Any]:
        """What it says of Consul."""
        (state,) = self.varz()["sources"]
        return dict(state)

    def wait_for_routes(self, number: int) -> float:
        """Wait until it has so many routes; seconds since its start."""
        wait_until(
            lambda: self.varz()["urls"] >= number, _START_S, f"{number} routes", 0.02
        )
        return time.monotonic() - self.started_s

    def connections_to(self, port: int) -> int:
        """How many it has to a port now.

        :raises BenchmarkError: it runs no more.
        """
        for pid in self.process.pids():
            inodes = set()
            for link in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    inodes.add(os.readlink(link))
                except OSError:
                    continue
            return sum(
                f"socket:[{row[9]}]" in inodes
                for row in _tcp_rows()
                if int(row[2].rpartition(":")[2], 16) == port
            )
        raise BenchmarkError("the router runs no more")

    def stop(self) -> None:
        """End it."""
        self.process.stop()


def _tcp_rows() -> Iterator[list[str]]:
    with open("/proc/net/tcp") as table:
        next(table)
        for line in table:
            yield line.split()
