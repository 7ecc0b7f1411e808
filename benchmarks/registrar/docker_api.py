"""What the rig asks of an engine, straight over its socket: no client to start."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.processes import BenchmarkError

_VERSION = "/v1.41"
_TIMEOUT_S = 120.0

#: Engines of one host give out the same ports, and do not ask each other.
_PORT_TRIES = 10

#: Ends as soon as it is told to, as a good server does.
OBEDIENT = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done")

#: As process 1 it ignores TERM, as many servers in containers do.
STUBBORN = ("httpd", "-f", "-h", "/www")


class DockerApiError(BenchmarkError):
    """The engine refused.

    :ivar status: the response's; 0 if there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class DockerApi:
    """Calls an engine, each time on a connection of its own; any thread may.

    :param path: of the engine's socket.
    :param image: that containers run.
    """

    def __init__(self, path: Path, image: str) -> None:
        self._path = path
        self._image = image

    def create(
        self,
        name: str,
        command: Sequence[str] = OBEDIENT,
        *,
        environ: Mapping[str, str] | None = None,
        ports: Sequence[str] = ("80/tcp",),
        network: str = "default",
        restart: str = "no",
        healthcheck: Mapping[str, Any] | None = None,
    ) -> str:
        """Make a container; gives its id.

        :param ports: each gets a random one of the host, but on the host's network.
        """
        about: dict[str, Any] = {
            "Image": self._image,
            "Cmd": list(command),
            "Env": [f"{key}={value}" for key, value in (environ or {}).items()],
            "ExposedPorts": {port: {} for port in ports},
            "HostConfig": {
                "NetworkMode": network,
                "PortBindings": {port: [{"HostPort": ""}] for port in ports},
                "RestartPolicy": {"Name": restart},
            },
        }
        if healthcheck is not None:
            about["Healthcheck"] = dict(healthcheck)
        answer = self._call("POST", f"/containers/create?name={quote(name)}", about)
        return str(answer["Id"])

    def act(self, verb: str, container: str, query: str = "") -> None:
        """Start, stop, kill, pause, rename ... a container.

        What is so already, or is not there any more, is no error.
        """
        path = f"/containers/{container}/{verb}{query}"
        try:
            self._call("POST", path)
        except DockerApiError as error:
            if error.status not in (304, 404, 409) and "is not" not in str(error):
                raise

    def start(self, container: str) -> None:
        """Start a container, on other ports if another engine has taken these."""
        for _ in range(_PORT_TRIES):
            try:
                return self.act("start", container)
            except DockerApiError as error:
                if "address already in use" not in str(error):
                    raise
        raise DockerApiError(f"no free port for {container}")

    def remove(self, container: str) -> None:
        """Kill and remove a container, if it is there."""
        try:
            self._call("DELETE", f"/containers/{container}?force=true&v=true")
        except DockerApiError as error:
            if error.status not in (404, 409):
                raise

    def containers(self, *, stopped: bool = False) -> list[dict[str, Any]]:
        """Those that run."""
        found: list[dict[str, Any]] = self._call(
            "GET", f"/containers/json?all={int(stopped)}"
        )
        return found

    def inspect(self, container: str) -> dict[str, Any]:
        """All about one."""
        found: dict[str, Any] = self._call("GET", f"/containers/{container}/json")
        return found

    def import_image(self, archive: bytes) -> None:
        """Make the image of a tar archive."""
        self._call(
            "POST", f"/images/create?fromSrc=-&repo={quote(self._image)}", archive
        )

    def ping(self) -> bool:
        """Whether it answers."""
        try:
            self._call("GET", "/_ping")
        except DockerApiError:
            return False
        return True

    def _call(self, method: str, path: str, body: object = None) -> Any:
        connection = _UnixConnection(self._path)
        headers = {}
        if isinstance(body, bytes):
            headers["Content-Type"], data = "application/x-tar", body
        elif body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        else:
            data = b""
        try:
            connection.request(method, _VERSION + path, data, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise DockerApiError(f"docker, {method} {path}: {error!r}") from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise DockerApiError(
                f"docker, {method} {path}: {answer.status} {content!r}", answer.status
            )
        # To what is uploaded it answers with progress, one object a line.
        is_json = "json" in answer.headers.get("Content-Type", "")
        return json.loads(content) if is_json and not isinstance(body, bytes) else None
