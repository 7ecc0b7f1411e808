"""Tests for ``twisted_router.clients.docker``."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.clients.support import ScriptedApi
from tests.fakes.docker import FakeDockerEngine
from tests.fakes.docker_api import FakeDockerAgent
from twisted_router.clients.docker import CALL_LIMIT_S, DockerClient
from twisted_router.config.schema import DockerConfig
from twisted_router.interfaces import DockerError, IDockerClient


class ClientTestCase(SynchronousTestCase):
    """Base: a client that a fake engine answers."""

    def setUp(self) -> None:
        """An engine without containers."""
        self.clock = Clock()
        self.engine = FakeDockerEngine()
        self.agent = FakeDockerAgent(self.engine)
        self.client = self.make_client()

    def make_client(self, **environ: str) -> DockerClient:
        """A client with this environment."""
        return DockerClient(self.clock, DockerConfig(), environ, self.agent)

    def assert_fails(self, asked: Deferred[Any], *words: str) -> DockerError:
        """The call fails, and says why."""
        error = self.failureResultOf(asked, DockerError).value
        for word in words:
            self.assertIn(word, str(error))
        assert isinstance(error, DockerError)
        return error


class NegotiationTests(ClientTestCase):
    """The newest API version that both sides know."""

    def test_the_engines_when_it_is_older(self) -> None:
        """Later requests use it."""
        self.assertEqual("1.41", self.successResultOf(self.client.ping()))
        self.successResultOf(self.client.containers())
        self.assertEqual(["/_ping", "/v1.41/containers/json"], self.engine.requests)

    def test_ours_when_the_engine_is_newer(self) -> None:
        """As long as it still speaks ours."""
        self.engine.api, self.engine.minimum = "1.99", "1.44"
        self.assertEqual("1.51", self.successResultOf(self.client.ping()))

    def test_the_oldest_when_the_engine_has_dropped_ours(self) -> None:
        """It is tried rather than refused."""
        self.engine.api, self.engine.minimum = "1.99", "1.60"
        self.assertEqual("1.60", self.successResultOf(self.client.ping()))
        self.successResultOf(self.client.containers())

    def test_a_proxy_that_drops_the_header(self) -> None:
        """Then ``/version`` tells."""
        self.engine.api = None
        self.assertEqual("1.41", self.successResultOf(self.client.ping()))
        self.assertEqual(["/_ping", "/version"], self.engine.requests)

    def test_an_engine_that_is_too_old(self) -> None:
        """That is said with both versions."""
        self.engine.api = "1.23"
        self.assert_fails(self.client.ping(), "1.23", "1.24 is needed")

    def test_an_engine_that_does_not_tell_its_version(self) -> None:
        """It is none that we know."""
        self.engine.api = "newest"
        self.assert_fails(self.client.ping(), "1.24 is needed")

    def test_it_is_done_again(self) -> None:
        """An engine may have been replaced since."""
        self.successResultOf(self.client.ping())
        self.engine.api = "1.30"
        self.assertEqual("1.30", self.successResultOf(self.client.ping()))

    def test_a_pinned_version(self) -> None:
        """``DOCKER_API_VERSION``, as Docker's own CLI takes it."""
        client = self.make_client(DOCKER_API_VERSION="1.40")
        self.assertEqual("1.40", self.successResultOf(client.ping()))
        self.successResultOf(client.info())
        self.assertEqual("/v1.40/info", self.engine.requests[-1])

    def test_before_it_paths_have_no_version(self) -> None:
        """The engine answers in its own then."""
        self.successResultOf(self.client.info())
        self.assertEqual(["/info"], self.engine.requests)


class CallTests(ClientTestCase):
    """Plain calls end in a bounded time, and fail with one kind of error."""

    def test_the_interface(self) -> None:
        """All of it is there."""
        self.assertTrue(verifyObject(IDockerClient, self.client))

    def test_containers(self) -> None:
        """The running ones."""
        web = self.engine.run("web")
        self.engine.run("gone")
        self.engine.stop("gone")
        listed = self.successResultOf(self.client.containers())
        self.assertEqual([web], [each["Id"] for each in listed])

    def test_inspect(self) -> None:
        """By id."""
        web = self.engine.run("web", env=["A=b"])
        found = self.successResultOf(self.client.inspect(web))
        assert found is not None
        self.assertEqual(["A=b"], found["Config"]["Env"])

    def test_inspecting_what_is_gone(self) -> None:
        """That is no error: it was there a moment ago."""
        self.assertIsNone(self.successResultOf(self.client.inspect("0" * 64)))

    def test_an_id_is_one_segment_of_the_path(self) -> None:
        """Whatever is in it."""
        self.successResultOf(self.client.inspect("a/b?c"))
        self.assertEqual(["/containers/a%2Fb%3Fc/json"], self.engine.requests)

    def test_info(self) -> None:
        """Who the engine is."""
        self.assertEqual("fake", self.successResultOf(self.client.info())["Name"])

    def test_nobody_listens(self) -> None:
        """The error names the request and the engine."""
        self.engine.away = True
        error = self.assert_fails(
            self.client.containers(),
            "/containers/json",
            "unix:///var/run/docker.sock",
            "refused",
        )
        self.assertEqual(0, error.status)

    def test_the_engine_says_no(self) -> None:
        """With its own words and status."""
        client = self.make_client(DOCKER_API_VERSION="1.99")
        error = self.assert_fails(client.containers(), "client version is too new")
        self.assertEqual(400, error.status)

    def test_inspect_says_no(self) -> None:
        """Only 404 is an answer."""
        client = self.make_client(DOCKER_API_VERSION="1.99")
        self.assertEqual(400, self.assert_fails(client.inspect("a")).status)

    def test_an_answer_of_another_shape(self) -> None:
        """Something else listens there."""
        self.engine.inspect_json = lambda container: []  # type: ignore[method-assign,assignment,return-value]  # what no engine answers
        error = self.assert_fails(self.client.inspect("a"), "another shape")
        self.assertEqual(200, error.status)
        self.engine.list_json = lambda: ["a"]  # type: ignore[method-assign,list-item]  # likewise
        self.assert_fails(self.client.containers(), "another shape")
        self.engine.list_json = lambda: {}  # type: ignore[method-assign,assignment,return-value]  # likewise
        self.assert_fails(self.client.containers(), "another shape")

    def test_an_answer_that_is_no_json(self) -> None:
        """Something else listens there, too."""
        agent = ScriptedApi(b"<html>").agent()
        client = DockerClient(self.clock, DockerConfig(), {}, agent)
        self.assert_fails(client.info(), "/info", "another shape")

    def test_the_engine_hangs(self) -> None:
        """A call is given up after its limit, and leaves nothing behind."""
        self.engine.hung = True
        asked = self.client.containers()
        self.clock.advance(CALL_LIMIT_S - 0.1)
        self.assertNoResult(asked)
        self.clock.advance(0.1)
        self.assert_fails(asked, "no answer within 10 s")
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_cancelling(self) -> None:
        """It is no error of the engine's."""
        self.engine.hung = True
        for asked in (
            self.client.ping(),
            self.client.inspect("a"),
            self.client.containers(),
        ):
            asked.cancel()
            self.failureResultOf(asked, CancelledError)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_closing(self) -> None:
        """Without connections of its own there is nothing to wait for."""
        self.assertIsNone(self.successResultOf(self.client.close()))


class ConnectionTests(SynchronousTestCase):
    """Where connections go."""

    def test_the_socket(self) -> None:
        """A client without an agent of ours dials the engine's endpoint."""
        reactor = MemoryReactorClock()
        config = DockerConfig(endpoint="unix:///run/d.sock")
        client = DockerClient(reactor, config, {})
        asked = client.ping()
        self.assertEqual("/run/d.sock", reactor.unixClients[0][0])
        self.assertEqual(3.0, reactor.unixClients[0][2])
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertIsNone(self.successResultOf(client.close()))
