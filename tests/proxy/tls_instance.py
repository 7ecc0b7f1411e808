"""An instance that speaks TLS, in memory: a real handshake over lists of bytes."""

from __future__ import annotations

from OpenSSL import crypto
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.clients.authority import Authority

from .harness import MemoryTransport


def server_options(host: str, authority: Authority) -> CertificateOptions:
    """What a server for ``host`` shows."""
    certificate, key = authority.issue(host)
    return CertificateOptions(
        privateKey=crypto.load_privatekey(crypto.FILETYPE_PEM, key),
        certificate=crypto.load_certificate(crypto.FILETYPE_PEM, certificate),
        acceptableProtocols=[b"http/1.1"],
    )


class _Inside(Protocol):
    """What the instance reads and writes behind its TLS."""

    def __init__(self) -> None:
        self.received = bytearray()

    def dataReceived(self, data: bytes) -> None:
        self.received += data


class TlsInstance:
    """The instance's end of a connection that the router dials.

    :param wire: the router's end, below its TLS.
    :ivar inside: what the instance sees of the connection.
    """

    def __init__(
        self, clock: Clock, wire: MemoryTransport, options: CertificateOptions
    ) -> None:
        self._clock = clock
        self.wire = wire
        self.inside = _Inside()
        factory = Factory.forProtocol(lambda: self.inside)
        tls = TLSMemoryBIOFactory(options, False, factory, clock)
        self._tls = tls.buildProtocol(None)
        self._below = StringTransport()
        self._tls.makeConnection(self._below)
        self.pump()

    @property
    def server_name(self) -> bytes | None:
        """The name that the router asked for (SNI)."""
        name: bytes | None = self._tls.getHandle().get_servername()
        return name

    def pump(self) -> None:
        """Carry bytes both ways until there are none, or the router does not read."""
        while True:
            self._clock.advance(0)
            to_instance = self.wire.take()
            if to_instance:
                self._tls.dataReceived(to_instance)
                self._clock.advance(0)
            if not self.wire.reading or self.wire.lost:
                return
            to_router = self._below.value()
            self._below.clear()
            if to_router:
                self.wire.deliver(to_router)
            if not (to_instance or to_router):
                return

    def take(self) -> bytes:
        """What the instance has read since the last call."""
        self.pump()
        data = bytes(self.inside.received)
        self.inside.received.clear()
        return data

    def send(self, data: bytes) -> None:
        """The instance sends this."""
        assert self.inside.transport is not None
        self.inside.transport.write(data)
        self.pump()

    def say_goodbye(self) -> None:
        """The instance ends its TLS in order, and then the connection."""
        assert self.inside.transport is not None
        self.inside.transport.loseConnection()
        self.pump()
