"""Tests for ``twisted_router.clients.docker_address``."""

from __future__ import annotations

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import URI

from twisted_router.clients.address import AgentAddress
from twisted_router.clients.docker_address import engine_endpoints, find_engine
from twisted_router.config.schema import DockerConfig

URL = URI.fromBytes(b"http://localhost/_ping")


class FindEngineTests(SynchronousTestCase):
    """The engine is where the configuration says, else where Docker's CLI looks."""

    def test_the_socket_by_default(self) -> None:
        """As the CLI."""
        address, files = find_engine(DockerConfig(), {})
        self.assertEqual(
            (AgentAddress("unix", path="/var/run/docker.sock"), {}), (address, files)
        )

    def test_the_environment(self) -> None:
        """``DOCKER_HOST``."""
        address, _ = find_engine(DockerConfig(), {"DOCKER_HOST": "unix:///run/d.sock"})
        self.assertEqual("/run/d.sock", address.path)

    def test_the_configuration_wins(self) -> None:
        """Then the environment's TLS is not meant for it."""
        config = DockerConfig(endpoint="tcp://10.0.0.5:2375")
        environ = {"DOCKER_HOST": "unix:///run/d.sock", "DOCKER_TLS_VERIFY": "1"}
        self.assertEqual(
            (AgentAddress("http", "10.0.0.5", 2375), {}), find_engine(config, environ)
        )

    def test_tls_from_the_environment(self) -> None:
        """Any text switches it on; the files are in ``DOCKER_CERT_PATH``."""
        environ = {
            "DOCKER_HOST": "tcp://engine:2376",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": "/certs",
        }
        address, files = find_engine(DockerConfig(), environ)
        self.assertEqual(AgentAddress("https", "engine", 2376), address)
        self.assertEqual(
            {
                "ca_cert": "/certs/ca.pem",
                "client_cert": "/certs/cert.pem",
                "client_key": "/certs/key.pem",
            },
            files,
        )

    def test_tls_files_are_at_home_by_default(self) -> None:
        """In ``~/.docker``."""
        environ = {
            "DOCKER_HOST": "tcp://engine",
            "DOCKER_TLS_VERIFY": "1",
            "HOME": "/home/me",
        }
        address, files = find_engine(DockerConfig(), environ)
        self.assertEqual("/home/me/.docker/ca.pem", files["ca_cert"])
        self.assertEqual(2376, address.port)

    def test_without_tls_verify_there_is_no_tls(self) -> None:
        """Certificates alone do not switch it on, nor does an empty text."""
        environ = {
            "DOCKER_HOST": "tcp://engine",
            "DOCKER_CERT_PATH": "/certs",
            "DOCKER_TLS_VERIFY": "",
        }
        self.assertEqual(
            (AgentAddress("http", "engine", 2375), {}),
            find_engine(DockerConfig(), environ),
        )

    def test_tls_from_the_configuration(self) -> None:
        """Any of its files switches it on."""
        config = DockerConfig(endpoint="tcp://engine:1", ca_cert="/ca.pem")
        address, files = find_engine(config, {})
        self.assertEqual(
            ("https", "/ca.pem", ""),
            (address.scheme, files["ca_cert"], files["client_cert"]),
        )

    def test_a_socket_needs_no_tls(self) -> None:
        """Whatever the environment says."""
        _, files = find_engine(DockerConfig(), {"DOCKER_TLS_VERIFY": "1"})
        self.assertEqual({}, files)

    def test_kinds_that_we_do_not_speak(self) -> None:
        """The message repeats it, and says what can be used."""
        for endpoint in ("ssh://me@host", "npipe:////./pipe/x", "unix://", "docker"):
            error = self.assertRaises(
                ValueError, find_engine, DockerConfig(), {"DOCKER_HOST": endpoint}
            )
            self.assertIn(endpoint, str(error))
            self.assertIn("only unix:///path and tcp://host:port", str(error))

    def test_a_bad_port(self) -> None:
        """The message repeats the whole endpoint."""
        error = self.assertRaises(
            ValueError, find_engine, DockerConfig(endpoint="tcp://engine:x"), {}
        )
        self.assertIn("tcp://engine:x", str(error))


class EngineEndpointsTests(SynchronousTestCase):
    """Connections go to the engine, whatever a URL says."""

    def test_a_socket(self) -> None:
        """Connecting to it has a limit."""
        reactor = MemoryReactorClock()
        address = AgentAddress("unix", path="/run/d.sock")
        endpoint = engine_endpoints(reactor, address, {}).endpointForURI(URL)
        self.assertIsInstance(endpoint, UNIXClientEndpoint)

    def test_plain_tcp(self) -> None:
        """By name or address."""
        reactor = MemoryReactorClock()
        address = AgentAddress("http", "127.0.0.1", 2375)
        endpoint = engine_endpoints(reactor, address, {}).endpointForURI(URL)
        self.assertIsInstance(endpoint, HostnameEndpoint)

    def test_a_file_that_is_not_there(self) -> None:
        """It is noticed at the start, not at the first connection."""
        address = AgentAddress("https", "engine", 2376)
        error = self.assertRaises(
            OSError,
            engine_endpoints,
            MemoryReactorClock(),
            address,
            {"ca_cert": "/nonexistent/ca.pem"},
        )
        self.assertIn("/nonexistent/ca.pem", str(error))
