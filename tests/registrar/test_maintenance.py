"""Tests for ``twisted_router.registrar.maintenance``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.maintenance import (
    PAUSED,
    is_ours,
    read_maintenance,
    stopping,
)


class MaintenanceTests(SynchronousTestCase):
    """Maintenance mode is a check, and its reason tells whose."""

    def test_reading_it(self) -> None:
        """Only the checks of that name count; an ID may be anything."""
        checks = {
            "_service_maintenance:n:a/b:80": {"Notes": "why"},
            "_node_maintenance": {"Notes": "all"},
            "service:n:c:80": {"Notes": ""},
        }
        self.assertEqual({"n:a/b:80": "why"}, read_maintenance(checks))

    def test_one_without_a_reason(self) -> None:
        """It is some operator's, made by hand as a check."""
        for notes in ({}, {"Notes": ""}, {"Notes": None}):
            (reason,) = read_maintenance({"_service_maintenance:a": notes}).values()
            self.assertFalse(is_ours(reason))
            self.assertTrue(reason)

    def test_whose_it_is(self) -> None:
        """Ours say so."""
        for reason in (stopping("2026-01-01T00:00:01Z"), stopping(""), PAUSED):
            self.assertTrue(is_ours(reason), reason)
        for reason in ("container is stopping", "an upgrade", ""):
            self.assertFalse(is_ours(reason), reason)

    def test_one_run_is_not_another(self) -> None:
        """The reason names the run that is being stopped."""
        self.assertNotEqual(stopping("2026-01-01"), stopping("2026-01-02"))
