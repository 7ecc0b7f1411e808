"""Tests for ``twisted_router.registrar.maintenance``."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.maintenance import (
    PAUSED,
    is_ours,
    read_maintenance,
    stopping,
    stopping_since,
    told_to_stop,
)
from twisted_router.registrar.meta import CONTAINER

SINCE = datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC)


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
        for reason in (stopping(SINCE), stopping(None), PAUSED):
            self.assertTrue(is_ours(reason), reason)
        for reason in ("container is stopping", "an upgrade", ""):
            self.assertFalse(is_ours(reason), reason)

    def test_since_when_a_container_is_stopping(self) -> None:
        """The reason tells, if it was known."""
        self.assertEqual(SINCE, stopping_since(stopping(SINCE)))
        for reason in (
            stopping(None),
            PAUSED,
            f"{PAUSED} since {SINCE.isoformat()}",
            f"{stopping(None)} since yesterday",
            "an upgrade",
        ):
            self.assertIsNone(stopping_since(reason), reason)

    def test_which_containers_were_told_to_stop(self) -> None:
        """By the marks of their services; paused ones were not."""
        services = {
            each: {"Meta": {CONTAINER: f"c-{each}"}} for each in ("a", "b", "c")
        } | {"d": {"Meta": None}}
        maintenance = {
            "a": stopping(SINCE),
            "b": PAUSED,
            "c": "an upgrade",
            "gone": stopping(SINCE),
        }
        self.assertEqual({"c-a": SINCE}, told_to_stop(services, maintenance))
