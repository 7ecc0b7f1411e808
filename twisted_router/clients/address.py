"""Where the server of a control API listens, and the endpoint that reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.endpoints import (
    HostnameEndpoint,
    UNIXClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IStreamClientEndpoint,
)
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from ..config.addresses import split_host_port

#: Port of a Consul agent's address that names none, for http and https alike.
DEFAULT_PORT = 8500


#: Seconds until the next address of a name is tried as well. Twisted's 0.3 s would pass
#: before a refusal of the only one is told, too.
_NEXT_ADDRESS_S = 0.05


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """Where a Consul agent or a Docker engine listens.

    :ivar scheme: ``http``, ``https`` or ``unix``.
    :ivar host: IP address (without brackets) or name, ``""`` for ``unix``.
    :ivar path: path of the socket, ``""`` for the others.
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str, tls: bool = False) -> AgentAddress:
        """Read a Consul agent's address as Consul's own tools write it.

        :param text: ``host:port``, ``http://host[:port]``, ``https://host[:port]`` or
            ``unix:///path``.
        :param tls: ``host:port`` alone means https.
        :raises ValueError: it is none of these.
        """
        scheme, separator, rest = text.partition("://")
        if not separator:
            scheme, rest = "https" if tls else "http", text
        if scheme == "unix" and rest.startswith("/"):
            return cls("unix", path=rest)
        if scheme not in ("http", "https"):
            raise ValueError(f"{text!r} is no address of a Consul agent")
        try:
            host, port = split_host_port(rest.rstrip("/"), DEFAULT_PORT)
        except ValueError as error:
            raise ValueError(f"{text!r} as a Consul agent's address: {error}") from None
        return cls(scheme, host, port)

    @property
    def url(self) -> str:
        """What every request's URL begins with, without a slash at its end."""
        if self.scheme == "unix":
            return "http://localhost"
        return f"{self.scheme}://{self._netloc}"

    @property
    def _netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        """The address as a person would write it, for messages."""
        if self.scheme == "unix":
            return f"unix://{self.path}"
        return self._netloc if self.scheme == "http" else self.url


def endpoint_of(
    reactor: Any,
    address: AgentAddress,
    tls: IOpenSSLClientConnectionCreator | None,
    connect_limit_s: float,
) -> IStreamClientEndpoint:
    """What connects to a server.

    :param tls: how to speak TLS with it; ``None`` for plain TCP or a socket.
    :param connect_limit_s: seconds that one attempt to connect may take.
    """
    if address.scheme == "unix":
        return UNIXClientEndpoint(reactor, address.path, timeout=connect_limit_s)
    endpoint = HostnameEndpoint(
        reactor,
        address.host,
        address.port,
        timeout=connect_limit_s,
        attemptDelay=_NEXT_ADDRESS_S,
    )
    return endpoint if tls is None else wrapClientTLS(tls, endpoint)


@implementer(IAgentEndpointFactory)
class AgentEndpoints:
    """Leads every request of a ``twisted.web.client.Agent`` to one server.

    The parameters are those of :func:`endpoint_of`.
    """

    def __init__(
        self,
        reactor: Any,
        address: AgentAddress,
        tls: IOpenSSLClientConnectionCreator | None,
        connect_limit_s: float,
    ) -> None:
        self._endpoint = endpoint_of(reactor, address, tls, connect_limit_s)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802
        """The same endpoint whatever the URI: its host is there for the Host field."""
        return self._endpoint
