"""Tests of twisted_router.status.events."""

from __future__ import annotations

from typing import Any

from twisted_router.routing.history import History
from twisted_router.status.credentials import Credentials
from twisted_router.status.events import EventsPage

from .support import PageTestCase


class EventsPageTests(PageTestCase):
    """A history as JSON."""

    def setUp(self) -> None:
        self.history = History(lambda: 1700000000.25, lambda source: 42)
        self.page = EventsPage(self.history, Credentials("", ""))

    def events(self, below: str = "") -> Any:
        """What the page lists."""
        return self.read(self.page, below=below).json["events"]

    def test_nothing_has_happened_yet(self) -> None:
        self.assertEqual([], self.events())

    def test_an_event_tells_when_where_and_what(self) -> None:
        self.history.record("guard", "consul", "12 instances held", {"held": 12})
        self.assertEqual(
            [
                {
                    "number": 1,
                    "at": "2023-11-14T22:13:20.250+00:00",
                    "kind": "guard",
                    "source": "consul",
                    "index": 42,
                    "text": "12 instances held",
                    "details": {"held": 12},
                }
            ],
            self.events(),
        )

    def test_who_has_seen_some_asks_for_the_rest(self) -> None:
        for n in range(4):
            self.history.record("routes", "consul", str(n))
        self.assertEqual([3, 4], [e["number"] for e in self.events("?after=2")])

    def test_a_number_that_is_none_is_refused(self) -> None:
        for asked in ("-1", "x", "", "9" * 30):
            answer = self.read(self.page, below=f"?after={asked}")
            self.assertEqual(400, answer.status, asked)
