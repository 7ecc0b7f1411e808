"""The answers that the router gives itself: errors, and those of the last hop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import errors
from .accounting import account
from .errors import ErrorPage
from .last_hop import last_hop_bytes

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request_head import RequestHead


# Note [A body that nobody takes]
# Where the router answers without having read the whole of a request's body, the
# connection ends behind the answer. It could be kept when the body happens to be here
# already; then what becomes of the next request would depend on how bytes were cut.


def refuse(exchange: Exchange, status: int, reason: str) -> None:
    """Answer a request that cannot be understood, and close."""
    counters = exchange.engine.counters
    counters.rejected += 1
    counters.count_error(status)
    page = errors.refused(status, reason)
    _send_page(exchange, page, True, exchange.head.startswith(b"HEAD "))
    account(exchange, page.cause, own=True)
    exchange.client.linger()


def answer_error(exchange: Exchange, page: ErrorPage) -> None:
    """Answer a request that was understood with an error."""
    keep_alive = _may_keep_client(exchange)
    _send_page(exchange, page, not keep_alive, exchange.request.method == b"HEAD")
    account(exchange, page.cause, own=True)
    _end(exchange, keep_alive)


def answer_last_hop(exchange: Exchange, request: RequestHead) -> None:
    """Answer a request that goes no further: RFC 9110 7.6.2."""
    engine = exchange.engine
    exchange.request = request
    exchange.request_done = not request.length
    exchange.request_id = request.request_id or engine.make_request_id()
    exchange.status = 200
    keep_alive = _may_keep_client(exchange)
    exchange.client.write(
        last_hop_bytes(
            request.method,
            exchange.head,
            exchange.request_id,
            not keep_alive,
            engine.date(),
        )
    )
    account(exchange, own=True)
    _end(exchange, keep_alive)


def _may_keep_client(exchange: Exchange) -> bool:
    """Whether another request can follow; see Note [A body that nobody takes]."""
    return (
        exchange.request_done
        and exchange.request.keep_alive
        and not exchange.engine.draining
    )


def _send_page(
    exchange: Exchange, page: ErrorPage, close: bool, bodiless: bool
) -> None:
    exchange.status = page.status
    date = exchange.engine.date()
    data = errors.render(page, exchange.request_id, close, date)
    if bodiless:
        data = data[: data.index(b"\r\n\r\n") + 4]
    exchange.client.write(data)


def _end(exchange: Exchange, keep_alive: bool) -> None:
    """The answer was sent in whole."""
    if keep_alive:
        exchange.client.next()
    elif exchange.request_done:
        exchange.client.close()
    else:
        exchange.client.linger()
