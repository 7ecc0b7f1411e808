"""The least that a TCP server can be: epoll, and a function for each connection."""

from __future__ import annotations

import gc
import select
import socket
from collections.abc import Callable

#: Called when a connection can be read; ``False`` to have it closed.
OnReadable = Callable[[], bool]


def serve(port: int, accepted: Callable[[socket.socket], OnReadable]) -> None:
    """Serve the loopback address until the process is ended.

    :param accepted: called with each connection, says what to do when it is readable.
        An ``OSError`` from there closes the connection.
    """
    gc.disable()
    listening = socket.create_server(("127.0.0.1", port), backlog=4096)
    listening.setblocking(False)
    poller = select.epoll()
    poller.register(listening, select.EPOLLIN)
    connections: dict[int, tuple[socket.socket, OnReadable]] = {}
    while True:
        for fd, _ in poller.poll():
            if fd == listening.fileno():
                sock, _ = listening.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[sock.fileno()] = sock, accepted(sock)
                poller.register(sock, select.EPOLLIN)
                continue
            sock, on_readable = connections[fd]
            try:
                keep = on_readable()
            except BlockingIOError:
                continue
            except OSError:
                keep = False
            if not keep:
                del connections[fd]
                sock.close()
