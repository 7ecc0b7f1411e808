"""A client that sends exactly the bytes it is told to, and leaves when it likes."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.services import running_reactor, wait_for


class RawClient(Protocol):
    """One connection to the router.

    :ivar received: everything that came.
    :ivar lost: why it is closed, ``None`` while it is open.
    """

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.lost: Failure | None = None

    @classmethod
    async def to(
        cls, testcase: SynchronousTestCase, port: int, data: bytes = b""
    ) -> RawClient:
        """Connect to a port here, and send ``data``; the test's end closes it again."""
        endpoint = TCP4ClientEndpoint(running_reactor(), "127.0.0.1", port)
        client: RawClient = await connectProtocol(endpoint, cls())
        testcase.addCleanup(client.leave)
        client.transport.write(data)
        return client

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason

    async def receives(self, data: bytes) -> None:
        """Wait until ``data`` was received."""
        await wait_for(
            running_reactor(), lambda: data in self.received, what=f"{data!r}"
        )

    async def closed(self) -> Failure:
        """Wait until the connection is closed; why it was."""
        await wait_for(running_reactor(), lambda: self.lost, what="closing")
        assert self.lost is not None
        return self.lost

    async def leave(self) -> None:
        """Reset the connection."""
        if self.lost is None:
            self.transport.abortConnection()
            await self.closed()
