"""A network of its own, in which every port is free."""

from __future__ import annotations

import shutil
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.program import Program
from tests.services import running_reactor, wait_for
from tests.services.needs import missing

#: Holds a new network namespace, whose loopback interface is down at first:
#: netdevice(7), SIOCSIFFLAGS of IFF_UP.
_HOLD = """
import fcntl, signal, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 1))
print("up", flush=True)
signal.pause()
"""

# For root, and for anyone else where the kernel lets them.
_WAYS = (
    (("unshare", "--net"), ("nsenter", "--net")),
    (
        ("unshare", "--user", "--map-root-user", "--net"),
        ("nsenter", "--user", "--preserve-credentials", "--net"),
    ),
)


class Network:
    """A network namespace of one test, with a loopback interface and nothing else.

    :ivar within: put it before a command, to run that there.
    """

    def __init__(self, testcase: SynchronousTestCase, within: tuple[str, ...]) -> None:
        self._testcase = testcase
        self.within = within

    @classmethod
    async def started(cls, testcase: SynchronousTestCase) -> Network:
        """Make one; without the right to, skip (or fail in CI)."""
        way = next(filter(_is_open, _WAYS), None)
        if way is None:
            raise missing(f"{testcase.id()} needs the right to make a network")
        make, enter = way
        holder = Program.started(testcase, *make, sys.executable, "-c", _HOLD)
        await wait_for(running_reactor(), lambda: "up\n" in holder.output)
        return cls(testcase, (*enter, "--target", str(holder.pid), "--"))

    async def run(self, *command: str) -> str:
        """Run a command to its end, which must be a good one; what it wrote."""
        program = Program.started(self._testcase, *self.within, *command)
        status = await program.ended()
        self._testcase.assertEqual(0, status, program.output)
        return program.output


def _is_open(way: tuple[tuple[str, ...], tuple[str, ...]]) -> bool:
    make, enter = way
    if shutil.which(make[0]) is None or shutil.which(enter[0]) is None:
        return False
    return not subprocess.run([*make, "true"], capture_output=True).returncode
