"""``/guard``: what a source has lost and is routed all the same, and its release."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlsplit

from twisted.web.resource import IResource
from twisted.web.server import Request

from ..interfaces import IGuard
from .credentials import Credentials
from .page import NotFound, Page, reply_json, reply_text


class GuardPage(Page):
    """What is held, by service. ``release`` is below it."""

    def __init__(self, guard: IGuard | None, credentials: Credentials) -> None:
        super().__init__(credentials)
        self._guard = guard
        self._release = ReleasePage(guard, credentials)

    def getChild(self, path: bytes, request: Request) -> IResource:
        """``release``, and nothing else."""
        return self._release if path == b"release" else NotFound()

    def answer(self, request: Request) -> bytes:
        """All of it."""
        holds = () if self._guard is None else self._guard.holds()
        return reply_json(
            request,
            {
                "held": sum(hold.instances for hold in holds),
                "services": [asdict(hold) for hold in holds],
            },
        )


class ReleasePage(Page):
    """Lets go what is held, of all services or of ``?service=NAME``.

    Web pages of others are refused: a browser sends a person's credentials for whoever
    asks it to, and says in ``Origin`` who that was.
    """

    methods = (b"POST",)

    def __init__(self, guard: IGuard | None, credentials: Credentials) -> None:
        super().__init__(credentials)
        self._guard = guard

    def answer(self, request: Request) -> bytes:
        """Say how many instances that were."""
        if not _is_ours(request):
            return reply_text(request, 403, "403 Forbidden: asked by another web site")
        args = request.args or {}
        if args.keys() - {b"service"}:
            return reply_text(request, 400, "write /guard/release[?service=NAME]")
        service = None
        if b"service" in args:
            service = args[b"service"][-1].decode("utf-8", "replace")
        released = 0 if self._guard is None else self._guard.release(service)
        return reply_json(request, {"released": released})


def _is_ours(request: Request) -> bool:
    """Whether no web page asks, or one of this site."""
    headers = request.requestHeaders
    origins = headers.getRawHeaders(b"origin", [])
    (host,) = headers.getRawHeaders(b"host", [b""])[-1:]
    return all(urlsplit(origin).netloc == host for origin in origins)
