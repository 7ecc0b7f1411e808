"""Tests of benchmarks.registrar: what it counts and compares."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.registrar.differences import unequal
from benchmarks.registrar.ledger import read_write


class LedgerTests(SynchronousTestCase):
    """Writes are known by their verb and what they are about."""

    def test_a_registration_has_its_id_in_its_body(self) -> None:
        self.assertEqual(
            ("register", "node:web:80"),
            read_write(
                "/v1/agent/service/register?replace-existing-checks=true",
                b'{"ID": "node:web:80", "Name": "web"}',
            ),
        )

    def test_others_have_it_in_their_path(self) -> None:
        self.assertEqual(
            ("maintenance", "node:a/b:80"),
            read_write(
                "/v1/agent/service/maintenance/node%3Aa%2Fb%3A80?enable=true", b""
            ),
        )
        self.assertEqual(
            ("update", "service:x"), read_write("/v1/agent/check/update/service:x", b"")
        )


class DifferencesTests(SynchronousTestCase):
    """Both sides count."""

    def test_what_lacks_what_is_too_much_and_what_is_other(self) -> None:
        self.assertEqual(
            [("lacks", 1, None), ("other", 2, 3), ("surplus", None, 4)],
            unequal(
                {"same": 0, "lacks": 1, "other": 2},
                {"same": 0, "other": 3, "surplus": 4},
            ),
        )
