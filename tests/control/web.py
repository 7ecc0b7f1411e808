"""Answers to what requests sends, without a network."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import requests
from requests.adapters import BaseAdapter


class FakeWeb(BaseAdapter):
    """Every server there is.

    :ivar asked: the requests, first to last.
    :ivar timeouts: of each of them.
    :ivar answers: by method and path, a status and a body; else 200 and nothing.
    :ivar error: raised instead of any answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[requests.PreparedRequest] = []
        self.timeouts: list[Any] = []
        self.answers: dict[tuple[str, str], tuple[int, bytes]] = {}
        self.error: Exception | None = None
        self.session = requests.Session()
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, self)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        self.asked.append(request)
        self.timeouts.append(options["timeout"])
        if self.error is not None:
            raise self.error
        path = (request.path_url or "").partition("?")[0]
        response = requests.Response()
        response.status_code, body = self.answers.get(
            (request.method or "", path), (200, b"")
        )
        response.raw = BytesIO(body)
        response.request = request
        response.url = request.url or ""
        return response

    def close(self) -> None:
        """Nothing is open."""
