"""Tests of the age of facts, and of services that nobody confirms any more."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.discovery.support import ANSWER, GONE, REFUSED, Consumer, EventLog, instance
from twisted_router.discovery.ageing import LOOK_AGAIN_S, Freshness, Pruning
from twisted_router.discovery.alarms import Alarms
from twisted_router.discovery.contact import Contact
from twisted_router.interfaces import IFactsConsumer, ServiceState


class FreshnessTests(SynchronousTestCase):
    """Whether a service is confirmed, by whichever read."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.contact = Contact(self.clock)
        self.known: dict[str, float] = {}
        self.freshness = Freshness(self.clock, self.contact, lambda: self.known)

    def heard(self, *reads: str) -> None:
        for read in reads:
            self.contact.heard(read, ANSWER)

    def test_a_service_is_as_old_as_its_source_says(self) -> None:
        self.known = {"web": 3.0, "db": 4.0}
        self.assertEqual({"web": 3.0}, self.freshness.ages(["web", "new"]))

    def test_the_list_of_services_has_an_age(self) -> None:
        self.assertIsNone(self.freshness.list_age_s)
        self.freshness.presume(60)
        self.assertEqual(60.0, self.freshness.list_age_s)
        self.heard("catalog")
        self.clock.advance(2)
        self.assertEqual(2.0, self.freshness.list_age_s)

    def test_facts_of_before_the_start_have_a_presumed_age(self) -> None:
        self.freshness.presume(60)
        self.clock.advance(1)
        self.known = {"db": 4.0}
        self.assertEqual({"web": 61.0, "db": 4.0}, self.freshness.ages(["web", "db"]))

    def test_a_service_is_doubtful_when_its_read_fails(self) -> None:
        self.heard("service web")
        self.assertFalse(self.freshness.is_doubtful("web"))
        self.contact.failed("service web", REFUSED)
        self.assertTrue(self.freshness.is_doubtful("web"))

    def test_a_service_is_doubtful_when_a_list_fails_that_would_show_its_change(
        self,
    ) -> None:
        self.heard("service web", "catalog")
        self.contact.failed("catalog", GONE)
        self.assertFalse(self.freshness.is_doubtful("web"))
        self.contact.heard("warning checks", ANSWER)
        self.assertTrue(self.freshness.is_doubtful("web"))

    def test_a_service_that_was_never_read_is_doubtful_without_the_catalog(
        self,
    ) -> None:
        self.assertFalse(self.freshness.is_doubtful("web"))
        self.contact.failed("catalog", GONE)
        self.assertTrue(self.freshness.is_doubtful("web"))


class PruningTestCase(SynchronousTestCase):
    """Five services, ``s1`` to ``s5``; a threshold of 120 s, a look every 30 s."""

    suspended = True

    def setUp(self) -> None:
        self.clock = Clock()
        self.contact = Contact(self.clock)
        self.consumer = Consumer()
        self.events = EventLog()
        self.names = [f"s{number}" for number in range(1, 6)]
        self.facts = {name: (instance(name),) for name in self.names}
        self.pruning = self.pruned()
        self.pruning.replace("consul", self.facts)
        self.pruning.start()
        self.reads("catalog", *(f"service {name}" for name in self.names))

    def pruned(self, threshold_s: float = 120, interval_s: float = 30) -> Pruning:
        pruning = Pruning(
            self.clock,
            self.consumer,
            Freshness(self.clock, self.contact, self.ages),
            "consul",
            threshold_s,
            interval_s,
            self.suspended,
            50,
            Alarms(self.events, "consul"),
        )
        self.addCleanup(pruning.stop)
        return pruning

    def ages(self) -> dict[str, float]:
        """What the source would say."""
        now_s = self.clock.seconds()
        heard = {name: self.contact.heard_s(f"service {name}") for name in self.names}
        return {name: now_s - at_s for name, at_s in heard.items() if at_s is not None}

    def reads(self, *names: str) -> None:
        for name in names:
            self.contact.heard(name, ANSWER)

    def fail(self, *names: str) -> None:  # type: ignore[override]
        for name in names:
            self.contact.failed(name, REFUSED)

    def time_passes(self, seconds: float) -> None:
        self.clock.pump([1.0] * round(seconds))

    def gone(self) -> list[str]:
        return sorted(self.facts.keys() - self.consumer.knows().keys())


class ServicesTests(PruningTestCase):
    """How old what is known of each service is."""

    def test_each_is_told_of(self) -> None:
        self.time_passes(10)
        self.reads("service s2")
        self.fail("service s1")
        self.time_passes(5)
        states = {state.service: state for state in self.pruning.services()}
        self.assertEqual(sorted(self.facts), list(states))
        self.assertEqual(ServiceState("s2", 1, 5.0), states["s2"])
        self.assertEqual(ServiceState("s1", 1, 15.0, doubtful=True), states["s1"])

    def test_one_that_is_withdrawn_is_marked(self) -> None:
        self.fail("service s1")
        self.time_passes(150)
        (state,) = (s for s in self.pruning.services() if s.withdrawn)
        self.assertEqual("s1", state.service)


class PruningTests(PruningTestCase):
    """What is not confirmed is withdrawn in the end, if Consul is there."""

    def test_it_provides_the_interface(self) -> None:
        self.assertTrue(verifyObject(IFactsConsumer, self.pruning))

    def test_a_service_that_cannot_be_read_is_withdrawn(self) -> None:
        self.fail("service s1")
        self.time_passes(120)
        self.assertEqual([], self.gone())
        self.time_passes(30)
        self.assertEqual(["s1"], self.gone())
        self.assertEqual({"s1"}, self.pruning.withdrawn)
        self.assertIn("withdrawn: s1", self.events.recorded[0][2])
        self.time_passes(60)
        self.assertEqual(1, len(self.events.recorded))

    def test_it_is_back_as_soon_as_it_is_confirmed(self) -> None:
        self.fail("service s1")
        self.time_passes(150)
        self.reads("service s1")
        self.time_passes(LOOK_AGAIN_S)
        self.assertEqual([], self.gone())
        self.assertEqual(self.facts, self.consumer.knows())
        self.assertEqual(set(), self.pruning.withdrawn)

    def test_it_is_back_with_other_facts_when_they_come(self) -> None:
        self.fail("service s1")
        self.time_passes(150)
        new = (instance("s1", 2),)
        self.pruning.apply("consul", {"s1": new})
        self.assertEqual(new, self.consumer.knows()["s1"])
        self.assertEqual(set(), self.pruning.withdrawn)

    def test_one_that_the_source_takes_back_does_not_come_again(self) -> None:
        self.fail("service s1")
        self.time_passes(150)
        self.pruning.apply("consul", {"s1": ()})
        self.contact.forget("service s1")
        self.time_passes(60)
        self.assertEqual(["s1"], self.gone())

    def test_silence_is_no_failure(self) -> None:
        """A blocking query may wait for longer than the threshold."""
        self.time_passes(600)
        self.assertEqual([], self.gone())

    def test_nothing_is_withdrawn_while_consul_is_away(self) -> None:
        self.fail("catalog", *(f"service {name}" for name in self.names))
        self.time_passes(3600)
        self.assertEqual([], self.gone())

    def test_after_an_outage_everything_has_the_whole_threshold_again(self) -> None:
        self.fail("catalog", "service s1")
        self.time_passes(3600)
        self.reads("catalog")
        self.time_passes(120)
        self.assertEqual([], self.gone())
        self.time_passes(31)
        self.assertEqual(["s1"], self.gone())

    def test_never_most_of_the_services_at_once(self) -> None:
        self.fail("service s1", "service s2", "service s3")
        self.time_passes(300)
        self.assertEqual([], self.gone())
        self.assertEqual(1, len(self.events.recorded))
        self.assertIn("3 of 5 instances", self.events.recorded[0][2])

    def test_without_a_threshold_or_an_interval_nothing_is_withdrawn(self) -> None:
        self.pruning.stop()
        for zeros in ((0, 30), (120, 0)):
            self.pruned(*zeros).start()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_it_tells_the_oldest_and_the_doubtful(self) -> None:
        self.clock.advance(10)
        self.fail("service s2")
        self.assertEqual(
            (10.0, ["s2"]), (self.pruning.oldest_s(), self.pruning.doubtful())
        )


class UnsuspendedTests(PruningTestCase):
    """Rather no route than an old one: ``suspend_pruning...: false``."""

    suspended = False

    def test_everything_is_withdrawn_while_consul_is_away(self) -> None:
        self.fail("catalog", *(f"service {name}" for name in self.names))
        self.time_passes(151)
        self.assertEqual(self.names, self.gone())
