"""``/events``: what happened to the routes lately."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from twisted.web.server import Request

from ..interfaces import Event, IEventLog
from .credentials import Credentials
from .page import Page, reply_json, reply_text


class EventsPage(Page):
    """``{"events": [...]}``, the oldest first.

    ``?after=NUMBER`` leaves out those that the caller has seen: pass the ``number`` of
    the last one. If the first that comes back is not the next number, some were
    forgotten in between; a lower one tells that the router was started anew.
    """

    def __init__(self, events: IEventLog, credentials: Credentials) -> None:
        super().__init__(credentials)
        self._events = events

    def answer(self, request: Request) -> bytes:
        """All that is remembered, or what came after one event."""
        asked = (request.args or {}).get(b"after", [b"0"])[-1]
        if not (asked.isdigit() and len(asked) < 19):
            return reply_text(request, 400, "after: write the number of an event")
        events = self._events.after(int(asked))
        return reply_json(request, {"events": [_readable(event) for event in events]})


def _readable(event: Event) -> dict[str, Any]:
    """An event as JSON, with its time as people write it, in UTC."""
    fields = asdict(event)
    at = datetime.fromtimestamp(fields.pop("at_s"), UTC)
    return {
        "number": fields.pop("number"),
        "at": at.isoformat("T", "milliseconds"),
        **fields,
    }
