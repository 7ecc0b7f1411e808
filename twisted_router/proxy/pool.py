"""Connections to instances: dialling new ones, keeping idle ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from ..net.transport import Connect
from ..routing.state import Candidate, InstanceState
from .tls_upstream import TlsInstanceConnection
from .upstream import InstanceConnection

if TYPE_CHECKING:
    from .engine import Engine


class Dials(Protocol):
    """Who waits for a connection that is being dialled."""

    def dialled(self, connection: InstanceConnection) -> None:
        """It is there."""

    def dial_failed(self, reason: Failure) -> None:
        """It could not be made in time."""


class Dialling(ClientFactory):
    """One attempt to connect; it makes one connection at most."""

    noisy = False

    def __init__(self, engine: Engine, candidate: Candidate, caller: Dials) -> None:
        self._engine = engine
        self._candidate = candidate
        self._caller: Dials | None = caller
        self._connector: Any = None

    def start(self, connect: Connect) -> None:
        """Dial. The answer may come before this returns."""
        engine, candidate = self._engine, self._candidate
        factory: Any = self
        if candidate.tls is not None:
            terms = candidate.tls
            factory = engine.client_tls.wrap(self, terms.name, terms.verify)
        connector = connect(
            candidate.address, candidate.port, factory, engine.dial_timeout_s
        )
        if self._caller is not None:
            self._connector = connector

    @property
    def active(self) -> bool:
        """Whether the answer is still to come."""
        return self._caller is not None

    def cancel(self) -> None:
        """Give up; the caller hears no more of it."""
        self._caller = None
        if self._connector is not None:
            connector, self._connector = self._connector, None
            connector.disconnect()

    def buildProtocol(  # type: ignore[override]  # IProtocol is all a port needs
        self, address: IAddress | None
    ) -> InstanceConnection | None:
        """Make the protocol, unless the caller has gone."""
        if self._candidate.tls is not None:
            # Also without a caller: TLS is there already, and wants somebody to end it.
            return TlsInstanceConnection(
                self._engine, self._candidate, self._connected, self._failed
            )
        if self._caller is None:
            return None
        return InstanceConnection(self._engine, self._candidate, self._connected)

    def _connected(self, connection: InstanceConnection) -> None:
        caller, self._caller, self._connector = self._caller, None, None
        if caller is None:
            connection.close()
        else:
            caller.dialled(connection)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """Tell the caller."""
        self._failed(reason)

    def _failed(self, reason: Failure) -> None:
        caller, self._caller, self._connector = self._caller, None, None
        if caller is not None:
            caller.dial_failed(reason)


class ConnectionPool:
    """Idle keep-alive connections, kept for each instance on its state.

    Those with TLS are kept apart, by the terms under which they were made.

    The one that was used last is used first: the others get their chance to time out,
    and a connection that the instance has just used is the least likely to be dead.
    """

    def __init__(self, engine: Engine, connect: Connect) -> None:
        self._engine = engine
        self._connect = connect
        self._open: set[InstanceConnection] = set()

    def acquire(self, candidate: Candidate) -> InstanceConnection | None:
        """Take an idle connection to this instance, if there is one."""
        idle = candidate.idle
        return idle.pop() if idle else None

    def dial(self, candidate: Candidate, caller: Dials) -> Dialling:
        """Open a new connection to this instance."""
        dialling = Dialling(self._engine, candidate, caller)
        dialling.start(self._connect)
        return dialling

    def opened(self, connection: InstanceConnection) -> None:
        """Note a connection, so that it can be closed with the others."""
        self._open.add(connection)

    def release(self, connection: InstanceConnection) -> None:
        """Keep a connection for the next request, or close it if there are enough."""
        idle = connection.idle
        if connection.state.retired or len(idle) >= self._engine.max_idle:
            connection.close()
        else:
            idle.append(connection)

    def lost(self, connection: InstanceConnection) -> None:
        """Forget a connection that is gone."""
        self._open.discard(connection)
        if connection in connection.idle:
            connection.idle.remove(connection)

    def retire(self, state: InstanceState) -> None:
        """Close the idle connections of an instance that no route names any more."""
        for idle in (state.idle, *(state.idle_tls or {}).values()):
            for connection in list(idle):
                connection.close()

    def close_idle(self) -> None:
        """Close every connection that serves no request."""
        for connection in list(self._open):
            if connection.exchange is None:
                connection.close()

    def __len__(self) -> int:
        return len(self._open)
