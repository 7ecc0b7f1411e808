"""Tests of twisted_router.status.explain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted_router.status.credentials import Credentials
from twisted_router.status.explain import ExplainPage

from .support import PageTestCase


class ExplainPageTests(PageTestCase):
    """What the page asks for, and what it says."""

    def setUp(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self.page = ExplainPage(self.explain, Credentials("", ""))

    def explain(self, method: bytes, url: bytes) -> Mapping[str, Any]:
        """Take note, and answer something."""
        self.asked.append((method, url))
        return {"route": "web.example.com"}

    def test_it_explains_the_request_that_is_named(self) -> None:
        below = "?method=POST&url=http%3A%2F%2Fweb.example.com%2Fa%3Fb%3Dc"
        self.assertEqual(
            {"route": "web.example.com"}, self.read(self.page, below=below).json
        )
        self.assertEqual([(b"POST", b"http://web.example.com/a?b=c")], self.asked)

    def test_a_request_is_a_get_unless_it_is_said(self) -> None:
        self.read(self.page, below="?url=web/")
        self.assertEqual([(b"GET", b"web/")], self.asked)

    def test_no_url_is_refused_with_what_to_write(self) -> None:
        for below in ("", "?url=", "?method=GET"):
            answer = self.read(self.page, below=below)
            self.assertEqual(400, answer.status)
            self.assertIn(b"/explain?url=", answer.body)
        self.assertEqual([], self.asked)
