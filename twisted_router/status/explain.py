"""``/explain``: which route a request would take and why, and who would serve it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.web.server import Request

from .credentials import Credentials
from .page import Page, reply_json, reply_text


class ExplainPage(Page):
    """``/explain?url=http://host/path``, and ``&method=`` if it is not GET.

    :param explain: explains a request by its method and URL, as JSON can hold it.
    """

    def __init__(
        self,
        explain: Callable[[bytes, bytes], Mapping[str, Any]],
        credentials: Credentials,
    ) -> None:
        super().__init__(credentials)
        self._explain = explain

    def answer(self, request: Request) -> bytes:
        """Explain the request that was named; it goes nowhere."""
        args = request.args or {}
        url = args.get(b"url", [b""])[-1]
        if not url:
            return reply_text(request, 400, "write /explain?url=http://host/path")
        return reply_json(
            request, self._explain(args.get(b"method", [b"GET"])[-1], url)
        )
