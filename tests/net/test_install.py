"""Tests of twisted_router.net.reactor: how it becomes the reactor of a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

PROBE = """
import sys
{before}
from twisted_router.net.reactor import install_unless_chosen
installed = install_unless_chosen()
from twisted.internet import reactor
print(installed, type(reactor).__name__)
"""


class InstallTests(SynchronousTestCase):
    """Each in a process of its own, since a process has one reactor."""

    def run_python(self, code: str) -> str:
        """What the code printed."""
        root = str(Path(__file__).parents[2])
        result = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        return result.stdout.strip()

    def test_it_becomes_the_reactor_if_there_is_none(self) -> None:
        self.assertEqual(
            "True LeanEPollReactor", self.run_python(PROBE.format(before=""))
        )

    def test_a_reactor_that_was_chosen_stays(self) -> None:
        before = "from twisted.internet import pollreactor; pollreactor.install()"
        self.assertEqual(
            "False PollReactor", self.run_python(PROBE.format(before=before))
        )

    def test_installing_twice_is_harmless(self) -> None:
        before = (
            "from twisted_router.net.reactor import install_unless_chosen as install; "
            "install()"
        )
        self.assertEqual(
            "False LeanEPollReactor", self.run_python(PROBE.format(before=before))
        )

    def test_no_module_of_the_data_plane_imports_the_reactor(self) -> None:
        code = (
            "import importlib, pkgutil, sys\n"
            "import twisted_router.net, twisted_router.proxy\n"
            "for package in (twisted_router.net, twisted_router.proxy):\n"
            "    prefix = package.__name__ + '.'\n"
            "    for module in pkgutil.iter_modules(package.__path__, prefix):\n"
            "        importlib.import_module(module.name)\n"
            "        if 'twisted.internet.reactor' in sys.modules:\n"
            "            sys.exit(module.name)\n"
            "print('none')\n"
        )
        self.assertEqual("none", self.run_python(code))
