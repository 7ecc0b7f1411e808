"""TCP transports that send by themselves, and the ports and connectors that make them.

They behave as Twisted's own (half-close, abort, producers, errors), with two
differences, made for relaying bytes:

- What is written during one turn of the lean reactor goes out in one ``send`` at its
  end; under any other reactor it goes out at once. Only what the kernel does not take
  waits in the inherited buffer for the socket to become writable.
- A streaming producer is paused as soon as anything waits there, and resumed when
  nothing does: each direction of a relay holds one read (64 KiB) at most.

No TLS: that stays with Twisted's own transports.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IProtocol
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import ClientFactory, ServerFactory

#: Bytes read from a socket at once, and so the most that a relay holds of a direction.
READ_BYTES = 64 * 1024

#: Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.
BACKLOG = 4096


class _DirectConnection(tcp.Connection):
    """What server and client transports share: direct reads, collected writes."""

    reactor: Any
    producer: Any

    # Whether this transport stands on the reactor's list.
    _collected = False

    def doRead(self) -> BaseException | None:  # type: ignore[override]  # wider, as used
        """Read once and hand it to the protocol."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        self.protocol.dataReceived(data)
        return None

    def write(self, data: bytes) -> None:
        """Send ``data``, soon and in order. Never blocks, never raises."""
        if self.connected and data and not self._writeDisconnected:
            self._tempDataBuffer.append(data)
            self._tempDataLen += len(data)
            if not self._collected:
                self._collect()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send all of ``iovec``; see :meth:`write`."""
        self.write(b"".join(iovec))

    def loseConnection(self, *args: Any, **kwargs: Any) -> None:
        """Close when everything written has gone out."""
        if self.connected and not self.disconnecting:
            self.stopReading()
            self.disconnecting = 1
            if not self._collected:
                self._collect()

    def loseWriteConnection(self) -> None:
        """Close the sending direction when everything written has gone out."""
        self._writeDisconnecting = True
        if not self._collected:
            self._collect()

    def _collect(self) -> None:
        collected = getattr(self.reactor, "collected", None)
        if collected is not None:
            self._collected = True
            collected.append(self)
        elif self.disconnecting or self._writeDisconnecting:
            # Not the lean reactor: closing is left to the loop, since callers do
            # not expect connectionLost before their own call has returned.
            self.startWriting()
        else:
            self._send()

    def flush(self) -> None:
        """Send what was written in this turn; the lean reactor calls it."""
        self._collected = False
        if not self.connected:
            return
        if not self._send():
            return
        if self.disconnecting:
            self.stopWriting()
            self.reactor._disconnectSelectable(self, CONNECTION_DONE, False)
        elif self._writeDisconnecting and not self._writeDisconnected:
            self._writeDisconnected = True
            self.stopWriting()
            self._closeWriteConnection()

    def _send(self) -> bool:
        """Send what waits; whether nothing waits any more."""
        if self.offset < len(self.dataBuffer):
            # The kernel was full before; its writability event goes on from there.
            return False
        if not self._tempDataLen:
            return True
        waiting = self._tempDataBuffer
        data = waiting[0] if len(waiting) == 1 else b"".join(waiting)
        waiting.clear()
        self._tempDataLen = 0
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            # Broken. Writing on finds that out again in the loop, where losing the
            # connection is in order.
            sent = 0
        if sent == len(data):
            return True
        self.dataBuffer = data
        self.offset = sent
        self.startWriting()
        producer = self.producer
        if producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            producer.pauseProducing()
        return False

    def _isSendBufferFull(self) -> bool:
        """Whether producers should pause: as soon as the kernel takes no more."""
        return bool(self.offset < len(self.dataBuffer))

    @property
    def unsent_bytes(self) -> int:
        """How many written bytes the kernel has not taken yet."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen


class DirectServer(_DirectConnection, tcp.Server):
    """The transport of an accepted connection."""

    # Twisted makes two strings for each connection; one for all of them is enough.
    logstr = "proxy"
    repstr = "<DirectServer>"

    def __init__(
        self,
        sock: socket.socket,
        protocol: IProtocol,
        client: tuple[Any, ...],
        server: DirectPort,
        sessionno: int,
        reactor: Any,
    ) -> None:
        tcp.Connection.__init__(self, sock, protocol, reactor)
        if len(client) != 2:
            self._addressType = server._addressType
        self.server = server
        self.client = client
        self.sessionno = sessionno
        self.hostname = client[0]
        self.connected = 1
        self.startReading()


class DirectClient(_DirectConnection, tcp.Client):
    """The transport of a connection we opened."""

    def createInternetSocket(self) -> socket.socket:
        """Create the socket so that small heads are never held back (Nagle)."""
        sock: socket.socket = super().createInternetSocket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock


class DirectPort(tcp.Port):
    """A listening port whose connections are :class:`DirectServer`."""

    transport = DirectServer  # type: ignore[assignment]  # needs our port, has it

    def createInternetSocket(self) -> socket.socket:
        """Create the socket with the options that accepted ones inherit (Linux)."""
        sock: socket.socket = super().createInternetSocket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self.addressFamily == socket.AF_INET6:
            # ``::`` answers IPv4 as well, whatever net.ipv6.bindv6only says.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        return sock


class DirectConnector(tcp.Connector):
    """A connector whose connection is a :class:`DirectClient`."""

    def _makeTransport(self) -> DirectClient:
        return DirectClient(self.host, self.port, self.bindAddress, self, self.reactor)


def listen(
    reactor: Any, port: int, factory: ServerFactory, host: str = ""
) -> DirectPort:
    """Listen on TCP ``port`` (0: any free one) of ``host`` with direct transports.

    :param host: an IP address; ``""`` for all IPv4 addresses, ``"::"`` for all.
    :raises twisted.internet.error.CannotListenError: the port is taken or forbidden.
    """
    listening = DirectPort(port, factory, BACKLOG, host, reactor)
    listening.startListening()
    return listening


#: How the proxy dials an instance: ``connect(host, port, factory, timeout_s)``; the
#: value returned is a connector with ``disconnect``.
Connect = Callable[[str, int, ClientFactory, float], Any]


def connector(reactor: Any) -> Connect:
    """Make the function that dials with direct transports on ``reactor``.

    Host names are resolved by the reactor's resolver, addresses are used as they are.
    """

    def connect(
        host: str, port: int, factory: ClientFactory, timeout_s: float
    ) -> DirectConnector:
        dialling = DirectConnector(host, port, factory, timeout_s, None, reactor)
        dialling.connect()
        return dialling

    return connect


__all__ = [
    "BACKLOG",
    "READ_BYTES",
    "Connect",
    "DirectClient",
    "DirectConnector",
    "DirectPort",
    "DirectServer",
    "connector",
    "listen",
]
