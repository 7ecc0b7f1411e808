"""Serves the embedded catalog, for development and tests.

It is no cluster and keeps nothing: what was registered is gone when the process is,
every client may do everything, and there is one node. It listens on loopback unless
told otherwise. Whoever outgrows one machine runs Consul.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.server import Request, Site

from .kv import VALUE_LIMIT_BYTES
from .model import Node
from .probing import Prober
from .resource import CatalogResource
from .store import CatalogStore

#: Addresses to listen on that no client can dial.
_WILDCARDS = ("", "0.0.0.0", "::")

_IDLE_S = 60.0

#: Seconds that a client has to take its last answer when the catalog stops.
_GRACE_S = 1.0

#: Blocked queries (see :class:`.store.Limits`), and as many that do something.
_CONNECTION_LIMIT = 512


class CatalogService(Service):
    """Listens, and answers from a store that begins empty.

    :param reactor: for time and connections.
    :param port: 0 for any free one.
    :param node: name of the one node.
    :ivar port: the port it listens on, once started.
    :ivar store: what it serves, from start to stop.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        host: str = "127.0.0.1",
        port: int = 8500,
        node: str = "dev",
    ) -> None:
        self._reactor = reactor
        self.host = host
        self.port = port
        self.store = CatalogStore(
            reactor,
            Prober(reactor).run,
            random.Random(),
            Node(node, "127.0.0.1" if host in _WILDCARDS else host),
        )
        site = _CatalogSite(self.store, reactor)
        self._connections = _Connections(reactor, site)
        self._listening: IListeningPort | None = None

    def startService(self) -> None:
        """Listen.

        :raises twisted.internet.error.CannotListenError: the port is taken.
        """
        listening = self._reactor.listenTCP(
            self.port, self._connections, interface=self.host
        )
        self._listening = listening
        self.port = listening.getHost().port
        super().startService()
        self._log.info(
            "catalog: embedded, for development, on http://{host}:{port}",
            host=self.host,
            port=self.port,
        )

    def stopService(self) -> Deferred[None]:
        """Listen no more, answer who waits, hang up; fires when all are gone."""
        super().stopService()
        listening, self._listening = self._listening, None
        if listening is None:
            return succeed(None)
        closed: Deferred[object] = maybeDeferred(listening.stopListening)
        self.store.close()
        return closed.addCallback(lambda _: self._connections.close())


class _BoundedRequest(Request):
    """Keeps no more of a body than it takes to see that it is too long.

    Twisted keeps one of 100,000 bytes or more, or of unknown length, in a file.
    """

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        limit = VALUE_LIMIT_BYTES
        super().gotLength(limit if length is None else min(length, limit))

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        content: Any = self.content
        room = VALUE_LIMIT_BYTES + 1 - content.tell()
        super().handleContentChunk(data[:room])


class _CatalogSite(Site):
    noisy = False

    def __init__(self, store: CatalogStore, reactor: Any) -> None:
        super().__init__(
            CatalogResource(store, random.Random()),
            requestFactory=_BoundedRequest,
            timeout=_IDLE_S,
            reactor=reactor,
        )

    def log(self, request: Any) -> None:
        """Log no requests: watchers come back once a minute, for ever."""


class _Connections(WrappingFactory[ProtocolWrapper]):
    """Knows the open connections, so that they can be closed."""

    noisy = False

    def __init__(self, reactor: Any, site: Site) -> None:
        super().__init__(site)
        self._reactor = reactor
        self._all_gone: Deferred[None] | None = None

    def buildProtocol(self, addr: Any) -> Any:
        if len(self.protocols) >= _CONNECTION_LIMIT:
            return None
        return super().buildProtocol(addr)

    def unregisterProtocol(self, p: ProtocolWrapper) -> None:  # noqa: N802 - Twisted's
        super().unregisterProtocol(p)
        if self._all_gone is not None and not self.protocols:
            self._all_gone.callback(None)

    def close(self) -> Deferred[None]:
        """Close every connection; fires when the last one is gone."""
        if not self.protocols:
            return succeed(None)
        self._all_gone = Deferred()
        impatience: IDelayedCall = self._reactor.callLater(_GRACE_S, self._abort)
        self._all_gone.addCallback(
            lambda _: impatience.cancel() if impatience.active() else None
        )
        for connection in list(self.protocols):
            connection.loseConnection()
        return self._all_gone

    def _abort(self) -> None:
        for connection in list(self.protocols):
            connection.transport.abortConnection()
