"""Tests of twisted_router.status.metrics."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock

from twisted_router.interfaces import RegistrarState
from twisted_router.model import Quarantined, Route
from twisted_router.proxy.counters import Counters
from twisted_router.status.credentials import Credentials
from twisted_router.status.metrics import MetricsPage

from .support import FakeSource, PageTestCase, facts, registrar_state, table_of

OPEN = Credentials("", "")


class MetricsPageTests(PageTestCase):
    """The figures as Prometheus reads them."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.counters = Counters()
        self.sources: list[FakeSource] = []
        self.table = table_of()
        self.registrar: Callable[[], RegistrarState] | None = None

    def samples(self) -> dict[tuple[str, ...], float]:
        """``{(name, label value, ...): value}`` of what the page shows."""
        shown = facts(
            *self.sources,
            counters=self.counters,
            table=self.table,
            registrar=self.registrar,
        )
        answer = self.read(MetricsPage(shown, self.clock, OPEN))
        self.assertEqual(200, answer.status)
        self.assertTrue((answer.header("content-type") or "").startswith("text/plain"))
        return {
            (sample.name.removeprefix("twisted_router_"), *sample.labels.values()): (
                sample.value
            )
            for family in text_string_to_metric_families(answer.body.decode())
            for sample in family.samples
        }

    def test_requests_and_responses(self) -> None:
        self.counters.requests = 7
        self.counters.count_response(200, 0.0002)
        self.counters.count_response(404, 0.3)
        self.counters.count_response(101, 90.0)
        self.counters.count_error(502)
        samples = self.samples()
        self.assertEqual(
            {
                ("requests_total",): 7,
                ("responses_total", "2xx"): 1,
                ("responses_total", "3xx"): 0,
                ("responses_total", "4xx"): 1,
                ("responses_total", "5xx"): 0,
                ("responses_total", "xxx"): 1,
                ("own_responses_total", "502"): 1,
            },
            {
                key: value
                for key, value in samples.items()
                if "requests_total" == key[0] or "responses_total" in key[0]
            },
        )

    def test_durations_are_a_histogram_that_adds_up(self) -> None:
        for duration_s in (0.0002, 0.3, 90.0):
            self.counters.count_response(200, duration_s)
        samples = self.samples()
        name = "request_duration_seconds"
        self.assertEqual(
            [0, 1, 1, 2, 3, 3],
            [
                samples[(f"{name}_bucket", bound)]
                for bound in ("0.0001", "0.00025", "0.25", "0.5", "+Inf", "+Inf")
            ],
        )
        self.assertEqual(3, samples[(f"{name}_count",)])
        self.assertAlmostEqual(90.3002, samples[(f"{name}_sum",)])

    def test_the_table_and_what_is_not_in_it(self) -> None:
        bad = Quarantined("web", "web-1", "tag", "urlprefix-", "no host and no path")
        self.table = table_of(
            Route("web", "/"), quarantine=[bad], instance_count=5, built_at_s=10.0
        )
        no_port = Quarantined("db", "db-1", "port", "0", "it has no port")
        self.sources = [FakeSource(quarantine=(no_port,))]
        self.clock.advance(12.5)
        samples = self.samples()
        self.assertEqual(
            [1, 5, 2.5, 1, 1],
            [
                samples[key]
                for key in (
                    ("routes",), ("instances",), ("table_age_seconds",),
                    ("quarantined_entries", "tag"), ("quarantined_entries", "port"),
                )
            ],
        )  # fmt: skip

    def test_sources_say_how_they_are(self) -> None:
        self.sources = [FakeSource("consul", False, None, "refused"), FakeSource("b")]
        samples = self.samples()
        self.assertEqual(
            {
                ("source_ready", "consul"): 0,
                ("source_ready", "b"): 1,
                ("source_failing", "consul"): 1,
                ("source_failing", "b"): 0,
                ("source_age_seconds", "b"): 0.5,
            },
            {
                key: value
                for key, value in samples.items()
                if key[0] in ("source_ready", "source_failing", "source_age_seconds")
            },
        )

    def test_sources_say_what_is_kept_of_them(self) -> None:
        more = {
            "snapshot_age_s": 60.0,
            "oldest_s": 70.0,
            "doubtful": 4,
            "withdrawn": 3,
            "held": 2,
            "alarms": {"guard": 1},
        }
        self.sources = [FakeSource("consul", more=more), FakeSource("b")]
        samples = self.samples()
        expected = {
            ("source_snapshot_age_seconds", "consul"): 60.0,
            ("source_oldest_service_seconds", "consul"): 70.0,
            ("source_doubtful_services", "consul"): 4,
            ("source_withdrawn_services", "consul"): 3,
            ("source_held_instances", "consul"): 2,
            ("source_alarms_total", "guard", "consul"): 1,
            ("source_held_instances", "b"): 0,
        }
        self.assertEqual(expected, {key: samples[key] for key in expected})
        self.assertNotIn(("source_snapshot_age_seconds", "b"), samples)

    def test_the_registrar_is_shown_where_there_is_one(self) -> None:
        name = ("registrar_services",)
        self.assertNotIn(name, self.samples())
        self.registrar = registrar_state
        self.assertEqual(2, self.samples()[name])

    def test_the_process_is_measured(self) -> None:
        self.assertGreater(self.samples()[("process_resident_memory_bytes",)], 1e6)

    def test_credentials_are_asked_for(self) -> None:
        page = MetricsPage(facts(), self.clock, Credentials("a", "b"))
        self.assertEqual(401, self.read(page).status)
