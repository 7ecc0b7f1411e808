"""An upgraded connection: what either side sends goes to the other (RFC 9110 7.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .accounting import account

if TYPE_CHECKING:
    from .downstream import ClientConnection
    from .exchange import Exchange
    from .upstream import InstanceConnection


class Tunnel:
    """Serves a client and an instance from the 101 response on.

    Each half may close by itself; when both have, the tunnel is over.

    :param exchange: what has led to it, and is counted and logged at its end.
    """

    __slots__ = ("_client", "_exchange", "_half_closed", "_upstream")

    def __init__(
        self,
        exchange: Exchange,
        client: ClientConnection,
        upstream: InstanceConnection,
    ) -> None:
        self._exchange = exchange
        self._client = client
        self._upstream = upstream
        self._half_closed = False
        counters = exchange.engine.counters
        counters.upgrades += 1
        counters.tunnels += 1

    # From the client.

    def received(self, data: bytes) -> bytes:
        """Pass on bytes of the client; nothing is given back."""
        self._exchange.received_bytes += len(data)
        self._upstream.tunnel(data)
        return b""

    def client_half_closed(self) -> bool:
        """The client sends no more, and may still want to read."""
        if self._half_closed:
            self._end()
        else:
            self._half_closed = True
            self._upstream.half_close()
        return True

    def client_gone(self) -> None:
        """The client has left."""
        self._upstream.abandon()
        self._account()

    def client_blocked(self) -> None:
        """The client reads slower than the instance sends: stop reading that."""
        self._upstream.pause_reading()

    def client_unblocked(self) -> None:
        """The client has caught up."""
        self._upstream.resume_reading()

    def deadline_passed(self) -> None:
        """A client has no deadline in a tunnel; the instance's counts for both."""
        self._client.abort()

    # From the instance.

    def tunnelled(self, data: bytes) -> None:
        """Pass on bytes of the instance."""
        self._exchange.sent_bytes += len(data)
        self._client.write(data)

    def instance_half_closed(self) -> None:
        """The instance sends no more."""
        if self._half_closed:
            self._end()
        else:
            self._half_closed = True
            self._client.half_close()

    def instance_gone(self) -> None:
        """The instance is gone."""
        self._account()
        self._client.close()

    def _end(self) -> None:
        """Both sides have sent all they had."""
        self._upstream.close()
        self._account()
        self._client.close()

    def _account(self) -> None:
        self._exchange.engine.counters.tunnels -= 1
        account(self._exchange)
