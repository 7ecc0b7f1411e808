"""Tests for ``twisted_router.registrar.ending``."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker import FakeDockerEngine
from tests.fakes.docker_api import FakeDockerAgent
from tests.fakes.docker_json import container_json
from twisted_router.clients.docker import CALL_LIMIT_S, DockerClient
from twisted_router.config.schema import DockerConfig
from twisted_router.interfaces import DockerError
from twisted_router.registrar.ending import ended_well, failed_containers


class EndedWellTests(SynchronousTestCase):
    """Told to stop, or done; not crashed."""

    def test_every_way_to_end(self) -> None:
        """By exit code and by what the engine says of memory."""
        for code, out_of_memory, expected in (
            (0, False, True),
            (143, False, True),
            (130, False, True),
            (137, False, True),
            (137, True, False),
            (139, False, False),
            (134, False, False),
            (255, False, False),
            (1, False, False),
        ):
            state = {"ExitCode": code, "OOMKilled": out_of_memory}
            data = container_json(state=state)
            self.assertEqual(expected, ended_well(data), state)


class FailedContainersTests(SynchronousTestCase):
    """Each is inspected."""

    def failed(self, engine: FakeDockerEngine, *names: str) -> Deferred[frozenset[str]]:
        """Ask which have failed."""
        docker = DockerClient(Clock(), DockerConfig(), {}, FakeDockerAgent(engine))
        return Deferred.fromCoroutine(failed_containers(docker, names))

    def test_those_that_are_there_and_those_that_are_gone(self) -> None:
        """What was removed has not failed; what cannot be inspected has."""
        engine = FakeDockerEngine()
        for name, code in (("done", 0), ("failed", 1)):
            engine.run(name)
            engine.die(name, code)
        engine.broken.add("broken")
        found = self.failed(engine, "done", "failed", "gone", "broken")
        self.assertEqual({"failed", "broken"}, self.successResultOf(found))

    def test_one_that_the_engine_is_stuck_with(self) -> None:
        """It counts as failed, when it is clear that the engine is there."""
        engine = FakeDockerEngine(stuck={"stuck"})
        clock = Clock()
        docker = DockerClient(clock, DockerConfig(), {}, FakeDockerAgent(engine))
        found = Deferred.fromCoroutine(failed_containers(docker, ["stuck"]))
        self.assertNoResult(found)
        clock.advance(CALL_LIMIT_S)
        self.assertEqual({"stuck"}, self.successResultOf(found))

    def test_an_engine_that_is_away(self) -> None:
        """Nothing is known then."""
        self.failureResultOf(self.failed(FakeDockerEngine(away=True), "a"), DockerError)
