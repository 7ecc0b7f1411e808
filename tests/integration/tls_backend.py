"""Servers behind the router that speak TLS."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.interfaces import IProtocolFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase

from tests.clients.authority import Authority
from tests.integration.backend import Server, WebServer
from tests.proxy.tls_instance import server_options
from tests.services import running_reactor

AUTHORITY = Authority("ours")


class TlsServer(Server):
    """With a certificate for its address, signed by :data:`AUTHORITY`."""

    authority = AUTHORITY

    def _wrapped(self, factory: IProtocolFactory) -> IProtocolFactory:
        options = server_options("127.0.0.1", self.authority)
        return TLSMemoryBIOFactory(options, False, factory, running_reactor())


class TlsWebServer(TlsServer, WebServer):
    """The same for a web server."""


class ForeignWebServer(TlsWebServer):
    """With a certificate of an authority that nobody knows."""

    authority = Authority("foreign")


def ca_file(testcase: SynchronousTestCase) -> str:
    """A file for ``backends.ca_cert``, with :data:`AUTHORITY` in it."""
    path = Path(testcase.mktemp()).absolute()
    path.write_bytes(AUTHORITY.certificate)
    return str(path)
