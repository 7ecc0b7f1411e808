"""The Docker client over TCP, plain and with TLS, to a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ServerEndpoint,
)
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    KeyPair,
    trustRootFromCertificates,
)
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from tests.clients.authority import Authority
from tests.integration.forward import Forwards
from tests.services import Containers, require_docker, running_reactor, wait_for
from twisted_router.clients.docker import DockerClient
from twisted_router.config.schema import DockerConfig
from twisted_router.interfaces import DockerError


class TcpTests(TestCase):
    """The same engine, reached in another way."""

    timeout = 60

    def setUp(self) -> None:
        endpoint = require_docker(self)
        if not endpoint.startswith("unix://"):
            raise SkipTest(f"{endpoint} is not a socket that could be passed on")
        self.reactor = running_reactor()
        self.forwards = Forwards(endpoint.removeprefix("unix://"))
        self.containers = Containers(self)
        self.ours = Authority("ours")
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    async def listen(self, endpoint: IStreamServerEndpoint) -> int:
        """Listen for the engine; gives the port."""
        port: Any = await endpoint.listen(self.forwards)
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    async def listen_tls(self) -> int:
        """Listen with TLS, for clients with a certificate of ours."""
        certificate, key = self.ours.issue("127.0.0.1")
        options = CertificateOptions(
            privateKey=KeyPair.load(key, 1).original,
            certificate=Certificate.loadPEM(certificate).original,
            trustRoot=trustRootFromCertificates(
                [Certificate.loadPEM(self.ours.certificate)]
            ),
        )
        return await self.listen(
            SSL4ServerEndpoint(self.reactor, 0, options, interface="127.0.0.1")
        )

    def client(self, **environ: str) -> DockerClient:
        client = DockerClient(self.reactor, DockerConfig(), environ)

        async def close() -> None:
            await deferLater(self.reactor, 0)
            await client.close()

        self.addCleanup(close)
        return client

    def file(self, name: str, pem: bytes) -> None:
        (self.directory / name).write_bytes(pem)

    async def assert_works(self, client: DockerClient) -> None:
        """Calls are answered, and events arrive."""
        await client.ping()
        seen: list[Any] = []
        stream = client.events(seen.append)
        self.addCleanup(stream.ended.cancel)
        await stream.opened
        container = await self.containers.run("sleep", "100")
        await wait_for(
            self.reactor,
            lambda: [e for e in seen if e["Actor"]["ID"] == container],
            what="the container's start",
        )
        listed = await client.containers()
        self.assertIn(container, [each["Id"] for each in listed])

    async def test_plain_tcp(self) -> None:
        endpoint = TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")
        port = await self.listen(endpoint)
        await self.assert_works(self.client(DOCKER_HOST=f"tcp://127.0.0.1:{port}"))

    async def test_tls_with_a_certificate_of_ours(self) -> None:
        port = await self.listen_tls()
        certificate, key = self.ours.issue("client")
        self.file("ca.pem", self.ours.certificate)
        self.file("cert.pem", certificate)
        self.file("key.pem", key)
        await self.assert_works(self.tls_client(port))

    async def test_an_engine_that_another_authority_has_signed_for(self) -> None:
        port = await self.listen_tls()
        certificate, key = self.ours.issue("client")
        self.file("ca.pem", Authority("other").certificate)
        self.file("cert.pem", certificate)
        self.file("key.pem", key)
        with self.assertRaises(DockerError) as caught:
            await self.tls_client(port).ping()
        self.assertIn("certificate verify failed", str(caught.exception))

    def tls_client(self, port: int) -> DockerClient:
        return self.client(
            DOCKER_HOST=f"tcp://127.0.0.1:{port}",
            DOCKER_TLS_VERIFY="1",
            DOCKER_CERT_PATH=str(self.directory),
        )
