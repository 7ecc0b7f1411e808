"""Tests of an agent's address, and of what is dialled for it."""

from __future__ import annotations

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface.verify import verifyObject

from twisted_router.clients.address import AgentAddress, AgentEndpoints
from twisted_router.clients.tls import client_tls


class ParseTests(SynchronousTestCase):
    """Addresses as Consul's own tools write them."""

    def test_each_form_is_read(self) -> None:
        for text, expected in {
            "127.0.0.1:8500": AgentAddress("http", "127.0.0.1", 8500),
            "consul": AgentAddress("http", "consul", 8500),
            "http://consul:80": AgentAddress("http", "consul", 80),
            "http://consul/": AgentAddress("http", "consul", 8500),
            "https://consul:8501": AgentAddress("https", "consul", 8501),
            "[::1]:8500": AgentAddress("http", "::1", 8500),
            "unix:///run/consul.sock": AgentAddress("unix", path="/run/consul.sock"),
        }.items():
            self.assertEqual(expected, AgentAddress.parse(text))

    def test_anything_else_is_refused(self) -> None:
        for text in (
            "",
            "ftp://consul",
            "http://",
            "consul:0",
            "consul:65536",
            "consul:http",
            "http://user:pass@consul",
            "http://consul/path",
            "unix://run/consul.sock",
            "a b",
        ):
            self.assertRaises(ValueError, AgentAddress.parse, text)

    def test_it_is_the_beginning_of_urls(self) -> None:
        for text, expected in {
            "consul": "http://consul:8500",
            "https://consul": "https://consul:8500",
            "[::1]:80": "http://[::1]:80",
            "unix:///run/consul.sock": "http://localhost",
        }.items():
            self.assertEqual(expected, AgentAddress.parse(text).url)

    def test_without_a_scheme_it_may_mean_tls(self) -> None:
        for text, scheme in (("c:1", "https"), ("http://c:1", "http")):
            self.assertEqual(
                AgentAddress(scheme, "c", 1), AgentAddress.parse(text, tls=True)
            )

    def test_it_is_written_as_a_person_would(self) -> None:
        for text in ("consul:8500", "https://consul:8501", "unix:///run/consul.sock"):
            self.assertEqual(text, str(AgentAddress.parse(text)))


class EndpointTests(SynchronousTestCase):
    """What is dialled for a request, whatever its URI.

    To a memory reactor every name is 127.0.0.1, so it is the ports that tell.
    """

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.uri = URI.fromBytes(b"http://elsewhere:1/")

    def endpoints(self, address: str, tls: object = None) -> AgentEndpoints:
        return AgentEndpoints(
            self.reactor,
            AgentAddress.parse(address),
            tls,  # type: ignore[arg-type]  # a stand-in where no TLS is spoken
            connect_limit_s=3.0,
        )

    def test_it_provides_its_interface(self) -> None:
        verifyObject(IAgentEndpointFactory, self.endpoints("consul"))

    def test_tcp_dials_the_agent_within_the_limit(self) -> None:
        endpoint = self.endpoints("127.0.0.1:8500").endpointForURI(self.uri)
        self.assertIsInstance(endpoint, HostnameEndpoint)
        connecting = endpoint.connect(Factory.forProtocol(Protocol))
        host, port, _, limit_s, _ = self.reactor.tcpClients[0]
        self.assertEqual(("127.0.0.1", 8500, 3.0), (host, port, limit_s))
        connecting.cancel()
        self.failureResultOf(connecting)

    def test_a_refusal_is_told_soon(self) -> None:
        endpoint = self.endpoints("127.0.0.1:8500").endpointForURI(self.uri)
        connecting = endpoint.connect(Factory.forProtocol(Protocol))
        factory = self.reactor.tcpClients[0][2]
        refused = Failure(ConnectionRefusedError())
        factory.clientConnectionFailed(self.reactor.connectors[0], refused)
        self.reactor.advance(0.1)
        self.failureResultOf(connecting, ConnectionRefusedError)

    def test_a_socket_is_dialled_by_its_path(self) -> None:
        endpoint = self.endpoints("unix:///run/consul.sock").endpointForURI(self.uri)
        self.assertIsInstance(endpoint, UNIXClientEndpoint)
        connecting = endpoint.connect(Factory.forProtocol(Protocol))
        path, _, limit_s, _ = self.reactor.unixClients[0]
        self.assertEqual(("/run/consul.sock", 3.0), (path, limit_s))
        connecting.cancel()
        self.failureResultOf(connecting)

    def test_https_speaks_tls_over_the_same_connection(self) -> None:
        tls = client_tls("consul.example.com")
        endpoint = self.endpoints("https://127.0.0.1:8501", tls).endpointForURI(
            self.uri
        )
        self.assertNotIsInstance(endpoint, HostnameEndpoint)
        connecting = endpoint.connect(Factory.forProtocol(Protocol))
        self.assertEqual(("127.0.0.1", 8501), self.reactor.tcpClients[0][:2])
        connecting.cancel()
        self.failureResultOf(connecting)
