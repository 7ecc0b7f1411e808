"""A reactor for one test, driven by hand, and protocols that remember."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_router.net.reactor import LeanEPollReactor
from twisted_router.net.transport import DirectPort, connector, listen

#: More than the kernel holds on the way to a peer that does not read.
MANY_BYTES = 1_500_000

#: Seconds of real time that anything on loopback may take.
LIMIT_S = 20.0

LOOPBACK = "127.0.0.1"


class Recorder(Protocol):
    """Remembers what happened to it.

    :ivar events: names of the callbacks, in their order, data left out.
    :ivar lost: why the connection ended.
    """

    transport: Any

    def __init__(self) -> None:
        self.received = bytearray()
        self.events: list[str] = []
        self.lost: Failure | None = None
        #: Called with each piece of data.
        self.on_data: Callable[[bytes], object] = lambda data: None
        self.on_lost: Callable[[], object] = lambda: None

    @property
    def end(self) -> type[BaseException] | None:
        """The kind of end that the connection had, if it had one."""
        return self.lost.type if self.lost is not None else None

    def connectionMade(self) -> None:
        self.events.append("made")

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self.on_data(data)

    def connectionLost(self, reason: Failure = Protocol.connectionLost) -> None:  # type: ignore[assignment]
        self.events.append("lost")
        self.lost = reason
        self.on_lost()


@implementer(IHalfCloseableProtocol)
class HalfRecorder(Recorder):
    """One that is told of half-closed connections."""

    def readConnectionLost(self) -> None:
        self.events.append("read lost")

    def writeConnectionLost(self) -> None:
        self.events.append("write lost")


class Producer:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


class Recorders(ServerFactory):
    """Makes recorders of one kind, and keeps them."""

    noisy = False

    def __init__(self, kind: type[Recorder]) -> None:
        self.kind = kind
        self.made: list[Recorder] = []

    def buildProtocol(self, address: object) -> Recorder:
        recorder = self.kind()
        self.made.append(recorder)
        return recorder


class Dialling(ClientFactory):
    """Makes one recorder, and remembers why there was none."""

    noisy = False

    def __init__(self, kind: type[Recorder] = Recorder) -> None:
        self.protocol_made = kind()
        self.failed: Failure | None = None

    def buildProtocol(self, address: object) -> Recorder:
        return self.protocol_made

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self.failed = reason


class CountingSocket:
    """A socket that remembers its sends.

    :ivar sends: how many bytes each of them was to send.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.sends: list[int] = []

    def send(self, data: bytes) -> int:
        self.sends.append(len(data))
        return self._socket.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class LoopTestCase(SynchronousTestCase):
    """A test with a reactor of its own, which goes round when the test says so."""

    make_reactor: Callable[[], Any] = LeanEPollReactor

    def setUp(self) -> None:
        self.reactor = type(self).make_reactor()
        self.addCleanup(self._close_reactor)

    def _close_reactor(self) -> None:
        reactor = self.reactor
        for call in reactor.getDelayedCalls():
            call.cancel()
        reactor._internalReaders.discard(reactor.waker)
        for selectable in set(reactor.removeAll()) | {reactor.waker}:
            selectable.connectionLost(Failure(ConnectionError("end of test")))
        if hasattr(reactor, "_poller") and hasattr(reactor._poller, "close"):
            reactor._poller.close()

    def turn(self, count: int = 1) -> None:
        """Let the reactor go round without waiting."""
        for _ in range(count):
            self.reactor.iterate(0)

    def run_until(self, condition: Callable[[], object]) -> None:
        """Let the reactor go round until ``condition`` holds; fail if it does not."""
        end_s = time.monotonic() + LIMIT_S
        while not condition():
            if time.monotonic() > end_s:
                self.fail("it never came to that")
            # Short, since what it waits for may be no event of this reactor.
            self.reactor.iterate(0.001)

    def listen(self, factory: ServerFactory, host: str = LOOPBACK) -> DirectPort:
        """A port that direct transports come from."""
        return listen(self.reactor, 0, factory, host)

    def accept(self, kind: type[Recorder] = Recorder) -> tuple[Any, socket.socket]:
        """A recorder on a direct transport, and the socket of its peer."""
        factory = Recorders(kind)
        port = self.listen(factory)
        peer = self.connect_socket(port.getHost().port)
        self.run_until(lambda: factory.made)
        return factory.made[0], peer

    def dial(self, kind: type[Recorder] = Recorder) -> tuple[Any, socket.socket]:
        """A recorder on a direct client transport, and the socket of its peer."""
        listening = socket.create_server((LOOPBACK, 0))
        self.addCleanup(listening.close)
        dialling = Dialling(kind)
        connector(self.reactor)(LOOPBACK, listening.getsockname()[1], dialling, LIMIT_S)
        self.run_until(lambda: dialling.protocol_made.events)
        return dialling.protocol_made, self._own(listening.accept()[0])

    def connect_socket(self, port: int, host: str = LOOPBACK) -> socket.socket:
        """A plain socket, connected; closed with the test."""
        return self._own(socket.create_connection((host, port), LIMIT_S))

    def _own(self, sock: socket.socket) -> socket.socket:
        sock.settimeout(LIMIT_S)
        self.addCleanup(sock.close)
        return sock

    def receive(self, peer: socket.socket, size: int) -> bytes:
        """So many bytes, or as many as come before the end; the loop goes round."""
        return self.receive_until(peer, lambda received: len(received) >= size)

    def receive_all(self, peer: socket.socket) -> bytes:
        """Everything up to the end of the connection; the loop goes round."""
        return self.receive_until(peer, lambda received: False)

    def receive_until(
        self, peer: socket.socket, enough: Callable[[bytearray], bool]
    ) -> bytes:
        """What came until it was enough, or the connection ended."""
        received = bytearray()
        peer.setblocking(False)

        def step() -> bool:
            try:
                data = peer.recv(65536)
            except BlockingIOError:
                return False
            received.extend(data)
            return not data or enough(received)

        self.run_until(step)
        return bytes(received)


def reset(peer: socket.socket) -> None:
    """Close so that the other side gets a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def keep_small(transport: Any) -> None:
    """Let the kernel keep little of what ``transport`` sends, whatever its default."""
    transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)


def pattern(size: int) -> bytes:
    """``size`` bytes in which a piece that is lost or moved would show."""
    line = b"".join(b"%07d\n" % number for number in range(size // 8 + 1))
    return line[:size]
