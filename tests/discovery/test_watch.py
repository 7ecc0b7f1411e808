"""Tests of a blocking query for each service."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.discovery.support import GONE, REFUSED, ScriptedConsul, instance
from twisted_router.discovery.contact import Contact
from twisted_router.discovery.poll import Terms
from twisted_router.discovery.watch import IWatch, Listener, PollForEach
from twisted_router.interfaces import CatalogError


class PollForEachTests(SynchronousTestCase):
    """One connection for each service."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.consul = ScriptedConsul()
        self.contact = Contact(self.clock)
        terms = Terms(self.clock, self.contact, lambda attempt: 3.0, 55.0)
        self.answered: list[tuple[str, object]] = []
        self.failed: list[tuple[str, int, CatalogError]] = []
        listener = Listener(
            lambda name, answer: self.answered.append((name, answer.data)),
            lambda name, attempt, error: self.failed.append((name, attempt, error)),
            lambda name: True,
        )
        self.watch = PollForEach(terms, self.consul, listener)

    def follow(self, *names: str) -> None:
        self.watch.follow({name: [] for name in names}, 1)
        self.clock.advance(0)

    def test_it_provides_its_interface(self) -> None:
        verifyObject(IWatch, self.watch)

    def test_every_service_is_asked_for(self) -> None:
        self.follow("a", "b")
        self.assertEqual(["a", "b"], [asked.what for asked in self.consul.open])

    def test_answers_are_told_by_service(self) -> None:
        self.follow("a", "b")
        self.consul.only("b").answer(5, (instance("b"),))
        self.assertEqual([("b", (instance("b"),))], self.answered)

    def test_only_the_service_that_changed_is_asked_again(self) -> None:
        self.follow("a", "b")
        self.consul.only("b").answer(5, ())
        self.clock.advance(0.05)
        self.assertEqual((1, 2), (self.consul.count("a"), self.consul.count("b")))
        self.assertEqual(5, self.consul.only("b").index)

    def test_a_service_is_confirmed_when_its_own_query_is_answered(self) -> None:
        self.follow("a", "b")
        self.clock.advance(3)
        self.consul.only("b").answer(5, ())
        self.assertEqual(
            (None, 3.0), (self.watch.confirmed_s("a"), self.watch.confirmed_s("b"))
        )

    def test_a_new_service_is_asked_for_and_the_others_go_on(self) -> None:
        self.follow("a")
        self.follow("a", "b")
        self.assertEqual(["a", "b"], [asked.what for asked in self.consul.asked])

    def test_a_service_that_is_gone_is_not_asked_for_any_more(self) -> None:
        self.follow("a", "b")
        asked = self.consul.only("a")
        self.follow("b")
        self.assertTrue(asked.cancelled)
        self.assertEqual(["b"], [asked.what for asked in self.consul.open])

    def test_nor_does_its_error_count(self) -> None:
        self.follow("a")
        self.consul.only("a").fail(REFUSED)
        self.assertEqual(str(REFUSED), self.contact.error)
        self.follow()
        self.assertEqual("", self.contact.error)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_failures_are_told_by_service(self) -> None:
        self.follow("a")
        self.consul.only("a").fail(GONE)
        self.assertEqual([("a", 1, GONE)], self.failed)

    def test_to_reread_asks_for_all_from_the_beginning(self) -> None:
        self.follow("a", "b")
        for name in ("a", "b"):
            self.consul.only(name).answer(5, ())
        self.clock.advance(0.05)
        self.watch.reread()
        self.clock.advance(0.05)
        self.assertEqual([0, 0], [asked.index for asked in self.consul.open])

    def test_to_stop_cancels_everything(self) -> None:
        self.follow("a", "b", "c")
        self.consul.only("a").answer(5, ())
        self.consul.only("b").fail(REFUSED)
        self.watch.stop()
        self.assertEqual([], self.consul.open)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual("", self.contact.error)
