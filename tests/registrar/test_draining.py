"""Tests for ``twisted_router.registrar.draining``."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker_json import container_json
from twisted_router.registrar.container import Container, read_container
from twisted_router.registrar.draining import SURVIVAL_S, Draining
from twisted_router.registrar.events import ContainerEvent
from twisted_router.registrar.maintenance import PAUSED, stopping

SINCE = datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC)
WHY = stopping(SINCE)

WEB = read_container(container_json())
STOP_TIMEOUT_S = 10.0
FULL_S = STOP_TIMEOUT_S + SURVIVAL_S


def of(*containers: Container) -> dict[str, Container | None]:
    """What runs, by id."""
    return {each.id: each for each in containers}


class DrainingTests(SynchronousTestCase):
    """Which containers are to have no more requests."""

    def setUp(self) -> None:
        """Nothing is being stopped."""
        self.draining = Draining(STOP_TIMEOUT_S)

    def kill(
        self, container: Container | None, signal: str = "15", now_s: float = 0.0
    ) -> str:
        """A signal is sent to a container; ``None`` for one that is not known yet."""
        event = ContainerEvent(WEB.id, "kill", SINCE, signal)
        return self.draining.signalled(event, container, now_s)

    def test_a_signal_to_stop(self) -> None:
        """It drains for as long as stopping may take, and some seconds more."""
        self.assertEqual(WHY, self.kill(WEB, now_s=100.0))
        self.assertIn(WEB.id, self.draining)
        self.assertEqual(100.0 + FULL_S, self.draining.next_end_s())
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 99.9 + FULL_S))
        self.assertEqual({}, self.draining.reasons(of(WEB), 100.0 + FULL_S))
        self.assertEqual((0, inf), (len(self.draining), self.draining.next_end_s()))

    def test_any_other_signal(self) -> None:
        """It does not drain for that; nor does it stop draining."""
        self.assertEqual("", self.kill(WEB, "1"))
        self.assertEqual({}, self.draining.reasons(of(WEB), 0.0))
        self.kill(WEB, "15", now_s=0.0)
        self.kill(WEB, "1", now_s=1.0)
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 2.0))

    def test_the_next_signal(self) -> None:
        """Its time begins anew."""
        for now_s in (0.0, 10.0):
            self.kill(WEB, now_s=now_s)
        self.assertEqual(10.0 + FULL_S, self.draining.next_end_s())

    def test_a_containers_own_terms(self) -> None:
        """Which signal, and how long."""
        own = replace(WEB, stop_signal="SIGWINCH", stop_timeout_s=1)
        self.assertEqual(WHY, self.kill(own, "28"))
        self.assertEqual(1.0 + SURVIVAL_S, self.draining.next_end_s())

    def test_a_container_that_is_waited_for_without_end(self) -> None:
        """It drains until it is gone."""
        self.kill(replace(WEB, stop_timeout_s=-1))
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 1e9))
        self.assertEqual({}, self.draining.reasons({}, 1e9))
        self.assertEqual([], list(self.draining))

    def test_one_that_has_started_since(self) -> None:
        """What was being stopped is over."""
        for seconds, expected in ((-1, {WEB.id: WHY}), (1, {})):
            self.kill(WEB)
            started = SINCE + timedelta(seconds=seconds)
            self.assertEqual(
                expected, self.draining.reasons(of(replace(WEB, started=started)), 1.0)
            )

    def test_one_that_does_not_say_when_it_started(self) -> None:
        """It is not taken to be another run."""
        self.kill(WEB)
        unknown = of(replace(WEB, started=None))
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(unknown, 1.0))

    def test_a_signal_without_a_moment(self) -> None:
        """It counts all the same."""
        why = self.draining.signalled(
            ContainerEvent(WEB.id, "kill", None, "15"), WEB, 0.0
        )
        self.assertEqual({WEB.id: why}, self.draining.reasons(of(WEB), 1.0))

    def test_one_that_nothing_can_be_made_of(self) -> None:
        """It is still being stopped when it can be understood again."""
        self.kill(WEB)
        self.draining.reasons({WEB.id: None}, 1.0)
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 2.0))

    def test_one_that_was_not_known_yet(self) -> None:
        """The usual terms count."""
        self.assertEqual(WHY, self.kill(None))
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 2.0))
        self.assertEqual(FULL_S, self.draining.next_end_s())

    def test_a_paused_container(self) -> None:
        """As long as it is; being stopped is the graver reason."""
        paused = of(replace(WEB, paused=True))
        self.assertEqual({WEB.id: PAUSED}, self.draining.reasons(paused, 1e9))
        self.kill(WEB)
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(paused, 1.0))

    def test_what_an_earlier_process_has_seen(self) -> None:
        """All of its time is still to come."""
        told = {WEB.id[:12]: SINCE, "another": SINCE}
        other = read_container(container_json(number=2))
        self.draining.adopt(of(WEB, other), told, 50.0)
        self.assertEqual([WEB.id], list(self.draining))
        self.assertEqual(50.0 + FULL_S, self.draining.next_end_s())
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 51.0))
