"""Processes pinned to a core: start them, watch what they use, end them for sure."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

#: How long a process may take until its port answers, and until it has ended.
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_LAST_LINES = 12


class BenchmarkError(Exception):
    """A part of the rig does not do what the measurement needs."""


def interrupt_on_signals() -> None:
    """Let whatever asks us to end do what Ctrl-C does, so that all is cleaned up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)


def _interrupted(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


class PinnedProcess:
    """A program that runs on chosen cores, with all of its children.

    Leads a session of its own, so that Ctrl-C in the terminal does not reach it before
    the rig has ended the measurement, and so that all its workers can be found.

    :param cores: as ``taskset --cpu-list`` reads them: ``0``, ``1-3``.
    :param output: file for what it prints; opened to append.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        cores: str,
        output: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self._output = output
        with output.open("ab") as stream:
            self._popen = subprocess.Popen(
                ["taskset", "--cpu-list", cores, *argv],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    def wait_for_port(self, port: int) -> None:
        """Return when the port takes connections.

        :raises BenchmarkError: the program ended, or the port stays closed; the message
            has the last lines that the program printed.
        """
        until_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until_s:
            if self._popen.poll() is not None:
                raise BenchmarkError(f"{self.name} ended: {self._last_lines()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise BenchmarkError(f"{self.name}: port {port} closed: {self._last_lines()}")

    def _last_lines(self) -> str:
        lines = self._output.read_text("utf-8", "replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])

    def pids(self) -> list[int]:
        """The processes of its session."""
        session = self._popen.pid
        return [pid for pid, stat in _stats() if int(stat[3]) == session]

    def cpu_s(self) -> float:
        """Seconds of processor time used so far, by all its processes.

        In steps of 10 ms. Network work that the kernel does in the process's name
        counts as the process's own.
        """
        session = self._popen.pid
        ticks = sum(
            int(stat[11]) + int(stat[12])
            for _, stat in _stats()
            if int(stat[3]) == session
        )
        return ticks / _TICKS_PER_S

    def rss_bytes(self) -> int:
        """Memory of all its processes that is resident now."""
        return sum(_rss_bytes(pid) for pid in self.pids())

    def kill(self) -> None:
        """End it as a crash would, with all its children."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End it and its children: asked first, then killed."""
        self._signal(signal.SIGTERM)
        try:
            self._popen.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._signal(signal.SIGKILL)
            self._popen.wait()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._popen.pid, number)
        except ProcessLookupError:
            pass


def run_pinned(argv: Sequence[str], cores: str, timeout_s: float, cwd: Path) -> str:
    """Run a program on chosen cores to its end.

    :param cwd: where it runs.

    :returns: what it printed to its standard output.
    :raises BenchmarkError: it failed, or took too long.
    """
    try:
        done = subprocess.run(
            ["taskset", "--cpu-list", cores, *argv],
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            capture_output=True,
            timeout=timeout_s,
            text=True,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise BenchmarkError(f"{argv[0]}: {error.stderr or error.stdout}") from error
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{argv[0]}: not done after {timeout_s:g} s") from error
    return done.stdout


def core_busy_s(cores: str) -> float:
    """Seconds that these cores have worked since the machine started.

    With interrupts: the kernel counts them for the process that they met as well.
    """
    chosen = _core_numbers(cores)
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in chosen:
            user, nice, system, _, _, irq, softirq, *_ = map(int, rest.split())
            ticks += user + nice + system + irq + softirq
    return ticks / _TICKS_PER_S


def _core_numbers(cores: str) -> set[int]:
    numbers: set[int] = set()
    for part in cores.split(","):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def raise_open_files_limit(needed: int = 0) -> None:
    """Allow as many open files as the system lets us; children inherit it.

    :raises BenchmarkError: that is fewer than are needed.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise BenchmarkError(f"{needed} files must be open; ulimit -Hn says {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def settle(reading: Callable[[], int], pause_s: float = 0.3, most: int = 10) -> int:
    """Read a figure until it stands still, or ``most`` times; the last reading."""
    last = reading()
    for _ in range(most):
        time.sleep(pause_s)
        now = reading()
        if now == last:
            break
        last = now
    return last


def _stats() -> Iterable[tuple[int, list[str]]]:
    """Of each process, its id and the fields of /proc/PID/stat after its name."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text("utf-8", "replace")
        except OSError:  # ended meanwhile
            continue
        yield int(entry.name), text.rpartition(")")[2].split()


def _rss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise BenchmarkError(f"process {pid} has no resident memory")
