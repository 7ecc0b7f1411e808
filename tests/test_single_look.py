"""Tests of twisted_router.single_look."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router import single_look
from twisted_router.config.schema import Config, ConsulConfig, DockerConfig
from twisted_router.interfaces import DockerError
from twisted_router.single_look import LIMIT_S, look_once

CONFIG = Config(consul=ConsulConfig(), docker=DockerConfig())


class FakeReactor(Clock):
    """Time, and somebody who stops it."""

    def __init__(self) -> None:
        super().__init__()
        self.stop: Any = None

    def addSystemEventTrigger(self, phase: str, event: str, call: Any) -> None:  # noqa: N802
        """Take note of what is to be done at the end."""
        assert (phase, event) == ("before", "shutdown")
        self.stop = call


class LookOnceTests(SynchronousTestCase):
    """It ends, and says how."""

    def setUp(self) -> None:
        """A look whose outcome the test decides."""
        self.reactor = FakeReactor()
        self.outcome: Deferred[Any] = Deferred()

    def looking(self, is_dry: bool = False, config: Config = CONFIG) -> Deferred[None]:
        """Begin."""
        outcome = self.outcome

        class Look:
            """Does nothing by itself."""

            def __init__(self, *parts: Any) -> None:
                pass

            async def plan(self) -> Any:
                return await outcome

            reconcile = plan

        with patch.object(single_look, "OneLook", Look):
            work = look_once(self.reactor, config, {}, is_dry)
            return Deferred.fromCoroutine(work)

    def reason(self, work: Deferred[None]) -> object:
        """Why the process ends."""
        self.reactor.advance(0)
        return self.failureResultOf(work, SystemExit).value.code

    def test_all_was_taken(self) -> None:
        self.outcome.callback(True)
        self.assertIsNone(self.successResultOf(self.looking()))

    def test_a_plan_is_written_to_standard_output(self) -> None:
        self.outcome.callback(["a", "b"])
        with patch("sys.stdout") as out:
            self.successResultOf(self.looking(is_dry=True))
        out.write.assert_called_once_with("a\nb\n")

    def test_not_all_was_taken(self) -> None:
        self.outcome.callback(False)
        self.assertEqual(
            "twisted_router: Consul did not take all of it", self.reason(self.looking())
        )

    def test_somebody_does_not_answer(self) -> None:
        self.outcome.errback(DockerError("GET /_ping at /x: refused"))
        self.assertEqual(
            "twisted_router: GET /_ping at /x: refused", self.reason(self.looking())
        )

    def test_it_takes_too_long(self) -> None:
        work = self.looking()
        self.reactor.advance(LIMIT_S)
        self.assertEqual("twisted_router: not done in 60 s", self.reason(work))

    def test_it_is_told_to_stop(self) -> None:
        work = self.looking()
        self.reactor.stop()
        self.assertEqual("twisted_router: told to stop", self.reason(work))

    def test_a_certificate_that_is_not_there(self) -> None:
        docker = DockerConfig(endpoint="tcp://h:2376", ca_cert="/nonexistent")
        config = Config(consul=ConsulConfig(), docker=docker)
        self.assertIn("/nonexistent", str(self.reason(self.looking(config=config))))
