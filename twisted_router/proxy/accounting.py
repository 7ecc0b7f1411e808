"""What is kept of a request that is over: counts and a line of the access log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .exchange import Exchange


def account(exchange: Exchange, cause: bytes = b"", own: bool = False) -> None:
    """Count and log an exchange, whatever its end was, and let go of its instance.

    :param cause: the value of X-Cf-RouterError, ``b""`` if nothing failed.
    :param own: the response was the router's, not an instance's.
    """
    engine = exchange.engine
    now_s = engine.seconds()
    taken_s = now_s - exchange.started_s
    status = exchange.status
    if not own:
        engine.counters.count_response(status, taken_s)
    candidate = exchange.candidate
    if engine.access_log is not None:
        client_ip, peer = exchange.client.peer
        # Not there if the head was not understood; and the answer was ours then.
        request = getattr(exchange, "request", None) if own else exchange.request
        host = forwarded_for = b""
        if request is not None:
            host = request.host
            before = request.forwarded_for
            forwarded_for = before + b", " + client_ip if before else client_ip
        engine.access_log.record(
            exchange.head,
            engine.wall_s() - taken_s,
            status,
            exchange.received_bytes,
            exchange.sent_bytes,
            peer,
            candidate.authority if candidate is not None else b"",
            exchange.request_id,
            taken_s,
            now_s - exchange.sent_at_s if exchange.sent_at_s else 0.0,
            candidate.instance if candidate is not None else None,
            cause,
            host,
            forwarded_for,
        )
    exchange.end()
