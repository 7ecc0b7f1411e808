"""Runs ``routerctl`` in this process, in surroundings of the tests."""

from __future__ import annotations

import random
from collections.abc import Mapping

from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from tests.control.fakes import FakeAgent, FakePause
from twisted_router.config import ConsulConfig
from twisted_router.control.agent import RouteAgent
from twisted_router.control.command import main
from twisted_router.control.surroundings import Surroundings


class CommandTestCase(SynchronousTestCase):
    """Has an agent and somebody who stops what runs.

    :ivar config: where the agent was said to be.
    """

    def setUp(self) -> None:
        self.agent = FakeAgent()
        self.pause = FakePause(stop_after=3)
        self.config: ConsulConfig | None = None

    def connect(self, config: ConsulConfig) -> RouteAgent:
        self.config = config
        return self.agent

    def invoke(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a command to its end."""
        return CliRunner().invoke(
            main,
            list(arguments),
            env={"CONSUL_HTTP_ADDR": None, **(environ or {})},
            obj=Surroundings(
                self.connect, self.pause.clock, lambda: self.pause, random.Random(1)
            ),
        )
