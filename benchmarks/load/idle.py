"""Connections that did one request each and then stay open, quiet."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from types import TracebackType

from benchmarks.processes import BenchmarkError
from benchmarks.requests import HOST

_TIMEOUT_S = 10.0
_REQUEST = f"GET /idle HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


class IdleConnections:
    """Keeps ``count`` connections open while it is entered.

    They are opened one after the other, so that the proxy needs one connection to its
    backend for all of them.
    """

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._sockets: list[socket.socket] = []
        self._closing = ExitStack()

    def __enter__(self) -> IdleConnections:
        with ExitStack() as opening:
            for _ in range(self._count):
                sock = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT_S)
                opening.enter_context(sock)
                sock.sendall(_REQUEST)
                _read_response(sock)
                sock.setblocking(False)
                self._sockets.append(sock)
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.close()

    def lost(self) -> int:
        """How many the proxy has closed."""
        return sum(_is_closed(sock) for sock in self._sockets)


def _is_closed(sock: socket.socket) -> bool:
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _read_response(sock: socket.socket) -> None:
    data = b""
    while True:
        part = sock.recv(65536)
        if not part:
            raise BenchmarkError(f"connection closed after {data[:60]!r}")
        data += part
        head, end, body = data.partition(b"\r\n\r\n")
        if end:
            lines = head.lower().split(b"\r\n")
            lengths = [line for line in lines if line.startswith(b"content-length:")]
            if not head.startswith(b"HTTP/1.1 200") or not lengths:
                raise BenchmarkError(f"unexpected response {head!r}")
            if len(body) >= int(lengths[0].partition(b":")[2]):
                return
