"""What a test needs that may not be there: it is skipped then, or fails in CI."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.services.waiting import TOP, ServiceError

#: One static busybox, made by ``tests/provision``.
TEST_IMAGE = "twisted-router-test/busybox:latest"


def missing(reason: str) -> Exception:
    """Make what a test raises that lacks something: a skip here, an error in CI.

    ::

        raise missing("this test needs a full moon")
    """
    reason = f"{reason}; see tests/provision"
    return ServiceError(reason) if os.environ.get("CI") == "true" else SkipTest(reason)


def find_consul() -> str | None:
    """Return the path of a ``consul`` program: ``$CONSUL``, PATH, then provision's."""
    ours = TOP / "var" / "provision" / "consul"
    for candidate in (os.environ.get("CONSUL"), shutil.which("consul"), str(ours)):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    return None


def require_consul(testcase: SynchronousTestCase) -> str:
    """Return the path of a ``consul`` program; without one, skip (or fail in CI)."""
    consul = find_consul()
    if consul is None:
        raise missing(f"{testcase.id()} needs a consul program")
    return consul


def docker_endpoint() -> str:
    """Return where the Docker engine listens, as ``unix://`` or ``tcp://``."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


@functools.cache
def _docker_problem() -> str | None:
    """Say why containers cannot be run, once for all tests; None if they can."""
    command = ["docker", "image", "inspect", "--format", "found", TEST_IMAGE]
    try:
        subprocess.run(command, check=True, timeout=10, capture_output=True, text=True)
    except FileNotFoundError:
        return "there is no docker client"
    except subprocess.TimeoutExpired:
        return "the Docker engine does not answer"
    except subprocess.CalledProcessError as error:
        return str(error.stderr).strip()
    return None


def require_docker(testcase: SynchronousTestCase) -> str:
    """Return :func:`docker_endpoint`; without an engine, skip (or fail in CI)."""
    problem = _docker_problem()
    if problem is not None:
        raise missing(f"{testcase.id()} needs Docker: {problem}")
    return docker_endpoint()
