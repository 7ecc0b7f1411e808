"""WebSocket round trips over many connections: ``PORT CONNECTIONS SECONDS``.

Each connection sends a message, waits for its echo and sends the next. The messages are
64 bytes; the frames are made once, so that nearly all of the time is the kernel's.
"""

from __future__ import annotations

import base64
import gc
import os
import select
import socket
import sys
import time
from array import array

from benchmarks.load.outcome import Outcome, percentile
from benchmarks.requests import HOST

_MASK = b"\x37\xfa\x21\x3d"
_TEXT = b"sixty-four bytes of text, as a chat or a ticker might send them."
#: A text frame of the client, masked, and the echo, which is not (RFC 6455 5.2).
_MESSAGE = (
    bytes((0x81, 0x80 | len(_TEXT)))
    + _MASK
    + bytes(byte ^ _MASK[i % 4] for i, byte in enumerate(_TEXT))
)
_ECHO = bytes((0x81, len(_TEXT))) + _TEXT

_HANDSHAKE_TIMEOUT_S = 10.0
_STALL_S = 5.0


def open_websocket(port: int) -> socket.socket:
    """Connect and shake hands.

    :raises OSError: the answer is not 101.
    """
    sock = socket.create_connection(("127.0.0.1", port), _HANDSHAKE_TIMEOUT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        (
            f"GET /echo HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = sock.recv(4096)
        answer += part
        if not part or len(answer) > 4096:
            break
    if not answer.startswith(b"HTTP/1.1 101 ") or not answer.endswith(b"\r\n\r\n"):
        raise OSError(f"no WebSocket: {answer[:80]!r}")
    sock.setblocking(False)
    return sock


def echo_for(port: int, connections: int, seconds: float) -> Outcome:
    """Make round trips on all connections until ``seconds`` are over."""
    sockets = [open_websocket(port) for _ in range(connections)]
    poller = select.epoll()
    by_fd = {sock.fileno(): sock for sock in sockets}
    for fd in by_fd:
        poller.register(fd, select.EPOLLIN)
    clock = time.perf_counter
    sent_at_s = dict.fromkeys(by_fd, 0.0)
    received: dict[int, bytes] = {}  # parts of an echo
    latencies_s = array("d")
    errors = 0
    began_s = clock()
    until_s = began_s + seconds
    for fd, sock in by_fd.items():
        sent_at_s[fd] = clock()
        sock.send(_MESSAGE)
    while clock() < until_s:
        events = poller.poll(_STALL_S)
        if not events:
            errors += len(by_fd)
            break
        for fd, _ in events:
            sock = by_fd[fd]
            try:
                data = received.pop(fd, b"") + sock.recv(4096)
                if data != _ECHO:
                    if len(data) >= len(_ECHO) or not _ECHO.startswith(data or b"-"):
                        raise OSError("not the echo")
                    received[fd] = data
                    continue
                now_s = clock()
                latencies_s.append(now_s - sent_at_s[fd])
                sent_at_s[fd] = now_s
                sock.send(_MESSAGE)
            except OSError:
                errors += 1
                poller.unregister(fd)
    taken_s = clock() - began_s
    for sock in sockets:
        sock.close()
    ordered = sorted(latencies_s)
    return Outcome(
        operations=len(ordered),
        bytes=len(ordered) * len(_TEXT),
        seconds=taken_s,
        errors=errors,
        p50_ms=percentile(ordered, 50) * 1e3,
        p99_ms=percentile(ordered, 99) * 1e3,
    )


if __name__ == "__main__":
    gc.disable()
    print(echo_for(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])).to_json())
