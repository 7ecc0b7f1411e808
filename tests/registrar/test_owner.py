"""Tests for ``twisted_router.registrar.owner``."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.meta import CONTAINER, ENGINE, HOST, OWNER
from twisted_router.registrar.owner import Owner

US = Owner("node-1", "ENGINE-1", "host-1")


def service(meta: dict[str, str] | None) -> dict[str, Any]:
    """A service with this Meta."""
    return {"ID": "a", "Meta": meta}


class OwnerTests(SynchronousTestCase):
    """Marks tell whose a service is."""

    def test_the_marks(self) -> None:
        """Node, container, and the engine if it tells its id."""
        marks = {OWNER: "node-1", CONTAINER: "c1"}
        known = {ENGINE: "ENGINE-1", HOST: "host-1"}
        self.assertEqual(marks | known, US.marks("c1"))
        self.assertEqual(marks, Owner("node-1").marks("c1"))

    def test_what_is_ours(self) -> None:
        """By the node's name, or by the engine, should the node be renamed."""
        for meta, expected in (
            (US.marks("c1"), True),
            (Owner("node-1").marks("c1"), True),
            (Owner("old-name", "ENGINE-1").marks("c1"), True),
            (Owner("old-name", "ENGINE-1", "old-host").marks("c1"), True),
            (Owner("node-1", "ENGINE-0").marks("c1"), True),
            (Owner("node-1", "ENGINE-0", "host-1").marks("c1"), True),
            (Owner("node-2", "ENGINE-2").marks("c1"), False),
            ({"region": "eu"}, False),
            (None, False),
        ):
            self.assertEqual(expected, US.owns(service(meta)), meta)

    def test_another_hosts_engine_under_our_nodes_name(self) -> None:
        """Several register with one agent, and take its name for their own."""
        theirs = service(Owner("node-1", "ENGINE-2", "host-2").marks("c1"))
        self.assertFalse(US.owns(theirs))
        self.assertTrue(Owner("node-1").owns(theirs))

    def test_no_engine_is_nobodys_engine(self) -> None:
        """Two that do not tell their ids are not the same."""
        theirs = service({OWNER: "node-2", ENGINE: ""})
        self.assertFalse(Owner("node-1").owns(theirs))

    def test_what_may_be_replaced(self) -> None:
        """Ours; and what bears no mark, by one who adopts."""
        adopting = Owner("node-1", adopts=True)
        for meta, replaces, adopts in (
            (US.marks("c1"), True, True),
            (Owner("node-2").marks("c1"), False, False),
            (None, False, True),
        ):
            self.assertEqual(replaces, US.may_replace(service(meta)), meta)
            self.assertEqual(adopts, adopting.may_replace(service(meta)), meta)
