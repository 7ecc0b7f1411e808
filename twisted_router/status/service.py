"""The status site as a service: listens, and bounds what its clients can take."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IReactorTime,
)
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Cooperator
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from ..config.schema import StatusConfig
from .credentials import Credentials
from .events import EventsPage
from .explain import ExplainPage
from .facts import StatusFacts
from .guard import GuardPage
from .health import AlivePage, HealthPage
from .metrics import MetricsPage
from .page import NotFound
from .routes import RoutesPage
from .services import ServicesPage
from .varz import VarzPage

#: A client that says nothing for this long is cut off; gorouter's value.
_IDLE_TIMEOUT_S = 10
#: How long a connection may last: one request, even if its client reads slowly. Twisted
#: has no limit once the answer is handed to the transport.
_MAX_CONNECTION_S = 30
#: Connections at once; those beyond are closed as they come.
_MAX_CONNECTIONS = 128
#: How long a large page is worked on before requests have their turn.
_SLICE_S = 0.001


class StatusService(Service):
    """Serves ``/health``, ``/routes``, ``/explain``, ``/events`` and the figures.

    :param reactor: for time, and to listen.
    """

    _log = Logger()

    def __init__(self, reactor: Any, config: StatusConfig, facts: StatusFacts) -> None:
        self._reactor = reactor
        self._config = config
        self._cooperator = Cooperator(
            terminationPredicateFactory=self._slice,
            scheduler=lambda step: reactor.callLater(0, step),
            started=False,
        )
        root = NotFound()
        credentials = Credentials(config.user, config.pass_)
        pages: dict[bytes, Resource] = {
            b"health": HealthPage(facts),
            b"healthz": HealthPage(facts),
            b"is-process-alive-do-not-use-for-loadbalancing": AlivePage(),
            b"routes": RoutesPage(facts, self._cooperator, credentials),
            b"explain": ExplainPage(facts.explain, credentials),
            b"events": EventsPage(facts.events, credentials),
            b"guard": GuardPage(facts.guard, credentials),
            b"services": ServicesPage(facts.services, credentials),
            b"metrics": MetricsPage(facts, reactor, credentials),
            b"varz": VarzPage(facts, reactor, self._address, credentials),
        }
        for path, page in pages.items():
            root.putChild(path, page)
        site = _Site(
            root,
            requestFactory=_Request,
            parsePOSTFormSubmission=False,
            timeout=_IDLE_TIMEOUT_S,
            reactor=reactor,
        )
        self._connections = _Connections(site, reactor)
        self._port: IListeningPort | None = None

    @property
    def port(self) -> int:
        """The port it listens on, 0 while it does not."""
        if self._port is None:
            return 0
        return cast(IPv4Address | IPv6Address, self._port.getHost()).port

    def privilegedStartService(self) -> None:
        """Listen, while the process may still take any port.

        :raises CannotListenError: the port is taken; the message names it.
        """
        super().privilegedStartService()
        self._listen()

    def startService(self) -> None:
        """Begin to serve.

        :raises CannotListenError: the port is taken; the message names it.
        """
        self._listen()
        super().startService()
        self._cooperator.start()

    def stopService(self) -> Deferred[Any]:
        """Stop listening, and cut off whoever is being served."""
        super().stopService()
        self._connections.abort_all()
        self._cooperator.stop()
        port, self._port = self._port, None
        return succeed(None) if port is None else maybeDeferred(port.stopListening)

    def _listen(self) -> None:
        if self._port is None:
            self._port = self._reactor.listenTCP(
                self._config.port, self._connections, interface=self._config.host
            )
            self._log.info("status: http://{address}/", address=self._address())

    def _address(self) -> str:
        host = self._config.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def _slice(self) -> Callable[[], bool]:
        """Give a test for the end of the time that starts now."""
        end_s = self._reactor.seconds() + _SLICE_S
        return lambda: self._reactor.seconds() >= end_s


class _Connection(ProtocolWrapper):
    """A connection that does not last forever."""

    factory: _Connections
    _end: IDelayedCall

    def makeConnection(self, transport: Any) -> None:
        super().makeConnection(transport)
        self._end = self.factory.clock.callLater(
            _MAX_CONNECTION_S, transport.abortConnection
        )

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._end.active():
            self._end.cancel()
        super().connectionLost(reason)


class _Connections(WrappingFactory[_Connection]):
    """Knows the connections of a site, and accepts only so many."""

    noisy = False
    protocol = _Connection

    def __init__(self, site: Site, clock: IReactorTime) -> None:
        super().__init__(site)
        self.clock = clock

    def buildProtocol(self, addr: IAddress | None) -> Any:
        if len(self.protocols) >= _MAX_CONNECTIONS:
            return None
        return super().buildProtocol(addr)

    def abort_all(self) -> None:
        for connection in list(self.protocols):
            connection.abortConnection()


class _Site(Site):
    """A site whose visitors, who come every few seconds, do not fill the log."""

    noisy = False

    def log(self, request: Any) -> None:
        pass


class _Request(Request):
    """A request whose body, which no page reads, is not kept."""

    def gotLength(self, length: int | None) -> None:  # noqa: N802 (Twisted's)
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 (Twisted's)
        pass

    def process(self) -> None:
        if self.path == b"*":  # or Twisted answers by itself, with its name and version
            self.path = b"/*"
        super().process()
