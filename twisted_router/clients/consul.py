"""Consul's HTTP API as the router and the registrar use it, over py-consul."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import orjson
from consul.callback import CB
from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent
from zope.interface import implementer

from ..config.schema import ConsulConfig, Secret
from ..config.secret import Secrets, read_secret_file
from ..interfaces import Answer, CatalogError, IConsulClient
from ..model import Quarantined
from .agents import Agents
from .consul_agent import ConsulAgent
from .instances import read_instances
from .pyconsul import SUMMARIES, Library
from .reading import CatalogReads
from .token import Token
from .transport import Reply

#: What a read gives: the content, and the entries that were no use.
_Content = tuple[Any, tuple[Quarantined, ...]]

_SECRETS = Secrets({}, read_secret_file)

_T = TypeVar("_T")


@implementer(IConsulClient)
class ConsulClient:
    """Asks Consul through one agent or several.

    What is asked of the catalog goes to the first agent or, while that does not
    answer, to the next that does. What is the agent's own matter always goes to the
    first: a service belongs to the agent that it was registered with, and another one
    would keep it for ever.

    :param reactor: for time and connections.
    :param agent: makes the requests instead of own connections (tests).
    :param read_secret: reads a token's file again; raises RefusedError.
    :raises ValueError: an address or a certificate of ``config`` cannot be used.
    :raises OSError: a certificate cannot be read.
    """

    def __init__(
        self,
        reactor: Any,
        config: ConsulConfig,
        agent: IAgent | None = None,
        read_secret: Callable[[str], Secret] = _SECRETS.from_file,
    ) -> None:
        token = Token(config.token, read_secret, reactor)
        self._all = [
            ConsulAgent(reactor, address, config, token, agent)
            for address in config.address
        ]
        self._local = self._all[0]
        self._agents = Agents(self._all, reactor, _has_leader, ConsulAgent.abort)
        self._reads = CatalogReads(self._agents, reactor, float(config.max_stale))

    def services(self, index: int = 0, wait_s: float = 0.0) -> Deferred[Answer]:
        """See :meth:`IConsulClient.services`; tags are sorted."""

        def read(library: Library, index: int, wait_s: float) -> Deferred[Reply]:
            reading: Deferred[Reply] = library.catalog.services(
                **_blocking(index, wait_s)
            )
            return reading

        return self._answer(read, index, wait_s, "/v1/catalog/services", _services)

    def health(
        self, service: str, index: int = 0, wait_s: float = 0.0
    ) -> Deferred[Answer]:
        """See :meth:`IConsulClient.health`; instances are sorted."""
        name = _segment(service)

        def read(library: Library, index: int, wait_s: float) -> Deferred[Reply]:
            reading: Deferred[Reply] = library.health.service(
                name, **_blocking(index, wait_s)
            )
            return reading

        def decode(data: Any) -> _Content:
            return read_instances(service, _expect(list, data))

        return self._answer(read, index, wait_s, f"/v1/health/service/{name}", decode)

    def checks(
        self, index: int = 0, wait_s: float = 0.0, status: str = "any"
    ) -> Deferred[Answer]:
        """See :meth:`IConsulClient.checks`."""

        def read(library: Library, index: int, wait_s: float) -> Deferred[Reply]:
            reading: Deferred[Reply] = library.health.state(
                status, **_blocking(index, wait_s)
            )
            return reading

        return self._answer(read, index, wait_s, f"/v1/health/state/{status}", _checks)

    def summaries(self, index: int = 0, wait_s: float = 0.0) -> Deferred[Answer]:
        """See :meth:`IConsulClient.summaries`."""

        def read(library: Library, index: int, wait_s: float) -> Deferred[Reply]:
            return library.summaries(**_blocking(index, wait_s))

        return self._answer(read, index, wait_s, SUMMARIES, _summaries)

    def agent_self(self) -> Deferred[dict[str, Any]]:
        """See :meth:`IConsulClient.agent_self`."""
        path = "/v1/agent/self"
        return self._own(self._local.default.agent.self(), path, _object)

    def agent_services(self) -> Deferred[dict[str, dict[str, Any]]]:
        """See :meth:`IConsulClient.agent_services`."""
        path = "/v1/agent/services"
        return self._own(self._local.default.agent.services(), path, _objects)

    def agent_checks(self) -> Deferred[dict[str, dict[str, Any]]]:
        """See :meth:`IConsulClient.agent_checks`."""
        path = "/v1/agent/checks"
        return self._own(self._local.default.agent.checks(), path, _objects)

    def register(
        self, payload: Mapping[str, Any], keep_checks: bool = False
    ) -> Deferred[None]:
        """See :meth:`IConsulClient.register`.

        Without ``keep_checks``, maintenance mode ends in Consul 1.8, which holds it to
        be one more check; newer ones keep it.
        """
        # py-consul's own method wants the fields as parameters, and leaves some out.
        registering: Deferred[Any] = self._local.http.put(
            CB.boolean(),
            "/v1/agent/service/register",
            params=[] if keep_checks else [("replace-existing-checks", "true")],
            headers={"Content-Type": "application/json"},
            data=json.dumps(payload),
        )
        return registering.addCallback(_nothing)

    def deregister(self, service_id: str) -> Deferred[None]:
        """See :meth:`IConsulClient.deregister`."""
        deregistering: Deferred[Any] = self._local.default.agent.service.deregister(
            _segment(service_id)
        )
        deregistering.addErrback(_unknown_is_fine)
        return deregistering.addCallback(_nothing)

    def maintenance(
        self, service_id: str, enable: bool, reason: str = ""
    ) -> Deferred[None]:
        """See :meth:`IConsulClient.maintenance`."""
        switching: Deferred[Any] = self._local.default.agent.service.maintenance(
            _segment(service_id), "true" if enable else "false", reason or None
        )
        return switching.addCallback(_nothing)

    def report(self, check_id: str, status: str, output: str = "") -> Deferred[None]:
        """See :meth:`IConsulClient.report`."""
        # py-consul has a method for each status, and puts the output into the URL.
        reporting: Deferred[Any] = self._local.http.put(
            CB.boolean(),
            f"/v1/agent/check/update/{_segment(check_id)}",
            headers={"Content-Type": "application/json"},
            data=json.dumps({"Status": status, "Output": output}),
        )
        return reporting.addCallback(_nothing)

    def close(self) -> Deferred[None]:
        """See :meth:`IConsulClient.close`; requests under way are their owners'."""
        self._agents.close()
        closing = DeferredList([agent.close() for agent in self._all])
        return closing.addCallback(_nothing)

    def _answer(
        self,
        read: Callable[[Library, int, float], Deferred[Reply]],
        index: int,
        wait_s: float,
        path: str,
        decode: Callable[[Any], _Content],
    ) -> Deferred[Answer]:
        async def answer() -> Answer:
            found = await self._reads.read(read, index, wait_s)
            position = found.position
            content, quarantined = _decoded(found.agent, path, decode, found.reply)
            return Answer(
                position,
                content,
                position.last_contact_ms,
                position.known_leader,
                quarantined,
                found.is_stale,
                position.filtered_by_acls,
            )

        return Deferred.fromCoroutine(answer())

    def _own(
        self, reading: Deferred[Any], path: str, decode: Callable[[Any], _T]
    ) -> Deferred[_T]:
        return reading.addCallback(
            lambda reply: _decoded(self._local, path, decode, reply)
        )


def _has_leader(agent: ConsulAgent) -> Deferred[bool]:
    """Whether an agent answers, and its cluster works; asks nothing of the leader."""
    asking: Deferred[Any] = agent.default.status.leader()
    return asking.addCallback(lambda reply: reply.body.strip() not in (b"", b'""'))


def _decoded(
    agent: ConsulAgent, path: str, decode: Callable[[Any], _T], reply: Reply
) -> _T:
    try:
        return decode(_json(reply.body))
    except (ValueError, RecursionError, _ShapeError) as error:
        raise agent.http.unexpected("GET", agent.http.uri(path)) from error


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # It refuses half a surrogate pair, which may be in one tag of thousands.
        return json.loads(body)


class _ShapeError(Exception):
    """JSON that is not of the shape Consul documents."""


def _blocking(index: int, wait_s: float) -> dict[str, Any]:
    """py-consul's parameters of a read; an index of 0 is left out and does not wait.

    A wait of 0 would mean five minutes to Consul.
    """
    if not index:
        return {}
    return {"index": index, "wait": f"{max(1, round(wait_s * 1000))}ms"}


def _segment(name: str) -> str:
    """A name as one segment of a path; what is no text at all becomes "?"."""
    return quote(name, safe="", errors="replace")


def _expect(kind: type[_T], data: Any) -> _T:
    if not isinstance(data, kind):
        raise _ShapeError(f"{type(data).__name__} instead of {kind.__name__}")
    return data


def _services(data: Any) -> _Content:
    services = {}
    for name, tags in _expect(dict, data).items():
        # Go writes an empty list as null.
        services[name] = sorted(_expect(str, tag) for tag in _expect(list, tags or []))
    return services, ()


def _checks(data: Any) -> _Content:
    for check in _expect(list, data):
        _expect(dict, check)
    return data, ()


def _object(data: Any) -> dict[str, Any]:
    return _expect(dict, data)


def _objects(data: Any) -> dict[str, dict[str, Any]]:
    for value in _expect(dict, data).values():
        _expect(dict, value)
    return _object(data)


def _summaries(data: Any) -> _Content:
    # Names come more than once where there are several namespaces.
    summaries: dict[str, list[dict[str, Any]]] = {}
    for summary in _expect(list, data):
        name = _expect(str, _expect(dict, summary).get("Name"))
        summaries.setdefault(name, []).append(summary)
    return summaries, ()


def _nothing(_: Any) -> None:
    """What a successful write answers."""


def _unknown_is_fine(failure: Failure) -> bool:
    # For an unknown ID, Consul up to 1.8 says 200, and later 404.
    error = failure.value
    if not isinstance(error, CatalogError) or error.status != 404:
        failure.raiseException()
    return True
