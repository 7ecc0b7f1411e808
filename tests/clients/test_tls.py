"""Tests of the TLS settings of outgoing connections."""

from __future__ import annotations

from pathlib import Path

from OpenSSL import crypto
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    trustRootFromCertificates,
)
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.test.iosim import connect, makeFakeClient, makeFakeServer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.clients.authority import Authority
from twisted_router.clients.tls import client_tls


@implementer(IHandshakeListener)
class Witness(Protocol):
    """Sees how a handshake ends."""

    completed = False
    lost: Failure | None = None

    def handshakeCompleted(self) -> None:  # noqa: N802 - the interface's name
        self.completed = True

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


class HandshakeTestCase(SynchronousTestCase):
    """Lets clients shake hands with servers, in memory.

    :cvar asks: whether servers ask for a certificate of the client.
    """

    asks = False

    def setUp(self) -> None:
        self.ours = Authority("ours")
        self.other = Authority("other")
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def file(self, *pems: bytes) -> str:
        path = self.directory / f"{len(list(self.directory.iterdir()))}.pem"
        path.write_bytes(b"".join(pems))
        return str(path)

    def handshake(
        self, creator: IOpenSSLClientConnectionCreator, server: CertificateOptions
    ) -> tuple[Witness, TLSMemoryBIOProtocol]:
        """Let a client and a server shake hands; the client's witness, the server."""
        clock = MemoryReactorClock()
        client, service = (
            TLSMemoryBIOFactory(
                options, is_client, Factory.forProtocol(Witness), clock
            ).buildProtocol(None)
            for options, is_client in ((creator, True), (server, False))
        )
        ends = service, makeFakeServer(service), client, makeFakeClient(client)
        witness = client.wrappedProtocol  # gone once the connection is lost
        assert isinstance(witness, Witness)
        connect(*ends, greet=False).flush()
        return witness, service

    def server(self, host: str, authority: Authority) -> CertificateOptions:
        certificate, key = authority.issue(host)
        ours = Certificate.loadPEM(self.ours.certificate)
        return CertificateOptions(
            privateKey=crypto.load_privatekey(crypto.FILETYPE_PEM, key),
            certificate=crypto.load_certificate(crypto.FILETYPE_PEM, certificate),
            trustRoot=trustRootFromCertificates([ours]) if self.asks else None,
        )

    def assert_trusted(
        self, expected: bool, host: str, server: CertificateOptions
    ) -> None:
        ca = self.file(self.other.certificate, self.ours.certificate)
        client, _ = self.handshake(client_tls(host, ca), server)
        self.assertEqual(expected, client.completed)
        self.assertEqual(expected, client.lost is None)


class TrustTests(HandshakeTestCase):
    """Whom :func:`client_tls` believes."""

    def test_any_authority_of_the_file_is_trusted(self) -> None:
        self.assert_trusted(True, "consul.test", self.server("consul.test", self.ours))
        self.assert_trusted(True, "consul.test", self.server("consul.test", self.other))

    def test_another_authority_is_not(self) -> None:
        server = self.server("consul.test", Authority("foreign"))
        self.assert_trusted(False, "consul.test", server)

    def test_a_certificate_for_another_name_is_not(self) -> None:
        self.assert_trusted(False, "consul.test", self.server("web.test", self.ours))

    def test_an_address_can_be_verified_too(self) -> None:
        server = self.server("10.0.0.1", self.ours)
        self.assert_trusted(True, "10.0.0.1", server)
        self.assert_trusted(False, "10.0.0.2", server)

    def test_the_authorities_of_a_directory_are_trusted_beside_the_files(self) -> None:
        beside = Path(self.mktemp())
        beside.mkdir()
        (beside / "other.pem").write_bytes(self.other.certificate)
        (beside / "deeper").mkdir()
        creator = client_tls(
            "consul.test", self.file(self.ours.certificate), ca_path=str(beside)
        )
        for authority in (self.ours, self.other):
            server = self.server("consul.test", authority)
            self.assertTrue(self.handshake(creator, server)[0].completed)

    def test_anybody_is_when_that_is_wanted(self) -> None:
        server = self.server("web.test", Authority("foreign"))
        for host in ("consul.test", "10.0.0.1"):
            creator = client_tls(host, verify=False)
            self.assertTrue(self.handshake(creator, server)[0].completed)

    def test_the_systems_authorities_do_not_count_when_a_file_is_named(self) -> None:
        client, _ = self.handshake(
            client_tls("consul.test"), self.server("consul.test", self.ours)
        )
        self.assertFalse(client.completed)


class ClientCertificateTests(HandshakeTestCase):
    """What it shows of itself to a server that asks."""

    asks = True

    def shown(self, *files: str, verify: bool = True) -> list[str]:
        """Names of the certificates that a server sees, ours first."""
        ca = self.file(self.ours.certificate)
        creator = client_tls("consul.test", ca, *files, verify=verify)
        client, service = self.handshake(creator, self.server("consul.test", self.ours))
        self.assertTrue(client.completed)
        connection = service._tlsConnection
        assert connection is not None
        chain = connection.get_peer_cert_chain() or []
        return [
            str(certificate.get_subject().commonName)
            for certificate in (connection.get_peer_certificate(), *chain)
            if certificate is not None
        ]

    def test_our_certificate_and_its_chain_are_shown(self) -> None:
        certificate, key = self.ours.issue("router.test")
        self.assertEqual(
            ["router.test", "other"],
            self.shown(self.file(certificate, self.other.certificate), self.file(key)),
        )

    def test_so_they_are_to_a_server_that_is_not_verified(self) -> None:
        certificate, key = self.ours.issue("router.test")
        files = self.file(certificate, self.other.certificate), self.file(key)
        self.assertEqual(["router.test", "other"], self.shown(*files, verify=False))

    def test_the_key_may_stand_beside_the_certificate(self) -> None:
        certificate, key = self.ours.issue("router.test")
        self.assertEqual("router.test", self.shown(self.file(key, certificate))[0])


class BadFileTests(SynchronousTestCase):
    """Files that cannot be used are told by name, at once."""

    def setUp(self) -> None:
        self.certificate, self.key = Authority("ours").issue("router.test")

    def file(self, content: bytes) -> str:
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def assert_refused(self, blamed: str, reason: str, *files: str) -> None:
        error = self.assertRaises(ValueError, client_tls, "consul.test", *files)
        self.assertIn(blamed, str(error))
        self.assertIn(reason, str(error))

    def test_without_a_certificate(self) -> None:
        path = self.file(self.key)
        self.assert_refused(path, "no certificate in it", path)
        self.assert_refused(path, "no certificate in it", "", path)

    def test_a_directory_without_any(self) -> None:
        path = Path(self.mktemp())
        path.mkdir()
        with self.assertRaises(ValueError) as caught:
            client_tls("consul.test", ca_path=str(path))
        self.assertIn(f"{path}: no certificate in it", str(caught.exception))

    def test_a_damaged_certificate(self) -> None:
        path = self.file(self.certificate.replace(b"MII", b"AAA"))
        self.assert_refused(path, "a damaged certificate", path)

    def test_without_a_key(self) -> None:
        path = self.file(self.certificate)
        self.assert_refused(path, "no private key in it", "", path)

    def test_the_key_of_another_certificate(self) -> None:
        _, other_key = Authority("ours").issue("router.test")
        path = self.file(other_key)
        self.assert_refused(
            path,
            "not the one of the certificate",
            "",
            self.file(self.certificate),
            path,
        )

    def test_a_key_with_a_passphrase(self) -> None:
        path = self.file(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        self.assert_refused(path, "a passphrase", "", self.file(self.certificate), path)

    def test_a_missing_file(self) -> None:
        self.assertRaises(OSError, client_tls, "consul.test", "/nonexistent/ca.pem")
