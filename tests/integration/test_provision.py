"""``tests/provision`` says what it cannot get, and nothing else."""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.services import TOP


def provision(*parts: str, **environ: str) -> tuple[int, str]:
    """Run the script; return its exit status and everything it said."""
    done = subprocess.run(
        [str(TOP / "tests" / "provision"), *parts],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


class ProvisionTests(SynchronousTestCase):
    """The script's messages and exit status."""

    def test_says_nothing_about_what_is_there(self) -> None:
        self.assertEqual((0, ""), provision("consul", CONSUL="/bin/sh", CI="true"))

    def test_names_what_is_missing_and_lets_a_developer_go_on(self) -> None:
        status, said = provision("consul", CONSUL="/nowhere/consul", CI="")
        self.assertEqual(0, status)
        self.assertIn("MISSING consul: CONSUL=/nowhere/consul", said)

    def test_fails_in_ci_when_something_is_missing(self) -> None:
        status, said = provision("consul", CONSUL="/nowhere/consul", CI="true")
        self.assertEqual(1, status)
        self.assertIn("MISSING consul: CONSUL=/nowhere/consul", said)

    def test_refuses_a_part_it_does_not_know(self) -> None:
        status, said = provision("nomad")
        self.assertEqual(2, status)
        self.assertIn("no part is called nomad", said)
