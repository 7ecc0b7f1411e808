"""The read-only part of Docker's Engine API that the registrar needs, over treq."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent
from zope.interface import implementer

from ..config.schema import DockerConfig
from ..interfaces import CatalogError, DockerError, EventStream, IDockerClient
from .docker_address import engine_endpoints, find_engine
from .docker_events import Events
from .transport import Reply, Transport

#: Newest API version whose answers we know. Nothing that it or an older one down to
#: :data:`OLDEST_API` lacks is used.
NEWEST_API = (1, 51)
OLDEST_API = (1, 24)

#: Seconds for a whole call, from connecting to the last byte.
CALL_LIMIT_S = 10.0

#: Bytes of an answer. The list of a thousand containers is about 2 MB.
MAX_BODY_BYTES = 16 * 1024 * 1024

# What can change which services there are. Left out above all: the three events that
# every run of every health check emits (exec_create, exec_start, exec_die).
_EVENTS = {
    "type": ["container", "network"],
    "event": [
        "start",
        "kill",
        "die",
        "pause",
        "unpause",
        "rename",
        "update",
        "destroy",
        "health_status",
        "connect",
        "disconnect",
    ],
}

_MAX_IDLE = 8
_IDLE_S = 60

_T = TypeVar("_T")


@implementer(IDockerClient)
class DockerClient:
    """Asks one Docker engine.

    :param reactor: for time and connections.
    :param environ: of the process; see
        :func:`twisted_router.clients.docker_address.find_engine`.
        ``DOCKER_API_VERSION`` pins the version.
    :param agent: makes the requests instead of an own connection pool (tests).
    :raises ValueError: the endpoint or a certificate cannot be used.
    :raises OSError: a certificate cannot be read.
    """

    def __init__(
        self,
        reactor: Any,
        config: DockerConfig,
        environ: Mapping[str, str],
        agent: IAgent | None = None,
    ) -> None:
        address, files = find_engine(config, environ)
        self._pool: HTTPConnectionPool | None = None
        if agent is None:
            # A request on an idle connection that the engine has just closed is
            # repeated by the pool; all of ours may be.
            self._pool = HTTPConnectionPool(reactor)
            self._pool.maxPersistentPerHost = _MAX_IDLE
            self._pool.cachedConnectionTimeout = _IDLE_S
            agent = Agent.usingEndpointFactory(
                reactor, engine_endpoints(reactor, address, files), self._pool
            )
        self._clock = reactor
        self._where = str(address)
        self._url = address.url
        self._streams = HTTPClient(agent)
        self._calls = Transport(
            agent, reactor, self._where, max_body_bytes=MAX_BODY_BYTES
        )
        self._pinned = environ.get("DOCKER_API_VERSION", "").removeprefix("v")
        self._version = self._pinned

    def ping(self) -> Deferred[str]:
        """See :meth:`IDockerClient.ping`."""
        return Deferred.fromCoroutine(self._negotiate())

    def info(self) -> Deferred[dict[str, Any]]:
        """See :meth:`IDockerClient.info`."""
        return Deferred.fromCoroutine(self._json(self._path("/info"), dict))

    def containers(self) -> Deferred[list[dict[str, Any]]]:
        """See :meth:`IDockerClient.containers`."""
        return Deferred.fromCoroutine(self._list(self._path("/containers/json")))

    def inspect(self, container_id: str) -> Deferred[dict[str, Any] | None]:
        """See :meth:`IDockerClient.inspect`."""
        name = quote(container_id, safe="")
        return Deferred.fromCoroutine(self._inspect(f"/containers/{name}/json"))

    def events(
        self, on_event: Callable[[dict[str, Any]], None], since: str = ""
    ) -> EventStream:
        """See :meth:`IDockerClient.events`.

        The stream ends by itself after five minutes, or at an event that cannot be
        understood: open the next one, and look at all containers again.
        """
        parameters = {"filters": json.dumps(_EVENTS)}
        if since:
            parameters["since"] = since
        url = f"{self._url}{self._path('/events')}?{urlencode(parameters)}"
        return Events(self._streams, self._clock, url, self._where, on_event).stream

    def close(self) -> Deferred[None]:
        """See :meth:`IDockerClient.close`; requests and streams are their owners'."""
        if self._pool is None:
            return succeed(None)
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed

    def _path(self, path: str) -> str:
        """The path with the version; before the first :meth:`ping` without one."""
        return f"/v{self._version}{path}" if self._version else path

    async def _negotiate(self) -> str:
        if self._pinned:
            await self._get("/_ping")
            return self._pinned
        reply = await self._get("/_ping")
        # A proxy before the socket may have dropped the header.
        said = reply.headers.getRawHeaders("Api-Version")
        newest = _version(said[-1]) if said else (0, 0)
        oldest = OLDEST_API
        if not OLDEST_API <= newest <= NEWEST_API:
            answer = await self._json("/version", dict)
            newest = _version(answer.get("ApiVersion"))
            oldest = _version(answer.get("MinAPIVersion"))
        if newest < OLDEST_API:
            raise DockerError(
                f"the engine at {self._where} speaks API {_text(newest)} at most; "
                f"{_text(OLDEST_API)} is needed"
            )
        # Engines drop old versions in time. One that has dropped all we know is still
        # more likely to be understood than not.
        self._version = _text(max(min(newest, NEWEST_API), oldest))
        return self._version

    async def _list(self, path: str) -> list[dict[str, Any]]:
        listed = await self._json(path, list)
        if not all(isinstance(entry, dict) for entry in listed):
            raise self._unexpected(path)
        return listed

    async def _inspect(self, path: str) -> dict[str, Any] | None:
        try:
            return await self._json(self._path(path), dict)
        except DockerError as error:
            if error.status == 404:
                return None
            raise

    async def _json(self, path: str, kind: type[_T]) -> _T:
        reply = await self._get(path)
        try:
            data = json.loads(reply.body)
        except ValueError as error:
            raise self._unexpected(path) from error
        if not isinstance(data, kind):
            raise self._unexpected(path)
        return data

    async def _get(self, path: str) -> Reply:
        url = self._url + path
        try:
            return await self._calls.request("GET", url, None, None, CALL_LIMIT_S)
        except CatalogError as error:
            raise DockerError(str(error), error.status) from error

    def _unexpected(self, path: str) -> DockerError:
        message = f"GET {path} at {self._where}: an answer of another shape"
        # It was one, and the engine may have better ones about everything else.
        return DockerError(message, 200)


def _version(text: object) -> tuple[int, int]:
    """``1.41`` as a pair of numbers; 0.0 for anything else."""
    major, _, minor = text.partition(".") if isinstance(text, str) else ("", "", "")
    if major.isdecimal() and minor.isdecimal():
        return int(major), int(minor)
    return 0, 0


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
