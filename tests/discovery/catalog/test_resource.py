"""The catalog over HTTP, without a network: paths, statuses, waiting."""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import quote

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.catalog.runs import never_ends
from twisted_router.discovery.catalog.endpoints import BODY_LIMIT_BYTES
from twisted_router.discovery.catalog.resource import CatalogResource
from twisted_router.discovery.catalog.room import Limits
from twisted_router.discovery.catalog.store import CatalogStore

HERE = "http://localhost"


class _HalfWay(random.Random):
    """Always in the middle."""

    def random(self) -> float:
        return 0.5


class ResourceTestCase(SynchronousTestCase):
    """Has a catalog that knows one service, and a client."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.store = CatalogStore(
            self.clock, never_ends, random.Random(1), limits=Limits(watchers=2)
        )
        self.resource = CatalogResource(self.store, _HalfWay())
        self.client = StubTreq(self.resource)
        self.put("/v1/agent/service/register", {"Name": "web", "Check": {"TTL": "1h"}})

    def begin(self, method: str, path: str, body: bytes = b"") -> Deferred[Any]:
        """A request under way."""
        asking: Deferred[Any] = self.client.request(method, HERE + path, data=body)
        return asking

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        """Status and text of an answer that comes at once."""
        response = self.successResultOf(self.begin(method, path, body))
        return response.code, self.successResultOf(response.text())

    def put(self, path: str, value: object = None) -> tuple[int, str]:
        """Status and text of the answer to a PUT."""
        return self.ask("PUT", path, json.dumps(value).encode() if value else b"")

    def get(self, path: str) -> Any:
        """The JSON of an answer."""
        status, text = self.ask("GET", path)
        self.assertEqual(200, status, text)
        return json.loads(text)


class PathTests(ResourceTestCase):
    """Which paths there are, and how names are read from them."""

    def test_an_unknown_path_is_not_found(self) -> None:
        for path in ("/", "/v1/", "/v1/agent", "/v1/catalog/services/"):
            self.assertEqual(404, self.ask("GET", path)[0], path)

    def test_another_method_is_not_allowed(self) -> None:
        for method, path, allowed in (
            ("GET", "/v1/agent/service/register", "PUT"),
            ("POST", "/v1/agent/service/deregister/x", "PUT"),
            ("DELETE", "/v1/agent/services", "GET"),
            ("PUT", "/v1/health/service/x", "GET"),
        ):
            response = self.successResultOf(self.begin(method, path))
            self.assertEqual(405, response.code)
            self.assertEqual(
                [f"OPTIONS,{allowed}"], response.headers.getRawHeaders("allow")
            )
            self.assertEqual(
                f"method {method} not allowed", self.successResultOf(response.text())
            )

    def test_the_methods_of_a_path_can_be_asked_for(self) -> None:
        response = self.successResultOf(self.begin("OPTIONS", "/v1/agent/services"))
        self.assertEqual(200, response.code)
        self.assertEqual(["OPTIONS,GET"], response.headers.getRawHeaders("allow"))

    def test_a_name_in_a_path_may_have_any_character(self) -> None:
        for name, encoded in (
            ("a/b c:80", "a%2Fb%20c:80"),
            ("a/b c:80", "a/b%20c%3A80"),
            ("ä?#", "%C3%A4%3F%23"),
            ("100%", "100%25"),
            ("//", "%2F%2F"),
        ):
            self.put("/v1/agent/service/register", {"Name": name})
            found = self.get(f"/v1/health/service/{encoded}")
            self.assertEqual([name], [one["Service"]["Service"] for one in found])
            self.assertEqual(
                (200, ""), self.put(f"/v1/agent/service/deregister/{encoded}")
            )
            self.assertEqual([], self.get(f"/v1/health/service/{encoded}"))

    def test_a_path_that_ends_before_its_name_is_refused(self) -> None:
        for method, path, expected in (
            ("GET", "/v1/health/service", (400, "Missing service name")),
            ("GET", "/v1/health/service/", (400, "Missing service name")),
            ("GET", "/v1/health/checks/", (400, "Missing service name")),
            ("GET", "/v1/health/node/", (400, "Missing node name")),
            ("GET", "/v1/health/state/", (400, "Missing check state")),
            ("GET", "/v1/catalog/service/", (400, "Missing service name")),
            ("PUT", "/v1/agent/service/deregister/", (500, "ServiceID missing")),
            ("PUT", "/v1/agent/check/deregister/", (500, "CheckID missing")),
            ("PUT", "/v1/agent/service/maintenance/", (400, "Missing service ID")),
        ):
            self.assertEqual(expected, self.ask(method, path))


class VisitorTests(ResourceTestCase):
    """Web pages stay outside; see also the tests of what admits."""

    def test_a_page_reads_and_changes_nothing(self) -> None:
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            for method, path in (
                ("GET", "/v1/catalog/services"),
                ("OPTIONS", "/v1/agent/service/deregister/web"),
                ("PUT", "/v1/agent/service/deregister/web"),
                ("GET", "/"),
            ):
                response = self.successResultOf(
                    self.client.request(method, HERE + path, headers=headers)
                )
                self.assertEqual(403, response.code, (headers, method))
        self.assertEqual(["web"], list(self.get("/v1/agent/services")))

    def test_no_answer_is_taken_for_a_page(self) -> None:
        for path in ("/v1/catalog/services", "/v1/nope"):
            response = self.successResultOf(self.begin("GET", path))
            self.assertEqual(
                ["nosniff"], response.headers.getRawHeaders("x-content-type-options")
            )


class WriteTests(ResourceTestCase):
    """What PUT does; the details are the payload's and the store's tests."""

    def test_a_body_over_the_limit_is_refused(self) -> None:
        for size, expected in ((BODY_LIMIT_BYTES, 400), (BODY_LIMIT_BYTES + 1, 413)):
            body = b" " * size
            self.assertEqual(
                expected, self.ask("PUT", "/v1/agent/service/register", body)[0]
            )

    def test_checks_are_replaced_for_true_and_for_no_value(self) -> None:
        for query, expected in (
            ("", ["service:web"]),
            ("?replace-existing-checks=1", ["service:web"]),
            ("?replace-existing-checks=true", []),
            ("?replace-existing-checks", []),
        ):
            self.setUp()
            self.put(f"/v1/agent/service/register{query}", {"Name": "web"})
            self.assertEqual(expected, list(self.get("/v1/agent/checks")), query)

    def test_reports_set_the_status(self) -> None:
        for verb, status in (
            ("pass", "passing"),
            ("warn", "warning"),
            ("fail", "critical"),
        ):
            path = f"/v1/agent/check/{verb}/service:web?note=so%20{verb}"
            self.assertEqual((200, ""), self.put(path))
            check = self.get("/v1/agent/checks")["service:web"]
            self.assertEqual((status, f"so {verb}"), (check["Status"], check["Output"]))

    def test_an_update_sets_the_status(self) -> None:
        self.put(
            "/v1/agent/check/update/service:web", {"Status": "warning", "Output": "o"}
        )
        check = self.get("/v1/agent/checks")["service:web"]
        self.assertEqual(("warning", "o"), (check["Status"], check["Output"]))

    def test_a_check_comes_and_goes(self) -> None:
        check = {"ID": "c1", "Name": "n", "ServiceID": "web", "TTL": "5s"}
        self.assertEqual((200, ""), self.put("/v1/agent/check/register", check))
        self.assertIn("c1", self.get("/v1/agent/checks"))
        self.assertEqual((200, ""), self.put("/v1/agent/check/deregister/c1"))
        self.assertNotIn("c1", self.get("/v1/agent/checks"))

    def test_maintenance_wants_to_know_whether_on_or_off(self) -> None:
        for path in ("/v1/agent/maintenance", "/v1/agent/service/maintenance/web"):
            self.assertEqual((400, "Missing value for enable"), self.put(path))
            self.assertEqual(
                (400, 'Invalid value for enable: "zz"'), self.put(path + "?enable=zz")
            )

    def test_maintenance_is_switched(self) -> None:
        for value, expected in (
            ("true", {"service:web", "_service_maintenance:web", "_node_maintenance"}),
            ("0", {"service:web"}),
        ):
            for path in ("/v1/agent/maintenance", "/v1/agent/service/maintenance/web"):
                self.put(f"{path}?enable={value}&reason=why%20not")
            self.assertEqual(expected, set(self.get("/v1/agent/checks")))

    def test_a_refusal_is_plain_text_in_any_alphabet(self) -> None:
        response = self.successResultOf(
            self.begin("PUT", "/v1/agent/check/pass/%F0%9F%98%80")
        )
        self.assertEqual(500, response.code)
        self.assertEqual(
            ["text/plain; charset=utf-8"],
            response.headers.getRawHeaders("content-type"),
        )
        self.assertEqual(
            'CheckID "😀" does not have associated TTL',
            self.successResultOf(response.text("utf-8")),
        )


class ReadTests(ResourceTestCase):
    """What GET answers; the shapes are the contract's tests."""

    def test_the_agent_says_what_it_is(self) -> None:
        found = self.get("/v1/agent/self")
        self.assertEqual(
            ("dev", "dc1", "1.8.7", "127.0.0.1"),
            (
                found["Config"]["NodeName"],
                found["Config"]["Datacenter"],
                found["Config"]["Version"],
                found["Member"]["Addr"],
            ),
        )
        self.assertIn("for development and tests", found["EmbeddedCatalog"]["Notice"])

    def test_there_is_always_a_leader(self) -> None:
        self.assertEqual("127.0.0.1:8300", self.get("/v1/status/leader"))

    def test_services_are_filtered_by_all_tags_in_any_case(self) -> None:
        self.put("/v1/agent/service/register", {"Name": "web", "Tags": ["A", "b"]})
        for query, expected in (
            ("tag=a", 1),
            ("tag=a&tag=B", 1),
            ("tag=a&tag=c", 0),
            ("tag=", 0),
        ):
            for path in ("/v1/health/service/web", "/v1/catalog/service/web"):
                self.assertEqual(expected, len(self.get(f"{path}?{query}")), query)

    def test_only_passing_leaves_out_the_rest(self) -> None:
        for verb, expected in (("pass", 1), ("warn", 0), ("fail", 0)):
            self.put(f"/v1/agent/check/{verb}/service:web")
            for query in ("passing", "passing=1", "passing=true"):
                path = f"/v1/health/service/web?{query}"
                self.assertEqual(expected, len(self.get(path)), (verb, query))
        self.assertEqual(1, len(self.get("/v1/health/service/web?passing=false")))

    def test_answers_are_filtered_by_what_they_say(self) -> None:
        self.put("/v1/agent/service/register", {"Name": "db", "Port": 5432})
        for path, expression, expected in (
            ("health/service/web", "Service.ID == web", 1),
            ("health/service/web", "Service.ID != web", 0),
            ("health/state/any", "ServiceName == web", 1),
            ("health/state/any", "Status != passing", 1),
            ("health/checks/web", "Status == passing", 0),
            ("health/node/dev", "CheckID == serfHealth", 1),
            ("catalog/service/db", "ServicePort == 5432", 1),
            ("catalog/service/db", "ServicePort == 80", 0),
            ("catalog/nodes", "Node == dev", 1),
            ("agent/services", "Service == db", 1),
            ("agent/checks", "ServiceName == db", 0),
            ("health/state/any", "", 2),
        ):
            found = self.get(f"/v1/{path}?filter={quote(expression)}")
            self.assertEqual(expected, len(found), (path, expression))

    def test_the_list_of_names_ignores_filters_as_consul_does(self) -> None:
        found = self.get("/v1/catalog/services?filter=Bogus")
        self.assertEqual({"web": []}, found)

    def test_a_filter_that_cannot_be_read_does_not_wait(self) -> None:
        path = "/v1/health/service/web?index=2&wait=16s&filter=Bogus"
        self.assertEqual(500, self.ask("GET", path)[0])

    def test_a_node_in_maintenance_is_not_passing(self) -> None:
        self.put("/v1/agent/check/pass/service:web")
        self.put("/v1/agent/maintenance?enable=true")
        self.assertEqual([], self.get("/v1/health/service/web?passing"))

    def test_checks_are_read_by_state_service_and_node(self) -> None:
        for path, expected in (
            ("state/any", ["serfHealth", "service:web"]),
            ("state/critical", ["service:web"]),
            ("state/passing", ["serfHealth"]),
            ("state/bogus", []),
            ("checks/web", ["service:web"]),
            ("checks/nope", []),
            ("node/dev", ["serfHealth", "service:web"]),
            ("node/nope", []),
        ):
            found = self.get(f"/v1/health/{path}")
            self.assertEqual(expected, [check["CheckID"] for check in found], path)

    def test_the_catalog_knows_names_tags_and_the_node(self) -> None:
        for number, tags in ((1, ["b"]), (2, ["a", "b"])):
            service = {"ID": f"web-{number}", "Name": "web", "Tags": tags}
            self.put("/v1/agent/service/register", service)
        self.assertEqual({"web": ["a", "b"]}, self.get("/v1/catalog/services"))
        self.assertEqual(
            ["dev"], [node["Node"] for node in self.get("/v1/catalog/nodes")]
        )

    def test_tagged_addresses_are_shown_where_there_are_any(self) -> None:
        self.assertNotIn("TaggedAddresses", self.get("/v1/agent/services")["web"])
        self.put("/v1/agent/service/register", {"Name": "ip", "Address": "10.0.0.5"})
        address = {"Address": "10.0.0.5", "Port": 0}
        self.assertEqual(
            {"lan_ipv4": address, "wan_ipv4": address},
            self.get("/v1/agent/services")["ip"]["TaggedAddresses"],
        )

    def test_pretty_is_for_people(self) -> None:
        for query, expected in (
            ("", '{"web":[]}'),
            ("?pretty", '{\n    "web": []\n}\n'),
        ):
            self.assertEqual(
                (200, expected), self.ask("GET", f"/v1/catalog/services{query}")
            )

    def test_a_read_without_an_index_answers_at_once_and_names_it(self) -> None:
        response = self.successResultOf(self.begin("GET", "/v1/catalog/services"))
        self.assertEqual(
            ["2", "true", "0"],
            [
                value
                for name in ("index", "knownleader", "lastcontact")
                for value in response.headers.getRawHeaders(f"x-consul-{name}")
            ],
        )

    def test_the_agents_own_reads_have_no_index(self) -> None:
        response = self.successResultOf(
            self.begin("GET", "/v1/agent/services?index=99&wait=10s")
        )
        self.assertFalse(response.headers.hasHeader("x-consul-index"))

    def test_parameters_that_cannot_be_honoured_are_refused(self) -> None:
        for query, expected in (
            ("index=abc", (400, "Invalid index")),
            ("index=-1", (400, "Invalid index")),
            ("index=%D9%A3", (400, "Invalid index")),
            ("index=18446744073709551616", (400, "Invalid index")),
            ("index=" + "9" * 5000, (400, "Invalid index")),
            ("wait=abc", (400, "Invalid wait time")),
            ("index=1&wait=5", (400, "Invalid wait time")),
            ("passing=zz", (400, "Invalid value for ?passing")),
            ("dc=elsewhere", (500, "No path to datacenter")),
            (
                "stale&consistent",
                (400, "Cannot specify ?stale with ?consistent, conflicting semantics."),
            ),
            (
                "near=x&ns=a",
                (
                    400,
                    'Invalid query parameter: "ns" is not in this development catalog',
                ),
            ),
            (
                "filter=Bogus+==+a",
                (
                    500,
                    "Failed to create boolean expression evaluator: "
                    'Selector "Bogus" is not valid',
                ),
            ),
        ):
            self.assertEqual(
                expected, self.ask("GET", f"/v1/health/service/web?{query}")
            )

    def test_parameters_without_a_meaning_here_are_taken(self) -> None:
        query = "stale&cached&near=_agent&dc=dc1&index=&wait="
        self.assertEqual(1, len(self.get(f"/v1/health/service/web?{query}")))


class WaitTests(ResourceTestCase):
    """Blocking queries."""

    WATCH = "/v1/health/service/web?index=2&wait=16s"

    def finished(self, waiting: Deferred[Any]) -> tuple[str, Any]:
        """Index and JSON of an answer that was waited for."""
        self.client.flush()
        response = self.successResultOf(waiting)
        self.assertEqual(200, response.code)
        (index,) = response.headers.getRawHeaders("x-consul-index")
        return index, self.successResultOf(response.json())

    def test_the_current_index_waits_for_a_change(self) -> None:
        waiting = self.begin("GET", self.WATCH)
        self.assertNoResult(waiting)
        self.put("/v1/agent/check/pass/service:web")
        index, (found,) = self.finished(waiting)
        self.assertEqual("3", index)
        self.assertEqual(
            ["passing", "passing"], [check["Status"] for check in found["Checks"]]
        )

    def test_an_older_index_does_not_wait(self) -> None:
        waiting = self.begin("GET", "/v1/health/service/web?index=1")
        self.assertEqual("2", self.finished(waiting)[0])

    def test_waiting_ends_after_its_time_and_a_random_part_of_a_sixteenth(self) -> None:
        waiting = self.begin("GET", self.WATCH)
        self.clock.advance(16.4)
        self.client.flush()
        self.assertNoResult(waiting)
        self.clock.advance(0.2)
        self.assertEqual("2", self.finished(waiting)[0])

    def test_an_index_from_the_future_waits_and_is_put_right(self) -> None:
        waiting = self.begin("GET", "/v1/health/service/web?index=999&wait=16s")
        self.put("/v1/agent/check/pass/service:web")
        self.client.flush()
        self.assertNoResult(waiting)
        self.clock.advance(17)
        self.assertEqual("3", self.finished(waiting)[0])

    def test_times_have_a_default_and_a_limit(self) -> None:
        for wait, expected_s in (
            ("", 300),
            ("&wait=0", 300),
            ("&wait=-1s", 300),
            ("&wait=100h", 600),
        ):
            waiting = self.begin("GET", f"/v1/catalog/services?index=2{wait}")
            (timeout,) = [
                call
                for call in self.clock.getDelayedCalls()
                if call.getTime() - self.clock.seconds() < 3600
            ]
            self.assertEqual(
                expected_s * (1 + 1 / 32), timeout.getTime() - self.clock.seconds()
            )
            waiting.cancel()
            self.failureResultOf(waiting)
            self.client.flush()

    def test_a_client_that_leaves_is_forgotten(self) -> None:
        running = len(self.clock.getDelayedCalls())
        waiting = self.begin("GET", self.WATCH)
        self.assertEqual(1, len(self.store.watchers))
        waiting.cancel()
        self.failureResultOf(waiting)
        self.client.flush()
        self.assertEqual(0, len(self.store.watchers))
        self.assertEqual(running, len(self.clock.getDelayedCalls()))

    def test_too_many_who_wait_are_refused(self) -> None:
        for _ in range(2):
            self.assertNoResult(self.begin("GET", self.WATCH))
        status, text = self.ask("GET", self.WATCH)
        self.assertEqual(429, status)
        self.assertIn("Too many blocked queries", text)

    def test_who_waits_is_answered_when_the_catalog_closes(self) -> None:
        waiting = self.begin("GET", self.WATCH)
        self.store.close()
        self.assertEqual("2", self.finished(waiting)[0])

    def test_a_bug_in_an_answer_is_logged_and_said(self) -> None:
        self.patch(self.store, "instances", lambda name: 1 // 0)
        waiting = self.begin("GET", self.WATCH)
        self.clock.advance(17)
        self.client.flush()
        self.assertEqual(500, self.successResultOf(waiting).code)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
