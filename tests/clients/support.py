"""A scripted HTTP server in memory, for tests of clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from treq.testing import RequestTraversalAgent
from twisted.web.http import Request
from twisted.web.iweb import IAgent
from twisted.web.resource import Resource


@dataclass(frozen=True)
class Seen:
    """A request as the server saw it."""

    method: str
    uri: str
    headers: dict[str, str]
    body: bytes


class ScriptedApi(Resource):
    """Answers every request alike, and remembers what it was asked.

    :ivar seen: the requests so far.
    """

    isLeaf = True

    def __init__(
        self,
        body: bytes = b"",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.status = status
        self.headers = headers or {}
        self.seen: list[Seen] = []

    def agent(self) -> IAgent:
        """An agent whose every request comes here."""
        agent: IAgent = RequestTraversalAgent(self)
        return agent

    def render(self, request: Request) -> bytes:
        """Remember the request and answer it."""
        headers = {
            name.decode().lower(): values[-1].decode()
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        content: Any = request.content
        self.seen.append(
            Seen(request.method.decode(), request.uri.decode(), headers, content.read())
        )
        request.setResponseCode(self.status)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        return self.body
