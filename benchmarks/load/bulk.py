"""Long bodies: ``get|put PORT CONNECTIONS SECONDS FILE``.

Downloads the file of this name, or uploads it, again and again. Bodies are not copied
here: what is received is thrown away in the kernel (MSG_TRUNC), what is sent comes from
the page cache (sendfile). So a proxy that moves a few gigabytes a second can still be
the slowest part on a machine where generator and backend share a core.
"""

from __future__ import annotations

import gc
import os
import re
import select
import socket
import sys
import time

from benchmarks.load.outcome import Outcome, percentile
from benchmarks.requests import HOST, upload_request

_STALL_S = 5.0
_HEAD_BYTES = 65536
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
#: Never written to: with MSG_TRUNC the kernel only looks at its size.
_NOWHERE = bytearray(4 * 1024 * 1024)


class _Transfer:
    """A connection that does one transfer after the other.

    :ivar done_s: how long each took.
    :ivar moved: bytes of bodies, also of the transfer under way.
    """

    def __init__(self, port: int, file: int | None, name: str, size: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.done_s: list[float] = []
        self.moved = 0
        self._file = file
        self._size = size
        self._head = (
            f"GET /files/{name} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
            if file is None
            else upload_request(size, with_body=False)
        )

    def begin(self) -> None:
        """Send the next request."""
        self._began_s = time.perf_counter()
        self._unsent = 0 if self._file is None else self._size
        self._unread = -1  # no head yet
        self.sock.send(self._head)

    @property
    def events(self) -> int:
        """What to wait for."""
        return select.EPOLLOUT if self._unsent else select.EPOLLIN

    def go_on(self, event: int) -> None:
        """Move as much as the socket takes or has.

        :raises OSError: the connection is lost, or the answer is not as it must be.
        """
        if self._unsent:
            if event & ~select.EPOLLOUT:
                raise OSError("answered or closed during the upload")
            assert self._file is not None
            at = self._size - self._unsent
            sent = os.sendfile(self.sock.fileno(), self._file, at, self._unsent)
            self._unsent -= sent
            self.moved += sent
            return
        if self._unread < 0:
            received = self._read_head()
        else:
            received = self.sock.recv_into(
                _NOWHERE, min(len(_NOWHERE), self._unread), socket.MSG_TRUNC
            )
            if not received:
                raise OSError("closed within a body")
        self._unread -= received
        if self._file is None:
            self.moved += received
        if not self._unread:
            self.done_s.append(time.perf_counter() - self._began_s)
            self.begin()

    def _read_head(self) -> int:
        data = self.sock.recv(_HEAD_BYTES)
        end = data.find(b"\r\n\r\n") + 4
        length = _LENGTH.search(data, 0, end)
        if not data.startswith(b"HTTP/1.1 200") or length is None:
            raise OSError(f"unexpected: {data[:60]!r}")
        self._unread = int(length[1])
        if self._file is None and self._unread != self._size:
            raise OSError(f"a body of {self._unread} bytes")
        return len(data) - end


def transfer_for(
    port: int, connections: int, seconds: float, path: str, *, upload: bool
) -> Outcome:
    """Transfer on all connections until ``seconds`` are over."""
    file = os.open(path, os.O_RDONLY)
    transfers: dict[int, _Transfer] = {}
    poller = select.epoll()
    size = os.fstat(file).st_size
    began_s = time.perf_counter()
    for _ in range(connections):
        one = _Transfer(port, file if upload else None, os.path.basename(path), size)
        one.begin()
        transfers[one.sock.fileno()] = one
        poller.register(one.sock.fileno(), one.events)
    errors = 0
    while time.perf_counter() < began_s + seconds:
        events = poller.poll(_STALL_S)
        if not events:
            errors += connections
            break
        for fd, event in events:
            one = transfers[fd]
            before = one.events
            try:
                one.go_on(event)
            except BlockingIOError:
                continue
            except OSError as error:
                print(error, file=sys.stderr)
                errors += 1
                poller.unregister(fd)
                continue
            if one.events != before:
                poller.modify(fd, one.events)
    taken_s = time.perf_counter() - began_s
    times_s = sorted(s for one in transfers.values() for s in one.done_s)
    return Outcome(
        operations=len(times_s),
        bytes=sum(one.moved for one in transfers.values()),
        seconds=taken_s,
        errors=errors,
        p50_ms=percentile(times_s, 50) * 1e3,
        p99_ms=percentile(times_s, 99) * 1e3,
    )


if __name__ == "__main__":
    gc.disable()
    print(
        transfer_for(
            int(sys.argv[2]),
            int(sys.argv[3]),
            float(sys.argv[4]),
            sys.argv[5],
            upload=sys.argv[1] == "put",
        ).to_json()
    )
