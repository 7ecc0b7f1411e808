"""A visitor of one route, who looks at which instance answers."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence

from benchmarks.processes import BenchmarkError

_TIMEOUT_S = 10.0


class Visitor:
    """Asks for ``/`` at a host, one request after the other on a kept connection.

    :ivar slowest_s: the longest that any request took.
    :ivar count: how many there were.
    :ivar failed: of those that were not answered with 200, how many had each status.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self.slowest_s = 0.0
        self.count = 0
        self.failed: Counter[int] = Counter()

    def ask(self, host: str) -> tuple[int, bytes]:
        """Make one request; status and body. A connection that broke is status 0."""
        began_s = time.perf_counter()
        try:
            status, body = self._exchange(host)
        except OSError:
            self.close()
            status, body = 0, b""
        self.slowest_s = max(self.slowest_s, time.perf_counter() - began_s)
        self.count += 1
        if status != 200:
            self.failed[status] += 1
        return status, body

    def _exchange(self, host: str) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(
                ("127.0.0.1", self._port), _TIMEOUT_S
            )
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host.encode())
        received = b""
        while True:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError("closed")
            received += data
            head, found, body = received.partition(b"\r\n\r\n")
            if not found:
                continue
            length = _content_length(head)
            if len(body) >= length:
                return int(head[9:12]), body[:length]

    def close(self) -> None:
        """Leave; the next request has a new connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise BenchmarkError(f"a response without a length: {head!r}")


class Crowd:
    """Visitors who come at a constant rate, for as long as the context lasts.

    :ivar visitor: counts their requests.
    """

    def __init__(self, port: int, hosts: Sequence[str], rate: float) -> None:
        self.visitor = Visitor(port)
        self._hosts = hosts
        self._rate = rate
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._come, daemon=True)

    def __enter__(self) -> Visitor:
        self._thread.start()
        return self.visitor

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join()
        self.visitor.close()

    def _come(self) -> None:
        began_s = time.monotonic()
        while not self._leaving.is_set():
            self.visitor.ask(self._hosts[self.visitor.count % len(self._hosts)])
            due_s = began_s + self.visitor.count / self._rate
            self._leaving.wait(max(0.0, due_s - time.monotonic()))
