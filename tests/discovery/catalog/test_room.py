"""How much fits into the catalog."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.discovery.catalog.model import Check, RefusedError, Service
from twisted_router.discovery.catalog.room import Limits, Room

WEB = Service("web-1", "web")
CHECK = Check("c", "c", "web-1")
LARGE = "x" * 5_000


class RoomTests(SynchronousTestCase):
    """Room for two services, two checks and 20,000 bytes."""

    def setUp(self) -> None:
        self.room = Room(Limits(services=2, checks=2, registered_bytes=20_000))

    def refused(
        self, service: Service | None = None, check: Check | None = None
    ) -> str:
        """What there is no room for."""
        error = self.assertRaises(
            RefusedError,
            self.room.take,
            [] if service is None else [service],
            [] if check is None else [check],
        )
        self.assertEqual(503, error.status)
        prefix, _, limit = str(error).partition(": it holds ")
        self.assertEqual("This development catalog is full", prefix)
        return limit

    def test_services_and_checks_are_counted(self) -> None:
        for number in (1, 2):
            service = replace(WEB, id=f"web-{number}")
            self.room.take([service], [replace(CHECK, id=f"c-{number}")])
        self.assertEqual("2 services", self.refused(replace(WEB, id="web-3")))
        self.assertEqual("2 checks", self.refused(check=replace(CHECK, id="c-3")))

    def test_the_same_id_takes_the_same_place(self) -> None:
        for _ in range(5):
            self.room.take([WEB], [CHECK])

    def test_all_that_a_service_says_is_weighed(self) -> None:
        for fields in (
            {"name": LARGE},
            {"tags": ("a", LARGE)},
            {"meta": {"k": LARGE}},
            {"meta": {LARGE: "v"}},
            {"address": LARGE},
        ):
            room = Room(Limits(registered_bytes=5_000))
            service = replace(WEB, **fields)
            self.assertRaises(RefusedError, room.take, [service], [])

    def test_the_size_of_all_together_is_limited(self) -> None:
        check = replace(CHECK, notes=3 * LARGE)
        self.room.take([WEB], [check])
        large = replace(WEB, id="web-2", name=LARGE)
        self.assertEqual("20000 bytes of services and checks", self.refused(large))
        self.room.take([], [CHECK])
        self.room.take([large], [])

    def test_what_left_has_made_room(self) -> None:
        self.room.take([replace(WEB, name=3 * LARGE)], [CHECK])
        self.assertNotEqual("", self.refused(check=replace(CHECK, notes=LARGE)))
        self.room.leave_service(WEB.id)
        self.room.take([], [replace(CHECK, notes=3 * LARGE)])
        self.assertNotEqual("", self.refused(replace(WEB, name=LARGE)))
        self.room.leave_check(CHECK.id)
        self.room.take([replace(WEB, name=3 * LARGE)], [])

    def test_what_is_refused_takes_no_room(self) -> None:
        for _ in range(3):
            self.refused(replace(WEB, name=5 * LARGE), CHECK)
        self.room.take([replace(WEB, name=3 * LARGE)], [])

    def test_what_becomes_smaller_is_never_refused(self) -> None:
        self.room.take([replace(WEB, name=3 * LARGE)], [])
        self.room.take([replace(WEB, name=2 * LARGE)], [])
