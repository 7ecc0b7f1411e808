"""Starts the backends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.processes import PinnedProcess, free_port

KIB, MIB = 1024, 1024 * 1024

_TOP = Path(__file__).parent.parent.parent

_NGINX = """\
{user}
daemon off;
worker_processes 1;
pid {directory}/backend.pid;
error_log {directory}/backend.log;
worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path {directory}/backend-body;
    proxy_temp_path {directory}/backend-proxy;
    fastcgi_temp_path {directory}/backend-fastcgi;
    uwsgi_temp_path {directory}/backend-uwsgi;
    scgi_temp_path {directory}/backend-scgi;
    types {{ }}
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /files/ {{ alias {directory}/files/; }}
        location / {{
            default_type application/json;
            return 200 '{body}';
        }}
    }}
}}
"""


def small_body() -> str:
    """1 KiB of JSON."""
    start, end = '{"items": [], "next": null, "note": "', '"}'
    return start + "." * (KIB - len(start) - len(end)) + end


class Backends:
    """The backends of one run; started when first asked for.

    :param directory: for files that nginx serves and for its configuration.
    """

    def __init__(self, directory: Path, cores: str) -> None:
        self._directory = directory
        self._cores = cores
        self._running: dict[str, tuple[PinnedProcess, int]] = {}

    def get(self, kind: str) -> tuple[PinnedProcess, int]:
        """A backend and its port.

        :param kind: ``nginx`` (1 KiB of JSON at once, and files), ``sink`` (reads
            bodies and drops them) or ``echo`` (WebSocket).
        """
        if kind not in self._running:
            port = free_port()
            argv = (
                self._nginx(port)
                if kind == "nginx"
                else [sys.executable, "-m", f"benchmarks.backends.{kind}", str(port)]
            )
            output = self._directory / f"backend-{kind}.out"
            process = PinnedProcess(
                f"the {kind} backend", argv, self._cores, output, cwd=_TOP
            )
            self._running[kind] = process, port
            process.wait_for_port(port)
        return self._running[kind]

    def file(self, size: int) -> Path:
        """A file of this size, which nginx serves under ``/files/``."""
        files = self._directory / "files"
        files.mkdir(exist_ok=True)
        path = files / f"{size}.bin"
        if not path.exists():
            path.write_bytes(b"x" * size)
        return path

    def _nginx(self, port: int) -> list[str]:
        config = self._directory / "backend.conf"
        config.write_text(
            _NGINX.format(
                # Or the workers could not read what is in a private directory.
                user="user root;" if os.geteuid() == 0 else "",
                directory=self._directory,
                port=port,
                body=small_body(),
            )
        )
        return ["nginx", "-c", str(config), "-p", str(self._directory)]

    def stop(self) -> None:
        """End them."""
        for process, _ in self._running.values():
            process.stop()
        self._running.clear()
