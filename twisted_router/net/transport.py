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
from functools import update_wrapper
from types import FunctionType
from typing import Any, TypeVar

from twisted.internet import tcp
from twisted.internet.interfaces import IProtocol
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import ClientFactory, ServerFactory
from twisted.python.failure import Failure

#: Bytes read from a socket at once, and so the most that a relay holds of a direction.
READ_BYTES = 64 * 1024

#: Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.
BACKLOG = 4096


_Transport = TypeVar("_Transport")

# Note [Why each transport has code of its own]
# CPython's interpreter (from 3.11 on) remembers at each access to an attribute which
# class it met there and where that keeps it. Code that meets two classes in turn keeps
# forgetting, and a default on a class is not remembered at all. Both transports have
# copies of the methods that every request runs through, therefore, and set on
# themselves what these look at.


def _with_own_code(transport: type[_Transport]) -> type[_Transport]:
    """Copy what every request runs through; none of it may use ``super()``."""
    for name in "doRead", "write", "flush", "_collect", "_send":
        method: Any = getattr(transport, name)
        copied = FunctionType(method.__code__.replace(), method.__globals__, name)
        setattr(transport, name, update_wrapper(copied, method))
    return transport


class _DirectConnection(tcp.Connection):
    """What server and client transports share: direct reads, collected writes."""

    reactor: Any
    producer: Any

    # Whether sending found that the peer has reset the connection. The kernel tells
    # that once: reading on gives what came before, and then what looks like the end.
    _reset = False

    # Whether the peer sends no more, and the protocol knows.
    _read_ended = False

    def _prepare(self) -> None:
        """Set what every read and write looks at; see the note above."""
        # The reactor's list, if it has one, and whether this transport is on it.
        self._collecting: list[Any] | None = getattr(self.reactor, "collected", None)
        self._collected = False
        self.connected = self.disconnecting = self.offset = 0
        self._writeDisconnecting = self._writeDisconnected = self._aborting = False
        self.dataBuffer = b""

    def doRead(self) -> BaseException | None:  # type: ignore[override]  # wider, as used
        """Read once and hand it to the protocol."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_LOST if self._reset else CONNECTION_DONE
        self.protocol.dataReceived(data)
        return None

    def readConnectionLost(self, reason: Failure) -> None:
        """Tell the protocol that the peer sends no more, once."""
        self._read_ended = True
        super().readConnectionLost(reason)

    def resumeProducing(self) -> None:
        """Read on, unless there is nothing more to come."""
        if not self._read_ended:
            super().resumeProducing()

    def doWrite(  # type: ignore[override]  # as FileDescriptor has it
        self,
    ) -> BaseException | int | None:
        """Send more of what the kernel did not take at once."""
        # Twisted's own asks this whether more was written; counted only where needed.
        self._tempDataLen = sum(map(len, self._tempDataBuffer))
        outcome: BaseException | int | None = super().doWrite()
        if self._writeDisconnecting and outcome is None and not self._collected:
            # Where a producer was paused, this has resumed it and done no more.
            self._collect()
        return outcome

    def write(self, data: bytes) -> None:
        """Send ``data``, soon and in order. Never blocks, never raises.

        Ignored when the connection is gone, aborted or half-closed; and after
        :meth:`loseConnection`, unless a producer was registered then.
        """
        if self.connected and data and not self._writeDisconnected:
            self._tempDataBuffer.append(data)
            if not self._collected:
                self._collect()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send all of ``iovec``; see :meth:`write`."""
        self.write(b"".join(iovec))

    def loseConnection(self, *args: Any, **kwargs: Any) -> None:
        """Close when everything written has gone out."""
        if self.connected and not self.disconnecting and not self._aborting:
            self.stopReading()
            self.disconnecting = 1
            if self.producer is None:
                self._writeDisconnected = True
            if not self._collected:
                self._collect()

    def loseWriteConnection(self) -> None:
        """Close the sending direction when everything written has gone out."""
        if (
            self.connected
            and not self.disconnecting
            and not self._writeDisconnecting
            and not self._aborting
        ):
            self._writeDisconnecting = True
            if not self._collected:
                self._collect()

    def abortConnection(self) -> None:
        """Close at once: what waits is dropped, and the peer sees a reset."""
        super().abortConnection()
        self._writeDisconnected = True
        self._tempDataBuffer.clear()
        self.dataBuffer = b""
        self.offset = 0

    def _collect(self) -> None:
        collected = self._collecting
        if collected is not None:
            self._collected = True
            collected.append(self)
        elif self.disconnecting or self._writeDisconnecting:
            # Not the lean reactor. Callers do not expect connectionLost before their
            # own call has returned.
            self._collected = True
            self.reactor.callLater(0, self.flush)
        else:
            self._send()

    def flush(self) -> None:
        """Send what was written in this turn, and close if that was the last."""
        self._collected = False
        if not self.connected or self._aborting:
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
        """Send what waits; whether nothing waits any more and nothing is to come."""
        if self.offset < len(self.dataBuffer):
            # The kernel was full before; its writability event goes on from there.
            self._pause_producer()
            return False
        waiting = self._tempDataBuffer
        if waiting:
            data = waiting[0] if len(waiting) == 1 else b"".join(waiting)
            waiting.clear()
            try:
                sent = self.socket.send(data)
            except BlockingIOError:
                sent = 0
            except BrokenPipeError:
                # The peer closed in order, and then refused what we sent. The loop
                # reads what it said before it finds that out in its turn.
                sent = 0
            except OSError:
                sent = 0
                self._reset = True
            if sent < len(data):
                self.dataBuffer = data
                self.offset = sent
                self.startWriting()
                self._pause_producer()
                return False
        if self.producer is not None and not self.streamingProducer:
            # A pull producer is asked for more by the writability event.
            self.startWriting()
            return False
        return True

    def _pause_producer(self) -> None:
        if self.producer is not None and self.streamingProducer:
            self.producerPaused = True
            self.producer.pauseProducing()

    @property
    def unsent_bytes(self) -> int:
        """How many written bytes the kernel has not taken yet."""
        collected = sum(map(len, self._tempDataBuffer))
        return len(self.dataBuffer) - self.offset + collected


@_with_own_code
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
        self._prepare()
        if len(client) != 2:
            self._addressType = server._addressType
        self.server = server
        self.client = client
        self.sessionno = sessionno
        self.hostname = client[0]
        self.connected = 1
        self.startReading()


def _do_nothing() -> None:
    """Stands in for what an attempt that has failed would do."""


@_with_own_code
class DirectClient(_DirectConnection, tcp.Client):
    """The transport of a connection we opened."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._prepare()

    def createInternetSocket(self) -> socket.socket:
        """Create the socket so that small heads are never held back (Nagle)."""
        sock: socket.socket = super().createInternetSocket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    # Twisted's client keeps bound methods of its own while it connects, and takes
    # them away only when it has: an attempt that fails or is given up would be a
    # cycle, and stay until the garbage collector stops everything to look for it.

    def doConnect(self) -> None:
        """Go on with the attempt, unless it was given up before it began."""
        if hasattr(self, "connector"):
            super().doConnect()

    def failIfNotConnected(self, err: Exception | Failure) -> None:
        """Give the attempt up, and leave nothing of it behind."""
        super().failIfNotConnected(err)
        if not self.connected:
            # Not taken away: the loop may be about to call the other of the two.
            self.doRead = self.doWrite = _do_nothing  # type: ignore[method-assign]


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

    def connectionLost(self, reason: Failure) -> None:
        """Tell the factory, and let go of the transport, which holds us."""
        super().connectionLost(reason)
        if self.state == "disconnected":
            self.transport = None


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

    A timeout of 0 is none but the kernel's. Host names are resolved by the reactor's
    resolver, addresses are used as they are.
    """

    def connect(
        host: str, port: int, factory: ClientFactory, timeout_s: float
    ) -> DirectConnector:
        # Twisted reads 0 as "at once", and None as none.
        limit_s: Any = timeout_s or None
        dialling = DirectConnector(host, port, factory, limit_s, None, reactor)
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
