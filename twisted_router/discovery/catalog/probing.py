"""Running a check once: a URL is asked for, an address is connected to."""

from __future__ import annotations

from base64 import b64encode
from http.cookiejar import CookieJar, DefaultCookiePolicy
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from OpenSSL import SSL
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import (
    ConnectError,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Cooperator
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    FileBodyProducer,
    ResponseDone,
)
from twisted.web.error import SchemeNotSupported
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer, IPolicyForHTTPS, IResponse
from zope.interface import implementer

from ...clients.transport import describe
from ...config.addresses import split_host_port
from .model import CheckStatus, HttpTarget, Probe, TcpTarget
from .rounds import Outcome

#: What is read of a body. Consul reads all of it, however long.
_BODY_LIMIT_BYTES = 1024 * 1024

#: Consul's; the header fields of a check go over these.
_HEADERS = {
    "User-Agent": ["Consul Health Check"],
    "Accept": ["text/plain, text/*, */*"],
}


class Prober:
    """Runs checks as a Consul agent does, and describes the outcome in its words.

    Connections are not kept. Redirects are followed.

    :param reactor: for time and connections.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._clients = {
            True: _client(reactor, BrowserLikePolicyForHTTPS()),
            False: _client(reactor, _AnyCertificate()),
        }

    def run(self, probe: Probe) -> Deferred[Outcome]:
        """Run once, in ``probe.timeout_s`` at most.

        :returns: never fails, unless it is cancelled.
        """
        work = Deferred.fromCoroutine(self._outcome(probe))

        def give_up(result: Outcome | CancelledError) -> None:
            # First the verdict: what the cancelling brings up is not the reason.
            if isinstance(result, Outcome):
                outcome.callback(result)
            else:
                outcome.errback(result)
            work.cancel()

        def finished(result: Outcome | Failure) -> None:
            if timer.active():
                timer.cancel()
            if outcome.called:
                return
            if isinstance(result, Failure):
                outcome.errback(result)
            else:
                outcome.callback(result)

        outcome: Deferred[Outcome] = Deferred(lambda _: give_up(CancelledError()))
        timer = self._reactor.callLater(
            probe.timeout_s, lambda: give_up(_too_late(probe.target))
        )
        work.addBoth(finished)
        return outcome

    async def _outcome(self, probe: Probe) -> Outcome:
        target = probe.target
        try:
            if isinstance(target, HttpTarget):
                return await self._ask(target, probe.output_limit_bytes)
            return await self._connect(target)
        # Whatever a URL or a server makes others stumble over: it is no good.
        except Exception as error:
            return Outcome(CheckStatus.CRITICAL, _words(target, error))

    async def _ask(self, target: HttpTarget, limit_bytes: int) -> Outcome:
        url, headers = _without_credentials(target.url)
        given = {name: list(values) for name, values in target.headers}
        response = await self._clients[target.verify].request(
            target.method,
            url,
            headers={**_HEADERS, **headers, **given},
            data=target.body.encode() or None,
            unbuffered=True,
            reactor=self._reactor,
        )
        body = await _end_of_body(response, limit_bytes)
        code = response.code
        if 200 <= code <= 299:
            status = CheckStatus.PASSING
        elif code == 429:
            status = CheckStatus.WARNING
        else:
            status = CheckStatus.CRITICAL
        phrase = response.phrase.decode("utf-8", "replace")
        return Outcome(
            status,
            f"HTTP {target.method} {_shown(target.url)}: {code} {phrase} Output: "
            + body.decode("utf-8", "replace"),
        )

    async def _connect(self, target: TcpTarget) -> Outcome:
        try:
            host, port = split_host_port(target.address)
        except ValueError as error:
            raise ValueError(f"address {target.address}: {error}") from None
        endpoint = HostnameEndpoint(self._reactor, host, port)
        protocol: Any = await endpoint.connect(Factory.forProtocol(Protocol))
        protocol.transport.loseConnection()
        return Outcome(CheckStatus.PASSING, f"TCP connect {target.address}: Success")


def _client(reactor: Any, tls: IPolicyForHTTPS) -> HTTPClient:
    no_cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    # treq's own would write on the global reactor.
    cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0, step))

    def producer(data: bytes) -> IBodyProducer:
        return FileBodyProducer(BytesIO(data), cooperator)

    return HTTPClient(Agent(reactor, tls), no_cookies, producer)


@implementer(IPolicyForHTTPS)
class _AnyCertificate:
    """TLS with whoever is there, for ``TLSSkipVerify``."""

    def creatorForNetloc(
        self, hostname: bytes, port: int
    ) -> IOpenSSLClientConnectionCreator:
        return _Unverified(hostname)


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    def __init__(self, hostname: bytes) -> None:
        self._hostname = hostname
        self._context = CertificateOptions(verify=False).getContext()

    def clientConnectionForTLS(self, tls_protocol: Any) -> SSL.Connection:  # noqa: N802
        connection = SSL.Connection(self._context, None)
        connection.set_tlsext_host_name(self._hostname)
        return connection


class _Tail(Protocol):
    """Keeps the end of a body.

    :ivar finished: fires with it when the body ends, or is too long to go on.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._read_bytes = 0
        self._tail = b""
        self.finished: Deferred[bytes] = Deferred(lambda _: self._hang_up())

    def dataReceived(self, data: bytes) -> None:
        if self.finished.called:
            return
        self._read_bytes += len(data)
        self._tail = (self._tail + data)[-self._limit_bytes :]
        if self._read_bytes > _BODY_LIMIT_BYTES:
            self.finished.callback(self._tail)
            self._hang_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.finished.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.finished.callback(self._tail)
        else:
            self.finished.errback(reason)

    def _hang_up(self) -> None:
        # A response that ended has no transport any more.
        if self.transport is not None:
            self.transport.loseConnection()


def _end_of_body(response: IResponse, limit_bytes: int) -> Deferred[bytes]:
    tail = _Tail(limit_bytes)
    response.deliverBody(tail)
    return tail.finished


def _without_credentials(url: str) -> tuple[str, dict[str, list[str]]]:
    """A URL without its user and password, and the header field that says them."""
    parts = urlsplit(url)
    credentials, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    encoded = b64encode(credentials.encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {
        "Authorization": [f"Basic {encoded}"]
    }


def _shown(url: str) -> str:
    """A URL for an output, which everyone may read: without a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    user, colon, _ = parts.netloc.rpartition("@")[0].partition(":")
    if not colon:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:xxxxx@{host}"))


def _too_late(target: HttpTarget | TcpTarget) -> Outcome:
    if isinstance(target, HttpTarget):
        words = f"{_request(target)}: context deadline exceeded"
    else:
        words = f"dial tcp {target.address}: i/o timeout"
    return Outcome(CheckStatus.CRITICAL, words)


def _words(target: HttpTarget | TcpTarget, error: Exception) -> str:
    """What went wrong, as Go puts it where people know its words."""
    if isinstance(target, TcpTarget):
        return _dialled(target.address, error)
    words = describe(error)
    if isinstance(error, SchemeNotSupported):
        words = f'unsupported protocol scheme "{urlsplit(target.url).scheme}"'
    elif isinstance(error, ConnectError | DNSLookupError):
        words = _dialled(urlsplit(target.url).netloc.rpartition("@")[2], error)
    return f"{_request(target)}: {words}"


def _request(target: HttpTarget) -> str:
    return f'{target.method.capitalize()} "{_shown(target.url)}"'


def _dialled(address: str, error: Exception) -> str:
    if isinstance(error, DNSLookupError):
        return f"dial tcp: lookup {address.rpartition(':')[0] or address}: no such host"
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {address}: connect: connection refused"
    if isinstance(error, ConnectError):
        return f"dial tcp {address}: {describe(error)}"
    return f"dial tcp: {error}"
