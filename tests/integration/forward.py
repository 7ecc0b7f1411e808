"""Passes connections on to a Docker engine's socket, until it cuts them off."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.portforward import Proxy
from twisted.python.failure import Failure

from tests.services import running_reactor


class _Forward(Proxy):
    """One connection."""

    def __init__(self, forwards: Forwards) -> None:
        self._forwards = forwards

    def connectionMade(self) -> None:
        transport: Any = self.transport

        def connected(peer: Proxy) -> None:
            self.setPeer(peer)
            peer.setPeer(self)
            transport.resumeProducing()

        transport.pauseProducing()
        self._forwards.open.append(self)
        self._forwards.engine.connect(Factory.forProtocol(Proxy)).addCallbacks(
            connected, lambda _: transport.loseConnection()
        )

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._forwards.open.remove(self)
        if self.peer is not None:
            super().connectionLost(reason)


class Forwards(Factory[Proxy]):
    """Makes what passes connections on, as an engine's listener would be.

    :param path: of the engine's socket.
    """

    def __init__(self, path: str) -> None:
        self.engine = UNIXClientEndpoint(running_reactor(), path)
        self.open: list[_Forward] = []

    def buildProtocol(self, addr: IAddress | None) -> Proxy:
        return _Forward(self)

    def cut_off(self) -> None:
        """Break all connections in the middle of what they carry."""
        for protocol in tuple(self.open):
            transport: Any = protocol.transport
            transport.abortConnection()
