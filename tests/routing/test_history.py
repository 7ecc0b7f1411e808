"""Tests of twisted_router.routing.history."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_router.interfaces import IEventLog
from twisted_router.model import Status
from twisted_router.routing.claims import RoutingRules
from twisted_router.routing.history import EVENTS_MAX, NAMED_MAX, History
from twisted_router.routing.tables import RouteTables

from .facts import an_instance


class HistoryTests(SynchronousTestCase):
    """The events of real tables."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.index = 7
        self.history = History(self.clock.seconds, lambda source: self.index)
        self.tables = RouteTables(RoutingRules(), self.clock.seconds)
        self.tables.subscribe(self.history.table_changed)

    def last(self) -> dict[str, Any]:
        """Details of the last event."""
        return dict(self.history.after(0)[-1].details)

    def test_it_provides_the_interface(self) -> None:
        self.assertTrue(verifyObject(IEventLog, self.history))

    def test_a_change_is_kept_with_its_time_source_and_index(self) -> None:
        self.clock.advance(5)
        self.tables.apply("consul", {"web": [an_instance("web/")]})
        (event,) = self.history.after(0)
        self.assertEqual(
            (1, 5.0, "routes", "consul", 7, "routes: 1 added, 0 removed, 0 changed"),
            (
                event.number,
                event.at_s,
                event.kind,
                event.source,
                event.index,
                event.text,
            ),
        )

    def test_an_instance_that_comes_is_the_cause(self) -> None:
        web = an_instance("web/")
        self.tables.apply("consul", {"web": [web]})
        details = self.last()
        self.assertEqual(
            [f"web {web.id} ({web.address}:{web.port}) joined, passing"],
            details["cause"],
        )
        self.assertEqual((["web"], ["web"]), (details["added"], details["services"]))

    def test_an_instance_that_goes_is_the_cause(self) -> None:
        web = an_instance("web/")
        self.tables.apply("consul", {"web": [web]})
        self.tables.apply("consul", {"web": []})
        details = self.last()
        self.assertEqual(
            [f"web {web.id} ({web.address}:{web.port}) left"], details["cause"]
        )
        self.assertEqual(["web"], details["removed"])

    def test_health_is_told_as_before_and_after(self) -> None:
        for status in (Status.PASSING, Status.CRITICAL):
            web = an_instance("web/", status=status)
            self.tables.apply("consul", {"web": [web]})
        details = self.last()
        self.assertEqual(
            [f"web {web.id} ({web.address}:{web.port}) passing -> critical"],
            details["cause"],
        )
        self.assertEqual(["web"], details["changed"])

    def test_other_options_of_the_same_instance_are_told(self) -> None:
        for tag in ("web/", "web/ strip=/a"):
            web = an_instance(tag)
            self.tables.apply("consul", {"web": [web]})
        self.assertEqual(
            [
                f"web {web.id} ({web.address}:{web.port}) has other tags, Meta, "
                "weights or options"
            ],
            self.last()["cause"],
        )

    def test_an_instance_that_gives_up_one_of_its_routes_has_not_left(self) -> None:
        for tags in (("a/", "b/"), ("a/",)):
            web = an_instance(*tags)
            self.tables.apply("consul", {"web": [web]})
        self.assertEqual(["b"], self.last()["removed"])
        self.assertNotIn(
            f"web {web.id} ({web.address}:{web.port}) left", self.last()["cause"]
        )

    def test_a_huge_change_names_some_and_counts_all(self) -> None:
        count = 3 * NAMED_MAX
        self.tables.apply(
            "consul",
            {
                f"s{n}": [an_instance(f"h{n}/", service=f"s{n}", port=n)]
                for n in range(1, count)
            },
        )
        details = self.last()
        self.assertEqual(count - 1, details["added_count"])
        for key in ("added", "cause", "services"):
            self.assertEqual(NAMED_MAX, len(details[key]), key)

    def test_only_the_last_events_are_kept(self) -> None:
        for n in range(EVENTS_MAX + 3):
            self.history.record("guard", "consul", f"event {n}")
        events = self.history.after(0)
        self.assertEqual(EVENTS_MAX, len(events))
        self.assertEqual((4, "event 3"), (events[0].number, events[0].text))

    def test_who_has_seen_some_gets_those_that_came_after(self) -> None:
        for n in range(5):
            self.history.record("guard", "consul", f"event {n}")
        self.assertEqual([4, 5], [event.number for event in self.history.after(3)])
