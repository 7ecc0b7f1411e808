"""What a router says, as text."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.control.text import (
    explanation_text,
    printable,
    quarantine_text,
    routes_text,
)

INSTANCE = {
    "address": "10.0.0.5:9100",
    "tags": {"component": "web"},
    "private_instance_id": "web-1",
}
VERDICT = {
    "address": "10.0.0.5:9100",
    "service": "web",
    "instance": "web-1",
    "node": "n",
    "status": "passing",
    "weight": None,
    "in_flight": 0,
    "requests": 3,
    "failures": 1,
}


class RoutesTextTests(SynchronousTestCase):
    """routes_text() and quarantine_text()."""

    def test_each_instance_has_a_line(self) -> None:
        found = routes_text({"a.example": [INSTANCE, INSTANCE], "b.example/long": []})
        self.assertEqual(
            [
                "ROUTE           INSTANCE       SERVICE  ID",
                "a.example       10.0.0.5:9100  web      web-1",
                "a.example       10.0.0.5:9100  web      web-1",
                "b.example/long  none",
            ],
            list(found),
        )

    def test_without_routes_there_is_the_heading(self) -> None:
        self.assertEqual(["ROUTE  INSTANCE  SERVICE  ID"], list(routes_text({})))

    def test_an_entry_that_is_left_out_has_its_reason(self) -> None:
        entry = {
            "service": "web",
            "instance_id": "web-1",
            "source": "tag",
            "text": "urlprefix-\x1b[2J",
            "reason": "no good",
        }
        self.assertEqual(
            ["web (web-1), tag: urlprefix-\\x1b[2J", "    no good"],
            list(quarantine_text([entry])),
        )


class ExplanationTextTests(SynchronousTestCase):
    """explanation_text()."""

    def explain(self, **changes: Any) -> list[str]:
        found = {
            "status": 0,
            "answer": "an instance answers",
            "request": {"method": "GET", "host": "a.example", "path": "/b"},
            "steps": [{"rule": "host", "pattern": "a.example", "route": "a.example"}],
            "route": "a.example",
            "services": ["web"],
            "serving": [VERDICT],
            "left_out": [],
            "quarantined": [],
        }
        return list(explanation_text({**found, **changes}))

    def test_it_leads_from_the_request_to_its_instances(self) -> None:
        self.assertEqual(
            [
                "GET a.example/b",
                "  host a.example: a.example",
                "route a.example of web",
                "serving:",
                "  10.0.0.5:9100  web  web-1  passing  3 requests, 1 failures",
                "answer: an instance answers",
            ],
            self.explain(),
        )

    def test_who_is_left_out_has_a_reason(self) -> None:
        found = self.explain(
            serving=[],
            left_out=[{**VERDICT, "status": "critical", "reason": "health"}],
            status=503,
            answer="no instance",
        )
        self.assertEqual(
            [
                "left out:",
                "  10.0.0.5:9100  web  web-1  critical  health",
                "answer: 503: no instance",
            ],
            found[3:],
        )

    def test_what_is_quarantined_is_told(self) -> None:
        entry = {"instance": "web-1", "source": "tag", "text": "t", "reason": "bad"}
        self.assertIn("  web-1, tag t: bad", self.explain(quarantined=[entry]))

    def test_a_request_that_is_refused_has_only_an_answer(self) -> None:
        found = self.explain(
            request=None, steps=[], route=None, serving=[], status=400, answer="bad"
        )
        self.assertEqual(["answer: 400: bad"], found)


class PrintableTests(SynchronousTestCase):
    """printable()."""

    def test_nothing_can_move_the_cursor(self) -> None:
        for text, expected in (
            ("plain äé", "plain äé"),
            ("a\nb\r\x1b[2J\x07", "a\\nb\\r\\x1b[2J\\x07"),
            ("\u202eabc", "\\u202eabc"),
            ("\ud800", "\\ud800"),
            (5, "5"),
        ):
            self.assertEqual(expected, printable(text))
