"""The machine as it stands for one case: proxies, backend, load, meters."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.about import DIRECT
from benchmarks.backends.programs import Backends
from benchmarks.load.generators import Generators
from benchmarks.load.outcome import Outcome
from benchmarks.peers.peer import Peer, RunningPeer, start
from benchmarks.processes import BenchmarkError, core_busy_s, settle
from benchmarks.samples import Sample

_MEMORY = Path("/dev/shm")
#: Access logs are written in batches: how long the last of them may take.
_LOG_PAUSE_S = 1.1


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores do what, as ``taskset --cpu-list`` reads them."""

    proxy: str
    load: str


class Rig:
    """Generators and backends, and a place for the proxies' files; see :func:`rig`.

    :ivar seconds: how long each run takes.
    :ivar quick: whether it is to be tried only, and figures do not matter.
    """

    def __init__(
        self, directory: Path, served: Path, cores: Cores, seconds: float, quick: bool
    ) -> None:
        self.seconds = seconds
        self.quick = quick
        self.load = Generators(directory, cores.load)
        self.backends = Backends(served, cores.load)
        self._directory = directory
        self._cores = cores

    @contextmanager
    def proxies(
        self, peers: Sequence[Peer], backend: str, *, direct: bool
    ) -> Iterator[list[RunningPeer]]:
        """Run proxies in front of a backend, all at the same time.

        Only one gets load at a time; the others sleep.

        :param backend: see :meth:`Backends.get`.
        :param direct: whether the backend itself is to stand among them.
        :raises BenchmarkError: one does not start.
        """
        process, port = self.backends.get(backend)
        with ExitStack() as stopping:
            running = [RunningPeer(DIRECT, port, process)] if direct else []
            for peer in peers:
                directory = Path(
                    tempfile.mkdtemp(prefix=f"{peer.name}-", dir=self._directory)
                )
                proxy = start(peer, directory, self._cores.proxy, port)
                stopping.callback(proxy.process.stop)
                running.append(proxy)
            yield running

    def measure(
        self,
        peer: RunningPeer,
        run: Callable[[], Outcome],
        value: Callable[[Outcome], float],
    ) -> Sample:
        """Watch a proxy while a load generator runs.

        :param value: what the case is about.
        """
        peer.truncate_log()
        others_s = self._others_s(peer)
        cpu_s = peer.process.cpu_s()
        outcome = run()
        cpu_s = peer.process.cpu_s() - cpu_s
        others_s = self._others_s(peer) - others_s
        if not outcome.operations:
            raise BenchmarkError(f"{peer.name}: not one operation was completed")
        return Sample(
            value=value(outcome),
            errors=outcome.errors,
            p50_ms=outcome.p50_ms,
            p99_ms=outcome.p99_ms,
            cpu_us=cpu_s / outcome.operations * 1e6,
            busy=cpu_s / outcome.seconds,
            others=None if peer.name == DIRECT else others_s / outcome.seconds,
            rss_mib=peer.process.rss_bytes() / 2**20,
            logged=_logged(peer, outcome.operations),
            late_p99_ms=outcome.late_p99_ms,
        )

    def _others_s(self, peer: RunningPeer) -> float:
        """Time that the proxy's core has spent on other programs."""
        return core_busy_s(self._cores.proxy) - peer.process.cpu_s()


def _logged(peer: RunningPeer, operations: int) -> float | None:
    if peer.access_log is None:
        return None
    time.sleep(_LOG_PAUSE_S)
    return (peer.log_lines() or 0) / operations


def resident_bytes(peer: RunningPeer) -> int:
    """Memory of a proxy once it stands still."""
    return settle(peer.process.rss_bytes)


@contextmanager
def rig(cores: Cores, seconds: float, *, quick: bool) -> Iterator[Rig]:
    """Set up everything but the proxies; all of it is gone afterwards."""
    with ExitStack() as leaving:
        # Files to serve are in memory, wherever logs and configurations are.
        directory, served = (
            Path(
                leaving.enter_context(
                    tempfile.TemporaryDirectory(prefix="bench-", dir=parent)
                )
            )
            for parent in (None, _MEMORY if _MEMORY.is_dir() else None)
        )
        made = Rig(directory, served, cores, seconds, quick)
        leaving.callback(made.backends.stop)
        yield made
