"""A real Consul agent for one test."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.services.needs import require_consul
from tests.services.waiting import (
    Answer,
    ServiceError,
    free_port,
    request,
    running_reactor,
    wait_for,
)

#: What the agent calls its node.
NODE = "test"


class _Exit(ProcessProtocol):
    """Fires ``ended`` with the exit status, a number as in ``$?``."""

    def __init__(self) -> None:
        self.ended: Deferred[int] = Deferred()

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        value: Any = reason.value
        self.ended.callback(
            128 + value.signal if value.signal is not None else value.exitCode or 0
        )


class _Ports(NamedTuple):
    """Where an agent listens."""

    http: int
    server: int
    serf_lan: int

    @classmethod
    def free(cls) -> _Ports:
        return cls(free_port(), free_port(), free_port())


class ConsulAgent:
    """A one-server Consul on loopback ports of its own.

    The usual way, in an ``async`` test or ``setUp``::

        self.consul = await ConsulAgent.started(self)
        ... self.consul.address ...

    The agent is killed when the test ends, and by the kernel should trial die.

    :param durable: keep registrations over restarts, as a production server does;
        electing itself takes that one two seconds. Otherwise the agent runs in
        Consul's dev mode: ready at once, and each restart forgets everything and
        begins with low indexes again.
    :param token: enforce ACLs, nothing allowed by default, and let this secret manage
        everything; :meth:`put` and :meth:`get` use it.
    :param host: a loopback address; its node is called after it, unless it is the
        usual one.
    :param servers: the hosts of the cluster that it is one of, on the same ports;
        needs ``durable``.
    :ivar address: ``127.0.0.1:PORT``, the same over restarts.
    :ivar url: the same as ``http://...``.
    """

    def __init__(
        self,
        binary: str,
        directory: Path,
        *,
        durable: bool = False,
        token: str = "",
        host: str = "127.0.0.1",
        servers: Sequence[str] = (),
        ports: _Ports | None = None,
    ) -> None:
        self._binary = binary
        self._token = token
        self._directory = directory
        self._durable = durable
        self.host = host
        self._node = NODE if host == "127.0.0.1" else f"{NODE}-{host}"
        self._servers = servers
        self._ports = ports or _Ports.free()
        self._reactor = running_reactor()
        self._process: Any = None
        self._exit: _Exit | None = None
        self.address = f"{host}:{self._ports.http}"
        self.url = f"http://{self.address}"

    @classmethod
    async def started(
        cls, testcase: SynchronousTestCase, *, durable: bool = False, token: str = ""
    ) -> ConsulAgent:
        """Start an agent that goes away with *testcase*; skip if there is none."""
        directory = Path(testcase.mktemp()).absolute()
        binary = require_consul(testcase)
        agent = cls(binary, directory, durable=durable, token=token)
        testcase.addCleanup(agent.kill)
        await agent.start()
        return agent

    @classmethod
    async def cluster(
        cls, testcase: SynchronousTestCase, hosts: Sequence[str]
    ) -> list[ConsulAgent]:
        """Start servers that elect a leader among them; as :meth:`started`.

        :param hosts: loopback addresses, one for each.
        """
        binary, ports = require_consul(testcase), _Ports.free()
        agents = [
            cls(
                binary,
                Path(testcase.mktemp()).absolute(),
                durable=True,
                host=host,
                servers=hosts,
                ports=ports,
            )
            for host in hosts
        ]
        for agent in agents:
            testcase.addCleanup(agent.kill)
        await gatherResults([Deferred.fromCoroutine(a.start()) for a in agents])
        return agents

    @property
    def log(self) -> str:
        """What the agent has written, in all its runs."""
        return (self._directory / "log").read_text(errors="replace")

    async def start(self) -> None:
        """Start the agent; done when it has elected itself and takes writes.

        :raises ServiceError: it exited, or was not ready in 20 seconds.
        """
        if self._process is not None:
            raise ServiceError("this agent runs already")
        self._directory.mkdir(parents=True, exist_ok=True)
        config: dict[str, object] = {
            "bind_addr": self.host,
            "client_addr": self.host,
            "node_name": self._node,
            "disable_update_check": True,
            "ports": {
                **self._ports._asdict(),
                "serf_wan": -1,
                "dns": -1,
                "grpc": -1,
            },
        }
        if self._durable:
            config |= {
                "data_dir": str(self._directory / "data"),
                "server": True,
                "bootstrap_expect": max(1, len(self._servers)),
                "retry_join": list(self._servers),
                "retry_interval": "1s",
                "performance": {"raft_multiplier": 1},
            }
        if self._token:
            config["acl"] = {
                "enabled": True,
                "default_policy": "deny",
                "tokens": {"master": self._token, "agent": self._token},
            }
        file = self._directory / "agent.json"
        file.write_text(json.dumps(config))
        command = [self._binary, "agent", "-config-file", str(file)]
        if not self._durable:
            command.append("-dev")
        setpriv = shutil.which("setpriv")
        if setpriv:
            command = [setpriv, "--pdeathsig", "KILL", "--", *command]
        self._exit = _Exit()
        with (self._directory / "log").open("ab") as log, open(os.devnull) as nothing:
            self._process = self._reactor.spawnProcess(
                self._exit,
                command[0],
                command,
                env=dict(os.environ),
                childFDs={0: nothing.fileno(), 1: log.fileno(), 2: log.fileno()},
            )
        self._exit.ended.addCallback(self._forget)
        await wait_for(self._reactor, self._ready, 20, what="consul's first write")

    def _forget(self, status: int) -> int:
        self._process = None
        return status

    async def _ready(self) -> bool:
        if self._process is None:
            raise ServiceError(f"consul exited: {self.log[-2000:]}")
        try:
            # The node's own registration is the last thing a new server does: from
            # then on what tests write is not mixed with what the agent writes.
            answer = await self._ask("GET", f"/v1/catalog/node/{self._node}")
        except ConnectError:
            return False
        return answer.code == 200 and bool(answer.json())

    async def stop(self) -> None:
        """Shut the agent down in order. Nothing if it is down."""
        await self._end("TERM")

    async def kill(self) -> None:
        """End the agent at once, as a crash would. Nothing if it is down."""
        await self._end("KILL")

    async def _end(self, signal_name: str) -> None:
        if self._process is None or self._exit is None:
            return
        impatience = self._reactor.callLater(10, self._signal, "KILL")
        self._signal(signal_name)
        await self._exit.ended
        if impatience.active():
            impatience.cancel()

    def _signal(self, signal_name: str) -> None:
        try:
            self._process.signalProcess(signal_name)
        except ProcessExitedAlready:
            pass

    def freeze(self) -> None:
        """Stop the agent in its tracks: it accepts connections and answers nothing."""
        self._process.signalProcess(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen agent run on."""
        self._process.signalProcess(signal.SIGCONT)

    async def restart(self) -> None:
        """Stop the agent and start it again at the same address."""
        await self.stop()
        await self.start()

    async def put(self, path: str, value: object = None) -> Any:
        """PUT *value* as JSON to an API *path* (``/v1/agent/service/register``).

        :returns: the answer's JSON, None if it has no body.
        :raises ServiceError: Consul refused; with its words.
        """
        body = b"" if value is None else json.dumps(value).encode()
        return self._accepted(await self._ask("PUT", path, body))

    async def get(self, path: str) -> Any:
        """GET an API *path* and return its JSON. Errors as :meth:`put`."""
        return self._accepted(await self._ask("GET", path))

    async def delete(self, path: str) -> Any:
        """DELETE an API *path* and return its JSON. Errors as :meth:`put`."""
        return self._accepted(await self._ask("DELETE", path))

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {"X-Consul-Token": self._token} if self._token else {}
        return await request(method, self.url + path, headers=headers, body=body)

    def _accepted(self, answer: Answer) -> Any:
        if answer.code != 200:
            raise ServiceError(f"consul: {answer.code} {answer.body!r}")
        return answer.json() if answer.body else None
