"""The ways to an agent that no test of Consul itself takes: TLS and UNIX sockets.

The agent is played by a few lines of twisted.web on loopback.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from OpenSSL import crypto
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    trustRootFromCertificates,
)
from twisted.trial.unittest import TestCase
from twisted.web.server import Site

from tests.clients.authority import Authority
from tests.clients.support import ScriptedApi
from tests.services import running_reactor
from twisted_router.clients.consul import ConsulClient
from twisted_router.config.schema import ConsulConfig
from twisted_router.interfaces import CatalogError


class TransportTestCase(TestCase):
    """A server that knows one service, and clients of it."""

    timeout = 20

    def setUp(self) -> None:
        self.reactor = running_reactor()
        self.api = ScriptedApi(b'{"web": []}', headers={"X-Consul-Index": "7"})
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)  # short: sockets allow 107 bytes

    async def listen(self, endpoint: IStreamServerEndpoint) -> IListeningPort:
        port: IListeningPort = await endpoint.listen(Site(self.api))
        self.addCleanup(port.stopListening)
        return port

    async def services_of(self, config: ConsulConfig) -> dict[str, list[str]]:
        client = ConsulClient(self.reactor, config)
        try:
            answer = await client.services()
        finally:
            await client.close()
        services: dict[str, list[str]] = answer.data
        return services


class UNIXTests(TransportTestCase):
    """An agent behind a socket in the file system."""

    async def test_the_agent_is_reached_by_its_path(self) -> None:
        path = str(self.directory / "consul.sock")
        await self.listen(UNIXServerEndpoint(self.reactor, path))
        config = ConsulConfig(address=(f"unix://{path}",))
        self.assertEqual({"web": []}, await self.services_of(config))

    async def test_a_missing_socket_is_a_catalog_error(self) -> None:
        config = ConsulConfig(address=(f"unix://{self.directory}/none",))
        try:
            await self.services_of(config)
        except CatalogError as error:
            self.assertIn(f"unix://{self.directory}/none", str(error))
        else:
            self.fail("no error")


class TLSTests(TransportTestCase):
    """An agent that speaks TLS and wants a certificate of its clients."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        super().setUp()
        self.authority = Authority("ours")
        certificate, key = self.authority.issue("127.0.0.1")
        options = CertificateOptions(
            privateKey=crypto.load_privatekey(crypto.FILETYPE_PEM, key),
            certificate=crypto.load_certificate(crypto.FILETYPE_PEM, certificate),
            trustRoot=trustRootFromCertificates(
                [Certificate.loadPEM(self.authority.certificate)]
            ),
        )
        port = await self.listen(
            SSL4ServerEndpoint(self.reactor, 0, options, interface="127.0.0.1")
        )
        where: Any = port.getHost()
        self.address = f"https://127.0.0.1:{where.port}"

    def file(self, pem: bytes) -> str:
        path = self.directory / f"{len(os.listdir(self.directory))}.pem"
        path.write_bytes(pem)
        return str(path)

    async def test_both_sides_are_sure_of_each_other(self) -> None:
        certificate, key = self.authority.issue("router")
        config = ConsulConfig(
            address=(self.address,),
            ca_cert=self.file(self.authority.certificate),
            client_cert=self.file(certificate),
            client_key=self.file(key),
        )
        self.assertEqual({"web": []}, await self.services_of(config))

    async def test_a_server_that_cannot_be_trusted_is_not_asked(self) -> None:
        config = ConsulConfig(
            address=(self.address,), ca_cert=self.file(Authority("other").certificate)
        )
        try:
            await self.services_of(config)
        except CatalogError as error:
            self.assertIn("certificate verify failed", str(error))
        else:
            self.fail("no error")
        self.assertEqual([], self.api.seen)

    async def test_without_our_certificate_the_server_refuses(self) -> None:
        config = ConsulConfig(
            address=(self.address,), ca_cert=self.file(self.authority.certificate)
        )
        try:
            await self.services_of(config)
        except CatalogError as error:
            self.assertIn("certificate required", str(error))
        else:
            self.fail("no error")
