"""Tests of twisted_router.status.varz."""

import os
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Quarantined, Route
from twisted_router.proxy.counters import Counters
from twisted_router.status.credentials import Credentials
from twisted_router.status.varz import CpuMeter, VarzPage, format_uptime, traffic

from .support import FakeSource, PageTestCase, facts, registrar_state, table_of

OPEN = Credentials("", "")


class VarzPageTests(PageTestCase):
    """The figures of a router."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)

    def varz(self, *sources: FakeSource, **more: Any) -> Any:
        """The page of a router that has run for an hour and a second."""
        shown = facts(*sources, **more)
        page = VarzPage(shown, self.clock, lambda: "127.0.0.1:8082", OPEN)
        self.clock.advance(3601.0)
        return self.read(page).json

    def test_the_process_describes_itself_as_a_component(self) -> None:
        varz = self.varz(index=3, uuid="a-uuid")
        self.assertEqual(
            {
                "type": "Router",
                "index": 3,
                "host": "127.0.0.1:8082",
                "uuid": "3-a-uuid",
                "start": "2023-11-14 22:13:20 +0000",
                "uptime": "0d:1h:0m:1s",
                "num_cores": os.cpu_count(),
                "log_counts": {},
            },
            {
                key: varz[key]
                for key in (
                    "type", "index", "host", "uuid", "start", "uptime", "num_cores",
                    "log_counts",
                )
            },
        )  # fmt: skip

    def test_memory_is_in_kib(self) -> None:
        mem_bytes = self.varz()["mem"] * 1024
        self.assertTrue(10 * 1024**2 < mem_bytes < 4 * 1024**3, mem_bytes)

    def test_every_key_of_gorouter_is_there_but_the_credentials(self) -> None:
        expected = {
            "type", "index", "host", "uuid", "start", "uptime", "num_cores", "mem",
            "cpu", "log_counts", "requests", "rate", "requests_per_sec",
            "responses_2xx", "responses_3xx", "responses_4xx", "responses_5xx",
            "responses_xxx", "latency", "urls", "droplets", "bad_requests",
            "bad_gateways", "ms_since_last_registry_update", "top10_app_requests",
            "tags",
        }  # fmt: skip
        varz = self.varz()
        self.assertEqual(set(), expected - varz.keys())
        self.assertNotIn("credentials", varz)

    def test_the_table_is_counted(self) -> None:
        entry = Quarantined("web", "web-1", "tag", "urlprefix-", "why")
        varz = self.varz(
            table=table_of(
                Route("a", "/"),
                Route("b", "/"),
                quarantine=[entry],
                instance_count=5,
                built_at_s=4600.5,
            )
        )
        self.assertEqual(
            (2, 5, 1, 500),
            (
                varz["urls"],
                varz["droplets"],
                varz["quarantined"],
                varz["ms_since_last_registry_update"],
            ),
        )

    def test_entries_that_cannot_be_instances_count_as_quarantined(self) -> None:
        entry = Quarantined("web", "web-1", "tag", "urlprefix-", "why")
        no_port = Quarantined("db", "db-1", "port", "0", "it has no port")
        varz = self.varz(
            FakeSource(quarantine=(no_port,)), table=table_of(quarantine=[entry])
        )
        self.assertEqual(2, varz["quarantined"])

    def test_sources_say_how_they_are(self) -> None:
        varz = self.varz(
            FakeSource("static"), FakeSource("consul", False, None, "refused")
        )
        self.assertEqual(
            [
                ("static", True, 0.5, "", 0),
                ("consul", False, None, "refused", 0),
            ],
            [
                (s["name"], s["ready"], s["age_s"], s["error"], s["index"])
                for s in varz["sources"]
            ],
        )

    def test_the_registrar_is_shown_where_there_is_one(self) -> None:
        self.assertNotIn("registrar", self.varz())
        varz = self.varz(registrar=registrar_state)
        self.assertEqual(registrar_state(), varz["registrar"])

    def test_what_gorouter_does_not_count_has_keys_of_its_own(self) -> None:
        counters = Counters()
        numbers = {
            "accepted": "accepted",
            "clients": "clients",
            "in_flight": "in_flight",
            "tunnels": "tunnels",
            "retries": "retries",
            "connect_failures": "connect_failures",
            "protocol_errors": "protocol_errors",
            "exhausted": "backend_exhausted_conns",
            "upgrades": "websocket_upgrades",
            "upgrade_failures": "websocket_failures",
            "log_lines_dropped": "log_lines_dropped",
        }
        for n, name in enumerate(numbers, 1):
            setattr(counters, name, n)
        counters.count_error(502)
        counters.count_error(404)
        counters.count_error(404)
        varz = self.varz(counters=counters)
        self.assertEqual(
            {key: n for n, key in enumerate(numbers.values(), 1)},
            {key: varz[key] for key in numbers.values()},
        )
        self.assertEqual({"404": 2, "502": 1}, varz["errors"])
        self.assertEqual((8081, False), (varz["proxy_port"], varz["draining"]))

    def test_credentials_are_asked_for(self) -> None:
        page = VarzPage(facts(), self.clock, lambda: "", Credentials("a", "b"))
        self.assertEqual(401, self.read(page).status)


class TrafficTests(SynchronousTestCase):
    """Requests under gorouter's names."""

    def test_responses_go_by_class(self) -> None:
        counters = Counters()
        for status in (101, 200, 200, 301, 404, 404, 404, 500):
            counters.count_response(status, 0.02)
        shown = traffic(counters)
        self.assertEqual(
            (2, 1, 3, 1, 1),
            tuple(shown[f"responses_{group}xx"] for group in "2345x"),
        )

    def test_requests_rates_and_refusals(self) -> None:
        counters = Counters()
        counters.requests, counters.rejected, counters.bad_gateways = 7, 3, 2
        counters.rates = [1.5, 1.0, 0.5]
        shown = traffic(counters)
        self.assertEqual(
            (7, [1.5, 1.0, 0.5], 1.5, 3, 2),
            tuple(
                shown[key]
                for key in (
                    "requests", "rate", "requests_per_sec", "bad_requests",
                    "bad_gateways",
                )
            ),
        )  # fmt: skip

    def test_latency_is_in_seconds(self) -> None:
        counters = Counters()
        for duration_s in (0.002, 0.002, 0.002, 0.194):
            counters.count_response(200, duration_s)
        latency = traffic(counters)["latency"]
        self.assertApproximates(0.05, latency.pop("value"), 1e-9)
        self.assertEqual(
            {
                "50": 0.0025,
                "75": 0.0025,
                "90": 0.25,
                "95": 0.25,
                "99": 0.25,
                "samples": 4,
            },
            latency,
        )

    def test_latency_before_the_first_request_is_zero(self) -> None:
        latency = traffic(Counters())["latency"]
        self.assertEqual({0}, set(latency.values()))


class CpuMeterTests(SynchronousTestCase):
    """How busy the process is."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.used_s = 5.0
        self.meter = CpuMeter(self.clock, lambda: self.used_s)

    def spend(self, cpu_s: float, elapsed_s: float) -> float:
        """Use CPU time, and look."""
        self.used_s += cpu_s
        self.clock.advance(elapsed_s)
        return self.meter.usage()

    def test_it_is_a_share_of_the_time_since_the_last_look(self) -> None:
        self.assertEqual(0.5, self.spend(5.0, 10.0))
        self.assertEqual(0.25, self.spend(1.0, 4.0))

    def test_looks_in_quick_succession_see_the_same(self) -> None:
        self.spend(1.0, 2.0)
        self.assertEqual(0.5, self.spend(0.1, 0.1))

    def test_what_was_used_in_between_is_not_lost(self) -> None:
        self.spend(1.0, 2.0)
        self.spend(0.5, 0.5)
        self.assertEqual(0.5, self.spend(0.0, 0.5))


class FormatUptimeTests(SynchronousTestCase):
    """Durations as gorouter writes them."""

    def test_days_hours_minutes_and_seconds(self) -> None:
        self.assertEqual(
            ["0d:0h:0m:0s", "0d:3h:22m:31s", "12d:0h:0m:59s"],
            [
                format_uptime(seconds)
                for seconds in (0.9, 3 * 3600 + 22 * 60 + 31, 12 * 86400 + 59.99)
            ],
        )
