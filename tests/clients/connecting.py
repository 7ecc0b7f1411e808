"""A server that a test plays, on connections in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IResponse

from twisted_router.clients.connections import KeptConnections
from twisted_router.clients.transport import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Server(StringTransport):
    """The server's side of one connection.

    :ivar client: the protocol on the other side.
    """

    client: IProtocol

    def asked(self) -> bytes:
        """What came since the last call."""
        data = self.value()
        self.clear()
        return bytes(data)

    def says(self, data: bytes) -> None:
        self.client.dataReceived(data)

    def leave(self, reason: Exception | None = None) -> None:
        self.client.connectionLost(Failure(reason or ConnectionDone()))


class Endpoint:
    """Connects at once.

    :ivar servers: of the connections so far.
    """

    def __init__(self) -> None:
        self.servers: list[Server] = []

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        server = Server()
        client: Any = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 8500))
        server.client = client
        self.servers.append(server)
        client.makeConnection(server)
        return succeed(client)


class ConnectionsTestCase(SynchronousTestCase):
    """Connections to a server that the test plays."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint()
        self.connections = self.made()

    def made(self, **more: Any) -> KeptConnections:
        endpoint: Any = self.endpoint
        return KeptConnections(endpoint, self.clock, **more)

    def ask(self, uri: bytes = b"http://consul:8500/v1/x?y=1") -> Deferred[IResponse]:
        return self.connections.request(b"GET", uri)

    def body_of(self, asking: Deferred[IResponse]) -> bytes:
        """The body of an answer that is there."""
        agent: Any = type("Answered", (), {"request": lambda *_: asking})()
        transport = Transport(agent, self.clock, "consul")
        return self.successResultOf(
            transport.request("GET", "http://consul/", None, None, 10)
        ).body
