"""Tests for ``twisted_router.registrar.comparison``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.comparison import Comparison, compare
from twisted_router.registrar.desired import Desired
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.plan import Deregister, Register
from twisted_router.registrar.registration import Registration
from twisted_router.registrar.reports import Report, alive_check_id

US = Owner("node-1")
WEB = Registration("web", "web", "10.0.0.1", 80, "c1", meta=US.marks("c1"))


def held(service_id: str, container: str, owner: Owner = US) -> dict[str, Any]:
    """A service that the agent holds, of ours unless said otherwise."""
    return {service_id: {"ID": service_id, "Meta": owner.marks(container)}}


class CompareTests(SynchronousTestCase):
    """Both sides, and what follows."""

    def compared(
        self, services: dict[str, Any], odd: str = "", kept: str = ""
    ) -> Comparison:
        """With one service that should be there."""
        reasons = dict.fromkeys(odd.split(), "odd")
        statuses = dict.fromkeys(map(alive_check_id, services), "passing")
        return compare(
            Desired((WEB,), ()), services, {}, US, reasons, kept.split(), statuses
        )

    def test_what_is_missing_and_what_is_left_over(self) -> None:
        """The plan; and what each container has, or is about to have."""
        found = self.compared(held("old", "c0"))
        self.assertEqual((Deregister("old", "c0"), Register(WEB)), found.steps)
        self.assertEqual({"c0": {"old"}, "c1": {"web"}}, found.held)
        self.assertEqual((WEB,), found.services)

    def test_what_odd_and_kept_containers_have_stays(self) -> None:
        """It is held, and not written to."""
        found = self.compared(held("a", "c2") | held("b", "c3"), odd="c2", kept="c3")
        self.assertEqual((Register(WEB),), found.steps)
        self.assertEqual({"c1": {"web"}, "c2": {"a"}, "c3": {"b"}}, found.held)
        self.assertEqual({("c2", "not registered: odd")}, found.remarks)

    def test_what_is_kept_alive(self) -> None:
        """What odd containers have; not what has ended, nor what is not ours."""
        services = held("a", "c2") | held("b", "c3") | held("c", "c4", Owner("x"))
        found = self.compared(services, odd="c2 c4", kept="c3")
        self.assertEqual({alive_check_id("a")}, found.alive)

    def test_what_is_registered_is_kept_alive(self) -> None:
        """From its first moment; not under an ID that is another's."""
        report = Report(alive_check_id("web"), "", "9s", "passing", "")
        web = replace(WEB, reports=(report,))
        for services, expected in (
            ({}, {alive_check_id("web")}),
            (held("web", "c9", Owner("node-2")), set()),
        ):
            found = compare(Desired((web,), ()), services, {}, US, {}, (), {})
            self.assertEqual(expected, found.alive)

    def test_the_place_of_a_kept_service_can_be_taken(self) -> None:
        """By the container that comes after it."""
        found = self.compared(held("web", "c0"), kept="c0")
        self.assertEqual((Register(WEB),), found.steps)

    def test_a_clash_is_remarked_on(self) -> None:
        """And nothing is written."""
        found = self.compared(held("web", "c9", Owner("node-2")))
        self.assertEqual((), found.steps)
        self.assertEqual(
            {("c1", "web is not registered: another has this ID")}, found.remarks
        )
