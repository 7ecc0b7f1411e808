"""Heads for tests, and what becomes of them."""

from __future__ import annotations

from twisted_router.proxy.head import HeadError, HeadLimits
from twisted_router.proxy.request_head import RequestHead, parse_request_head
from twisted_router.proxy.response_head import ResponseHead, parse_response_head

UNLIMITED = HeadLimits(0, 0)
HOST = b"Host: a.example"


def request_head(*fields: bytes, line: bytes = b"GET / HTTP/1.1") -> bytes:
    """A head of this request line and these fields, nothing added."""
    return b"\r\n".join([line, *fields, b"", b""])


def read_request(*fields: bytes, line: bytes = b"GET / HTTP/1.1") -> RequestHead:
    """What the proxy knows of a request to a.example with these fields."""
    return parse_request_head(request_head(HOST, *fields, line=line), UNLIMITED)


def request_outcome(head: bytes, limits: HeadLimits = UNLIMITED) -> tuple[int, str]:
    """Status and reason of the refusal; ``(0, "")`` if the head is accepted."""
    try:
        parse_request_head(head, limits)
    except HeadError as error:
        return error.status, error.reason
    return 0, ""


def response_head(*fields: bytes, line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """A head of this status line and these fields."""
    return b"\r\n".join([line, *fields, b"", b""])


def read_response(
    *fields: bytes, line: bytes = b"HTTP/1.1 200 OK", is_head: bool = False
) -> ResponseHead:
    """What the proxy knows of a response with these fields."""
    return parse_response_head(response_head(*fields, line=line), UNLIMITED, is_head)


def response_outcome(head: bytes, limits: HeadLimits = UNLIMITED) -> tuple[int, str]:
    """Status and reason of the refusal; ``(0, "")`` if the head is accepted."""
    try:
        parse_response_head(head, limits)
    except HeadError as error:
        return error.status, error.reason
    return 0, ""
