"""Consul's HTTP API as the router and the registrar use it: py-consul over treq."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from consul.callback import CB
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent
from zope.interface import implementer

from ..config.schema import ConsulConfig
from ..interfaces import Answer, CatalogError, IConsulClient
from ..model import Quarantined
from .address import AgentAddress, AgentEndpoints
from .instances import read_instances
from .pyconsul import Library, LibraryClient, Position
from .tls import client_tls
from .transport import Transport

#: Seconds to connect to the agent.
CONNECT_LIMIT_S = 3.0

#: Idle connections kept. An agent allows 200 for each client address, all processes
#: of the host together (its ``http_max_conns_per_client``).
_MAX_IDLE = 16
_IDLE_S = 60

_T = TypeVar("_T")


@implementer(IConsulClient)
class ConsulClient:
    """Asks one Consul agent.

    :param reactor: for time and connections.
    :param agent: makes the requests instead of an own connection pool (tests).
    :raises ValueError: the address or a certificate of ``config`` cannot be used.
    :raises OSError: a certificate cannot be read.
    """

    def __init__(
        self, reactor: Any, config: ConsulConfig, agent: IAgent | None = None
    ) -> None:
        address = AgentAddress.parse(config.address)
        self._pool: HTTPConnectionPool | None = None
        if agent is None:
            self._pool = HTTPConnectionPool(reactor)
            self._pool.maxPersistentPerHost = _MAX_IDLE
            self._pool.cachedConnectionTimeout = _IDLE_S
            agent = Agent.usingEndpointFactory(
                reactor, _endpoints(reactor, address, config), self._pool
            )
        token = str(config.token)
        transport = Transport(agent, reactor, where=str(address), secret=token)
        self._http = LibraryClient(transport, address.url, token)
        self._consul = Library(self._http, config.datacenter)

    def services(self, index: int = 0, wait_s: float = 0.0) -> Deferred[Answer]:
        """See :meth:`IConsulClient.services`; tags are sorted."""
        reading = self._consul.catalog.services(**_blocking(index, wait_s))
        return self._answer(reading, "/v1/catalog/services", _services)

    def health(
        self, service: str, index: int = 0, wait_s: float = 0.0
    ) -> Deferred[Answer]:
        """See :meth:`IConsulClient.health`; instances are sorted."""
        name = _segment(service)
        reading = self._consul.health.service(name, **_blocking(index, wait_s))

        def decode(data: Any) -> tuple[Any, tuple[Quarantined, ...]]:
            return read_instances(service, _expect(list, data))

        return self._answer(reading, f"/v1/health/service/{name}", decode)

    def checks(self, index: int = 0, wait_s: float = 0.0) -> Deferred[Answer]:
        """See :meth:`IConsulClient.checks`."""
        reading = self._consul.health.state("any", **_blocking(index, wait_s))
        return self._answer(reading, "/v1/health/state/any", _checks)

    def agent_self(self) -> Deferred[dict[str, Any]]:
        """See :meth:`IConsulClient.agent_self`."""
        return self._object(self._consul.agent.self(), "/v1/agent/self")

    def agent_services(self) -> Deferred[dict[str, dict[str, Any]]]:
        """See :meth:`IConsulClient.agent_services`."""
        return self._objects(self._consul.agent.services(), "/v1/agent/services")

    def agent_checks(self) -> Deferred[dict[str, dict[str, Any]]]:
        """See :meth:`IConsulClient.agent_checks`."""
        return self._objects(self._consul.agent.checks(), "/v1/agent/checks")

    def register(
        self, payload: Mapping[str, Any], keep_checks: bool = False
    ) -> Deferred[None]:
        """See :meth:`IConsulClient.register`.

        Without ``keep_checks``, maintenance mode ends in Consul 1.8, which holds it to
        be one more check; newer ones keep it.
        """
        # py-consul's own method wants the fields as parameters, and leaves some out.
        registering: Deferred[bool] = self._http.put(
            CB.boolean(),
            "/v1/agent/service/register",
            params=[] if keep_checks else [("replace-existing-checks", "true")],
            headers={"Content-Type": "application/json"},
            data=json.dumps(payload),
        )
        return registering.addCallback(_nothing)

    def deregister(self, service_id: str) -> Deferred[None]:
        """See :meth:`IConsulClient.deregister`."""
        deregistering: Deferred[bool] = self._consul.agent.service.deregister(
            _segment(service_id)
        )
        deregistering.addErrback(_unknown_is_fine)
        return deregistering.addCallback(_nothing)

    def maintenance(
        self, service_id: str, enable: bool, reason: str = ""
    ) -> Deferred[None]:
        """See :meth:`IConsulClient.maintenance`."""
        switching: Deferred[bool] = self._consul.agent.service.maintenance(
            _segment(service_id), "true" if enable else "false", reason or None
        )
        return switching.addCallback(_nothing)

    def close(self) -> Deferred[None]:
        """See :meth:`IConsulClient.close`; requests under way are their owners'."""
        if self._pool is None:
            return succeed(None)
        closing: Deferred[None] = self._pool.closeCachedConnections()
        return closing

    def _answer(
        self,
        reading: Deferred[tuple[Position, Any]],
        path: str,
        decode: Callable[[Any], tuple[Any, tuple[Quarantined, ...]]],
    ) -> Deferred[Answer]:
        def read(found: tuple[Position, Any]) -> Answer:
            position, data = found
            content, quarantined = self._decoded(path, decode, data)
            return Answer(
                int(position),
                content,
                position.last_contact_ms,
                position.known_leader,
                quarantined,
            )

        return reading.addCallback(read)

    def _object(self, reading: Deferred[Any], path: str) -> Deferred[dict[str, Any]]:
        return reading.addCallback(
            lambda data: self._decoded(path, lambda found: _expect(dict, found), data)
        )

    def _objects(
        self, reading: Deferred[Any], path: str
    ) -> Deferred[dict[str, dict[str, Any]]]:
        return reading.addCallback(
            lambda data: self._decoded(path, _dict_of_objects, data)
        )

    def _decoded(self, path: str, decode: Callable[[Any], _T], data: Any) -> _T:
        try:
            return decode(data)
        except _ShapeError as error:
            raise self._http.unexpected("GET", self._http.uri(path)) from error


def _endpoints(
    reactor: Any, address: AgentAddress, config: ConsulConfig
) -> AgentEndpoints:
    tls = None
    if address.scheme == "https":
        tls = client_tls(
            address.host, config.ca_cert, config.client_cert, config.client_key
        )
    return AgentEndpoints(reactor, address, tls, CONNECT_LIMIT_S)


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


def _services(data: Any) -> tuple[dict[str, list[str]], tuple[Quarantined, ...]]:
    services = {}
    for name, tags in _expect(dict, data).items():
        # Go writes an empty list as null.
        services[name] = sorted(_expect(str, tag) for tag in _expect(list, tags or []))
    return services, ()


def _checks(data: Any) -> tuple[list[dict[str, Any]], tuple[Quarantined, ...]]:
    return [_expect(dict, check) for check in _expect(list, data)], ()


def _dict_of_objects(data: Any) -> dict[str, dict[str, Any]]:
    return {key: _expect(dict, value) for key, value in _expect(dict, data).items()}


def _nothing(_: Any) -> None:
    """What a successful write answers."""


def _unknown_is_fine(failure: Failure) -> bool:
    # For an unknown ID, Consul up to 1.8 says 200, and later 404.
    error = failure.value
    if not isinstance(error, CatalogError) or error.status != 404:
        failure.raiseException()
    return True
