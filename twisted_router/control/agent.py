"""A Consul agent, as ``routerctl`` uses it: py-consul, blocking, in bounded time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import consul
import requests
from consul.exceptions import (
    ACLDisabled,
    ACLPermissionDenied,
    BadRequest,
    ClientError,
    ConsulException,
)

from ..config import ConsulConfig, load_config
from ..config.addresses import split_host_port
from ..interfaces import CatalogError
from .registration import RouteRegistration

#: Seconds for a connection, and for an answer.
_LIMIT_S = 10.0

_DEFAULT_PORT = 8500


class RouteAgent(Protocol):
    """What keeps the registered routes."""

    def register(self, registration: RouteRegistration) -> None:
        """Register a route, or register it anew; it is passing then.

        :raises CatalogError: it is not; with a status of 4xx, for good.
        """

    def refresh(self, registration: RouteRegistration) -> bool:
        """Begin a route's TTL anew.

        :returns: whether the agent knows the route.
        :raises CatalogError: the agent cannot be asked, or says no.
        """

    def deregister(self, service_id: str) -> None:
        """Take a route back; an unknown one is no error.

        :raises CatalogError: the agent cannot be asked, or says no.
        """


class ConsulRouteAgent:
    """Registers routes with one Consul agent.

    :param config: of the agent; of several, the first: what was registered with one
        has to be refreshed and taken back there.
    :param session: makes the requests instead of one of its own (tests).
    :raises ValueError: it asks for what a blocking client cannot do.
    """

    def __init__(
        self, config: ConsulConfig, session: requests.Session | None = None
    ) -> None:
        self._where = config.address[0]
        scheme, mark, rest = self._where.partition("://")
        if not mark:
            scheme, rest = "https" if config.ssl else "http", self._where
        if scheme == "unix":
            raise ValueError(f"{self._where}: routerctl needs host:port, not a socket")
        if config.tls_server_name:
            raise ValueError("routerctl cannot choose the name in the certificate")
        host, port = split_host_port(rest.rstrip("/"), _DEFAULT_PORT)
        self._consul = consul.Consul(
            host=f"[{host}]" if ":" in host else host,
            port=port,
            scheme=scheme,
            dc=config.datacenter or None,
            verify=config.ssl_verify
            and (config.ca_cert or config.ca_path or config.ssl_verify),
            cert=_pair(config.client_cert, config.client_key),
            connections_timeout=_LIMIT_S,
        )
        # py-consul prefers the environment's; ours was chosen already.
        self._consul.token = str(config.token) or None
        if session is not None:
            self._consul.http.session = session
        # No proxy between us and the agent, and no login from ~/.netrc.
        self._consul.http.session.trust_env = False

    def register(self, registration: RouteRegistration) -> None:
        """See :meth:`RouteAgent.register`."""
        service = self._consul.agent.service
        done = self._ask(
            lambda: service.register(
                registration.name,
                service_id=registration.id,
                address=registration.address,
                port=registration.port,
                tags=registration.tags,
                meta=registration.full_meta,
                check=registration.check,
                replace_existing_checks=True,
            )
        )
        if not done:
            raise CatalogError(f"Consul at {self._where}: 404 on a registration", 404)
        # Of a check that was there before, Consul keeps the status.
        if registration.ttl_s:
            self.refresh(registration)

    def refresh(self, registration: RouteRegistration) -> bool:
        """See :meth:`RouteAgent.refresh`."""
        check = self._consul.agent.check
        try:
            return bool(self._ask(lambda: check.ttl_pass(registration.check_id)))
        except CatalogError as error:
            # Of an unknown check Consul says 500, and 404 since 1.9.
            if "does not have associated TTL" in str(error):
                return False
            raise

    def deregister(self, service_id: str) -> None:
        """See :meth:`RouteAgent.deregister`."""
        self._ask(lambda: self._consul.agent.service.deregister(service_id))

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except requests.RequestException as error:
            raise self._error(_reason(error)) from error
        except ConsulException as error:
            raise self._error(" ".join(str(error).split()), _status(error)) from error

    def _error(self, reason: str, status: int = 0) -> CatalogError:
        return CatalogError(f"Consul at {self._where}: {reason[:300]}", status)


def consul_config(address: str, environ: Mapping[str, str]) -> ConsulConfig:
    """Where the agent is and how to talk to it, from Consul's own variables.

    :param address: goes before ``CONSUL_HTTP_ADDR``; ``""`` if none was given.
    :raises ConfigError: a variable, or the address, cannot be used.
    """
    section = {"consul": {"address": address} if address else {}}
    # JSON is YAML.
    found = load_config(json.dumps(section), "environment", environ).config.consul
    assert found is not None
    return found


def _pair(cert: str, key: str) -> str | tuple[str, str] | None:
    return (cert, key) if cert and key else cert or None


def _reason(error: requests.RequestException) -> str:
    """One line for what requests tells in many words."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {_LIMIT_S:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return f"TLS: {error}"
    if isinstance(error, requests.ConnectionError):
        return "cannot connect" if "refused" not in str(error) else "connection refused"
    return str(error)


def _status(error: ConsulException) -> int:
    if isinstance(error, BadRequest):
        return 400
    if isinstance(error, ACLPermissionDenied | ACLDisabled):
        return 403
    text = str(error)[:3]
    if isinstance(error, ClientError) and text.isdigit():
        return int(text)
    return 500
