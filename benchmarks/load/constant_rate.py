"""Requests at a constant rate: ``PORT CONNECTIONS SECONDS RATE FILE``.

An open loop: when the time of a request has come it is due, whether or not those
before it were answered, and its latency counts from then on. A closed loop, where a
slow answer holds back the requests that would have met the same delay, hides just the
slow ones ("coordinated omission"). The file is that of ``requests.lua``.
"""

from __future__ import annotations

import gc
import re
import select
import socket
import sys
import time
from array import array
from collections import deque
from pathlib import Path

from benchmarks.load.outcome import Outcome, percentile

#: What is sent before it counts: connections are opened and met for the first time.
_WARM_UP_S = 0.5
#: After the last request is due, how long answers are waited for.
_GRACE_S = 5.0

_CLOSES = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class _Connection:
    """A connection to the proxy, and the request that is under way on it."""

    __slots__ = ("closes", "due_s", "received", "sock")

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.due_s = 0.0
        self.received = b""
        self.closes = False  # after this response

    def answered(self) -> bool:
        """Read; whether all of the response is there.

        :raises OSError: the connection is lost, or the response is not a 200 whose
            length is known.
        """
        data = self.sock.recv(65536)
        if not data:
            raise OSError("closed")
        if self.received:
            data = self.received + data
        self.received = data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = _LENGTH.search(data, 0, end + 2)
        if length is None or not data.startswith(b"HTTP/1.1 200"):
            raise OSError(f"unexpected: {data[:60]!r}")
        if len(data) < end + 4 + int(length[1]):
            return False
        self.received = b""
        self.closes = _CLOSES.search(data, 0, end + 2) is not None
        return True


class ConstantRate:
    """One run.

    :param rate: requests in a second.
    """

    def __init__(
        self, port: int, connections: int, rate: float, requests: list[bytes]
    ) -> None:
        self._port = port
        self._interval_s = 1 / rate
        self._requests = requests
        self._poller = select.epoll()
        self._open: dict[int, _Connection] = {}
        self._idle: deque[_Connection] = deque()
        self._sent = self._answered = 0
        self._errors = 0
        self._latencies_s = array("d")
        self._late_s = array("d")
        for _ in range(connections):
            self._connect()

    def _connect(self) -> None:
        connection = _Connection(self._port)
        fd = connection.sock.fileno()
        self._open[fd] = connection
        self._idle.append(connection)
        self._poller.register(fd, select.EPOLLIN)

    def run(self, seconds: float) -> Outcome:
        """Send for so long, then take in what is still to come."""
        clock = time.perf_counter
        began_s = now_s = clock()
        counts_s = began_s + _WARM_UP_S
        end_s = counts_s + seconds
        due_s = began_s
        waiting: deque[float] = deque()  # due, but every connection was taken
        while due_s < end_s or waiting or len(self._idle) < len(self._open):
            if due_s < end_s:
                # select(), since epoll's own time-out is in whole milliseconds.
                select.select([self._poller], [], [], max(0.0, due_s - now_s))
            elif not self._poller.poll(_GRACE_S):
                self._errors += len(self._open) - len(self._idle) + len(waiting)
                break
            for fd, _ in self._poller.poll(0):
                self._read(self._open[fd], counts_s)
            now_s = clock()
            while waiting and self._idle:
                self._send(waiting.popleft())
            while due_s <= now_s and due_s < end_s:
                if self._idle:
                    self._late_s.append(now_s - due_s)
                    self._send(due_s)
                else:
                    waiting.append(due_s)
                due_s += self._interval_s
        ordered = sorted(self._latencies_s)
        return Outcome(
            operations=self._answered,
            bytes=0,
            seconds=clock() - began_s,
            errors=self._errors,
            p50_ms=percentile(ordered, 50) * 1e3,
            p99_ms=percentile(ordered, 99) * 1e3,
            late_p99_ms=percentile(sorted(self._late_s), 99) * 1e3,
        )

    def _send(self, due_s: float) -> None:
        connection = self._idle.popleft()
        connection.due_s = due_s
        self._sent += 1
        try:
            connection.sock.send(self._requests[self._sent % len(self._requests)])
        except OSError:
            self._lose(connection)

    def _read(self, connection: _Connection, counts_s: float) -> None:
        try:
            if not connection.answered():
                return
        except OSError:
            self._lose(connection)
            return
        self._answered += 1
        if connection.due_s >= counts_s:
            self._latencies_s.append(time.perf_counter() - connection.due_s)
        if connection.closes:
            self._replace(connection)
        else:
            self._idle.append(connection)

    def _lose(self, connection: _Connection) -> None:
        """Count an error and go on with a new connection."""
        self._errors += 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._replace(connection)

    def _replace(self, connection: _Connection) -> None:
        del self._open[connection.sock.fileno()]
        connection.sock.close()
        self._connect()


def read_requests(path: Path) -> list[bytes]:
    """Read the file that :func:`benchmarks.load.generators.write_requests` wrote."""
    data = path.read_bytes()
    requests, at = [], 4
    for _ in range(int.from_bytes(data[:4], "little")):
        size = int.from_bytes(data[at : at + 4], "little")
        requests.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return requests


if __name__ == "__main__":
    gc.disable()
    load = ConstantRate(
        int(sys.argv[1]),
        int(sys.argv[2]),
        float(sys.argv[4]),
        read_requests(Path(sys.argv[5])),
    )
    print(load.run(float(sys.argv[3])).to_json())
