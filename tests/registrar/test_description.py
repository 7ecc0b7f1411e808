"""Tests for ``twisted_router.registrar.description``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.comparison import Comparison, compare
from twisted_router.registrar.description import describe_plan
from twisted_router.registrar.desired import Desired
from twisted_router.registrar.maintenance import PAUSED
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.registration import Registration
from twisted_router.registrar.reports import Report

US = Owner("node-1")
WEB = Registration(
    "node-1:web:80", "web", "10.0.0.1", 32768, "c1", ("urlprefix-/",), US.marks("c1")
)


def held(registration: Registration, **changes: Any) -> dict[str, Any]:
    """What an agent that holds a registration says of it."""
    payload = registration.payload()
    payload["Service"] = payload.pop("Name")
    return {registration.id: payload | changes}


def described(
    *wanted: Registration,
    services: dict[str, Any] | None = None,
    maintenance: dict[str, str] | None = None,
    running: tuple[str, ...] = ("c1",),
    owner: Owner = US,
    odd: dict[str, str] | None = None,
    statuses: dict[str, str] | None = None,
) -> list[str]:
    """What is said of a world in which ``wanted`` should be registered."""
    found: Comparison = compare(
        Desired(wanted, ()),
        services or {},
        maintenance or {},
        owner,
        odd or {},
        (),
        statuses or {},
    )
    return describe_plan(found, running)


class StepsTests(SynchronousTestCase):
    """What would be written, and why."""

    def test_a_new_service(self) -> None:
        """With what matters of it."""
        self.assertEqual(
            [
                "register    node-1:web:80",
                "  why       it is not registered",
                "  service   web at 10.0.0.1:32768, container c1",
                "  tags      urlprefix-/",
                "1 services of 1 containers: 1 to register",
            ],
            described(WEB),
        )

    def test_an_ipv6_address(self) -> None:
        """It stands in brackets."""
        lines = described(replace(WEB, address="2001:db8::1"))
        self.assertIn("  service   web at [2001:db8::1]:32768, container c1", lines)

    def test_what_is_as_it_should_be(self) -> None:
        """There is nothing to say of it."""
        self.assertEqual(
            ["1 services of 1 containers: nothing to do"],
            described(WEB, services=held(WEB)),
        )

    def test_a_service_that_differs(self) -> None:
        """It is said in what."""
        meta = {**WEB.meta, "old": "1"}
        for changes, why in (
            ({"Service": "shop"}, "name was shop"),
            ({"Address": "10.0.0.9"}, "address was 10.0.0.9"),
            ({"Port": 80, "Tags": None}, "port was 80, tags differ"),
            ({"Meta": meta}, "meta differs: old"),
        ):
            lines = described(WEB, services=held(WEB, **changes))
            self.assertEqual(f"  why       {why}", lines[1])

    def test_a_service_without_its_checks(self) -> None:
        """Somebody has taken them away."""
        alive = Report("service:x:alive", "Registrar", "30s", "passing", "it runs")
        wanted = replace(WEB, reports=(alive,))
        lines = described(wanted, services=held(wanted))
        self.assertEqual("  why       checks differ", lines[1])
        self.assertIn("  check     Registrar: passing, it runs", lines)

    def test_what_registrator_has_registered(self) -> None:
        """It is taken over; or has another name, and is left behind."""
        owner = Owner("node-1", adopts=True)
        before = held(WEB, Meta=None)
        lines = described(WEB, services=before, owner=owner)
        self.assertTrue(lines[1].startswith("  why       nobody's mark is on it, meta"))
        before = {"f00:web:80": before.popitem()[1]}
        lines = described(WEB, services=held(WEB) | before, owner=owner)
        self.assertEqual(
            [
                "deregister  f00:web:80",
                "  why       registrator has left it; container c1 has its place",
            ],
            lines[:2],
        )

    def test_a_service_that_goes(self) -> None:
        """Its container is gone, or comes to something else now."""
        old = replace(WEB, id="old")
        for wanted, running, why in (
            ((), (), "container c1 does not run"),
            ((), ("c1",), "container c1 comes to no service"),
            ((WEB,), ("c1",), "container c1 comes to node-1:web:80"),
        ):
            services = held(old) | (held(WEB) if wanted else {})
            lines = described(*wanted, services=services, running=running)
            self.assertEqual(["deregister  old", f"  why       {why}"], lines[:2])

    def test_maintenance_mode(self) -> None:
        """On and off."""
        paused = replace(WEB, maintenance=PAUSED)
        self.assertEqual(
            [
                "maintain    node-1:web:80",
                f"  why       {PAUSED}",
                "1 services of 1 containers: 1 into maintenance",
            ],
            described(paused, services=held(WEB)),
        )
        mode = {WEB.id: PAUSED}
        self.assertEqual(
            [
                "resume      node-1:web:80",
                "  why       its container runs, and is not being stopped",
                "1 services of 1 containers: 1 out of maintenance",
            ],
            described(WEB, services=held(WEB), maintenance=mode),
        )

    def test_a_status(self) -> None:
        """That has changed."""
        health = Report("h", "Docker's health check", "1h", "critical", "it is sick")
        wanted = replace(WEB, reports=(health,))
        lines = described(wanted, services=held(wanted), statuses={"h": "passing"})
        self.assertEqual(
            [
                "report      node-1:web:80",
                "  why       Docker's health check is critical: it is sick",
                "1 services of 1 containers: 1 checks to report",
            ],
            lines,
        )

    def test_what_owners_should_know(self) -> None:
        """It stands at the end, by container."""
        self.assertEqual(
            "warning     container c2: not registered: Env is 1, not a list",
            described(odd={"c2": "Env is 1, not a list"})[-2],
        )


class ChecksTests(SynchronousTestCase):
    """Checks in one line."""

    def check(self, **fields: Any) -> str:
        """The line of a check."""
        lines = described(replace(WEB, check=fields))
        (line,) = [line for line in lines if line.startswith("  check")]
        return line.removeprefix("  check     ")

    def test_each_kind(self) -> None:
        """With what it looks at, and how often."""
        for fields, line in (
            ({"TTL": "30s"}, "TTL 30s"),
            ({"TCP": "a:80", "Interval": "10s"}, "TCP a:80 every 10s"),
            ({"GRPC": "a:80", "Interval": "10s"}, "GRPC a:80 every 10s"),
            ({"HTTP": "http://a:80/h", "Interval": "1s"}, "GET http://a:80/h every 1s"),
            ({"HTTP": "http://a/", "Method": "HEAD"}, "HEAD http://a/"),
        ):
            self.assertEqual(line, self.check(**fields))


class SecretsTests(SynchronousTestCase):
    """Nothing is shown that could let somebody in, or that a terminal would obey."""

    def test_meta(self) -> None:
        """Marks are not shown, and values that look like secrets are not either."""
        meta = {**WEB.meta, "api_token": "s3cret", "db": "pg://u:s3cret@h/", "a": "b"}
        lines = described(replace(WEB, meta=meta))
        self.assertEqual(
            [
                "  meta      a = b",
                "  meta      api_token = (not shown)",
                "  meta      db = (not shown)",
            ],
            [line for line in lines if line.startswith("  meta")],
        )

    def test_tags_and_checks(self) -> None:
        """Logins, queries, and what a container has a shell run."""
        for changes in (
            {"tags": ("x=http://u:s3cret@h/",)},
            {"tags": ("x=http://s3cret@h/",)},
            {"check": {"HTTP": "http://u:s3cret@h/"}},
            {"check": {"HTTP": "http://h/?key=s3cret#s3cret"}},
            {"check": {"Args": ["/bin/sh", "-c", "curl -u s3cret"]}},
        ):
            text = "\n".join(described(replace(WEB, **changes)))
            self.assertIn("(not shown)", text)
            self.assertNotIn("s3cret", text)

    def test_what_is_not_printable(self) -> None:
        """It is escaped, and no line becomes two."""
        meta = {**WEB.meta, "a": "\x1b[2J\nregister"}
        lines = described(replace(WEB, meta=meta, name="a\rb"))
        self.assertIn("  meta      a = \\x1b[2J\\nregister", lines)
        self.assertTrue(all(line.isprintable() for line in lines))
