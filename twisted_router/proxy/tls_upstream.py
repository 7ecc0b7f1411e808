"""The connection to an instance, with TLS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import IHandshakeListener
from twisted.python.failure import Failure
from zope.interface import implementer

from ..net.tls import TlsError, tls_failure, verify_name
from ..routing.state import Candidate, TlsTerms
from .upstream import GONE, InstanceConnection

if TYPE_CHECKING:
    from .engine import Engine

#: How long the instance may take to answer that it closes too, in seconds.
_CLOSING_S = 5.0


@implementer(IHandshakeListener)
class TlsInstanceConnection(InstanceConnection):
    """Hands itself over when the instance has shown who it is, and not before.

    :param failed: called in place of ``connected`` if it has not.
    """

    __slots__ = ("_failed", "_terms")

    def __init__(
        self,
        engine: Engine,
        candidate: Candidate,
        connected: Callable[[InstanceConnection], None],
        failed: Callable[[Failure], None],
    ) -> None:
        super().__init__(engine, candidate, connected)
        assert candidate.tls is not None
        self._terms: TlsTerms = candidate.tls
        self._failed: Callable[[Failure], None] | None = failed

    # From the transport.

    def connectionMade(self) -> None:
        """There is TCP; the handshake may take as long again."""
        engine = self.engine
        self.deadline_s = engine.sweeper.after(engine.dial_timeout_s)

    def handshakeCompleted(self) -> None:  # noqa: N802 - the interface's name
        """There is TLS, with somebody whose certificate may be for another name."""
        if self._failed is None:
            return
        if self._terms.verify:
            try:
                verify_name(self.transport, self._terms.name)
            except TlsError:
                self._fail(Failure())
                self.abandon()
                return
        self._failed = None
        self.deadline_s = 0.0
        super().connectionMade()

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone, perhaps within the handshake."""
        super().connectionLost(reason)
        self._fail(tls_failure(reason))

    def _fail(self, reason: Failure) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(reason)

    # From the client's side.

    def half_close(self) -> None:
        """Tell the instance that nothing more will be sent; it may send on."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def close(self) -> None:
        """Close it after what was written, and wait a while for the other side's word.

        Without it, nobody can tell the end from a cut (RFC 8446 6.1).
        """
        super().close()
        self.deadline_s = self.engine.sweeper.after(_CLOSING_S)

    def deadline_passed(self) -> None:
        """The handshake, a response or the other side's word took too long."""
        if self._failed is not None:
            self._fail(Failure(TimeoutError("TLS handshake took too long")))
            self.abandon()
        elif self._phase == GONE:
            self.deadline_s = 0.0
            self.abandon()
        else:
            super().deadline_passed()
