"""Tests for ``twisted_router.registrar.draining``."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker_json import container_json
from twisted_router.registrar.container import Container, read_container
from twisted_router.registrar.draining import (
    DEFAULT_STOP_TIMEOUT_S,
    SURVIVAL_S,
    Draining,
)
from twisted_router.registrar.maintenance import PAUSED, stopping

WEB = read_container(container_json())
WHY = stopping(WEB.started)
FULL_S = DEFAULT_STOP_TIMEOUT_S + SURVIVAL_S


def of(*containers: Container) -> dict[str, Container | None]:
    """What runs, by id."""
    return {each.id: each for each in containers}


class DrainingTests(SynchronousTestCase):
    """Which containers are to have no more requests."""

    def setUp(self) -> None:
        """Nothing is being stopped."""
        self.draining = Draining()

    def test_a_signal_to_stop(self) -> None:
        """It drains for as long as stopping may take, and some seconds more."""
        self.assertEqual(WHY, self.draining.signalled(WEB.id, WEB, "15", 100.0))
        self.assertEqual(100.0 + FULL_S, self.draining.next_end_s())
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 99.9 + FULL_S))
        self.assertEqual({}, self.draining.reasons(of(WEB), 100.0 + FULL_S))
        self.assertEqual((0, inf), (len(self.draining), self.draining.next_end_s()))

    def test_any_other_signal(self) -> None:
        """It does not drain for that; nor does it stop draining."""
        self.assertEqual("", self.draining.signalled(WEB.id, WEB, "1", 0.0))
        self.assertEqual({}, self.draining.reasons(of(WEB), 0.0))
        self.draining.signalled(WEB.id, WEB, "15", 0.0)
        self.draining.signalled(WEB.id, WEB, "1", 1.0)
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 2.0))

    def test_the_next_signal(self) -> None:
        """Its time begins anew."""
        for now_s in (0.0, 10.0):
            self.draining.signalled(WEB.id, WEB, "15", now_s)
        self.assertEqual(10.0 + FULL_S, self.draining.next_end_s())

    def test_a_containers_own_terms(self) -> None:
        """Which signal, and how long."""
        own = replace(WEB, stop_signal="SIGWINCH", stop_timeout_s=1)
        self.assertEqual(WHY, self.draining.signalled(WEB.id, own, "28", 0.0))
        self.assertEqual(1.0 + SURVIVAL_S, self.draining.next_end_s())

    def test_a_container_that_is_waited_for_without_end(self) -> None:
        """It drains until it dies."""
        patient = replace(WEB, stop_timeout_s=-1)
        self.draining.signalled(WEB.id, patient, "15", 0.0)
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 1e9))
        self.assertEqual({}, self.draining.reasons({}, 1e9))
        self.assertEqual([], list(self.draining))

    def test_one_that_has_died_or_started_anew(self) -> None:
        """Whoever was told so."""
        self.draining.signalled(WEB.id, WEB, "15", 0.0)
        self.draining.ended(WEB.id)
        self.draining.ended("unknown")
        self.assertEqual({}, self.draining.reasons(of(WEB), 1.0))

    def test_one_that_has_started_anew_unnoticed(self) -> None:
        """What stopped was another run."""
        self.draining.signalled(WEB.id, WEB, "15", 0.0)
        again = replace(WEB, started="2026-01-02T00:00:00Z")
        self.assertEqual({}, self.draining.reasons(of(again), 1.0))

    def test_one_that_has_died_unnoticed(self) -> None:
        """It is not kept for ever."""
        self.draining.signalled(WEB.id, WEB, "15", 0.0)
        self.draining.reasons({}, 1.0)
        self.assertEqual(0, len(self.draining))

    def test_one_that_nothing_can_be_made_of_just_now(self) -> None:
        """It is still being stopped when it can be understood again."""
        self.draining.signalled(WEB.id, WEB, "15", 0.0)
        self.assertEqual({}, self.draining.reasons({WEB.id: None}, 1.0))
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 2.0))

    def test_one_that_was_not_known_yet(self) -> None:
        """It is stopping from the moment it is seen, with the usual terms."""
        self.assertEqual(stopping(""), self.draining.signalled(WEB.id, None, "15", 0.0))
        self.assertEqual({}, self.draining.reasons({}, 1.0))
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(WEB), 2.0))
        self.assertEqual(FULL_S, self.draining.next_end_s())

    def test_a_paused_container(self) -> None:
        """As long as it is; being stopped is the graver reason."""
        paused = replace(WEB, paused=True)
        self.assertEqual({WEB.id: PAUSED}, self.draining.reasons(of(paused), 1e9))
        self.draining.signalled(WEB.id, paused, "15", 0.0)
        self.assertEqual({WEB.id: WHY}, self.draining.reasons(of(paused), 1.0))

    def test_what_an_earlier_process_has_seen(self) -> None:
        """It is known by its reason; another run's or an operator's is not taken."""
        other = read_container(container_json(number=2))
        self.draining.adopt(of(WEB), [WHY, "an upgrade"], 50.0)
        self.assertEqual(50.0 + FULL_S, self.draining.next_end_s())
        for reason in (stopping("2025-12-31T00:00:00Z"), stopping(""), PAUSED, "x"):
            self.draining.adopt({**of(other), "odd": None}, [reason], 0.0)
        self.assertEqual([WEB.id], list(self.draining))
