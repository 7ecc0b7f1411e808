"""Answers to requests that go no further than the router: RFC 9110 7.6.2 (pure)."""

from __future__ import annotations

import re

from .head import NAMED_FIELD

#: What is routed usually; which of them a target allows, only its instance knows.
_ALLOW = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"

# Names of fields that may hold a secret: a script that can send TRACE must not get to
# read what the browser keeps from it (RFC 9110 9.3.8).
_SENSITIVE = re.compile(
    rb"(?i)auth|cookie|token|secret|passw|session|credential|api-?key|csrf|xsrf"
)


def last_hop_bytes(
    method: bytes, head: bytes, request_id: bytes, close: bool, date: bytes
) -> bytes:
    """The whole response to OPTIONS or TRACE with ``Max-Forwards: 0``.

    :param head: as it was received; what TRACE gives back of it has no secrets.
    :param close: whether the connection ends after it.
    :param date: value of the Date field.
    """
    if method == b"TRACE":
        kind, body = b"Content-Type: message/http\r\n", _reflected(head)
    else:
        kind, body = b"Allow: " + _ALLOW + b"\r\n", b""
    connection = b"Connection: close\r\n" if close else b""
    return (
        b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\nDate: %b\r\n"
        b"X-Vcap-Request-Id: %b\r\n%b\r\n%b"
        % (kind, len(body), date, request_id, connection, body)
    )


def _reflected(head: bytes) -> bytes:
    line = head.index(b"\n") + 1
    fields = b"".join(
        field[0]
        for field in NAMED_FIELD.finditer(head, line)
        if not _SENSITIVE.search(field[1])
    )
    return head[:line] + fields + b"\r\n"
