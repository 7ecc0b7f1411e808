"""Connections that come and go: ``PORT COUNT``.

They leave in turn as clients do: some time after an answer; with the answer, because
they asked for that; within a request that they do not finish; before the answer. Some
hundreds are open at any time.
"""

from __future__ import annotations

import gc
import select
import socket
import struct
import sys
import time
from collections import deque

from benchmarks.load.outcome import Outcome
from benchmarks.requests import browser_requests

#: Connections that have been answered, or wait in the middle of a request.
_QUIET = 500
#: Connections whose answer is awaited, at most.
_ASKING = 32
_STALL_S = 10.0
#: With it, closing a socket resets the connection.
_RESET = struct.pack("ii", 1, 0)
_ANSWER_BYTES = 65536

_KEEPS, _CLOSES, _HALTS, _RUNS = range(4)


class Churn:
    """One run.

    :param count: connections in all.
    """

    def __init__(self, port: int, count: int) -> None:
        self._address = "127.0.0.1", port
        self._count = count
        self._begun = self._gone = self._errors = 0
        self._asking: dict[int, tuple[socket.socket, int, bytes]] = {}
        self._quiet: deque[tuple[socket.socket, int]] = deque()
        self._poller = select.epoll()
        self._kept = list(browser_requests())
        self._closed = list(browser_requests(close=True))

    def run(self) -> Outcome:
        """Let all of them come and go."""
        began_s = time.perf_counter()
        while self._begun < self._count or self._asking:
            while self._begun < self._count and len(self._asking) < _ASKING:
                self._begin()
            if not self._asking:
                continue
            events = self._poller.poll(_STALL_S)
            if not events:
                self._errors += len(self._asking)
                break
            for fd, _ in events:
                self._read(fd)
            while len(self._quiet) > _QUIET:
                self._leave(*self._quiet.popleft())
        while self._quiet:
            self._leave(*self._quiet.popleft())
        return Outcome(
            operations=self._gone,
            bytes=0,
            seconds=time.perf_counter() - began_s,
            errors=self._errors,
            p50_ms=0.0,
            p99_ms=0.0,
        )

    def _begin(self) -> None:
        number = self._begun
        self._begun += 1
        how = number % 4
        sock = socket.create_connection(self._address, _STALL_S)
        requests = self._closed if how == _CLOSES else self._kept
        request = requests[number % len(requests)]
        sock.sendall(request[: len(request) // 2] if how == _HALTS else request)
        if how == _HALTS:
            self._quiet.append((sock, how))
        elif how == _RUNS:
            self._leave(sock, how)
        else:
            sock.setblocking(False)
            self._asking[sock.fileno()] = sock, how, b""
            self._poller.register(sock, select.EPOLLIN)

    def _read(self, fd: int) -> None:
        sock, how, received = self._asking[fd]
        try:
            data = sock.recv(_ANSWER_BYTES)
        except OSError:
            data = b""
        received += data
        # The body is JSON, and the only thing that ends like this.
        answered = received.startswith(b"HTTP/1.1 200 ") and received.endswith(b'"}')
        if data and (how == _CLOSES or not answered):
            self._asking[fd] = sock, how, received
            return
        del self._asking[fd]
        self._poller.unregister(fd)
        if not answered:
            self._errors += 1
        if how == _KEEPS and data:
            self._quiet.append((sock, how))
        else:
            self._leave(sock, how)

    def _leave(self, sock: socket.socket, how: int) -> None:
        if how in (_HALTS, _RUNS):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.close()
        self._gone += 1


if __name__ == "__main__":
    gc.disable()
    print(Churn(int(sys.argv[1]), int(sys.argv[2])).run().to_json())
