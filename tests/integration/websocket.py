"""Both ends of a WebSocket that goes through a router, of a real library."""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.integration.backend import Server
from tests.integration.router import Router
from tests.services import running_reactor, wait_for

#: Autobahn's timers would outlive the test.
_PATIENT = {"openHandshakeTimeout": 0, "closeHandshakeTimeout": 0}


class Echo(WebSocketServerProtocol):
    """Sends every message back; ``close me`` and ``ping me`` are commands."""

    def onConnect(self, request: Any) -> str:  # noqa: N802
        return str(request.protocols[0])

    def onMessage(self, payload: bytes, is_binary: bool) -> None:  # noqa: N802
        if payload == b"close me":
            self.sendClose(4001, "as you wish")
        elif payload == b"ping me":
            self.sendPing(b"are you there")
        else:
            self.sendMessage(payload, is_binary)

    def onPong(self, payload: bytes) -> None:  # noqa: N802
        self.sendMessage(b"pong: " + payload)


class Visitor(WebSocketClientProtocol):
    """Keeps what it hears.

    :ivar heard: messages, and ``("pong", payload)``.
    :ivar ended: (clean, code, reason) once the connection is gone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.opening: Deferred[None] = Deferred()
        self.heard: list[Any] = []
        self.ended: tuple[bool, int, str] | None = None

    def onOpen(self) -> None:  # noqa: N802
        self.opening.callback(None)

    def onMessage(self, payload: bytes, is_binary: bool) -> None:  # noqa: N802
        self.heard.append(payload if is_binary else payload.decode())

    def onPong(self, payload: bytes) -> None:  # noqa: N802
        self.heard.append(("pong", payload))

    def onClose(self, clean: bool, code: int, reason: str) -> None:  # noqa: N802
        self.ended = (clean, code, reason)

    async def hears(self) -> Any:
        """Wait for the next message."""
        await wait_for(running_reactor(), lambda: self.heard, what="a message")
        return self.heard.pop(0)

    async def end(self) -> tuple[bool, int, str]:
        """Wait for the end."""
        await wait_for(running_reactor(), lambda: self.ended, what="the close")
        assert self.ended is not None
        return self.ended


def echo_server(testcase: TestCase) -> Server:
    """Serve :class:`Echo`."""
    factory = WebSocketServerFactory(protocols=["echo"])
    factory.setProtocolOptions(**_PATIENT, echoCloseCodeReason=True)
    factory.noisy = False
    factory.protocol = Echo
    return Server(testcase, factory)


async def visit(testcase: TestCase, router: Router, uri: str) -> Visitor:
    """Open a WebSocket to ``host/path`` through the router."""
    host, _, path = uri.partition("/")
    url = f"ws://{host}:{router.port}/{path}"
    factory = WebSocketClientFactory(url, protocols=["echo"])
    factory.setProtocolOptions(**_PATIENT)
    factory.noisy = False
    visitor = Visitor()
    factory.protocol = lambda: visitor
    connector = running_reactor().connectTCP("127.0.0.1", router.port, factory)

    async def leave() -> None:
        connector.disconnect()
        await visitor.end()

    testcase.addCleanup(leave)
    await visitor.opening.addTimeout(10, running_reactor())
    return visitor
