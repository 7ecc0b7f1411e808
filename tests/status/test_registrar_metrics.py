"""Tests of twisted_router.status.registrar_metrics."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.status.registrar_metrics import registrar_metrics

from .support import registrar_state

#: What only people can read.
_TEXTS = {"error", "api_version"}


class RegistrarMetricsTests(SynchronousTestCase):
    """A registrar's state as Prometheus names such things."""

    def samples(self, **differences: Any) -> dict[str, float]:
        """``{name: value}``, without the prefix of all names."""
        return {
            sample.name.removeprefix("twisted_router_registrar_"): sample.value
            for family in registrar_metrics(registrar_state(**differences))
            for sample in family.samples
        }

    def test_every_figure(self) -> None:
        self.assertEqual(
            {
                "writes_total": 8,
                "failed_writes_total": 10,
                "drift_total": 1,
                "beats_total": 11,
                "ready": 1,
                "docker_connected": 1,
                "consul_connected": 1,
                "last_event_age_seconds": 7.0,
                "last_reconcile_age_seconds": 3.0,
                "last_reconcile_duration_seconds": 0.25,
                "containers": 3,
                "odd_containers": 0,
                "dirty_containers": 4,
                "stopping_containers": 5,
                "services": 2,
                "failing_services": 0,
                "refused_attributes": 6,
                "pending_writes": 9,
            },
            self.samples(),
        )

    def test_none_is_forgotten(self) -> None:
        self.assertEqual(len(registrar_state().keys() - _TEXTS), len(self.samples()))

    def test_what_has_not_happened_is_left_out(self) -> None:
        never = {"last_event_age_s": None, "last_reconcile_age_s": None}
        samples = self.samples(**never, last_reconcile_s=None, ready=False)
        self.assertEqual(0, samples["ready"])
        self.assertEqual([], [name for name in samples if "last" in name])
