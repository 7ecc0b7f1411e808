"""What every case has: an engine, an agent, and a registrar between them."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.discovery.agents import Agent, Consul, all_cores, wait_until
from benchmarks.peers.peer import TOP
from benchmarks.processes import BenchmarkError, PinnedProcess, free_port
from benchmarks.registrar.engine import Engine, engine
from benchmarks.registrar.ledger import Ledger

_TWISTD = Path(sys.executable).with_name("twistd")
_READY_S = 60.0


class Registrar:
    """A process that runs one, and no router.

    :param docker: keys of the configuration's section ``docker``.
    """

    def __init__(
        self, directory: Path, engine: Engine, consul: str, docker: dict[str, Any]
    ) -> None:
        self._directory = directory
        self._status_port = free_port()
        self._config = directory / "router.yml"
        keys = {
            "proxy": False,
            "status": {"port": self._status_port},
            "consul": {"address": consul},
            "docker": {"endpoint": engine.endpoint, **docker},
        }
        self._config.write_text(yaml.safe_dump(keys))
        self._process: PinnedProcess | None = None

    @property
    def process(self) -> PinnedProcess:
        """Its process, while it runs."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it, without waiting until it is ready."""
        self._process = PinnedProcess(
            "registrar",
            [
                *(str(_TWISTD), "--nodaemon", "--pidfile="),
                *("router", "--config", str(self._config)),
            ],
            all_cores(),
            self._directory / "registrar.log",
            {"PYTHONPATH": str(TOP)},
            TOP,
        )

    def wait(self) -> None:
        """Wait until it has compared both sides for the first time."""
        wait_until(
            lambda: self.state().get("ready"), _READY_S, "the registrar's first look"
        )

    def state(self) -> dict[str, Any]:
        """What it says of itself; empty while it does not answer."""
        url = f"http://127.0.0.1:{self._status_port}/varz"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)["registrar"]
        except OSError:
            return {}
        return found

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def stop(self) -> None:
        """End it, if it was ever started."""
        if self._process is not None:
            self._process.stop()


@dataclass(frozen=True, slots=True)
class Site:
    """All of it, at work.

    :ivar consul: a connection to the agent; whoever restarts the agent needs his own.
    :ivar ledger: between registrar and agent, if the case asked for it.
    """

    directory: Path
    engine: Engine
    agent: Agent
    consul: Consul
    registrar: Registrar
    ledger: Ledger | None

    @property
    def node(self) -> str:
        """What the agent calls this host."""
        return f"agent-{self.agent.host}"

    def service_id(self, container: str) -> str:
        """ID of the service of a container's port 80, by the container's name."""
        return f"{self.node}:{container}:80"

    def book(self) -> Ledger:
        """The ledger of a case that asked for it."""
        assert self.ledger is not None
        return self.ledger

    def services(self) -> dict[str, Any]:
        """What the agent holds."""
        found: dict[str, Any] = self.consul.get("/v1/agent/services")
        return found

    def wait_for_services(self, number: int, limit_s: float) -> float:
        """Wait until the agent holds so many; seconds that it took."""
        return wait_until(
            lambda: len(self.services()) == number, limit_s, f"{number} services"
        )

    def lose_consul(self) -> None:
        """Take away what the agent has on its disk; it must not run."""
        shutil.rmtree(self.directory / "consul" / "data")


@contextmanager
def site(
    directory: Path,
    *,
    counted: bool = False,
    live_restore: bool = False,
    **docker: Any,
) -> Iterator[Site]:
    """An engine without containers, an empty agent, and a registrar that is ready.

    :param directory: where Consul's data may be: in memory, as its disk is not our
        subject. The engine's are on the disk.
    :param counted: put a ledger between registrar and agent.
    :param docker: as for :class:`Registrar`.
    """
    with ExitStack() as stack:
        # An engine has no use for files in memory: layers must be on a disk.
        home = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="registrar-", ignore_cleanup_errors=True)
        )
        docked = stack.enter_context(
            engine(Path(home) / "docker", live_restore=live_restore)
        )
        agent = Agent(directory / "consul")
        stack.callback(agent.stop)
        consul = agent.wait()
        address, ledger = agent.address, None
        if counted:
            ledger = Ledger(agent.host, agent.port)
            stack.callback(ledger.server_close)
            stack.callback(ledger.shutdown)
            address = f"127.0.0.1:{ledger.port}"
        registrar = Registrar(directory, docked, address, docker)
        stack.callback(registrar.stop)
        registrar.start()
        registrar.wait()
        try:
            yield Site(directory, docked, agent, consul, registrar, ledger)
        except BenchmarkError:
            log = (directory / "registrar.log").read_text("utf-8", "replace")
            print("".join(log.splitlines(True)[-40:]), file=sys.stderr)
            raise
