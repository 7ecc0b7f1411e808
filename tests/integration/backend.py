"""Servers behind the router, in the process of the tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeAlias

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IAddress, IProtocolFactory, IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

from tests.services import free_port, running_reactor, wait_for

#: Renders a page: its body, or ``NOT_DONE_YET`` if it will finish the request itself.
Page: TypeAlias = Callable[[Any], bytes | int]

#: Of each block.
BLOCK_BYTES = 64 * 1024

_BLOCK = hashlib.shake_256(b"block").digest(BLOCK_BYTES)


def block(number: int) -> bytes:
    """64 KiB that no other block equals: lost, doubled or moved ones are noticed."""
    return number.to_bytes(8, "big") + _BLOCK[8:]


class Server:
    """A listening port of a test; it and its connections are closed when that ends.

    :ivar address: ``127.0.0.1:PORT``.
    :ivar accepted: connections so far.
    """

    def __init__(self, testcase: SynchronousTestCase, factory: IProtocolFactory):
        self._connections = _Counting(self._wrapped(factory))
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._listening = running_reactor().listenTCP(
            self.port, self._connections, interface="127.0.0.1", backlog=500
        )
        testcase.addCleanup(self.close)

    def _wrapped(self, factory: IProtocolFactory) -> IProtocolFactory:
        """What serves a connection, with ``factory`` behind it."""
        return factory

    @property
    def accepted(self) -> int:
        return self._connections.accepted

    @property
    def open(self) -> int:
        """Connections right now."""
        return len(self._connections.protocols)

    async def close(self) -> None:
        """Stop listening and abort every connection."""
        await maybeDeferred(self._listening.stopListening)
        for connection in list(self._connections.protocols):
            connection.abortConnection()
        await wait_for(running_reactor(), lambda: not self.open, what="closing")

    @classmethod
    def of(cls, testcase: SynchronousTestCase, protocol: type[Protocol]) -> Server:
        """Serve each connection with a new ``protocol``."""
        factory = Factory.forProtocol(protocol)
        factory.noisy = False
        return cls(testcase, factory)


class _Counting(WrappingFactory[ProtocolWrapper]):
    noisy = False
    accepted = 0

    def buildProtocol(self, addr: IAddress | None) -> Any:
        self.accepted += 1
        return super().buildProtocol(addr)


class WebServer(Server):
    """An ordinary web server: keep-alive, and one page for every path.

    :param page: a text, or what renders it.
    :ivar served: requests so far.
    """

    def __init__(
        self, testcase: SynchronousTestCase, page: bytes | Page = b"web"
    ) -> None:
        self.served = 0
        site = _Site(_Root(self, page), timeout=None)
        super().__init__(testcase, site)


class _Site(Site):
    noisy = False

    def log(self, request: Any) -> None:
        pass


class _Root(Resource):
    isLeaf = True

    def __init__(self, server: WebServer, page: bytes | Page) -> None:
        super().__init__()
        self._server = server
        self._page = page

    def render(self, request: Any) -> bytes | int:
        self._server.served += 1
        page = self._page
        return page if isinstance(page, bytes) else page(request)


def digest_of_upload(request: Any) -> bytes:
    """Answer with the size and the SHA-256 of what was sent."""
    body = request.content.read()
    return b"%d %s" % (len(body), hashlib.sha256(body).hexdigest().encode())


def digest_of_blocks(count: int) -> str:
    """SHA-256 of the first ``count`` blocks."""
    digest = hashlib.sha256()
    for number in range(count):
        digest.update(block(number))
    return digest.hexdigest()


@implementer(IPushProducer)
class Blocks:
    """Sends blocks as a response's body, as fast as they are taken.

    :ivar sent_bytes: handed to the transport so far.
    :ivar cut: the request ended before all were sent.
    """

    def __init__(self, request: Request, count: int, chunked: bool = False) -> None:
        self._request = request
        self._count = count
        self._next = 0
        self._paused = False
        self.cut = False
        request.notifyFinish().addErrback(self._cut)
        if not chunked:
            request.setHeader("Content-Length", str(count * BLOCK_BYTES))
        request.registerProducer(self, True)
        self.resumeProducing()

    @property
    def sent_bytes(self) -> int:
        return self._next * BLOCK_BYTES

    def resumeProducing(self) -> None:
        self._paused = False
        while not self._paused and self._next < self._count:
            self._next += 1
            self._request.write(block(self._next - 1))
        if self._next == self._count and not self.cut:
            self._count = -1
            self._request.unregisterProducer()
            self._request.finish()

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._paused = True

    def _cut(self, reason: object) -> None:
        self.cut = self._paused = True


def blocks_page(count: int, chunked: bool = False) -> Page:
    """A page of ``count`` blocks."""

    def page(request: Any) -> int:
        Blocks(request, count, chunked)
        return NOT_DONE_YET

    return page


class BlockFile:
    """Blocks as a file, which remembers how far it was read."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.read_bytes = 0

    def read(self, size: int) -> bytes:
        number = self.read_bytes // BLOCK_BYTES
        if number == self._count:
            return b""
        self.read_bytes += BLOCK_BYTES
        return block(number)

    def close(self) -> None:
        """Nothing is open."""
