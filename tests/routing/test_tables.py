"""Tests of twisted_router.routing.tables."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_router.interfaces import IFactsConsumer, IRouteTables
from twisted_router.routing.claims import RoutingRules
from twisted_router.routing.table import RouteTable, TableDiff
from twisted_router.routing.tables import RECONCILED, RouteTables, TableChange

from .facts import an_instance, instances


class RouteTablesTests(SynchronousTestCase):
    """Facts go in, tables come out, listeners are told."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.tables = RouteTables(RoutingRules(), self.clock.seconds)
        self.changes: list[TableChange] = []
        self.tables.subscribe(self.changes.append)

    def test_it_provides_its_interfaces(self) -> None:
        self.assertTrue(verifyObject(IFactsConsumer, self.tables))
        self.assertTrue(verifyObject(IRouteTables, self.tables))

    def test_a_change_is_swapped_in_and_told(self) -> None:
        old = self.tables.table
        self.clock.advance(3.0)
        self.tables.apply("consul", {"web": instances(1, "a/")})
        (change,) = self.changes
        self.assertIdentical(old, change.old)
        self.assertIdentical(self.tables.table, change.new)
        self.assertEqual(self.tables.table.routes, change.diff.added)
        self.assertEqual(("consul", 3.0), (change.source, change.at_s))
        self.assertEqual(3.0, self.tables.changed_at_s)

    def test_listeners_see_the_new_table_in_place(self) -> None:
        seen = []
        self.tables.subscribe(lambda change: seen.append(self.tables.table))
        self.tables.apply("consul", {"web": instances(1, "a/")})
        self.assertIdentical(self.tables.table, seen[0])

    def test_nothing_happens_if_nothing_changed(self) -> None:
        self.tables.apply("consul", {"web": instances(1, "a/")})
        table = self.tables.table
        self.clock.advance(3.0)
        self.tables.apply("consul", {"web": instances(1, "a/"), "other": ()})
        self.tables.replace("consul", {"web": instances(1, "a/")})
        self.assertIdentical(table, self.tables.table)
        self.assertEqual((1, 0.0), (len(self.changes), self.tables.changed_at_s))

    def test_before_the_first_change_there_is_no_time_of_it(self) -> None:
        self.assertIdentical(None, self.tables.changed_at_s)

    def test_replace_takes_away_what_is_not_named(self) -> None:
        self.tables.apply("consul", {"web": instances(1, "a/")})
        self.tables.replace("consul", {})
        self.assertEqual((), self.tables.table.routes)
        self.assertEqual(1, len(self.changes[-1].diff.removed))

    def test_nothing_happens_if_a_reconciled_table_is_right(self) -> None:
        self.tables.apply("consul", {"web": instances(1, "a/")})
        self.assertEqual(TableDiff(), self.tables.reconcile())
        self.assertEqual(1, len(self.changes))

    def test_a_table_that_is_wrong_is_reconciled_with_the_facts(self) -> None:
        self.tables.apply("consul", {"web": instances(1, "a/")})
        right = self.tables.table
        self.tables.table = self.tables._builder.table = RouteTable()
        diff = self.tables.reconcile()
        self.assertEqual(right.routes, self.tables.table.routes)
        self.assertEqual(right.routes, diff.added)
        self.assertEqual((RECONCILED, diff), (
            self.changes[-1].source, self.changes[-1].diff
        ))  # fmt: skip

    def test_a_listener_that_raises_does_not_stop_the_others(self) -> None:
        tables = RouteTables(RoutingRules(), self.clock.seconds)

        def raise_error(change: TableChange) -> None:
            raise RuntimeError("listener")

        tables.subscribe(raise_error)
        tables.subscribe(self.changes.append)
        tables.apply("consul", {"web": instances(1, "a/")})
        self.assertEqual(1, len(self.changes))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    def test_a_swap_is_logged_with_its_counts(self) -> None:
        with capturedLogs() as events:
            self.tables.apply("consul", {"web": instances(1, "a/", "b/")})
        self.assertEqual(
            ["routes: 2 added, 0 removed, 0 changed by consul; 2 in all"],
            [formatEvent(event) for event in events],
        )

    def test_a_quarantined_entry_is_logged_once(self) -> None:
        self.tables.apply("consul", {"web": [an_instance("bad")]})
        with capturedLogs() as events:
            self.tables.apply("consul", {"web": [an_instance("bad", "worse")]})
        self.assertEqual(
            [
                "not routed: tag 'urlprefix-worse' of web (web-1): a whole host ends "
                "in a slash: write urlprefix-worse/"
            ],
            [formatEvent(e) for e in events if e["log_level"] is LogLevel.warn],
        )

    def test_a_flood_of_quarantined_entries_is_cut_short(self) -> None:
        with capturedLogs() as events:
            self.tables.apply("consul", {"web": instances(100, "bad")})
        warnings = [formatEvent(e) for e in events if e["log_level"] is LogLevel.warn]
        self.assertEqual(11, len(warnings))
        self.assertEqual("not routed: 90 more entries", warnings[-1])
