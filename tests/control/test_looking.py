"""routerctl routes and explain, with a fake status site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.control.commands import CommandTestCase
from tests.control.web import FakeWeb
from twisted_router.control import looking
from twisted_router.control.site import StatusSite

ROUTES = {
    "web.example.com": [
        {
            "address": "10.0.0.5:9100",
            "tags": {"component": "web"},
            "private_instance_id": "web-1",
        }
    ]
}
EXPLANATION = {
    "status": 0,
    "answer": "an instance answers",
    "request": {"method": "GET", "host": "a", "path": "/"},
    "steps": [],
    "route": None,
    "services": [],
    "serving": [],
    "left_out": [],
    "quarantined": [],
}


class LookingTestCase(CommandTestCase):
    """Has a status site."""

    def setUp(self) -> None:
        super().setUp()
        self.web = FakeWeb()

        def site(url: str, user: str, password: str) -> StatusSite:
            return StatusSite(url, user, password, session=self.web.session)

        self.patch(looking, "StatusSite", site)

    def answer(self, path: str, value: Any, status: int = 200) -> None:
        self.web.answers["GET", path] = (status, json.dumps(value).encode())


class RoutesTests(LookingTestCase):
    """routes."""

    def test_routes_are_listed(self) -> None:
        self.answer("/routes", ROUTES)
        result = self.invoke("routes")
        self.assertEqual(0, result.exit_code)
        self.assertEqual(
            "ROUTE            INSTANCE       SERVICE  ID\n"
            "web.example.com  10.0.0.5:9100  web      web-1\n",
            result.stdout,
        )
        self.assertEqual("http://127.0.0.1:8082/routes", self.web.asked[0].url)

    def test_json_is_for_programs(self) -> None:
        self.answer("/routes", ROUTES)
        result = self.invoke("routes", "--json", "--status", "r.test:1")
        self.assertEqual(ROUTES, json.loads(result.stdout))
        self.assertEqual("http://r.test:1/routes", self.web.asked[0].url)

    def test_the_quarantine_is_listed(self) -> None:
        entry = {
            "service": "web",
            "instance_id": "web-1",
            "source": "tag",
            "text": "t",
            "reason": "bad",
        }
        self.answer("/routes", [entry])
        result = self.invoke("routes", "--quarantine")
        self.assertEqual("web (web-1), tag: t\n    bad\n", result.stdout)
        self.assertEqual(
            "http://127.0.0.1:8082/routes?quarantine", self.web.asked[0].url
        )

    def test_a_login_comes_from_the_environment_or_a_file(self) -> None:
        self.answer("/routes", {})
        file = Path(self.mktemp())
        file.write_text("secret\n")
        self.invoke(
            "routes",
            environ={"ROUTER_STATUS_USER": "me", "ROUTER_STATUS_PASS": "secret"},
        )
        self.invoke("routes", "--user", "me", "--password-file", str(file))
        self.assertEqual(
            ["Basic bWU6c2VjcmV0"] * 2,
            [one.headers["Authorization"] for one in self.web.asked],
        )

    def test_the_site_may_be_named_by_the_environment(self) -> None:
        self.answer("/routes", {})
        self.invoke("routes", environ={"ROUTER_STATUS": "http://r.test:1"})
        self.assertEqual("http://r.test:1/routes", self.web.asked[0].url)

    def test_what_cannot_be_read_is_said(self) -> None:
        self.answer("/routes", {}, 500)
        result = self.invoke("routes")
        self.assertEqual(
            (1, "routerctl: http://127.0.0.1:8082/routes: 500 {}\n"),
            (result.exit_code, result.stderr),
        )

    def test_an_answer_of_another_shape_is_said(self) -> None:
        values: tuple[Any, ...] = ([], {"a": 5}, {"a": [{}]}, 5, None)
        for value in values:
            self.answer("/routes", value)
            result = self.invoke("routes")
            self.assertEqual(1, result.exit_code, value)
            self.assertIn("not a router's of this version", result.stderr)

    def test_a_wrong_command_line_is_refused(self) -> None:
        for arguments in (
            ("--status", "ftp://x"),
            ("--status", "http://me:t0k3n@r.test"),
            ("--password-file", "nope"),
        ):
            result = self.invoke("routes", *arguments)
            self.assertEqual(2, result.exit_code, arguments)
            self.assertNotIn("t0k3n", result.output)


class ExplainTests(LookingTestCase):
    """explain."""

    def test_a_request_is_explained(self) -> None:
        self.answer("/explain", EXPLANATION)
        result = self.invoke("explain", "--url", "http://a/?b=c", "--method", "PUT")
        self.assertEqual(
            (0, "GET a/\nanswer: an instance answers\n"),
            (result.exit_code, result.stdout),
        )
        self.assertEqual(
            "http://127.0.0.1:8082/explain?method=PUT&url=http%3A%2F%2Fa%2F%3Fb%3Dc",
            self.web.asked[0].url,
        )

    def test_that_nobody_would_serve_shows_in_the_status(self) -> None:
        self.answer("/explain", {**EXPLANATION, "status": 404, "answer": "unknown"})
        for options in ((), ("--json",)):
            result = self.invoke("explain", "--url", "a", *options)
            self.assertEqual(4, result.exit_code)
            self.assertIn("unknown", result.stdout)

    def test_it_needs_a_url(self) -> None:
        self.assertEqual(2, self.invoke("explain").exit_code)
