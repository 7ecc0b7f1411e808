"""What all pages of the status site have in common."""

from __future__ import annotations

import json
from typing import Any

from twisted.web.http_headers import Headers
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from .credentials import Credentials

_OPEN = Credentials("", "")


class Page(Resource):
    """One address: answers GET and HEAD, and has nothing below it.

    A subclass says what in :meth:`answer`.

    :param credentials: who may read it; anyone if left out.
    :cvar methods: what it answers, where that is something else.
    """

    methods: tuple[bytes, ...] = (b"GET", b"HEAD")

    def __init__(self, credentials: Credentials = _OPEN) -> None:
        super().__init__()
        self._credentials = credentials

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Nothing is below a page."""
        return NotFound()

    def render(self, request: Request) -> Any:
        """Refuse, or answer."""
        headers = _common_headers(request)
        authorization = request.requestHeaders.getRawHeaders(b"authorization", [])
        if not self._credentials.admit(authorization):
            headers.setRawHeaders(
                b"www-authenticate", [b'Basic realm="twisted_router", charset="UTF-8"']
            )
            return reply_text(request, 401, "401 Unauthorized")
        if request.method not in self.methods:
            headers.setRawHeaders(b"allow", [b", ".join(self.methods)])
            return reply_text(request, 405, "405 Method Not Allowed")
        return self.answer(request)

    def answer(self, request: Request) -> Any:
        """Answer one of its methods: the body, or ``NOT_DONE_YET``."""
        raise NotImplementedError


class NotFound(Page):
    """Any address that is not there."""

    def render(self, request: Request) -> bytes:
        """404, whoever asks for what."""
        _common_headers(request)
        return reply_text(request, 404, "404 Not Found")


def _common_headers(request: Request) -> Headers:
    """Set the header fields that every answer has.

    The connection ends with the answer: Twisted would go on with pipelined requests
    while their answers, of megabytes each, pile up unread.
    """
    request.channel.persistent = 0
    headers = request.responseHeaders
    headers.setRawHeaders(b"connection", [b"close"])
    headers.removeHeader(b"server")  # which Twisted this is concerns no one
    headers.setRawHeaders(b"x-content-type-options", [b"nosniff"])
    headers.setRawHeaders(b"cache-control", [b"no-store"])
    return headers


def reply_text(request: Request, status: int, line: str) -> bytes:
    """Prepare an answer of one line."""
    return reply(request, status, "text/plain; charset=utf-8", line.encode() + b"\n")


def reply_json(request: Request, value: Any) -> bytes:
    """Prepare an answer that holds ``value``; what JSON cannot hold becomes text."""
    body = json.dumps(value, default=str).encode()
    return reply(request, 200, "application/json", body)


def reply(request: Request, status: int, content_type: str, body: bytes) -> bytes:
    """Set status and header fields, and say what to send as the body."""
    request.setResponseCode(status)
    headers = request.responseHeaders
    headers.setRawHeaders(b"content-type", [content_type.encode()])
    headers.setRawHeaders(b"content-length", [b"%d" % len(body)])
    return b"" if request.method == b"HEAD" else body
