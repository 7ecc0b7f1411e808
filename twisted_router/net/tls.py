"""TLS over the direct transports, as a client.

One context serves all connections that are verified, whatever their names: a context
with the system's authorities takes a megabyte, and there may be thousands of names.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ..interfaces import RouterError

# What OpenSSL calls a certificate that it does not believe.
_NOT_BELIEVED = "certificate verify failed"


class TlsError(RouterError):
    """A peer could not be spoken to in TLS, or is not who it has to be."""


class CertificateError(TlsError):
    """Its certificate is not believed: expired, or of an unknown authority."""


class ServerNameError(TlsError):
    """Its certificate is for somebody else."""


class _Factory(TLSMemoryBIOFactory):
    # The other kind collects small writes for a turn of the loop. So do the direct
    # transports below, and the producer of what waits here would not hear of it.
    protocol = TLSMemoryBIOProtocol


@implementer(IOpenSSLClientConnectionCreator)
class _Creator:
    def __init__(self, context: SSL.Context, name: str) -> None:
        self._context = context
        self._name = name

    def clientConnectionForTLS(  # noqa: N802 - the interface's name
        self, protocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        if not _is_address(self._name):  # which RFC 6066 3 does not allow there
            connection.set_tlsext_host_name(self._name.encode("ascii"))
        return connection


class ClientTls:
    """Speaks TLS with servers; the certificates of those that are verified must chain.

    :param ca_cert: PEM file with the authorities to believe; ``""`` for the system's.
    """

    def __init__(self, clock: IReactorTime, ca_cert: str = "") -> None:
        """Read the file, if there is one.

        :raises RouterError: it cannot be read; the message names it.
        """
        self._clock = clock
        self._ca_cert = ca_cert
        self._contexts: dict[bool, SSL.Context] = {}
        if ca_cert:
            self._context(verify=True)

    def wrap(
        self, factory: IProtocolFactory, name: str, verify: bool
    ) -> TLSMemoryBIOFactory:
        """The factory to dial with, so that the protocols of ``factory`` speak TLS.

        A protocol hears by ``handshakeCompleted`` when it can begin, and has to call
        :func:`verify_name` then, if it wants to be sure.

        :param name: what the server is told (SNI); an address is not.
        :param verify: whether its certificate must chain to an authority.
        """
        creator = _Creator(self._context(verify), name)
        return _Factory(creator, True, factory, self._clock)

    def _context(self, verify: bool) -> SSL.Context:
        context = self._contexts.get(verify)
        if context is None:
            context = CertificateOptions(acceptableProtocols=[b"http/1.1"]).getContext()
            if verify:
                context.set_verify(SSL.VERIFY_PEER)
                self._load_authorities(context)
            self._contexts[verify] = context
        return context

    def _load_authorities(self, context: SSL.Context) -> None:
        if not self._ca_cert:
            context.set_default_verify_paths()
            return
        try:
            with open(self._ca_cert, "rb"):
                context.load_verify_locations(self._ca_cert)
        except OSError as error:
            raise RouterError(
                f"cannot read {self._ca_cert}: {error.strerror}"
            ) from error
        except SSL.Error as error:
            raise RouterError(f"{self._ca_cert}: no certificate in it (PEM)") from error


def verify_name(transport: Any, name: str) -> None:
    """Check that a server is who it has to be, once the handshake is completed.

    :param transport: a protocol's, that was made by :meth:`ClientTls.wrap`.
    :param name: host name or IP address.
    :raises ServerNameError: its certificate does not say so (RFC 9110 4.3.4; a name
        in its subject does not count).
    """
    connection = transport.getHandle()
    try:
        if _is_address(name):
            verify_ip_address(connection, name)
        else:
            verify_hostname(connection, name)
    except VerificationError as error:
        raise ServerNameError(f"the certificate is not for {name}") from error


def tls_failure(reason: Failure) -> Failure:
    """Why a handshake failed, in words; other failures stay as they are."""
    error = reason.value
    if not isinstance(error, SSL.Error):
        return reason
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    said = ", ".join(str(entry[-1]) for entry in queue) or "TLS handshake failed"
    kind = CertificateError if _NOT_BELIEVED in said else TlsError
    return Failure(kind(said))


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
