"""Tests of twisted_router.proxy.explanation."""

from __future__ import annotations

import json
import random
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Instance, Status
from twisted_router.proxy.explanation import Explainer
from twisted_router.proxy.head import HeadLimits
from twisted_router.routing.balance import Balancer
from twisted_router.routing.claims import RoutingRules
from twisted_router.routing.tables import RouteTables


def web(n: int, *tags: str, status: Status = Status.PASSING) -> Instance:
    """Instance ``web-n`` of service web."""
    return Instance(
        "web",
        f"web-{n}",
        "10.0.0.1",
        8000 + n,
        "n1",
        status,
        tags or ("urlprefix-web/",),
    )


class ExplainerTests(SynchronousTestCase):
    """Explanations of requests."""

    def setUp(self) -> None:
        clock = Clock()
        self.tables = RouteTables(RoutingRules(), clock.seconds)
        self.balancer = Balancer(clock.seconds, random.Random(1), max_conns=1)
        self.tables.subscribe(self.balancer.table_changed)
        self.explainer = Explainer(
            self.tables, self.balancer, HeadLimits(1000, 20, target_bytes=100)
        )

    def explain(self, url: bytes, method: bytes = b"GET") -> Any:
        """The explanation, after a trip through JSON."""
        return json.loads(json.dumps(self.explainer.explain(method, url)))

    def serve(self, *them: Instance) -> None:
        """Make these all instances of service web."""
        self.tables.apply("consul", {"web": them})

    def test_who_would_serve_is_told_apart_from_who_would_not(self) -> None:
        self.serve(web(1), web(2, status=Status.CRITICAL))
        found = self.explain(b"http://web/a?b=c#d")
        self.assertEqual((0, "web"), (found["status"], found["route"]))
        self.assertEqual(
            {"method": "GET", "host": "web", "path": "/a"}, found["request"]
        )
        self.assertEqual(["web-1"], [i["instance"] for i in found["serving"]])
        (left_out,) = found["left_out"]
        self.assertEqual(
            ("web-2", "a health check of it, or of its node, is critical"),
            (left_out["instance"], left_out["reason"]),
        )

    def test_what_a_client_has_to_meet_first_is_told(self) -> None:
        self.serve(web(1, "urlprefix-web/ allow=ip:10.0.0.1 redirect=301,https://b/"))
        self.assertEqual(
            ["allow=ip:10.0.0.1/32", "redirect=301,https://b/"],
            self.explain(b"http://web/")["demands"],
        )

    def test_a_route_that_a_broken_rule_closes_says_so(self) -> None:
        self.serve(web(1, "urlprefix-web/ allow=10.0.0.1"))
        found = self.explain(b"http://web/")
        self.assertEqual((503, []), (found["status"], found["demands"]))
        (left_out,) = found["left_out"]
        self.assertEqual(
            "an access rule of its route cannot be used", left_out["reason"]
        )

    def test_no_route_is_what_the_proxy_would_answer(self) -> None:
        found = self.explain(b"http://other/")
        self.assertEqual(
            (404, "Requested route ('other') does not exist.", None),
            (found["status"], found["answer"], found["route"]),
        )

    def test_no_usable_instance_is_503(self) -> None:
        self.serve(web(1, status=Status.MAINTENANCE))
        self.assertEqual(503, self.explain(b"web")["status"])

    def test_instances_that_have_all_they_may_have_are_503(self) -> None:
        self.serve(web(1))
        route = self.tables.table.lookup(b"web", b"/")
        assert route is not None
        candidate = self.balancer.choose(route)
        assert candidate is not None
        candidate.state.in_flight = 1
        found = self.explain(b"web/")
        self.assertEqual(
            (503, "Requested route ('web') has reached the connection limit."),
            (found["status"], found["answer"]),
        )

    def test_a_host_may_be_missing(self) -> None:
        self.serve(web(1, "urlprefix-/"))
        self.assertEqual(400, self.explain(b"/path")["status"])

    def test_a_url_that_is_no_request_is_refused_as_the_proxy_would(self) -> None:
        for url, method, status in (
            (b"http://we b/", b"GET", 400),
            (b"http://web/\r\nX: y", b"GET", 400),
            (b"http://user@web/", b"GET", 400),
            (b"web/" + b"x" * 200, b"GET", 414),
            (b"http://web/", b"G ET", 400),
        ):
            found = self.explain(url, method)
            self.assertEqual(status, found["status"], url)
            self.assertEqual(([], None), (found["serving"], found["request"]))

    def test_entries_that_are_not_routed_are_listed_with_their_service(self) -> None:
        self.serve(web(1, "urlprefix-web/", "urlprefix-web/ strip=x"))
        (entry,) = self.explain(b"web")["quarantined"]
        self.assertEqual(
            ("web-1", "urlprefix-web/ strip=x"), (entry["instance"], entry["text"])
        )
