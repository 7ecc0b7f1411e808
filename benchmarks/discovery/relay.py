"""A relay between router and agent whose connections can be made black holes."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress

_CHUNK = 65536


class Relay:
    """Passes connections on to an agent, each in a thread of its own.

    :ivar port: of the loopback address, where it listens.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._swallowed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        """From now on nothing passes on the connections that there are, either way.

        As when a packet filter forgets them: nobody is told. New ones are relayed.
        """
        swallowed, self._swallowed = self._swallowed, threading.Event()
        swallowed.set()

    def close(self) -> None:
        """Accept no more."""
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            work = near, far, self._swallowed
            threading.Thread(target=_relay, args=work, daemon=True).start()


def _relay(near: socket.socket, far: socket.socket, swallowed: threading.Event) -> None:
    other = {near: far, far: near}
    with near, far, suppress(ConnectionError):
        while True:
            for ready in select.select([near, far], [], [])[0]:
                if swallowed.is_set():
                    # Keep both open for as long as anybody might look.
                    threading.Event().wait()
                data = ready.recv(_CHUNK)
                if not data:
                    return
                other[ready].sendall(data)
