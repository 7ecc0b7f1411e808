"""A relay between a client and a server, which can lose what passes through it."""

from __future__ import annotations

from typing import Any

from twisted.protocols.portforward import ProxyFactory, ProxyServer
from twisted.trial.unittest import SynchronousTestCase

from tests.services import free_port, running_reactor


class _Side(ProxyServer):
    """One connection through the relay."""

    lost = False
    factory: Any

    def connectionMade(self) -> None:
        self.factory.open.append(self)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        if not self.lost:
            super().dataReceived(data)


class Relay(ProxyFactory):
    """Passes every connection on to one port of 127.0.0.1, and its bytes both ways.

    :ivar address: where it listens, ``127.0.0.1:PORT``.
    :ivar open: the connections so far.
    """

    protocol = _Side
    noisy = False

    def __init__(self, testcase: SynchronousTestCase, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self.open: list[_Side] = []
        ours = free_port()
        self.address = f"127.0.0.1:{ours}"
        listening = running_reactor().listenTCP(ours, self, interface="127.0.0.1")
        testcase.addCleanup(self._close, listening)

    def lose(self) -> None:
        """Let nothing pass on the connections that there are, and close none.

        So does a firewall that forgot them. New ones are not concerned.
        """
        for side in self.open:
            side.lost = True
            for end in (side, side.peer):
                transport: Any = None if end is None else end.transport
                if transport is not None:
                    transport.pauseProducing()

    async def _close(self, listening: Any) -> None:
        await listening.stopListening()
        for side in self.open:
            transport: Any = side.transport
            transport.abortConnection()
