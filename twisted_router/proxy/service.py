"""The proxy as a service: listens, and at stop lets requests finish."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from ..net.transport import DirectPort, listen
from . import errors
from .downstream import ClientConnection
from .engine import Engine

#: How often a stopping proxy looks whether its clients are done, in seconds.
_DRAIN_POLL_S = 0.1

#: How often request rates are worked out, in seconds.
_TICK_S = 1.0


class ClientFactory(ServerFactory):
    """Makes the protocol of each accepted connection."""

    noisy = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def buildProtocol(self, address: Any) -> Any:
        """Serve a client, or turn it away when there are too many."""
        engine = self._engine
        most = engine.config.max_connections
        if most and engine.counters.clients >= most:
            return _TurnedAway(engine)
        host = address.host
        if host.startswith("::ffff:"):
            # An IPv4 client of a listener for both families.
            host = host[7:]
        shown = f"[{host}]" if ":" in host else host
        return ClientConnection(
            engine, (host.encode("ascii"), f"{shown}:{address.port}".encode("ascii"))
        )


class _TurnedAway:
    """Says 503 to a connection over the limit, whatever it asks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def makeConnection(self, transport: Any) -> None:
        page = errors.too_many_connections()
        self._engine.counters.count_error(page.status)
        transport.write(errors.render(page, b"", True, self._engine.date()))
        transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """It is not read."""

    def connectionLost(self, reason: Any) -> None:
        """It is gone."""


class ProxyService(Service):
    """Listens for clients.

    At stop it serves on for ``drain_wait`` seconds (while ``/health`` already says
    503), then takes no new connections, closes idle ones and waits up to
    ``drain_timeout`` seconds for the others. What is then left is cut.
    """

    name = "proxy"
    _log = Logger()

    def __init__(self, engine: Engine, reactor: Any, clock: IReactorTime) -> None:
        self._engine = engine
        self._reactor = reactor
        self._clock = clock
        self._factory = ClientFactory(engine)
        self._listening: DirectPort | None = None
        self._timer: IDelayedCall | None = None
        self._ticker: IDelayedCall | None = None
        self._ticked_s = 0.0

    @property
    def port(self) -> int:
        """The port it listens on, 0 when it does not."""
        return self._listening.getHost().port if self._listening is not None else 0

    def privilegedStartService(self) -> None:
        """Listen, while the process may still take any port.

        :raises twisted.internet.error.CannotListenError: the port is taken.
        """
        super().privilegedStartService()
        self._listen()

    def startService(self) -> None:
        """Serve.

        :raises twisted.internet.error.CannotListenError: the port is taken.
        """
        self._listen()
        super().startService()
        self._engine.sweeper.start()
        self._ticked_s = self._clock.seconds()
        self._ticker = self._clock.callLater(_TICK_S, self._tick)

    def _listen(self) -> None:
        if self._listening is None:
            config = self._engine.config
            self._listening = listen(
                self._reactor, config.port, self._factory, config.host
            )
            self._log.info("proxy: port {port}", port=self.port)

    def _tick(self) -> None:
        """Move the request rates on."""
        self._ticker = self._clock.callLater(_TICK_S, self._tick)
        now_s = self._clock.seconds()
        self._engine.counters.tick(now_s - self._ticked_s)
        self._ticked_s = now_s

    def stopService(self) -> Deferred[None]:
        """Stop as the class says; fires when the last connection is gone."""
        super().stopService()
        done: Deferred[None] = Deferred()
        self._engine.draining = True
        wait_s = self._engine.config.drain_wait
        if wait_s > 0:
            # Also without clients: whoever sends them has to notice /health first.
            self._timer = self._clock.callLater(wait_s, self._close_listener, done)
        else:
            self._close_listener(done)
        return done

    def _close_listener(self, done: Deferred[None]) -> None:
        self._timer = None
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.stopListening()
        for connection in list(self._engine.clients):
            connection.drain()
        until_s = self._clock.seconds() + self._engine.config.drain_timeout
        self._await_clients(done, until_s)

    def _await_clients(self, done: Deferred[None], until_s: float) -> None:
        self._timer = None
        connections = self._engine.clients
        if connections and self._clock.seconds() < until_s:
            self._timer = self._clock.callLater(
                _DRAIN_POLL_S, self._await_clients, done, until_s
            )
            return
        if connections:
            self._log.warn("cutting {count} connections", count=len(connections))
            for connection in list(connections):
                connection.abort()
        self._engine.pool.close_idle()
        self._engine.sweeper.stop()
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        done.callback(None)
