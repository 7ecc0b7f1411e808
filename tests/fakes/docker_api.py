"""The fake engine's HTTP skin, and an agent that leads a real client to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionRefusedError
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IRequest, IResponse
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from .docker import FakeDockerEngine

_VERSIONED = re.compile(r"/v([0-9]+)\.([0-9]+)(/.*)")


class DockerApi(Resource):
    """Docker's API in front of a fake engine, as far as our client asks.

    :param flush: moves what was written to the client at once.
    """

    isLeaf = True

    def __init__(self, engine: FakeDockerEngine, flush: Callable[[], None]) -> None:
        super().__init__()
        self._engine = engine
        self._flush = flush

    def render_GET(self, request: Any) -> int | bytes:
        """Answer as Docker would."""
        path = request.path.decode("ascii")
        self._engine.requests.append(path)
        if self._engine.hung:
            return NOT_DONE_YET
        if self._engine.api is not None:
            request.setHeader("Api-Version", self._engine.api)
        versioned = _VERSIONED.fullmatch(path)
        if versioned:
            asked = int(versioned[1]), int(versioned[2])
            if asked > _pair(self._engine.api or "1.41"):
                return _error(request, 400, "client version is too new")
            if asked < _pair(self._engine.minimum):
                return _error(request, 400, "client version is too old")
            path = versioned[3]
        if path == "/_ping":
            return b"OK"
        if path == "/version":
            version = {
                "ApiVersion": self._engine.api or "1.41",
                "MinAPIVersion": self._engine.minimum,
            }
            return _json(request, version)
        if path == "/info":
            if not self._engine.engine_id:
                return _error(request, 403, "not through this proxy")
            info = {"ID": self._engine.engine_id, "Name": "fake"}
            return _json(request, {**info, "ServerVersion": "20.10.24"})
        if path == "/events":
            return self._events(request)
        if path == "/containers/json":
            return _json(request, self._engine.list_json())
        match = re.fullmatch("/containers/([^/]+)/json", path)
        if match and match[1] in self._engine.stuck:
            return NOT_DONE_YET
        if match and match[1] in self._engine.broken:
            return _error(request, 500, "layer does not exist")
        found = self._engine.inspect_json(match[1]) if match else None
        if found is None:
            return _error(request, 404, f"No such container: {path.split('/')[2]}")
        return _json(request, found)

    def _events(self, request: Any) -> int | bytes:
        filters = json.loads(request.args.get(b"filters", [b"{}"])[0])
        since = request.args.get(b"since", [b""])[0].decode("ascii")
        if since and not re.fullmatch(r"[0-9]+(\.[0-9]{1,9})?", since):
            return _error(request, 500, "invalid syntax")
        request.setHeader("Content-Type", "application/json")

        def write(line: bytes | None) -> None:
            if line is None:
                self._engine.unfollow(write)
                request.finish()
            else:
                request.write(line)
            self._flush()

        request.notifyFinish().addErrback(lambda _: self._engine.unfollow(write))
        request.write(b"")
        self._engine.follow(
            write,
            _nanoseconds(since) if since else None,
            filters.get("type", []),
            filters.get("event", []),
            lambda event: json.dumps(event).encode() + b"\n",
        )
        return NOT_DONE_YET


@implementer(IAgent)
class FakeDockerAgent:
    """Leads all requests to a fake engine, in memory."""

    def __init__(self, engine: FakeDockerEngine) -> None:
        self._engine = engine
        self._agent = RequestTraversalAgent(DockerApi(engine, self.flush))

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 - IAgent's name
    ) -> Deferred[IResponse]:
        """Make a request, unless the engine is away."""
        if self._engine.away:
            return fail(ConnectionRefusedError())
        asked: Deferred[IResponse] = self._agent.request(
            method, uri, headers, bodyProducer
        )
        return asked

    def flush(self) -> None:
        """Deliver what either side has written, and what it has closed."""
        self._agent.flush()


def _pair(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def _nanoseconds(since: str) -> int:
    seconds, _, fraction = since.partition(".")
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0"))


def _json(request: IRequest, value: object) -> bytes:
    request.setHeader(b"Content-Type", b"application/json")
    return json.dumps(value).encode()


def _error(request: IRequest, status: int, message: str) -> bytes:
    request.setResponseCode(status)
    return _json(request, {"message": message})
