"""Tests of twisted_router.status.routes."""

from ipaddress import IPv4Network
from typing import Any

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, Cooperator
from twisted.web.resource import Resource

from twisted_router.model import (
    AccessRule,
    Instance,
    Quarantined,
    Redirect,
    Route,
    Status,
    Target,
    TargetOptions,
)
from twisted_router.routing.table import RouteTable
from twisted_router.status.credentials import Credentials
from twisted_router.status.routes import RoutesPage, describe_target, gorouter_endpoint

from .support import FakeSource, PageTestCase, facts, table_of

OPEN = Credentials("", "")
WEB_1 = Target(
    Instance(
        "web",
        "web-1",
        "10.0.0.1",
        8080,
        node="n1",
        meta={"app": "a-guid", "index": "0"},
    )
)
WEB_2 = Target(
    Instance("web", "web-2", "10.0.0.2", 8080, status=Status.CRITICAL),
    TargetOptions(strip="/v1"),
)


def cooperator(clock: Clock) -> Cooperator:
    """One that takes a single step each second."""
    return Cooperator(
        terminationPredicateFactory=lambda: lambda: True,
        scheduler=lambda step: clock.callLater(1, step),
    )


class RoutesPageTests(PageTestCase):
    """The table as JSON."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.cooperator = cooperator(self.clock)
        self.sources: list[FakeSource] = []

    def page(self, table: RouteTable) -> RoutesPage:
        """The page of a table."""
        return RoutesPage(facts(*self.sources, table=table), self.cooperator, OPEN)

    def begin(
        self, page: RoutesPage, below: str = "", method: str = "GET"
    ) -> tuple[StubTreq, Deferred[Any]]:
        """Ask for the page, without giving it time."""
        root = Resource()
        root.putChild(b"page", page)
        client = StubTreq(root)
        return client, client.request(method, f"http://router/page{below}")

    def end(self, client: StubTreq, reading: Deferred[Any]) -> Any:
        """Give the page the time it needs, and read it."""
        while self.clock.getDelayedCalls():
            self.clock.advance(1)
        client.flush()
        response = self.successResultOf(reading)
        self.assertEqual(
            ["application/json"], response.headers.getRawHeaders("Content-Type")
        )
        return self.successResultOf(client.json_content(response))

    def routes(self, table: RouteTable, below: str = "") -> Any:
        """What the page shows of a table."""
        return self.end(*self.begin(self.page(table), below))

    def test_an_empty_table_is_an_empty_object(self) -> None:
        self.assertEqual({}, self.routes(RouteTable()))

    def test_each_route_lists_the_instances_that_may_get_requests(self) -> None:
        table = table_of(
            Route("web.example.com", "/", (WEB_1,), (WEB_2,)),
            Route("*.example.com", "/api", (WEB_1,)),
        )
        self.assertEqual(
            {
                "*.example.com/api": [gorouter_endpoint(WEB_1)],
                "web.example.com": [gorouter_endpoint(WEB_1)],
            },
            self.routes(table),
        )

    def test_a_route_without_instances_is_known_all_the_same(self) -> None:
        table = table_of(Route("web", "/", (), (WEB_2,)))
        self.assertEqual({"web": []}, self.routes(table))

    def test_all_shows_the_others_too(self) -> None:
        table = table_of(Route("web", "/", (WEB_1,), (WEB_2,)))
        self.assertEqual(
            {"web": [describe_target(WEB_1), describe_target(WEB_2)]},
            self.routes(table, "?all"),
        )

    def test_quarantine_shows_what_could_not_be_used(self) -> None:
        entry = Quarantined("web", "web-1", "tag", "urlprefix-", "no host and no path")
        no_port = Quarantined("db", "db-1", "port", "0", "it has no port")
        self.sources = [FakeSource(quarantine=(no_port,))]
        answer = self.read(self.page(table_of(quarantine=[entry])), below="?quarantine")
        self.assertEqual(
            [
                {
                    "service": "web",
                    "instance_id": "web-1",
                    "source": "tag",
                    "text": "urlprefix-",
                    "reason": "no host and no path",
                },
                {
                    "service": "db",
                    "instance_id": "db-1",
                    "source": "port",
                    "text": "0",
                    "reason": "it has no port",
                },
            ],
            answer.json,
        )

    def test_a_large_table_is_written_over_many_turns(self) -> None:
        table = table_of(*(Route(f"h{n}", "/", (WEB_1,)) for n in range(1000)))
        client, reading = self.begin(self.page(table))
        for _ in range(50):
            self.clock.advance(1)
        client.flush()
        self.assertNoResult(reading)
        self.assertEqual(
            sorted(f"h{n}" for n in range(1000)), list(self.end(client, reading))
        )

    def test_it_is_the_table_of_one_moment(self) -> None:
        old = table_of(*(Route(f"h{n}", "/", (WEB_1,)) for n in range(100)))
        shown = facts(table=old)
        client, reading = self.begin(RoutesPage(shown, self.cooperator, OPEN))
        self.clock.advance(1)
        shown.tables.table = RouteTable()
        self.assertEqual(100, len(self.end(client, reading)))

    def test_a_head_has_no_body(self) -> None:
        page = self.page(table_of(Route("web", "/", (WEB_1,))))
        client, reading = self.begin(page, method="HEAD")
        self.clock.advance(1)
        client.flush()
        response = self.successResultOf(reading)
        self.assertEqual(200, response.code)
        self.assertEqual(b"", self.successResultOf(client.content(response)))

    def test_a_route_that_cannot_be_written_is_logged_and_breaks_nothing(self) -> None:
        broken: Any = Route("web", "/", (Target(None),))  # type: ignore[arg-type] # a bug
        client, reading = self.begin(self.page(table_of(broken)))
        self.clock.advance(1)
        client.flush()
        self.assertEqual(500, self.successResultOf(reading).code)
        self.assertEqual(1, len(self.flushLoggedErrors(AttributeError)))

    def test_credentials_are_asked_for(self) -> None:
        page = RoutesPage(facts(), self.cooperator, Credentials("a", "b"))
        self.assertEqual(401, self.read(page).status)


class EndpointTests(PageTestCase):
    """An instance in JSON."""

    def test_gorouters_keys(self) -> None:
        self.assertEqual(
            {
                "address": "10.0.0.1:8080",
                "availability_zone": "",
                "protocol": "http1",
                "tls": False,
                "ttl": 0,
                "tags": {"component": "web", "app": "a-guid", "index": "0"},
                "private_instance_id": "web-1",
            },
            gorouter_endpoint(WEB_1),
        )

    def test_an_ipv6_address_stands_in_brackets(self) -> None:
        target = Target(Instance("web", "web-1", "2001:db8::1", 80))
        self.assertEqual("[2001:db8::1]:80", gorouter_endpoint(target)["address"])

    def test_all_tells_status_node_and_options(self) -> None:
        described = describe_target(WEB_2)
        self.assertEqual(
            {
                "service": "web",
                "node": "",
                "status": "critical",
                "strip": "/v1",
                "prepend": "",
                "host": "",
                "weight": None,
                "redirect": "",
                "access": "",
                "auth": "",
                "skip_verify": False,
            },
            {
                key: described[key]
                for key in described.keys() - gorouter_endpoint(WEB_2)
            },
        )

    def test_options_are_shown_as_a_tag_has_them(self) -> None:
        options = TargetOptions(
            redirect=Redirect(301, "https", "$host", "$path"),
            access=AccessRule(False, (IPv4Network("10.0.0.0/8"),)),
            auth="staff",
            https=True,
            skip_verify=True,
        )
        described = describe_target(Target(WEB_2.instance, options))
        self.assertEqual(
            {
                "redirect": "301,https://$host$path",
                "access": "deny=ip:10.0.0.0/8",
                "auth": "staff",
                "tls": True,
                "skip_verify": True,
            },
            {
                key: described[key]
                for key in ("redirect", "access", "auth", "tls", "skip_verify")
            },
        )
