"""Containers of one test on a real Docker engine."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.services.needs import TEST_IMAGE, require_docker
from tests.services.waiting import run_command

#: On every container that a test starts, so that ``make clean`` finds them all.
TEST_LABEL = "twisted-router-test"


class Containers:
    """The containers of one test; they are removed when it ends.

    ::

        containers = Containers(self)
        web = await containers.run("httpd", "-f", publish=["80"],
                                   labels={"SERVICE_NAME": "web"})
        port = await containers.port(web, 80)

    :ivar label: ``NAME=VALUE``, on each of them and on no other.
    """

    def __init__(self, testcase: SynchronousTestCase) -> None:
        require_docker(testcase)
        self.label = f"{TEST_LABEL}={uuid.uuid4().hex}"
        testcase.addCleanup(self.remove_all)

    async def run(
        self,
        *command: str,
        image: str = TEST_IMAGE,
        labels: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        publish: Sequence[str] = (),
        options: Sequence[str] = ("--init",),
    ) -> str:
        """Start a container in the background and return its full id.

        :param publish: as ``docker run --publish``; a lone port gets a free one.
        :param options: further ``docker run`` options; ``--init`` so that programs
            which ignore SIGTERM as process 1 stop at once.
        """
        arguments = ["--label", self.label]
        for name, value in (labels or {}).items():
            arguments += ["--label", f"{name}={value}"]
        for name, value in (environ or {}).items():
            arguments += ["--env", f"{name}={value}"]
        for port in publish:
            arguments += ["--publish", port]
        arguments += [*options, image, *command]
        return (await docker("run", "--detach", *arguments)).strip()

    async def port(self, container: str, private_port: int) -> int:
        """Return the host's port for *private_port* (TCP) of a container."""
        lines = await docker("port", container, f"{private_port}/tcp")
        return int(lines.split()[0].rpartition(":")[2])

    async def remove(self, container: str) -> None:
        """Kill and remove one container."""
        await docker("rm", "--force", "--volumes", container)

    async def remove_all(self) -> None:
        """Kill and remove every container of this test."""
        found = await docker(
            "ps", "--all", "--quiet", "--filter", f"label={self.label}"
        )
        if found.split():
            await docker("rm", "--force", "--volumes", *found.split())


async def docker(*arguments: str) -> str:
    """Run the ``docker`` client and return what it prints. See :func:`run_command`."""
    return await run_command("docker", *arguments)
