"""Tests of twisted_router.net.tls; tests.proxy.test_tls_upstream shakes hands."""

from __future__ import annotations

from pathlib import Path

from OpenSSL import SSL
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.interfaces import RouterError
from twisted_router.net.tls import CertificateError, ClientTls, TlsError, tls_failure


class AuthoritiesTests(SynchronousTestCase):
    """Which certificates are believed."""

    def test_a_file_that_is_not_there_is_named(self) -> None:
        error = self.assertRaises(RouterError, ClientTls, Clock(), "/nonsense/ca.pem")
        self.assertEqual(
            "cannot read /nonsense/ca.pem: No such file or directory", str(error)
        )

    def test_a_file_without_a_certificate_is_named(self) -> None:
        path = Path(self.mktemp())
        path.write_text("nothing")
        error = self.assertRaises(RouterError, ClientTls, Clock(), str(path))
        self.assertEqual(f"{path}: no certificate in it (PEM)", str(error))

    def test_without_a_file_the_systems_count(self) -> None:
        factory = ClientTls(Clock()).wrap(Factory(), "a.com", verify=True)
        connection = factory._creatorCallable(TLSMemoryBIOProtocol(factory, None))
        context = connection.get_context()
        self.assertEqual(SSL.VERIFY_PEER, context.get_verify_mode())

    def test_one_context_serves_all_names(self) -> None:
        tls = ClientTls(Clock())
        contexts = set()
        for name in ("a.com", "b.com", "10.0.0.1"):
            factory = tls.wrap(Factory(), name, verify=True)
            connection = factory._creatorCallable(TLSMemoryBIOProtocol(factory, None))
            contexts.add(id(connection.get_context()))
        self.assertEqual(1, len(contexts))


class FailureTests(SynchronousTestCase):
    """Why a handshake failed, in words."""

    def test_openssls_reasons_are_read_out(self) -> None:
        for error, kind, said in (
            (
                SSL.Error([("SSL routines", "", "certificate verify failed")]),
                CertificateError,
                "certificate verify failed",
            ),
            (
                SSL.Error([("SSL routines", "", "wrong version number")]),
                TlsError,
                "wrong version number",
            ),
            (SSL.Error(), TlsError, "TLS handshake failed"),
        ):
            reason = tls_failure(Failure(error))
            self.assertEqual((kind, said), (reason.type, reason.getErrorMessage()))

    def test_other_failures_stay_as_they_are(self) -> None:
        reason = Failure(ConnectionLost())
        self.assertIdentical(reason, tls_failure(reason))
