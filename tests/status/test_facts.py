"""Tests of twisted_router.status.facts."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from .support import FakeSource, facts, registrar_state


class ComplaintTests(SynchronousTestCase):
    """Why no client should be sent to this router."""

    def test_none_when_every_source_has_been_read(self) -> None:
        self.assertEqual(
            "", facts(FakeSource("consul"), FakeSource("file")).complaint()
        )

    def test_none_without_any_source(self) -> None:
        self.assertEqual("", facts().complaint())

    def test_sources_that_were_never_read_are_named(self) -> None:
        sources = [FakeSource(name, ready=name == "b") for name in "cba"]
        self.assertEqual("no routes yet from a, c", facts(*sources).complaint())

    def test_a_source_that_was_lost_later_is_no_reason(self) -> None:
        lost = FakeSource(age_s=3600.0, error="connection refused")
        self.assertEqual("", facts(lost).complaint())

    def test_draining_comes_first(self) -> None:
        unread = FakeSource(ready=False)
        self.assertEqual("draining", facts(unread, draining=True).complaint())


class RemarksTests(SynchronousTestCase):
    """What people should know, although requests are served."""

    def test_none_of_a_source_that_is_well(self) -> None:
        self.assertEqual([], facts(FakeSource()).remarks())

    def test_why_a_source_may_see_too_little(self) -> None:
        limited = FakeSource(more={"reservation": "the token sees too little"})
        self.assertEqual(
            ["consul: the token sees too little"], facts(limited).remarks()
        )

    def test_a_registrar_besides_is_none(self) -> None:
        """Its clients are not the router's: those are served."""
        state = registrar_state(ready=False, docker_connected=False, error="refused")
        self.assertEqual("", facts(FakeSource(), registrar=lambda: state).complaint())

    def test_a_registrar_alone_that_has_never_done_its_work(self) -> None:
        for differences, expected in (
            ({}, "registrar: nothing compared yet"),
            (
                {"docker_connected": False, "error": "GET /_ping at /x: refused"},
                "registrar: nothing compared yet: Docker fails",
            ),
            (
                {"consul_connected": False, "error": "GET /v1/x at 10.0.0.5: refused"},
                "registrar: nothing compared yet: Consul fails",
            ),
            # Not asked yet.
            (
                {"docker_connected": False, "consul_connected": False},
                "registrar: nothing compared yet",
            ),
        ):
            state = registrar_state(ready=False, **differences)
            alone = facts(registrar=lambda state=state: state, serves=False)
            self.assertEqual(expected, alone.complaint())

    def test_a_registrar_alone_that_has(self) -> None:
        """Who is away comes back; what is registered stays meanwhile."""
        for error in ("", "refused"):
            state = registrar_state(docker_connected=not error, error=error)
            alone = facts(registrar=lambda state=state: state, serves=False)
            self.assertEqual("", alone.complaint())


class RegistrarRemarksTests(SynchronousTestCase):
    """What people should know of a registrar."""

    def remarks(self, **differences: Any) -> list[str]:
        return facts(registrar=lambda: registrar_state(**differences)).remarks()

    def test_nothing_while_it_is_well(self) -> None:
        self.assertEqual([], self.remarks())

    def test_who_is_away(self) -> None:
        self.assertEqual(
            ["registrar: Docker fails; compared 3 s ago"],
            self.remarks(docker_connected=False, error="GET /_ping at /x: refused"),
        )
        self.assertEqual(
            ["registrar: Consul fails; compared 3 s ago"],
            self.remarks(consul_connected=False, error="GET /v1/x at y: refused"),
        )

    def test_between_two_event_streams(self) -> None:
        """There is a moment without one, every few minutes."""
        self.assertEqual([], self.remarks(docker_connected=False))

    def test_before_its_first_look(self) -> None:
        self.assertEqual(["registrar: nothing compared yet"], self.remarks(ready=False))

    def test_what_it_cannot_do(self) -> None:
        self.assertEqual(
            [
                "registrar: Consul does not take 2 services",
                "registrar: 1 containers cannot be understood",
            ],
            self.remarks(failing_services=2, odd_containers=1, error="Invalid Meta"),
        )


class UuidTests(SynchronousTestCase):
    """Two runs can be told apart."""

    def test_each_run_has_its_own(self) -> None:
        self.assertNotEqual(facts().uuid, facts().uuid)
