"""Tests of twisted_router.status.services."""

from __future__ import annotations

from twisted_router.interfaces import ServiceState
from twisted_router.status.credentials import Credentials
from twisted_router.status.services import ServicesPage

from .support import PageTestCase

STATES = (
    ServiceState("a", 2, 4.0),
    ServiceState("b", 5, 90.0, doubtful=True, withdrawn=True),
    ServiceState("c", 1, None),
)


class ServicesPageTests(PageTestCase):
    """The age of every service can be seen."""

    def setUp(self) -> None:
        self.page = ServicesPage(lambda: STATES, Credentials("", ""))

    def test_the_oldest_come_first(self) -> None:
        shown = self.read(self.page).json["services"]
        self.assertEqual(["c", "b", "a"], [each["service"] for each in shown])

    def test_each_is_told_of_in_full(self) -> None:
        self.assertEqual(
            {
                "service": "b",
                "instances": 5,
                "age_s": 90.0,
                "doubtful": True,
                "withdrawn": True,
            },
            self.read(self.page).json["services"][1],
        )

    def test_without_consul_there_are_none(self) -> None:
        page = ServicesPage(None, Credentials("", ""))
        self.assertEqual({"services": []}, self.read(page).json)

    def test_it_wants_credentials(self) -> None:
        page = ServicesPage(lambda: STATES, Credentials("admin", "secret"))
        self.assertEqual(401, self.read(page).status)
