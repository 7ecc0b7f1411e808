"""A program that a test starts: what it prints, how it ends, and that it ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.services import TOP, running_reactor, wait_for

#: What would make a router here ask for something that the test did not name.
_OTHERS = ("CONSUL_", "DOCKER_", "PYTHON", "TWISTED_")


class Program(ProcessProtocol):
    """One child process. It is killed when its test ends, or should trial die.

    :ivar status: how it ended, a number as in ``$?``; ``None`` while it runs.
    """

    def __init__(self) -> None:
        self._wrote = bytearray()
        self._process: Any = None
        self.status: int | None = None

    @classmethod
    def started(
        cls,
        testcase: SynchronousTestCase,
        *command: str | Path,
        environ: Mapping[str, str] | None = None,
    ) -> Program:
        """Start a program in the checkout.

        :param environ: added to an environment without variables that concern Consul,
            Docker or Python.
        """
        program = cls()
        arguments = [str(part) for part in command]
        setpriv = shutil.which("setpriv")
        if setpriv:
            arguments = [setpriv, "--pdeathsig", "KILL", "--", *arguments]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_OTHERS)}
        with open(os.devnull) as nothing:
            program._process = running_reactor().spawnProcess(
                program,
                shutil.which(arguments[0]) or arguments[0],
                arguments,
                env={**kept, "PYTHONPATH": str(TOP), **(environ or {})},
                path=str(TOP),
                childFDs={0: nothing.fileno(), 1: "r", 2: "r"},
            )
        testcase.addCleanup(program.kill)
        return program

    @property
    def pid(self) -> int:
        """Its process id, also when it has ended."""
        return self._pid

    @property
    def output(self) -> str:
        """What it has written so far, to standard output and standard error."""
        return self._wrote.decode(errors="replace")

    def makeConnection(self, process: Any) -> None:
        self._pid: int = process.pid
        super().makeConnection(process)

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803
        self._wrote += data

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        value: Any = reason.value
        self.status = (
            128 + value.signal if value.signal is not None else value.exitCode or 0
        )

    def signal(self, name: str) -> None:
        """Send a signal, ``"TERM"``; nothing if it has ended."""
        try:
            self._process.signalProcess(name)
        except ProcessExitedAlready:
            pass

    async def ended(self, timeout_s: float = 15.0) -> int:
        """Wait for its end and return its status.

        :raises tests.services.ServiceError: it runs still.
        """
        await wait_for(
            running_reactor(), lambda: self.status is not None, timeout_s, what="exit"
        )
        assert self.status is not None
        return self.status

    async def kill(self) -> None:
        """End it at once."""
        self.signal("KILL")
        await self.ended()
