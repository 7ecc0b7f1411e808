"""Tests of the second table, which shows whether the first one is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.discovery.support import Consumer, EventLog, instance
from twisted_router.discovery.alarms import Alarms
from twisted_router.discovery.rebuilding import Blueprint, Rebuilding
from twisted_router.interfaces import IFactsConsumer
from twisted_router.model import Instance


class SlowConsumer(Consumer):
    """Takes two milliseconds for each call."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def apply(self, source: str, changes: Mapping[str, Sequence[Instance]]) -> None:
        super().apply(source, changes)
        self._clock.rightNow += 0.002


class RebuildingTests(SynchronousTestCase):
    """Forty services, which take some slices to copy."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.tables = Consumer()
        self.events = EventLog()
        self.copies: list[SlowConsumer] = []
        self.repairs = 0
        self.beside: dict[str, dict[str, tuple[Instance, ...]]] = {}
        self.rebuilding = Rebuilding(
            self.clock,
            self.tables,
            Blueprint(self.blank, self.beside, self.differences, self.repair),
            "consul",
            Alarms(self.events, "consul"),
        )
        self.facts = {f"s{n}": (instance(f"s{n}"),) for n in range(40)}
        self.rebuilding.replace("consul", self.facts)

    def blank(self) -> SlowConsumer:
        self.copies.append(SlowConsumer(self.clock))
        return self.copies[-1]

    def differences(self, copy: Any) -> Iterator[str]:
        return iter(["", "other routes"] if copy.knows() != self.tables.knows() else [])

    def repair(self) -> None:
        self.repairs += 1

    def one_turn(self) -> None:
        """Do what is due, and not what that brings up."""
        (call,) = self.clock.calls
        self.clock.calls.remove(call)
        call.called = 1
        call.func(*call.args, **call.kw)

    def test_it_provides_the_interface(self) -> None:
        self.assertTrue(verifyObject(IFactsConsumer, self.rebuilding))

    def test_facts_are_passed_on(self) -> None:
        self.rebuilding.apply("consul", {"s1": ()})
        del self.facts["s1"]
        self.assertEqual(self.facts, self.tables.knows())

    def test_a_table_that_is_right_is_left_alone(self) -> None:
        checking = self.rebuilding.check()
        self.clock.advance(1)
        self.assertTrue(self.successResultOf(checking))
        self.assertEqual((0, []), (self.repairs, self.events.recorded))
        self.assertEqual(self.facts, self.copies[0].knows())

    def test_requests_have_their_turn_in_between(self) -> None:
        checking = self.rebuilding.check()
        self.one_turn()
        self.assertNoResult(checking)
        self.assertEqual(20, len(self.copies[0].knows()))

    def test_a_table_that_is_wrong_is_reported_and_mended(self) -> None:
        self.tables.apply("consul", {"s1": ()})
        checking = self.rebuilding.check()
        self.clock.advance(1)
        self.assertFalse(self.successResultOf(checking))
        self.assertEqual(1, self.repairs)
        self.assertEqual(
            ["1 routes were not what the facts make, and are mended: other routes"],
            [text for _, _, text, _ in self.events.recorded],
        )

    def test_what_changes_meanwhile_changes_in_both(self) -> None:
        checking = self.rebuilding.check()
        self.one_turn()
        new = (instance("s1", 2),)
        self.rebuilding.apply("consul", {"s1": new, "s39": new, "s38": (), "new": new})
        self.clock.advance(1)
        self.assertTrue(self.successResultOf(checking))
        self.assertEqual(new, self.copies[0].knows()["s39"])

    def test_the_facts_of_other_sources_are_in_it(self) -> None:
        static: dict[str, tuple[Instance, ...]] = {"static:a": (instance("static:a"),)}
        self.beside["static"] = static
        self.tables.apply("static", static)
        checking = self.rebuilding.check()
        self.clock.advance(1)
        self.assertTrue(self.successResultOf(checking))
        self.assertIn(("apply", "static", static), self.copies[0].told)

    def test_when_everything_is_replaced_it_begins_anew(self) -> None:
        checking = self.rebuilding.check()
        self.one_turn()
        self.rebuilding.replace("consul", {"other": (instance("other"),)})
        self.clock.advance(1)
        self.assertTrue(self.successResultOf(checking))
        self.assertEqual(2, len(self.copies))

    def test_it_can_be_cancelled(self) -> None:
        checking = self.rebuilding.check()
        self.one_turn()
        checking.cancel()
        self.failureResultOf(checking, CancelledError)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.rebuilding.apply("consul", {"s1": ()})
        self.assertIn("s1", self.copies[0].knows())
