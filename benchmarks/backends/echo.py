"""A WebSocket server that sends each message back: ``PORT``.

For messages of up to 125 bytes that arrive in a frame of their own (RFC 6455 5.2).
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import sys
from functools import lru_cache

from benchmarks.backends.loop import OnReadable, serve

_KEY = re.compile(rb"\r\nsec-websocket-key: *(\S+)\r\n", re.IGNORECASE)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HEADER_BYTES = 6
_MOST_BYTES = 125


@lru_cache(maxsize=1024)
def echo_of(frame: bytes) -> bytes | None:
    """The unmasked frame for a masked one; ``None`` if it is incomplete.

    The load sends the same messages over and over: remembering their echoes leaves the
    server with little more than its system calls.

    :raises OSError: it is no short text or binary message, or there is more than one.
    """
    if len(frame) < _HEADER_BYTES:
        return None
    length = frame[1] & 0x7F
    if frame[0] not in (0x81, 0x82) or not frame[1] & 0x80 or length > _MOST_BYTES:
        raise OSError("not a short message of a client")
    if len(frame) < _HEADER_BYTES + length:
        return None
    if len(frame) > _HEADER_BYTES + length:
        raise OSError("more than one message")
    mask, masked = frame[2:_HEADER_BYTES], frame[_HEADER_BYTES:]
    plain = bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))
    return bytes((frame[0], length)) + plain


class _WebSocket:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._open = False
        self._received = b""

    def readable(self) -> bool:
        data = self._sock.recv(4096)
        if not data:
            return False
        if self._received:
            data = self._received + data
        if self._open:
            answer = echo_of(data)
        else:
            answer = self._shake_hands(data)
        self._received = data if answer is None else b""
        if answer is not None:
            self._sock.send(answer)
        return True

    def _shake_hands(self, head: bytes) -> bytes | None:
        """The answer, which for anything but a WebSocket is an empty page."""
        if not head.endswith(b"\r\n\r\n"):
            return None
        key = _KEY.search(head)
        if key is None:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        self._open = True
        digest = hashlib.sha1(key[1] + _GUID, usedforsecurity=False).digest()
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
        ) % base64.b64encode(digest)


def _accepted(sock: socket.socket) -> OnReadable:
    return _WebSocket(sock).readable


if __name__ == "__main__":
    serve(int(sys.argv[1]), _accepted)
