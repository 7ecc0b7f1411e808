"""The package as users get it: built, installed, found by twistd, removed again."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.services import copy_checkout

PLUGIN = "twisted/plugins/twisted_router_plugin.py"

#: Our line in ``twistd --help``.
LISTED = r"\n +router +Reverse proxy"

#: Of the development venv: what must not leak into the fresh one.
NOT_DEPENDENCIES = shutil.ignore_patterns(
    "*twisted_router*", "*.egg-link", "*.pth", "dropin.cache", "__pycache__"
)

SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


def run(*command: str | Path, directory: str | Path = "/") -> str:
    """Run a program that must not find the checkout by chance; return its stdout."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=directory, env=environ, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise AssertionError(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def build_wheel(sources: Path, into: Path) -> Path:
    """Build the wheel with the tools of this venv; needs no network."""
    options = ("--quiet", "--no-deps", "--no-build-isolation")
    run(sys.executable, "-m", "pip", "wheel", *options, "-w", into, sources)
    (wheel,) = into.glob("*.whl")
    return wheel


class Installation(NamedTuple):
    """A wheel of the checkout and a venv to install it into."""

    wheel: Path
    python: Path
    site_packages: Path


@functools.cache
def installation() -> Installation:
    """Make the wheel and a venv with its dependencies and nothing of the checkout.

    Once for all tests; trial does not call ``setUpClass``.
    """
    home = Path("packaging").absolute()
    copy_checkout(home / "sources")
    wheel = build_wheel(home / "sources", home / "wheels")
    run(sys.executable, "-m", "venv", "--without-pip", home / "venv")
    python = home / "venv" / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site_packages = Path(run(python, "-c", ask).strip())
    # Twisted must lie in the venv itself, as it does for users: our plugin goes into
    # its folder and comes out again. Links, for this takes no time.
    shutil.copytree(
        SITE_PACKAGES,
        site_packages,
        ignore=NOT_DEPENDENCIES,
        copy_function=_link,
        dirs_exist_ok=True,
    )
    return Installation(wheel, python, site_packages)


class WheelTests(SynchronousTestCase):
    """The wheel, in a venv without the checkout."""

    def setUp(self) -> None:
        self.wheel, self.python, self.site_packages = installation()
        self.pip("install", "--no-index", str(self.wheel))
        self.addCleanup(self.pip, "uninstall", "--yes", "twisted_router")

    def pip(self, command: str, *arguments: str) -> None:
        run(self.python, "-m", "pip", "--quiet", command, *arguments)

    def twistd(self, *arguments: str) -> str:
        # A plain script; which python runs it decides which Twisted it is.
        return run(self.python, Path(sys.executable).with_name("twistd"), *arguments)

    def test_twistd_router_shows_its_options(self) -> None:
        shown = self.twistd("router", "--help")
        self.assertIn("--config", shown)
        self.assertIn("--check", shown)

    def test_routerctl_is_a_command(self) -> None:
        self.assertIn("register", run(self.python.with_name("routerctl"), "--help"))

    def test_adds_one_file_to_twisted(self) -> None:
        (record,) = self.site_packages.glob("twisted_router-*.dist-info/RECORD")
        files = [line.split(",")[0] for line in record.read_text().splitlines()]
        ours = [
            name
            for name in files
            if name.startswith("twisted/") and "__pycache__" not in name
        ]
        self.assertEqual([PLUGIN], ours)

    def test_carries_its_type_marker_and_licence(self) -> None:
        names = zipfile.ZipFile(self.wheel).namelist()
        self.assertIn("twisted_router/py.typed", names)
        self.assertTrue(any(name.endswith("/LICENSE") for name in names))

    def test_its_requirements_are_met_by_what_it_was_tested_with(self) -> None:
        run(self.python, "-m", "pip", "check")

    def test_leaves_twisted_whole_when_it_is_removed(self) -> None:
        def twisted_files() -> set[Path]:
            twisted = self.site_packages / "twisted"
            return {path for path in twisted.rglob("*.py") if path.is_file()}

        before = twisted_files()
        self.pip("uninstall", "--yes", "twisted_router")
        self.assertEqual({self.site_packages / PLUGIN}, before - twisted_files())
        self.assertNotRegex(self.twistd("--help"), LISTED)

    def test_twistd_lists_the_router(self) -> None:
        self.assertRegex(self.twistd("--help"), LISTED)


class SourceArchiveTests(SynchronousTestCase):
    """The source archive."""

    def test_builds_the_same_wheel_as_the_checkout(self) -> None:
        home = Path(self.mktemp()).absolute()
        copy_checkout(home / "sources")
        build = "from setuptools import build_meta as b; b.build_sdist('../archive')"
        run(sys.executable, "-c", build, directory=home / "sources")
        (archive,) = (home / "archive").glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(home / "unpacked", filter="data")
        (unpacked,) = (home / "unpacked").iterdir()
        self.assertEqual(
            _contents(build_wheel(home / "sources", home / "from-sources")),
            _contents(build_wheel(unpacked, home / "from-archive")),
        )


class EditableInstallTests(SynchronousTestCase):
    """The development venv, as ``make`` sets it up."""

    def test_twistd_knows_the_router_from_anywhere(self) -> None:
        twistd = Path(sys.executable).with_name("twistd")
        self.assertRegex(run(twistd, "--help"), LISTED)


def _contents(wheel: Path) -> list[str]:
    return sorted(zipfile.ZipFile(wheel).namelist())


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target
