"""One Consul agent: its address, the connections to it, and how requests go there."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.web.iweb import IAgent

from ..config.schema import ConsulConfig
from .address import AgentAddress, endpoint_of
from .connections import KeptConnections
from .pyconsul import Library, LibraryClient
from .tls import client_tls
from .token import Token
from .transport import Transport

#: Seconds to connect to the agent.
CONNECT_LIMIT_S = 3.0


class ConsulAgent:
    """Where the requests for one agent go.

    :param agent: makes the requests instead of own connections (tests).
    :ivar default: py-consul, read through the leader.
    :ivar stale: py-consul, whose reads any server may answer.
    :ivar http: what both send their requests with.
    :raises ValueError: the address or a certificate of ``config`` cannot be used.
    :raises OSError: a certificate cannot be read.
    """

    def __init__(
        self,
        reactor: Any,
        text: str,
        config: ConsulConfig,
        token: Token,
        agent: IAgent | None = None,
    ) -> None:
        self._address = AgentAddress.parse(text, config.ssl)
        self._connections: KeptConnections | None = None
        if agent is None:
            endpoint = endpoint_of(
                reactor, self._address, _tls(self._address, config), CONNECT_LIMIT_S
            )
            agent = self._connections = KeptConnections(endpoint, reactor)
        transport = Transport(
            agent, reactor, where=str(self._address), secret=lambda: token.text
        )
        url = self._address.url
        self.http = LibraryClient(transport, url, token)
        self.default = Library(self.http, config.datacenter)
        stale = LibraryClient(transport, url, token, [("stale", "1")])
        self.stale = Library(stale, config.datacenter)

    def __str__(self) -> str:
        return str(self._address)

    def abort(self) -> None:
        """Give every connection up; requests under way fail."""
        if self._connections is not None:
            self._connections.abort()

    def close(self) -> Deferred[None]:
        """Close idle connections; fires when they are gone."""
        return succeed(None) if self._connections is None else self._connections.close()


def _tls(
    address: AgentAddress, config: ConsulConfig
) -> IOpenSSLClientConnectionCreator | None:
    if address.scheme != "https":
        return None
    return client_tls(
        config.tls_server_name or address.host,
        config.ca_cert,
        config.client_cert,
        config.client_key,
        ca_path=config.ca_path,
        verify=config.ssl_verify,
    )
