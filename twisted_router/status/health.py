"""Pages for those who decide whether clients are sent here."""

from __future__ import annotations

from twisted.web.server import Request

from .facts import StatusFacts
from .page import Page, reply_text


class HealthPage(Page):
    """200 ``ok``, or 503 with the reason: may clients be sent to this router?

    Of a registrar without a router: does it do its work? Lines after ``ok`` say what is
    not as it should be, though clients are served.
    """

    def __init__(self, facts: StatusFacts) -> None:
        super().__init__()
        self._facts = facts

    def answer(self, request: Request) -> bytes:
        """Say so, with gorouter's header fields."""
        _never_from_a_cache(request)
        complaint = self._facts.complaint()
        if complaint:
            return reply_text(request, 503, complaint)
        return reply_text(request, 200, "\n".join(["ok", *self._facts.remarks()]))


class AlivePage(Page):
    """200 as long as the process runs, also while it drains."""

    def answer(self, request: Request) -> bytes:
        """Say so, with gorouter's header fields."""
        _never_from_a_cache(request)
        return reply_text(request, 200, "ok")


def _never_from_a_cache(request: Request) -> None:
    headers = request.responseHeaders
    headers.setRawHeaders(b"cache-control", [b"private, max-age=0"])
    headers.setRawHeaders(b"expires", [b"0"])
