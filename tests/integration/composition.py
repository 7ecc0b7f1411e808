"""A composition of containers: one of the files in ``etc/``, brought up by a test."""

from __future__ import annotations

import os
import uuid

from twisted.trial.unittest import SynchronousTestCase

from tests.services import TOP, run_command


class Composition:
    """What ``docker-compose`` makes of a file; it goes away when its test ends.

    :param file: name of the file in ``etc/``.
    :param variables: for the ``${...}`` in it.
    """

    def __init__(
        self, testcase: SynchronousTestCase, file: str, **variables: str
    ) -> None:
        self._file = str(TOP / "etc" / file)
        self._environ = {
            "COMPOSE_PROJECT_NAME": f"twisted-router-test-{uuid.uuid4().hex[:8]}",
            "DOCKER_GID": str(os.stat("/var/run/docker.sock").st_gid),
            **variables,
        }
        testcase.addCleanup(self.run, "down", "--volumes", "--timeout", "0")

    async def up(self, *options: str) -> None:
        """Start what is not there yet, in the background; no image is built."""
        await self.run("up", "--detach", "--no-build", *options)

    async def run(self, *arguments: str) -> str:
        """Run a command of ``docker-compose`` and return what it prints."""
        return await run_command(
            *("docker-compose", "--file", self._file, *arguments),
            environ=self._environ,
        )
