"""The search for an instance that takes a request, when no connection waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from ..net.tls import CertificateError, ServerNameError, TlsError
from . import errors

if TYPE_CHECKING:
    from ..model import Route
    from ..routing.state import Candidate, InstanceState
    from .exchange import Exchange
    from .pool import Dialling
    from .upstream import InstanceConnection


class Search:
    """Dials the instance of an exchange; if that fails, tries the next.

    Until a connection is there nothing was sent, so that any request may move on.

    :param exchange: is told how the search ends.
    :param route: whose instances may serve.
    """

    __slots__ = ("_attempts", "_dialling", "_exchange", "_route", "_tried")

    def __init__(self, exchange: Exchange, route: Route) -> None:
        self._exchange = exchange
        self._route = route
        self._attempts = 1
        self._tried: list[InstanceState] = []
        self._dialling: Dialling | None = None

    def begin(self) -> None:
        """Choose an instance, as none was chosen yet."""
        exchange = self._exchange
        candidate = exchange.engine.balancer.choose(self._route)
        if candidate is None:
            exchange.answer(exchange.why_none())
        else:
            self._ask(candidate)

    def dial(self) -> None:
        """Open a connection to the exchange's candidate.

        The exchange may hear of it before this returns.
        """
        exchange = self._exchange
        assert exchange.candidate is not None
        dialling = exchange.engine.pool.dial(exchange.candidate, self)
        if dialling.active:
            self._dialling = dialling

    def cancel(self) -> None:
        """Give up; the exchange hears no more of it."""
        if self._dialling is not None:
            dialling, self._dialling = self._dialling, None
            dialling.cancel()

    def dialled(self, connection: InstanceConnection) -> None:
        """The connection to the instance is there."""
        self._dialling = None
        exchange = self._exchange
        assert exchange.candidate is not None
        exchange.engine.balancer.mark_ok(exchange.candidate.state)
        exchange.found(connection)

    def dial_failed(self, reason: Failure) -> None:
        """The instance cannot be reached: the next may serve."""
        self._dialling = None
        exchange = self._exchange
        engine = exchange.engine
        assert exchange.candidate is not None
        state = exchange.candidate.state
        engine.counters.connect_failures += 1
        engine.balancer.mark_failed(state)
        exchange.release_instance()
        self._tried.append(state)
        candidate = None
        if self._attempts < engine.max_attempts:
            candidate = engine.balancer.choose(self._route, self._tried)
        if candidate is None:
            exchange.answer(
                errors.endpoint_failure(
                    f"dial {state.address}:{state.port}: {reason.getErrorMessage()}",
                    _status(reason),
                )
            )
            return
        engine.counters.retries += 1
        self._attempts += 1
        self._ask(candidate)

    def _ask(self, candidate: Candidate) -> None:
        exchange = self._exchange
        exchange.take_instance(candidate)
        connection = exchange.engine.pool.acquire(candidate)
        if connection is not None:
            exchange.found(connection)
        else:
            self.dial()


def _status(reason: Failure) -> int:
    """What to answer when the last instance could not be connected to: gorouter's."""
    if reason.check(CertificateError):
        return 526
    if reason.check(ServerNameError):
        return 503
    return 525 if reason.check(TlsError) else 502
