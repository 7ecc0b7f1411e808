"""The HTTP API over a :class:`CatalogStore`: methods, statuses, waiting."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from .call import NOTHING, Call, Raw, View
from .endpoints import Found, find
from .filters import compile_filter, keep
from .model import RefusedError
from .query import Query
from .store import CatalogStore
from .visitors import admit

#: Consul adds a random part of up to 1/16 to the time a query waits, so that queries
#: that began together do not come back together.
_STAGGER = 1 / 16

_UNKNOWN = "No such endpoint in the embedded catalog, which has a part of Consul's API"


class CatalogResource(Resource):
    """Everything below ``/v1/``.

    :param rng: for the random part of waiting times.
    """

    isLeaf = True

    def __init__(self, store: CatalogStore, rng: random.Random) -> None:
        super().__init__()
        self._store = store
        self._rng = rng

    def render(self, request: Request) -> bytes | int:
        """Answer one request, now or when something has changed."""
        # What is stored here is no page, whatever a browser takes it for.
        request.setHeader(b"x-content-type-options", b"nosniff")
        try:
            admit(request.getHeader("host") or "", request.getHeader("origin"))
        except RefusedError as refusal:
            return _say(request, refusal.status, str(refusal))
        found = find(request.path)
        if found is None:
            return _say(request, 404, _UNKNOWN)
        if not found.name.isprintable():
            return _say(request, 400, "")
        method = request.method.decode("ascii", "replace")
        act = found.acts.get(method)
        if act is None:
            request.setHeader(b"allow", ",".join(["OPTIONS", *found.acts]).encode())
            if method == "OPTIONS":
                return b""
            return _say(request, 405, f"method {method} not allowed")
        try:
            query = Query.parse(request.uri.partition(b"?")[2])
            call = Call(self._store, found.name, query, _body(request, found))
            view = act(call)
            return b"" if view is None else self._read(request, query, view)
        except RefusedError as refusal:
            return _say(request, refusal.status, str(refusal))

    def _read(self, request: Request, query: Query, view: View) -> bytes | int:
        query.check_options()
        view = _filtered(view, query.text("filter"))
        index, wait_s = query.index, query.wait_s
        if view.index is None or index == 0:
            return _show(request, query, view)
        wait_s *= 1 + _STAGGER * self._rng.random()
        waiting = self._store.watchers.wait(view.index, index, wait_s)

        def answer(_: None) -> None:
            body = _show(request, query, view)
            request.setHeader(b"content-length", str(len(body)).encode())
            request.write(body)
            request.finish()

        waiting.addCallback(answer)
        waiting.addErrback(_give_up, request)
        # The client may leave before there is an answer.
        request.notifyFinish().addErrback(lambda _: waiting.cancel())
        return NOT_DONE_YET


def _give_up(failure: Failure, request: Request) -> None:
    """Nobody is left to answer; or, a bug, there is no answer."""
    if not failure.check(CancelledError):
        request.processingFailed(failure)


def _body(request: Request, found: Found) -> bytes:
    content: Any = request.content
    limit_bytes = found.body_limit_bytes
    body: bytes = content.read(limit_bytes + 1)
    if len(body) > limit_bytes:
        raise RefusedError(
            f"Request body too large, max size: {limit_bytes} bytes.", 413
        )
    return body


def _say(request: Request, status: int, text: str) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    return text.encode("utf-8", "backslashreplace")


def _filtered(view: View, expression: str) -> View:
    if not expression or view.fields is None:
        return view
    test = compile_filter(expression, view.fields)
    return replace(view, data=lambda: keep(view.data(), test))


def _show(request: Request, query: Query, view: View) -> bytes:
    request.setHeader(b"content-type", b"application/json")
    if view.index is not None:
        request.setHeader(b"x-consul-index", str(view.index()).encode())
        request.setHeader(b"x-consul-knownleader", b"true")
        request.setHeader(b"x-consul-lastcontact", b"0")
        consistency = b"stale" if "stale" in query else b"leader"
        request.setHeader(b"x-consul-effective-consistency", consistency)
    data = view.data()
    if data is NOTHING:
        return _say(request, 404, "")
    if isinstance(data, Raw):
        request.setHeader(b"content-type", b"text/plain")
        request.setHeader(b"content-security-policy", b"sandbox")
        return data.body
    if "pretty" in query:
        return json.dumps(data, indent=4).encode() + b"\n"
    return json.dumps(data, separators=(",", ":")).encode()
