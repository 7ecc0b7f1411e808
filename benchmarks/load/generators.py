"""Runs the load generators, on the core of the load."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.load.outcome import Outcome
from benchmarks.processes import run_pinned

#: Beyond its own duration, how long a generator may take to start and to finish.
_SLACK_S = 30.0

#: Connections a second that come and go at least.
_LEAST_CHURN = 500

_HERE = Path(__file__).parent
_TOP = _HERE.parent.parent


class Generators:
    """Load of each kind against a port of the loopback address.

    :param directory: for the files with requests.
    :param cores: where generators run.
    """

    def __init__(self, directory: Path, cores: str) -> None:
        self._directory = directory
        self._cores = cores

    def write_requests(self, name: str, requests: Iterable[bytes]) -> Path:
        """Write a set of requests for :meth:`wrk` and :meth:`constant_rate`."""
        parts = list(requests)
        path = self._directory / f"{name}.requests"
        path.write_bytes(
            b"".join(
                (
                    len(parts).to_bytes(4, "little"),
                    *(len(part).to_bytes(4, "little") + part for part in parts),
                )
            )
        )
        return path

    def wrk(
        self, port: int, requests: Path, connections: int, seconds: float
    ) -> Outcome:
        """As many requests as can be, each connection one after the other."""
        whole_seconds = max(1, round(seconds))
        return self._run(
            seconds,
            "wrk",
            "--threads=1",
            f"--connections={connections}",
            f"--duration={whole_seconds}s",
            "--timeout=10s",
            f"--script={_HERE / 'requests.lua'}",
            f"http://127.0.0.1:{port}/",
            "--",
            str(requests),
        )

    def constant_rate(
        self, port: int, requests: Path, connections: int, seconds: float, rate: float
    ) -> Outcome:
        """Requests at a rate, in an open loop."""
        return self._python(
            "constant_rate", seconds, port, connections, seconds, rate, requests
        )

    def websocket(self, port: int, connections: int, seconds: float) -> Outcome:
        """Round trips of small messages."""
        return self._python("websocket", seconds, port, connections, seconds)

    def bulk(
        self, port: int, file: Path, connections: int, seconds: float, *, upload: bool
    ) -> Outcome:
        """Downloads or uploads of a file."""
        what = "put" if upload else "get"
        return self._python("bulk", seconds, what, port, connections, seconds, file)

    def churn(self, port: int, count: int) -> Outcome:
        """Connections that come and go, so many."""
        return self._python("churn", count / _LEAST_CHURN, port, count)

    def _python(
        self, module: str, seconds: float, *arguments: str | float | Path
    ) -> Outcome:
        program = (sys.executable, "-m", f"benchmarks.load.{module}")
        return self._run(seconds, *program, *map(str, arguments))

    def _run(self, seconds: float, *argv: str) -> Outcome:
        return Outcome.from_output(
            run_pinned(argv, self._cores, seconds + _SLACK_S, cwd=_TOP)
        )
