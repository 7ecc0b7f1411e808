"""The state of the embedded catalog."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.catalog.runs import Runs, never_ends
from twisted_router.discovery.catalog.model import (
    Check,
    CheckStatus,
    CheckType,
    Indexed,
    Probe,
    RefusedError,
    Service,
    TcpTarget,
)
from twisted_router.discovery.catalog.room import Limits
from twisted_router.discovery.catalog.store import CatalogStore

WEB = Service("web-1", "web", tags=("a",), port=80)
WEB_CHECK = Check("service:web-1", "c", "web-1", CheckStatus.PASSING, ttl_s=600.0)
OTHER = Service("other-1", "other", port=81)


class StoreTestCase(SynchronousTestCase):
    """Has a store with room for little."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.runs = Runs()
        self.store = CatalogStore(
            self.clock, self.runs, random.Random(1), limits=Limits(3, 4, 100, 20_000)
        )

    def check(self, check_id: str) -> Check:
        """What is known of a check."""
        return self.row(check_id).value

    def row(self, check_id: str) -> Indexed[Check]:
        """What is known of a check, with its indexes."""
        return {row.value.id: row for row in self.store.checks()}[check_id]

    def check_ids(self) -> list[str]:
        """Every check that was registered."""
        return [row.value.id for row in self.store.checks()]


class RegistrationTests(StoreTestCase):
    """register() and deregister()."""

    def test_a_service_is_found_by_its_name(self) -> None:
        self.store.register(WEB)
        self.assertEqual([Indexed(WEB, 2, 2)], self.store.instances("web"))
        self.assertEqual([], self.store.instances("other"))

    def test_instances_are_sorted_by_id(self) -> None:
        for number in (2, 3, 1):
            self.store.register(replace(WEB, id=f"web-{number}"))
        self.assertEqual(
            ["web-1", "web-2", "web-3"],
            [row.value.id for row in self.store.instances("web")],
        )

    def test_registering_anew_replaces_every_field(self) -> None:
        self.store.register(WEB)
        self.store.register(Service("web-1", "web"))
        self.assertEqual(
            [Indexed(Service("web-1", "web"), 2, 3)], self.store.instances("web")
        )

    def test_registering_the_same_keeps_the_index_of_the_service(self) -> None:
        self.store.register(WEB)
        self.store.register(WEB)
        self.assertEqual([Indexed(WEB, 2, 2)], self.store.instances("web"))

    def test_the_same_id_under_another_name_moves(self) -> None:
        self.store.register(WEB)
        self.store.register(replace(WEB, name="moved"))
        self.assertEqual([], self.store.instances("web"))
        self.assertEqual(1, len(self.store.instances("moved")))

    def test_registering_anew_keeps_status_and_output(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.store.update_check(WEB_CHECK.id, CheckStatus.WARNING, "slow")
        self.store.register(WEB, [replace(WEB_CHECK, notes="new")])
        self.assertEqual(
            replace(WEB_CHECK, status=CheckStatus.WARNING, output="slow", notes="new"),
            self.check(WEB_CHECK.id),
        )

    def test_checks_that_are_not_named_stay(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.store.register(WEB)
        self.assertEqual([WEB_CHECK.id], self.check_ids())

    def test_checks_that_are_not_named_can_be_replaced(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.store.service_maintenance("web-1", True, "")
        self.store.register(WEB, [replace(WEB_CHECK, id="new")], replace_checks=True)
        self.assertEqual(["new"], self.check_ids())

    def test_a_service_goes_with_its_checks_and_their_clocks(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.store.deregister("web-1")
        self.assertEqual([], self.store.services())
        self.assertEqual([], self.check_ids())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_an_unknown_service_is_gone_already(self) -> None:
        self.store.deregister("nope")
        self.assertEqual(1, self.store.indexes.last)

    def test_a_full_catalog_refuses_services_but_not_changes(self) -> None:
        for number in range(3):
            self.store.register(Service(f"web-{number}", "web"))
        error = self.assertRaises(RefusedError, self.store.register, OTHER)
        self.assertEqual(503, error.status)
        self.store.register(Service("web-1", "web", port=1))
        self.assertEqual(3, len(self.store.services()))

    def test_a_full_catalog_refuses_checks(self) -> None:
        checks = [replace(WEB_CHECK, id=f"c{number}") for number in range(5)]
        error = self.assertRaises(RefusedError, self.store.register, WEB, checks)
        self.assertEqual(503, error.status)
        self.assertEqual([], self.store.services())

    def test_what_is_gone_has_made_room(self) -> None:
        for _ in range(3):
            for number in range(3):
                service = Service(f"web-{number}", "x" * 4_000)
                self.store.register(service, [Check("c", "c", service.id)])
            for number in range(3):
                self.store.deregister(f"web-{number}")


class CheckTests(StoreTestCase):
    """Checks by themselves, and their clocks."""

    def test_a_check_may_be_of_the_node(self) -> None:
        self.store.register_check(Check("alive", "alive", ttl_s=5.0))
        self.assertEqual(
            ["alive", "serfHealth"], [row.value.id for row in self.store.node_checks()]
        )

    def test_a_check_needs_its_service(self) -> None:
        error = self.assertRaises(
            RefusedError, self.store.register_check, Check("c", "c", "nope")
        )
        self.assertEqual('ServiceID "nope" does not exist', str(error))

    def test_a_check_may_move_to_another_service(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.store.register(OTHER)
        self.store.register_check(replace(WEB_CHECK, service_id="other-1"))
        self.assertEqual([], self.store.service_checks("web-1"))
        self.assertEqual(1, len(self.store.service_checks("other-1")))

    def test_a_removed_check_is_gone(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.store.deregister_check(WEB_CHECK.id)
        self.store.deregister_check(WEB_CHECK.id)
        self.assertEqual([], self.check_ids())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_without_a_report_a_check_expires(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.clock.advance(599.9)
        self.assertEqual(CheckStatus.PASSING, self.check(WEB_CHECK.id).status)
        self.clock.advance(0.2)
        self.assertEqual(
            replace(WEB_CHECK, status=CheckStatus.CRITICAL, output="TTL expired"),
            self.check(WEB_CHECK.id),
        )

    def test_a_report_begins_the_time_anew(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        for _ in range(3):
            self.clock.advance(500)
            self.store.update_check(WEB_CHECK.id, CheckStatus.PASSING, "")
        self.assertEqual(CheckStatus.PASSING, self.check(WEB_CHECK.id).status)

    def test_a_report_brings_an_expired_check_back(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.clock.advance(601)
        self.store.update_check(WEB_CHECK.id, CheckStatus.PASSING, "")
        self.assertEqual(WEB_CHECK, self.check(WEB_CHECK.id))
        self.clock.advance(601)
        self.assertEqual(CheckStatus.CRITICAL, self.check(WEB_CHECK.id).status)

    def test_an_expired_check_shows_its_last_output_once(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.store.update_check(WEB_CHECK.id, CheckStatus.PASSING, "hello")
        self.clock.advance(601)
        self.store.register(WEB, [WEB_CHECK])
        self.clock.advance(601)
        self.assertEqual(
            "TTL expired (last output before timeout follows): hello",
            self.check(WEB_CHECK.id).output,
        )

    def test_a_long_output_is_cut(self) -> None:
        self.store.register(WEB, [WEB_CHECK])
        self.store.update_check(WEB_CHECK.id, CheckStatus.PASSING, "x" * 5000)
        self.assertEqual(
            "x" * 4096 + " ... (captured 4096 of 5000 bytes)",
            self.check(WEB_CHECK.id).output,
        )

    def test_only_ttl_checks_take_reports(self) -> None:
        self.store.register(WEB)
        self.store.service_maintenance("web-1", True, "")
        for check_id in ("nope", "_service_maintenance:web-1", "serfHealth"):
            error = self.assertRaises(
                RefusedError,
                self.store.update_check,
                check_id,
                CheckStatus.PASSING,
                "",
            )
            self.assertEqual(
                (500, f'CheckID "{check_id}" does not have associated TTL'),
                (error.status, str(error)),
            )

    def test_a_service_that_stays_critical_is_removed(self) -> None:
        check = replace(WEB_CHECK, ttl_s=10.0, deregister_after_s=60.0)
        self.store.register(WEB, [check])
        self.clock.pump([10.0, 59.9])
        self.assertEqual(1, len(self.store.services()))
        self.clock.advance(0.2)
        self.assertEqual([], self.store.services())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_registering_anew_does_not_begin_the_critical_time_anew(self) -> None:
        check = replace(
            WEB_CHECK, status=CheckStatus.CRITICAL, ttl_s=10.0, deregister_after_s=60.0
        )
        self.store.register(WEB, [check])
        self.clock.advance(40)
        self.store.register(WEB, [check])
        self.clock.advance(21)
        self.assertEqual([], self.store.services())

    def test_a_service_that_recovers_in_time_stays(self) -> None:
        check = replace(WEB_CHECK, ttl_s=100.0, deregister_after_s=60.0)
        self.store.register(WEB, [check])
        self.store.update_check(check.id, CheckStatus.CRITICAL, "")
        self.clock.advance(50)
        self.store.update_check(check.id, CheckStatus.WARNING, "")
        self.clock.advance(50)
        self.assertEqual(1, len(self.store.services()))

    def test_closing_stops_all_clocks(self) -> None:
        check = replace(WEB_CHECK, status=CheckStatus.CRITICAL, deregister_after_s=60.0)
        self.store.register(WEB, [check])
        self.store.watchers.wait(lambda: 1, 1, 60.0)
        self.store.close()
        self.assertEqual([], self.clock.getDelayedCalls())


class RunTests(StoreTestCase):
    """Checks that the catalog runs."""

    PROBE = Probe(TcpTarget("web.test:80"), 10.0, 5.0)
    CHECK = replace(WEB_CHECK, type=CheckType.TCP, ttl_s=0.0, probe=PROBE)

    def setUp(self) -> None:
        super().setUp()
        self.store.register(WEB, [self.CHECK])

    def test_what_a_run_finds_is_the_status_and_wakes(self) -> None:
        waiting = self.store.watchers.wait(
            lambda: self.store.indexes.health("web"), self.store.indexes.last, 60.0
        )
        self.clock.advance(10.0)
        self.runs.end(CheckStatus.CRITICAL, "refused")
        self.successResultOf(waiting)
        check = self.check("service:web-1")
        self.assertEqual(
            (CheckStatus.CRITICAL, "refused"), (check.status, check.output)
        )

    def test_a_new_output_alone_moves_no_index(self) -> None:
        index = self.store.indexes.last
        self.clock.advance(10.0)
        self.runs.end(CheckStatus.PASSING, "still there")
        self.assertEqual("still there", self.check("service:web-1").output)
        self.assertEqual(index, self.store.indexes.last)

    def test_a_check_that_is_gone_is_run_no_more(self) -> None:
        self.clock.advance(10.0)
        self.store.deregister("web-1")
        self.assertEqual(1, self.runs.cancelled)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_check_that_is_registered_again_goes_on(self) -> None:
        self.clock.advance(10.0)
        self.store.register(WEB, [self.CHECK])
        self.assertEqual((1, 0), (len(self.runs.asked), self.runs.cancelled))

    def test_a_check_that_becomes_one_of_reports_is_run_no_more(self) -> None:
        self.clock.advance(10.0)
        self.store.register(WEB, [WEB_CHECK])
        self.assertEqual(1, self.runs.cancelled)
        self.store.update_check("service:web-1", CheckStatus.WARNING, "")

    def test_nobody_reports_to_a_check_that_is_run(self) -> None:
        self.assertRaises(
            RefusedError,
            self.store.update_check,
            "service:web-1",
            CheckStatus.PASSING,
            "",
        )

    def test_a_service_that_is_critical_for_too_long_is_removed(self) -> None:
        self.store.register(WEB, [replace(self.CHECK, deregister_after_s=60.0)])
        self.clock.advance(10.0)
        self.runs.end(CheckStatus.CRITICAL)
        self.clock.advance(59.0)
        self.assertEqual(1, len(self.store.services()))
        self.clock.advance(1.0)
        self.assertEqual([], self.store.services())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_closing_gives_up_what_runs(self) -> None:
        self.clock.advance(10.0)
        self.store.close()
        self.assertEqual(1, self.runs.cancelled)
        self.assertEqual([], self.clock.getDelayedCalls())


class MaintenanceTests(StoreTestCase):
    """service_maintenance() and node_maintenance()."""

    def test_a_service_in_maintenance_has_a_critical_check(self) -> None:
        self.store.register(WEB)
        self.store.service_maintenance("web-1", True, "upgrade")
        check = self.check("_service_maintenance:web-1")
        self.assertEqual(
            ("Service Maintenance Mode", "web-1", "critical", "upgrade", "maintenance"),
            (check.name, check.service_id, check.status, check.notes, check.type),
        )

    def test_the_node_in_maintenance_has_a_critical_check(self) -> None:
        self.store.node_maintenance(True, "")
        check = self.check("_node_maintenance")
        self.assertEqual(("", "critical"), (check.service_id, check.status))
        self.assertIn("for this node, but no reason was provided", check.notes)

    def test_maintenance_ends(self) -> None:
        self.store.register(WEB)
        for enable in (True, False, False):
            self.store.service_maintenance("web-1", enable, "")
            self.store.node_maintenance(enable, "")
        self.assertEqual([], self.check_ids())

    def test_a_second_reason_changes_nothing(self) -> None:
        self.store.register(WEB)
        self.store.service_maintenance("web-1", True, "first")
        row = self.row("_service_maintenance:web-1")
        self.store.service_maintenance("web-1", True, "second")
        self.assertEqual(row, self.row("_service_maintenance:web-1"))

    def test_an_unknown_service_has_no_maintenance(self) -> None:
        error = self.assertRaises(
            RefusedError, self.store.service_maintenance, "nope", True, ""
        )
        self.assertEqual(
            (404, 'No service registered with ID "nope"'), (error.status, str(error))
        )


class WakeTests(StoreTestCase):
    """Which change wakes whom: the answers of Consul 1.8.7.

    A watch has a short name::

        services      catalog/services          state         health/state/any
        entry:NAME    catalog/service/NAME      health:NAME   health/service/NAME
        checks:NAME   health/checks/NAME
    """

    def setUp(self) -> None:
        super().setUp()
        self.store.register(WEB, [WEB_CHECK])
        self.store.register(OTHER)

    def woken_by(self, change: Any, *args: Any, **options: Any) -> set[str]:
        """Who of all possible watches wakes when ``change`` is called."""
        indexes = self.store.indexes
        watches = {
            "services": lambda: indexes.services,
            "state": lambda: indexes.checks,
            "entry:web": lambda: indexes.entry("web"),
            "entry:other": lambda: indexes.entry("other"),
            "entry:nope": lambda: indexes.entry("nope"),
            "health:web": lambda: indexes.health("web"),
            "health:other": lambda: indexes.health("other"),
            "health:nope": lambda: indexes.health("nope"),
            "checks:web": lambda: indexes.checks_of("web"),
        }
        woken: set[str] = set()
        waiting: list[Deferred[None]] = []
        for name, index in watches.items():
            one = self.store.watchers.wait(index, index(), 60.0)
            one.addCallbacks(
                lambda _, name=name: woken.add(name),
                lambda failure: None,
            )
            waiting.append(one)
        change(*args, **options)
        result = set(woken)
        for one in waiting:
            one.cancel()
        return result

    def test_registering_the_same_wakes_only_who_watches_checks(self) -> None:
        self.assertEqual(
            {"state", "checks:web"},
            self.woken_by(self.store.register, WEB, [WEB_CHECK]),
        )

    def test_registering_the_same_without_checks_wakes_nobody(self) -> None:
        self.assertEqual(set(), self.woken_by(self.store.register, OTHER))

    def test_a_change_of_another_service_does_not_wake(self) -> None:
        self.assertEqual(
            {"services", "entry:other", "health:other", "entry:nope", "health:nope"},
            self.woken_by(self.store.register, replace(OTHER, port=82)),
        )

    def test_a_status_wakes_health_and_not_the_catalog(self) -> None:
        self.assertEqual(
            {"health:web", "state", "checks:web"},
            self.woken_by(
                self.store.update_check, WEB_CHECK.id, CheckStatus.WARNING, ""
            ),
        )

    def test_an_expired_ttl_is_a_status(self) -> None:
        self.store.register(WEB, [replace(WEB_CHECK, ttl_s=10.0)])
        self.assertEqual(
            {"health:web", "state", "checks:web"},
            self.woken_by(self.clock.advance, 10.0),
        )

    def test_an_output_alone_wakes_nobody(self) -> None:
        self.assertEqual(
            set(),
            self.woken_by(
                self.store.update_check, WEB_CHECK.id, CheckStatus.PASSING, "hello"
            ),
        )

    def test_a_new_instance_wakes_who_watches_its_name(self) -> None:
        self.assertEqual(
            {"services", "entry:web", "health:web", "entry:nope", "health:nope"},
            self.woken_by(self.store.register, replace(WEB, id="web-2")),
        )

    def test_an_instance_that_goes_wakes_who_watches_its_name(self) -> None:
        self.store.register(replace(WEB, id="web-2"))
        self.assertEqual(
            {"services", "entry:web", "health:web", "entry:nope", "health:nope"},
            self.woken_by(self.store.deregister, "web-2"),
        )

    def test_checks_come_and_go_with_their_service(self) -> None:
        self.assertEqual(
            {"services", "state", "entry:web", "health:web", "checks:web"}
            | {"entry:nope", "health:nope"},
            self.woken_by(self.store.deregister, "web-1"),
        )

    def test_once_a_name_has_gone_unknown_names_watch_only_that(self) -> None:
        self.store.deregister("other-1")
        self.assertEqual(
            {"services", "entry:web", "health:web"},
            self.woken_by(self.store.register, replace(WEB, port=1)),
        )
        self.assertLessEqual(
            {"entry:nope", "health:nope"}, self.woken_by(self.store.deregister, "web-1")
        )

    def test_once_a_name_has_gone_its_return_is_seen(self) -> None:
        self.store.deregister("other-1")
        self.assertEqual(
            {"services", "entry:other", "health:other"},
            self.woken_by(self.store.register, OTHER),
        )

    def test_a_service_that_moves_wakes_both_names(self) -> None:
        self.assertLessEqual(
            {"health:web", "health:other", "entry:web", "entry:other"},
            self.woken_by(self.store.register, replace(OTHER, name="web")),
        )

    def test_maintenance_of_a_service_wakes_its_health(self) -> None:
        for enable in (True, False):
            self.assertEqual(
                {"health:web", "state", "checks:web"},
                self.woken_by(self.store.service_maintenance, "web-1", enable, ""),
            )

    def test_maintenance_of_the_node_wakes_the_health_of_all(self) -> None:
        for enable in (True, False):
            self.assertEqual(
                {"health:web", "health:other", "state"},
                self.woken_by(self.store.node_maintenance, enable, ""),
            )


_NAMES = ["web", "other", "third"]
_IDS = ["1", "2", "3"]
_CHECK_IDS = ["c1", "c2"]
_CHANGES = st.one_of(
    st.tuples(
        st.just("register"),
        st.builds(
            Service,
            st.sampled_from(_IDS),
            st.sampled_from(_NAMES),
            port=st.integers(0, 1),
        ),
        st.lists(st.sampled_from(_CHECK_IDS), unique=True),
        st.booleans(),
    ),
    st.tuples(st.just("deregister"), st.sampled_from(_IDS)),
    st.tuples(
        st.just("update"), st.sampled_from(_CHECK_IDS), st.sampled_from(CheckStatus)
    ),
    st.tuples(st.just("service"), st.sampled_from(_IDS), st.booleans()),
    st.tuples(st.just("node"), st.booleans()),
    st.tuples(
        st.just("check"), st.sampled_from(_CHECK_IDS), st.sampled_from(["", *_IDS])
    ),
    st.tuples(st.just("forget"), st.sampled_from(_CHECK_IDS)),
    st.tuples(st.just("advance"), st.sampled_from([1.0, 30.0, 60.0])),
)


class PropertyTests(SynchronousTestCase):
    """What holds whatever happens."""

    def change(
        self, store: CatalogStore, clock: Clock, change: tuple[Any, ...]
    ) -> None:
        match change:
            case "register", service, check_ids, replace_checks:
                checks = [
                    Check(one, one, service.id, ttl_s=20.0, deregister_after_s=60.0)
                    for one in check_ids
                ]
                store.register(service, checks, replace_checks=replace_checks)
            case "deregister", service_id:
                store.deregister(service_id)
            case "update", check_id, status:
                store.update_check(check_id, status, "")
            case "service", service_id, enable:
                store.service_maintenance(service_id, enable, "")
            case "node", enable:
                store.node_maintenance(enable, "")
            case "check", check_id, service_id:
                store.register_check(Check(check_id, check_id, service_id, ttl_s=20.0))
            case "forget", check_id:
                store.deregister_check(check_id)
            case "advance", seconds:
                clock.advance(seconds)

    def indexes(self, store: CatalogStore) -> list[int]:
        """Every index that a client may see."""
        found = store.indexes
        names = [*_NAMES, "nope"]
        return [
            found.services,
            found.checks,
            *(found.entry(name) for name in names),
            *(found.health(name) for name in names),
            *(found.checks_of(name) for name in names),
        ]

    def content(self, store: CatalogStore) -> list[object]:
        """What those who wait for these indexes would read."""
        names = [*_NAMES, "nope"]
        instances = {name: store.instances(name) for name in names}
        status = {row.value.id: row.value.status for row in store.node_checks()}
        checks = {
            name: [
                (row.value.id, one.value.id, one.value.status)
                for row in instances[name]
                for one in store.service_checks(row.value.id)
            ]
            for name in names
        }
        return [
            {row.value.name for row in store.services()},
            {row.value.id: row.value.status for row in store.all_checks()},
            *(instances[name] for name in names),
            *(
                (instances[name], checks[name], status) if instances[name] else None
                for name in names
            ),
            *(checks[name] for name in names),
        ]

    @settings(max_examples=150, deadline=None)
    @given(st.lists(_CHANGES, max_size=12))
    def test_indexes_only_grow_and_miss_no_change(
        self, changes: list[tuple[Any, ...]]
    ) -> None:
        clock = Clock()
        store = CatalogStore(clock, never_ends, random.Random(1))
        for change in changes:
            indexes, content = self.indexes(store), self.content(store)
            try:
                self.change(store, clock, change)
            except RefusedError:
                self.assertEqual(content, self.content(store))
            for before, after, was, is_ in zip(
                indexes, self.indexes(store), content, self.content(store), strict=True
            ):
                self.assertLessEqual(before, after)
                if was != is_:
                    self.assertLess(before, after)
        store.close()
        self.assertEqual([], clock.getDelayedCalls())
