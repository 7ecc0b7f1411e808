"""What the rig wants from a proxy."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.peers.watched import Collection, read_collections
from benchmarks.processes import PinnedProcess, free_port

TOP = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Setup:
    """What a proxy is told.

    :param directory: its own, empty; logs and configuration go there.
    :param port: of the loopback address, where it listens.
    :param admin_port: free for its status page, if it needs one.
    :param backend_port: of the loopback address, where it sends requests.
    """

    directory: Path
    port: int
    admin_port: int
    backend_port: int

    @property
    def access_log(self) -> Path:
        """Where it writes a line for each request."""
        return self.directory / "access.log"

    @property
    def collections(self) -> Path:
        """Where ``watched`` writes a line for each run of the garbage collector."""
        return self.directory / "collections"


@dataclass(frozen=True, slots=True)
class Command:
    """How to run a proxy in the foreground.

    :param output: what it prints goes there; by default a file of its own.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    output: Path | None = None


class Peer(Protocol):
    """A proxy that can be measured.

    :ivar name: as the user chooses it and the table shows it.
    :ivar duties: what differs from the other proxies' duties; empty for nothing.
    """

    name: str
    duties: str

    def missing(self) -> str:
        """Why it cannot be run here; empty when it can."""

    def command(self, setup: Setup) -> Command:
        """Write its configuration and say how it is run."""


@dataclass(frozen=True, slots=True)
class RunningPeer:
    """A proxy that listens.

    :ivar setup: what it was told; ``None`` for a backend without a proxy.
    """

    name: str
    port: int
    process: PinnedProcess
    setup: Setup | None = None

    @property
    def access_log(self) -> Path | None:
        """``None`` if there is none."""
        return self.setup.access_log if self.setup is not None else None

    def truncate_log(self) -> None:
        """Empty its access log; it goes on at the beginning."""
        if self.access_log is not None:
            os.truncate(self.access_log, 0)

    def log_lines(self) -> int | None:
        """Lines in its access log; ``None`` if there is none."""
        if self.access_log is None:
            return None
        with self.access_log.open("rb") as log:
            parts = iter(lambda: log.read(1 << 20), b"")
            return sum(part.count(b"\n") for part in parts)

    def collections(self) -> list[Collection]:
        """What its garbage collector has done, if it is watched."""
        if self.setup is None or not self.setup.collections.exists():
            return []
        return read_collections(self.setup.collections)


def start(peer: Peer, directory: Path, cores: str, backend_port: int) -> RunningPeer:
    """Start a proxy; it listens when this returns.

    :raises BenchmarkError: it does not start.
    """
    setup = Setup(directory, free_port(), free_port(), backend_port)
    command = peer.command(setup)
    process = PinnedProcess(
        peer.name,
        command.argv,
        cores,
        command.output or directory / "output",
        dict(command.env),
        TOP,
    )
    try:
        process.wait_for_port(setup.port)
    except BaseException:
        process.stop()
        raise
    return RunningPeer(peer.name, setup.port, process, setup)


def not_installed(program: str) -> str:
    """The reason for :meth:`Peer.missing`, if there is no such program."""
    if shutil.which(program) is None:
        return f"{program} is not installed (apt-get install {program})"
    return ""
