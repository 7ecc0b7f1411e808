"""Responses that the router makes itself: short, plain, and naming their cause."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

# What Python names otherwise, depending on its version, or not at all: the names of
# RFC 9110, and gorouter's.
_REASONS = {
    413: "Content Too Large",
    414: "URI Too Long",
    499: "Request Cancelled",
    525: "SSL Handshake Failed",
    526: "Invalid SSL Certificate",
}

#: gorouter's Cache-Control values: how long a cache in front may remember an error.
SHORTLY = b"public,max-age=2"
NEVER = b"no-cache, no-store"


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """One kind of error response.

    :ivar message: shown to the visitor; says what, never why inside.
    :ivar cause: the value of X-Cf-RouterError (gorouter's words), ``b""`` for none.
    :ivar cache_control: ``b""`` for no such field.
    :ivar fields: more of them, each with its line end.
    """

    status: int
    message: str
    cause: bytes = b""
    cache_control: bytes = b""
    fields: bytes = b""


def reason_phrase(status: int) -> str:
    """The reason of a status; "Unknown" if nobody has named it."""
    try:
        return _REASONS.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def empty_host() -> ErrorPage:
    """The request does not say which host it wants."""
    return ErrorPage(400, "Request had empty Host header", b"empty_host", SHORTLY)


def unknown_route(host: bytes) -> ErrorPage:
    """No route answers this host and path."""
    message = f"Requested route ('{_shown(host)}') does not exist."
    return ErrorPage(404, message, b"unknown_route", NEVER)


def no_endpoints(host: bytes) -> ErrorPage:
    """The route is known, none of its instances is usable."""
    message = f"Requested route ('{_shown(host)}') has no available endpoints."
    return ErrorPage(503, message, b"no_endpoints", SHORTLY)


def exhausted(host: bytes) -> ErrorPage:
    """Every usable instance has as many requests as it may."""
    message = f"Requested route ('{_shown(host)}') has reached the connection limit."
    return ErrorPage(503, message, b"Connection Limit Reached")


def too_many_connections() -> ErrorPage:
    """The router serves as many clients as it may."""
    return ErrorPage(503, "Too many connections.", b"router_connection_limit")


def access_denied() -> ErrorPage:
    """The route does not let this address in."""
    return ErrorPage(403, "Access denied.", b"access_denied", NEVER)


def unauthorized(challenge: bytes) -> ErrorPage:
    """The route lets in whom it knows, and does not know who this is.

    :param challenge: how the client can tell: a WWW-Authenticate value.
    """
    field = b"WWW-Authenticate: " + challenge + b"\r\n"
    message = "This route asks for a user and a password."
    return ErrorPage(401, message, b"unauthorized", NEVER, field)


def auth_unavailable() -> ErrorPage:
    """It cannot be found out now whom the route lets in."""
    message = "Passwords cannot be verified now."
    return ErrorPage(503, message, b"auth_unavailable", NEVER, b"Retry-After: 1\r\n")


def redirected(status: int, location: bytes) -> ErrorPage:
    """No error: what was asked for is somewhere else."""
    return ErrorPage(status, "See there.", fields=b"Location: " + location + b"\r\n")


def endpoint_failure(reason: str, status: int = 502) -> ErrorPage:
    """An instance did not give a response that could be passed on.

    :param status: gorouter has others than 502 where TLS is the reason.
    """
    message = "Registered endpoint failed to handle the request."
    return ErrorPage(status, message, _failure_cause(reason))


def endpoint_timeout(reason: str) -> ErrorPage:
    """An instance did not answer in time."""
    message = "Registered endpoint did not answer in time."
    return ErrorPage(504, message, _failure_cause(reason))


def refused(status: int, reason: str) -> ErrorPage:
    """The request itself cannot be served."""
    cause = b"max-request-size-exceeded" if status == 431 else b""
    return ErrorPage(status, f"{reason[:1].upper()}{reason[1:]}.", cause)


def _failure_cause(reason: str) -> bytes:
    safe = "".join(c if " " <= c <= "~" else "?" for c in reason)
    return f"endpoint_failure ({safe})".encode("ascii")


def _shown(host: bytes) -> str:
    # Hosts were checked against the grammar of Host, so no markup can stand in them;
    # a page of errors should stay short all the same.
    return host[:255].decode("ascii", "replace")


def render(page: ErrorPage, request_id: bytes, close: bool, date: bytes) -> bytes:
    """The whole response, head and body, for one error.

    :param request_id: of the request, ``b""`` if it has none.
    :param close: whether the connection ends after it.
    :param date: value of the Date field.
    """
    phrase = reason_phrase(page.status)
    body = f"{page.status} {phrase}: {page.message}\n".encode("ascii", "replace")
    fields = [
        f"HTTP/1.1 {page.status} {phrase}".encode("ascii"),
        b"Content-Type: text/plain; charset=utf-8",
        b"X-Content-Type-Options: nosniff",
        b"Content-Length: %d" % len(body),
        b"Date: " + date,
    ]
    if page.cause:
        fields.append(b"X-Cf-RouterError: " + page.cause)
    if page.cache_control:
        fields.append(b"Cache-Control: " + page.cache_control)
    if request_id:
        fields.append(b"X-Request-Id: " + request_id)
        fields.append(b"X-Vcap-Request-Id: " + request_id)
    if close:
        fields.append(b"Connection: close")
    return b"\r\n".join(fields) + b"\r\n" + page.fields + b"\r\n" + body
