"""Images built of this checkout and of what ``tests/provision`` got; no network.

Each is built once in a run of the tests; from one run to the next Docker's own cache
makes it quick.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from importlib import metadata
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.services.docker import docker
from tests.services.needs import TEST_IMAGE, missing, require_consul, require_docker
from tests.services.waiting import TOP, ServiceError, run_command

#: Stands in for the official image that Dockerfile names; made by ``tests/provision``.
BASE_IMAGE = "twisted-router-test/python:3.11-slim"

_built: set[str] = set()

#: Of a checkout: what git ignores, and git's own.
_NOT_SOURCES = shutil.ignore_patterns(
    ".*_cache",
    ".coverage",
    ".git",
    ".hypothesis",
    ".venv",
    "*.egg-info",
    "__pycache__",
    "_trial_temp*",
    "build",
    "dist",
    "dropin.cache",
    "twistd.*",
    "var",
)


def copy_checkout(to: Path) -> None:
    """Copy the checkout as a clone would have it; *to* must not exist."""
    shutil.copytree(TOP, to, ignore=_NOT_SOURCES)


async def router_image(testcase: SynchronousTestCase) -> str:
    """Build ``Dockerfile`` and return the image's name."""
    name = "twisted-router-test/router:latest"
    if name not in _built:
        await _require_base(testcase)
        context = Path(testcase.mktemp()).absolute()
        copy_checkout(context)
        shutil.copytree(await _wheels(), context / "wheels")
        await _build(name, context, "--build-arg", f"BASE={BASE_IMAGE}")
    return name


async def consul_image(testcase: SynchronousTestCase) -> str:
    """Build an image around the ``consul`` program; its arguments are Consul's."""
    name = "twisted-router-test/consul:latest"
    if name not in _built:
        consul = require_consul(testcase)
        await _require_base(testcase)
        context = Path(testcase.mktemp()).absolute()
        context.mkdir()
        shutil.copy(consul, context / "consul")
        (context / "Dockerfile").write_text(
            f'FROM {BASE_IMAGE}\nCOPY consul /bin/\nENTRYPOINT ["consul"]\n'
        )
        await _build(name, context)
    return name


async def web_image(testcase: SynchronousTestCase) -> str:
    """Build a server on port 80 that answers with its host name.

    It is process 1 and ignores SIGTERM, so that ``docker stop`` takes its full time.
    """
    name = "twisted-router-test/web:latest"
    if name not in _built:
        require_docker(testcase)
        context = Path(testcase.mktemp()).absolute()
        context.mkdir()
        (context / "Dockerfile").write_text(
            f"FROM {TEST_IMAGE}\n"
            "CMD hostname > /www/index.html && exec httpd -f -p 80 -h /www\n"
        )
        await _build(name, context)
    return name


async def _build(name: str, context: Path, *options: str) -> None:
    await docker("build", *options, "--tag", name, str(context))
    _built.add(name)


async def _require_base(testcase: SynchronousTestCase) -> None:
    require_docker(testcase)
    try:
        await docker("image", "inspect", BASE_IMAGE)
    except ServiceError as error:
        raise missing(f"{testcase.id()} needs the image {BASE_IMAGE}") from error


async def _wheels() -> Path:
    """Collect the wheels that Dockerfile's build takes instead of a package index.

    The versions are those of this venv, so that the image holds what was tested.
    """
    wanted = ["setuptools", "wheel"]
    for need in metadata.requires("twisted_router") or ():
        if "extra ==" not in need:
            wanted.append(need)
    pins = await run_command(sys.executable, "-m", "pip", "freeze", "--all")
    pins = "\n".join(line for line in pins.splitlines() if "==" in line)
    digest = hashlib.sha256("\n".join([sys.version, *wanted, pins]).encode())
    folder = TOP / "var" / "wheels" / digest.hexdigest()[:16]
    if not folder.exists():
        partial = folder.with_suffix(".part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        constraints = partial / "constraints.txt"
        constraints.write_text(pins)
        pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "-w", str(partial))
        await run_command(*pip, "-c", str(constraints), *wanted)
        partial.rename(folder)
    return folder
