"""A Docker engine of the rig's own, which may be killed without disturbing others."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.discovery.agents import wait_until
from benchmarks.peers.peer import TOP
from benchmarks.processes import BenchmarkError
from benchmarks.registrar.docker_api import DockerApi

IMAGE = "busybox-of-the-rig"

_START_S = 60.0
#: Longer than the engine waits for containers when it ends in order.
_STOP_S = 60.0


class Engine:
    """A dockerd with everything of its own: data, containerd, socket, bridge.

    It leaves the host's packet filter alone, so ports are published by docker-proxy
    only. What it starts lives in the kernel's default namespaces.

    :param live_restore: containers outlive it.
    :ivar endpoint: as ``DOCKER_HOST``.
    """

    def __init__(self, directory: Path, *, live_restore: bool = False) -> None:
        self._directory = directory
        self._bridge = f"rig{os.getpid()}"
        socket = directory / "sock"
        self.endpoint = f"unix://{socket}"
        self.api = DockerApi(socket, IMAGE)
        containerd = directory / "containerd"
        # One that dockerd started itself would end with it, unlike that of a host.
        self._containerd_argv = [
            *("containerd", "--config", str(directory / "containerd.toml")),
            *("--root", f"{containerd}/root", "--state", f"{containerd}/state"),
            *("--address", f"{containerd}/sock"),
        ]
        self._containerd: subprocess.Popen[bytes] | None = None
        self._argv = [
            *("dockerd", "--containerd", f"{containerd}/sock"),
            *("--host", self.endpoint),
            *("--data-root", str(directory / "data")),
            *("--exec-root", str(directory / "exec")),
            *("--pidfile", str(directory / "pid")),
            *("--bridge", self._bridge, "--iptables=false", "--ip6tables=false"),
            f"--live-restore={str(live_restore).lower()}",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = self._spawn(self._argv)
        wait_until(self._answers, _START_S, "dockerd's first answer", 0.05)

    def _spawn(self, argv: list[str]) -> subprocess.Popen[bytes]:
        with (self._directory / "log").open("ab") as log:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            said = (self._directory / "log").read_text("utf-8", "replace")
            raise BenchmarkError("dockerd ended: " + said[-2000:])
        return self.api.ping()

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal, and wait for its end; nothing if it does not run."""
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def prepare(self) -> None:
        """Give it its bridge, start it for the first time, and bring the image."""
        _ip("link", "add", "name", self._bridge, "type", "bridge")
        _ip("addr", "add", _free_network(), "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        config = self._directory / "containerd.toml"
        config.write_text(
            'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        )
        self._containerd = self._spawn(self._containerd_argv)
        self.start()
        self.api.import_image(_busybox_root())

    def clear(self) -> None:
        """End it and leave nothing behind."""
        try:
            if self._process is None:
                self.start()
            for container in self.api.containers(stopped=True):
                self.api.remove(container["Id"])
        finally:
            self.end()
            if self._containerd is not None:
                self._containerd.terminate()
                self._containerd.wait(_STOP_S)
            _kill_shims(self._directory / "containerd" / "sock")
            # It leaves these mounted.
            for mount in ("data", "exec/netns/default"):
                umount = ("umount", "--recursive", str(self._directory / mount))
                subprocess.run(umount, check=False, capture_output=True)
            subprocess.run(["ip", "link", "del", self._bridge], check=False)


@contextmanager
def engine(directory: Path, *, live_restore: bool = False) -> Iterator[Engine]:
    """An engine without containers, for as long as the context lasts.

    :raises BenchmarkError: it cannot be had.
    """
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise BenchmarkError(
            "the rig starts a dockerd: that must be there, and be root"
        )
    directory.mkdir()
    made = Engine(directory, live_restore=live_restore)
    try:
        made.prepare()
        yield made
    finally:
        made.clear()


def _kill_shims(address: Path) -> None:
    """End containers that an engine has lost when it was killed, with their shims."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            argv = (process / "cmdline").read_text("utf-8", "replace").split("\0")
            if "containerd-shim" in argv[0] and str(address) in argv:
                children = (process / "task" / process.name / "children").read_text()
                for pid in (*children.split(), process.name):
                    os.kill(int(pid), signal.SIGKILL)
        except OSError:  # ended meanwhile
            continue


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or error
        raise BenchmarkError(f"ip {' '.join(arguments)}: {said}") from error


def _free_network() -> str:
    """The first address of a network with room for a thousand containers."""
    used = subprocess.run(
        ["ip", "-oneline", "-4", "addr"], check=True, capture_output=True, text=True
    ).stdout
    for third in range(0, 256, 4):
        address = f"10.213.{third}.1/22"
        if f" {address} " not in used:
            return address
    raise BenchmarkError("no free network for a bridge")


def _busybox_root() -> bytes:
    """A file system for containers: one static busybox, with the names we use."""
    kept = TOP / "var" / "provision" / "busybox"
    busybox = next((p for p in (kept, Path("/bin/busybox")) if p.exists()), None)
    if busybox is None:
        raise BenchmarkError("there is no busybox; run tests/provision")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(busybox, "bin/busybox")
        for name in ("sh", "sleep", "httpd", "true", "test"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for folder in ("www", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
    return packed.getvalue()
