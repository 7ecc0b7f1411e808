"""Tests for ``twisted_router.registrar.plan``."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.meta import CONTAINER, OWNER
from twisted_router.registrar.plan import (
    Deregister,
    Register,
    Step,
    conflicts,
    plan_changes,
)
from twisted_router.registrar.registration import Registration

OURS = "node-1"


def registration(
    service_id: str = "a",
    name: str = "web",
    port: int = 80,
    container: str = "c1",
    tags: tuple[str, ...] = ("x", "y"),
) -> Registration:
    """A registration of ours."""
    meta = {OWNER: OURS, CONTAINER: container}
    return Registration(service_id, name, "10.0.0.1", port, container, tags, meta)


def stored(each: Registration) -> dict[str, Any]:
    """What an agent that holds a registration says of it."""
    payload = each.payload()
    payload["Service"] = payload.pop("Name")
    return payload | {"Weights": {"Passing": 1, "Warning": 1}}


def foreign(**changes: Any) -> dict[str, Any]:
    """A service that somebody else registered, without any mark."""
    service = {"ID": "f", "Service": "db", "Address": "", "Port": 1}
    return service | {"Tags": None, "Meta": None} | changes


def apply_steps(steps: tuple[Step, ...], actual: dict[str, dict[str, Any]]) -> None:
    """What an agent does with the steps."""
    for step in steps:
        if isinstance(step, Register):
            actual[step.service_id] = stored(step.registration)
        else:
            del actual[step.service_id]


class PlanChangesTests(SynchronousTestCase):
    """Only differences are written, and only to what is ours."""

    def test_nothing_to_do(self) -> None:
        """The agent holds what it should."""
        each = registration()
        self.assertEqual((), plan_changes([each], {"a": stored(each)}, OURS))

    def test_a_missing_service_is_registered(self) -> None:
        """A new container, or an agent that lost its data."""
        each = registration()
        self.assertEqual((Register(each),), plan_changes([each], {}, OURS))

    def test_a_service_without_a_container_is_deregistered(self) -> None:
        """Whenever it was registered: by an earlier run as well."""
        actual = {"a": stored(registration())}
        self.assertEqual(
            (Deregister("a", "c1"),),
            plan_changes([], actual, OURS),
        )

    def test_every_difference_is_written(self) -> None:
        """In any part of a service."""
        actual = {"a": stored(registration())}
        for changed in (
            registration(name="api"),
            registration(port=81),
            registration(container="c2"),
            registration(tags=("y", "x")),
        ):
            self.assertEqual(
                (Register(changed),), plan_changes([changed], actual, OURS)
            )

    def test_what_others_registered_is_left_alone(self) -> None:
        """By hand, or by the registrar of another node."""
        actual = {"f": foreign(), "g": foreign(Meta={OWNER: "node-2"})}
        self.assertEqual((), plan_changes([], actual, OURS))

    def test_an_id_that_another_has_is_not_taken_over(self) -> None:
        """It is reported instead."""
        each = registration("f")
        for meta in (None, {}, {OWNER: "node-2"}):
            actual = {"f": foreign(Meta=meta)}
            self.assertEqual((), plan_changes([each], actual, OURS))
            self.assertEqual((each,), conflicts([each], actual, OURS))

    def test_our_own_is_no_conflict(self) -> None:
        """Neither is what is not there."""
        each = registration()
        self.assertEqual((), conflicts([each], {"a": stored(each)}, OURS))
        self.assertEqual((), conflicts([each], {}, OURS))

    def test_a_dead_containers_services_go_first(self) -> None:
        """Requests fail there until they do."""
        actual = {"old": stored(registration("old", container="dead"))}
        new = registration("new")
        self.assertEqual(
            (Deregister("old", "dead"), Register(new)),
            plan_changes([new], actual, OURS),
        )

    def test_a_renamed_containers_old_id_goes_last(self) -> None:
        """It is served throughout."""
        actual = {"old": stored(registration("old"))}
        new = registration("new")
        self.assertEqual(
            (Register(new), Deregister("old", "c1")),
            plan_changes([new], actual, OURS),
        )


_IDS = st.sampled_from("abcdef")
_REGISTRATIONS = st.builds(
    registration,
    _IDS,
    st.sampled_from(["web", "api"]),
    st.integers(80, 82),
    st.sampled_from(["c1", "c2"]),
    st.sampled_from([(), ("x",), ("x", "y")]),
)
_DESIRED = st.lists(_REGISTRATIONS, unique_by=lambda each: each.id)
_SERVICES = st.one_of(
    _REGISTRATIONS.map(stored),
    st.builds(foreign, Meta=st.sampled_from([None, {}, {OWNER: "node-2"}])),
)
_ACTUAL = st.dictionaries(_IDS, _SERVICES).map(
    lambda services: {key: each | {"ID": key} for key, each in services.items()}
)


def is_ours(service: dict[str, Any]) -> bool:
    """Whether a service has our mark."""
    return bool((service["Meta"] or {}).get(OWNER) == OURS)


class PlanPropertyTests(SynchronousTestCase):
    """What holds for any container set and any agent."""

    # A busy machine is no failure.
    @settings(deadline=None)
    @given(_DESIRED, _ACTUAL)
    def test_the_agent_ends_up_with_what_is_desired(
        self, desired: list[Registration], actual: dict[str, dict[str, Any]]
    ) -> None:
        """From any start: all of it, nothing more of ours, nothing foreign changed."""
        before = copy.deepcopy(actual)
        clashing = {each.id for each in conflicts(desired, actual, OURS)}
        apply_steps(plan_changes(desired, actual, OURS), actual)
        wanted = {each.id: stored(each) for each in desired if each.id not in clashing}
        others = {key: each for key, each in before.items() if not is_ours(each)}
        self.assertEqual(wanted | others, actual)

    # A busy machine is no failure.
    @settings(deadline=None)
    @given(_DESIRED, _ACTUAL)
    def test_there_is_nothing_left_to_do_afterwards(
        self, desired: list[Registration], actual: dict[str, dict[str, Any]]
    ) -> None:
        """An unchanged world makes no writes."""
        apply_steps(plan_changes(desired, actual, OURS), actual)
        self.assertEqual((), plan_changes(desired, actual, OURS))
