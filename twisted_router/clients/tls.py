"""TLS of an outgoing connection, from the PEM files that the configuration names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    KeyPair,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from zope.interface import implementer

from ..config.addresses import is_ip

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----",
    re.DOTALL,
)


def client_tls(
    host: str,
    ca_cert: str = "",
    client_cert: str = "",
    client_key: str = "",
    *,
    ca_path: str = "",
    verify: bool = True,
) -> IOpenSSLClientConnectionCreator:
    """How to speak TLS with ``host``: its certificate and its name are verified.

    :param host: name or IP address that the certificate must be for.
    :param ca_cert: PEM file with the authorities to believe; ``""`` for the system's.
    :param client_cert: PEM file with our certificate, then the chain it hangs on;
        ``""`` for none.
    :param client_key: PEM file with its key; ``""`` when ``client_cert`` has it too.
    :param ca_path: directory of PEM files with more such authorities; ``""`` for none.
    :param verify: false to believe whoever answers.
    :raises ValueError: a file has no certificate or key; the message names the file.
    :raises OSError: a file cannot be read.
    """
    options: dict[str, Any] = {}
    authorities = _certificates(ca_cert) if ca_cert else []
    if ca_path:
        authorities += _certificates_under(ca_path)
    if authorities:
        options["trustRoot"] = trustRootFromCertificates(authorities)
    if client_cert:
        ours, *chain = _certificates(client_cert)
        options["clientCertificate"] = PrivateCertificate.fromCertificateAndKeyPair(
            ours, _key(client_key or client_cert, ours)
        )
        options["extraCertificateOptions"] = {
            "extraCertChain": [certificate.original for certificate in chain]
        }
    if not verify:
        return _Unverified(host, options)
    return optionsForClientTLS(host, **options)


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    """Speaks TLS with whoever answers."""

    def __init__(self, host: str, options: dict[str, Any]) -> None:
        ours = options.get("clientCertificate")
        self._host = host
        self._context = CertificateOptions(
            privateKey=ours.privateKey.original if ours else None,
            certificate=ours.original if ours else None,
            **options.get("extraCertificateOptions", {}),
        ).getContext()

    def clientConnectionForTLS(  # noqa: N802 - the interface's name
        self,
        tlsProtocol: Any,  # noqa: N803
    ) -> SSL.Connection:
        """See the interface."""
        connection = SSL.Connection(self._context, None)
        # RFC 6066, 3: an address is no name to be sent.
        if not is_ip(self._host):
            connection.set_tlsext_host_name(self._host.encode("ascii"))
        return connection


def _certificates_under(path: str) -> list[Certificate]:
    """Every certificate of the files in a directory, at least one."""
    files = [file for file in sorted(Path(path).iterdir()) if file.is_file()]
    if not files:
        raise ValueError(f"{path}: no certificate in it (PEM)")
    return [found for file in files for found in _certificates(str(file))]


def _certificates(path: str) -> list[Certificate]:
    """Every certificate of a PEM file, at least one."""
    pems = _CERTIFICATE.findall(Path(path).read_bytes())
    if not pems:
        raise ValueError(f"{path}: no certificate in it (PEM)")
    try:
        return [Certificate.loadPEM(pem) for pem in pems]
    except crypto.Error as error:
        raise ValueError(f"{path}: a damaged certificate") from error


def _key(path: str, certificate: Certificate) -> KeyPair:
    """The private key of a PEM file, which must be the one of ``certificate``."""
    pem = Path(path).read_bytes()
    # OpenSSL would ask the terminal for the passphrase.
    if b"ENCRYPTED" in pem:
        raise ValueError(f"{path}: the key has a passphrase, which nobody can give")
    try:
        key = KeyPair.load(pem, crypto.FILETYPE_PEM)
    except crypto.Error as error:
        raise ValueError(f"{path}: no private key in it (PEM)") from error
    if not key.matches(certificate.getPublicKey()):
        raise ValueError(f"{path}: the key is not the one of the certificate")
    return key
