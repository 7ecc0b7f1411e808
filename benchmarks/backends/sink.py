"""Takes request bodies and drops them: ``PORT``. Answers when all of one was read."""

from __future__ import annotations

import re
import socket
import sys

from benchmarks.backends.loop import OnReadable, serve

_READ_BYTES = 65536
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
#: Never written to: with MSG_TRUNC the kernel drops what was received.
_NOWHERE = bytearray(4 * 1024 * 1024)


class _Upload:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._head = b""
        self._left = 0
        self._tail: bytes | None = None  # of a chunked body, while there is one

    def readable(self) -> bool:
        sock = self._sock
        if self._left:
            received = sock.recv_into(
                _NOWHERE, min(len(_NOWHERE), self._left), socket.MSG_TRUNC
            )
            self._left -= received
            if not self._left:
                sock.send(_ANSWER)
            return received > 0
        data = sock.recv(_READ_BYTES)
        if self._tail is not None:
            self._chunks(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n") + 4
            if end >= 4:
                head, body = self._head[:end], self._head[end:]
                self._head = b""
                self._begin(head, body)
        return bool(data)

    def _begin(self, head: bytes, body: bytes) -> None:
        if _CHUNKED.search(head):
            self._tail = b"\r\n"
            self._chunks(body)
            return
        length = _LENGTH.search(head)
        self._left = int(length[1]) - len(body) if length else 0
        if not self._left:
            self._sock.send(_ANSWER)

    def _chunks(self, data: bytes) -> None:
        """Bodies here are one letter repeated: no data looks like the last chunk."""
        assert self._tail is not None
        self._tail = (self._tail + data)[-len(_LAST_CHUNK) :]
        if self._tail == _LAST_CHUNK:
            self._tail = None
            self._sock.send(_ANSWER)


def _accepted(sock: socket.socket) -> OnReadable:
    return _Upload(sock).readable


if __name__ == "__main__":
    serve(int(sys.argv[1]), _accepted)
