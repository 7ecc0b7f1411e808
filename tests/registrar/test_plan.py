"""Tests for ``twisted_router.registrar.plan``."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.maintenance import PAUSED, is_ours, stopping
from twisted_router.registrar.meta import CHECK, CONTAINER, OWNER
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.plan import (
    Deregister,
    Maintain,
    Register,
    Resume,
    Step,
    Tell,
    conflicts,
    held_by_container,
    plan_changes,
)
from twisted_router.registrar.registration import Registration
from twisted_router.registrar.reports import Report

NODE = "node-1"
OURS = Owner(NODE)

STOPPING = stopping(None)


def registration(
    service_id: str = "a",
    name: str = "web",
    port: int = 80,
    container: str = "c1",
    tags: tuple[str, ...] = ("x", "y"),
    maintenance: str = "",
    check: str = "",
) -> Registration:
    """A registration of ours."""
    meta = {OWNER: NODE, CONTAINER: container} | ({CHECK: check} if check else {})
    checks = {"TTL": check} if check else None
    facts = (service_id, name, "10.0.0.1", port, container, tags, meta, checks)
    return Registration(*facts, maintenance=maintenance)


def stored(each: Registration) -> dict[str, Any]:
    """What an agent that holds a registration says of it."""
    payload = each.payload()
    payload["Service"] = payload.pop("Name")
    return payload | {"Weights": {"Passing": 1, "Warning": 1}}


def foreign(**changes: Any) -> dict[str, Any]:
    """A service that somebody else registered, without any mark."""
    service = {"ID": "f", "Service": "db", "Address": "", "Port": 1}
    return service | {"Tags": None, "Meta": None} | changes


@dataclass
class Agent:
    """What an agent holds, and what it does with steps.

    :ivar maintenance: reasons by service ID.
    :ivar keeps: maintenance mode lasts when checks are replaced; in Consul 1.8 it ends.
    """

    services: dict[str, dict[str, Any]]
    maintenance: dict[str, str]
    keeps: bool = False

    def plan(self, *desired: Registration) -> tuple[Step, ...]:
        """What there is to do."""
        return plan_changes(desired, self.services, self.maintenance, OURS)

    def apply(self, step: Step) -> None:
        """Take a write."""
        service_id = step.service_id
        if isinstance(step, Register):
            self.services[service_id] = stored(step.registration)
            if not step.keep_checks and not self.keeps:
                self.maintenance.pop(service_id, None)
        elif isinstance(step, Deregister):
            del self.services[service_id]
            self.maintenance.pop(service_id, None)
        elif isinstance(step, Maintain):
            assert service_id in self.services, "Consul says 404"
            self.maintenance.setdefault(service_id, step.reason)
        else:
            self.maintenance.pop(service_id, None)


class PlanChangesTests(SynchronousTestCase):
    """Only differences are written, and only to what is ours."""

    def test_nothing_to_do(self) -> None:
        """The agent holds what it should."""
        each = registration()
        self.assertEqual((), plan_changes([each], {"a": stored(each)}, {}, OURS))

    def test_a_missing_service_is_registered(self) -> None:
        """A new container, or an agent that lost its data."""
        each = registration()
        self.assertEqual((Register(each),), plan_changes([each], {}, {}, OURS))

    def test_a_service_without_a_container_is_deregistered(self) -> None:
        """Whenever it was registered: by an earlier run as well."""
        actual = {"a": stored(registration())}
        self.assertEqual(
            (Deregister("a", "c1"),),
            plan_changes([], actual, {}, OURS),
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
                (Register(changed),), plan_changes([changed], actual, {}, OURS)
            )

    def test_what_others_registered_is_left_alone(self) -> None:
        """By hand, or by the registrar of another node."""
        actual = {"f": foreign(), "g": foreign(Meta={OWNER: "node-2"})}
        self.assertEqual((), plan_changes([], actual, {}, OURS))

    def test_an_id_that_another_has_is_not_taken_over(self) -> None:
        """It is reported instead."""
        each = registration("f")
        for meta in (None, {}, {OWNER: "node-2"}):
            actual = {"f": foreign(Meta=meta)}
            self.assertEqual((), plan_changes([each], actual, {}, OURS))
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
            plan_changes([new], actual, {}, OURS),
        )

    def test_a_renamed_containers_old_id_goes_last(self) -> None:
        """It is served throughout."""
        actual = {"old": stored(registration("old"))}
        new = registration("new")
        self.assertEqual(
            (Register(new), Deregister("old", "c1")),
            plan_changes([new], actual, {}, OURS),
        )


class DrainingTests(SynchronousTestCase):
    """Maintenance mode is part of what is desired."""

    def test_a_container_that_begins_to_stop(self) -> None:
        """Its services get no more requests; nothing else happens to them."""
        agent = Agent({"a": stored(registration())}, {})
        self.assertEqual(
            (Maintain("a", "c1", STOPPING),),
            agent.plan(registration(maintenance=STOPPING)),
        )

    def test_one_that_drains_already(self) -> None:
        """Whoever has switched it on, and whatever for."""
        for reason in (STOPPING, PAUSED, "an upgrade"):
            agent = Agent({"a": stored(registration())}, {"a": reason})
            self.assertEqual((), agent.plan(registration(maintenance=STOPPING)))

    def test_a_survivor(self) -> None:
        """It gets requests again."""
        for reason in (STOPPING, PAUSED):
            agent = Agent({"a": stored(registration())}, {"a": reason})
            self.assertEqual((Resume("a", "c1"),), agent.plan(registration()))

    def test_an_operators_maintenance(self) -> None:
        """It is his to end."""
        agent = Agent({"a": stored(registration())}, {"a": "an upgrade"})
        self.assertEqual((), agent.plan(registration()))

    def test_maintenance_of_what_others_registered(self) -> None:
        """It is none of our business, even if it looks like ours."""
        agent = Agent({"f": foreign()}, {"f": STOPPING})
        self.assertEqual((), agent.plan(registration("f")))

    def test_a_difference_while_it_drains(self) -> None:
        """It is registered anew, and the drain goes on."""
        for reason, wanted in ((STOPPING, STOPPING), ("an upgrade", "")):
            agent = Agent({"a": stored(registration())}, {"a": reason})
            changed = registration(port=81, maintenance=wanted)
            self.assertEqual(
                (Register(changed, keep_checks=True),), agent.plan(changed)
            )

    def test_a_difference_as_it_begins_to_drain(self) -> None:
        """Draining comes first, and survives."""
        agent = Agent({"a": stored(registration())}, {})
        changed = registration(port=81, maintenance=STOPPING)
        self.assertEqual(
            (Maintain("a", "c1", STOPPING), Register(changed, keep_checks=True)),
            agent.plan(changed),
        )

    def test_a_check_that_is_no_more(self) -> None:
        """It has to go; maintenance mode goes with it, and is switched on again."""
        agent = Agent({"a": stored(registration(check="9s"))}, {"a": "an upgrade"})
        changed = registration()
        self.assertEqual(
            (Register(changed), Maintain("a", "c1", "an upgrade")), agent.plan(changed)
        )

    def test_a_restarted_container(self) -> None:
        """It gets requests only where it listens now."""
        agent = Agent({"a": stored(registration())}, {"a": STOPPING})
        changed = registration(port=81)
        self.assertEqual(
            (Register(changed, keep_checks=True), Resume("a", "c1")),
            agent.plan(changed),
        )

    def test_a_service_that_is_lost_while_it_drains(self) -> None:
        """It comes back, but not into use."""
        each = registration(maintenance=PAUSED)
        self.assertEqual(
            (Register(each), Maintain("a", "c1", PAUSED)), Agent({}, {}).plan(each)
        )

    def test_draining_goes_before_all_else(self) -> None:
        """Every moment counts, in a large plan above all."""
        dead = stored(registration("dead", container="c9"))
        agent = Agent({"dead": dead, "z": stored(registration("z"))}, {})
        new = registration("new", container="c2")
        self.assertEqual(
            (Maintain("z", "c1", STOPPING), Deregister("dead", "c9"), Register(new)),
            agent.plan(new, registration("z", maintenance=STOPPING)),
        )


class HeldByContainerTests(SynchronousTestCase):
    """What has to drain when a container stops."""

    def test_what_it_has_and_what_it_is_about_to_have(self) -> None:
        """Of ours."""
        actual = {
            "a": stored(registration("a")),
            "f": foreign(),
            "g": foreign(Meta={OWNER: "node-2", CONTAINER: "c1"}),
        }
        desired = [registration(each, container="c2") for each in ("b", "f")]
        self.assertEqual(
            {"c1": {"a"}, "c2": {"b"}}, held_by_container(desired, actual, OURS)
        )


_IDS = st.sampled_from("abcdef")
_REGISTRATIONS = st.builds(
    registration,
    _IDS,
    st.sampled_from(["web", "api"]),
    st.integers(80, 82),
    st.sampled_from(["c1", "c2"]),
    st.sampled_from([(), ("x",), ("x", "y")]),
    st.sampled_from(["", "", STOPPING, PAUSED]),
    st.sampled_from(["", "9s"]),
)
_DESIRED = st.lists(_REGISTRATIONS, unique_by=lambda each: each.id)
_SERVICES = st.one_of(
    _REGISTRATIONS.map(stored),
    st.builds(foreign, Meta=st.sampled_from([None, {}, {OWNER: "node-2"}])),
)
_ACTUAL = st.dictionaries(_IDS, _SERVICES).map(
    lambda services: {key: each | {"ID": key} for key, each in services.items()}
)
_REASONS = st.sampled_from([STOPPING, PAUSED, "an upgrade"])


@st.composite
def _agents(draw: st.DrawFn) -> Agent:
    """Any agent, old or new; some of its services are in maintenance mode."""
    services = draw(_ACTUAL)
    reasons = draw(st.dictionaries(_IDS, _REASONS))
    held = {key: reason for key, reason in reasons.items() if key in services}
    return Agent(services, held, keeps=draw(st.booleans()))


def is_marked(service: dict[str, Any]) -> bool:
    """Whether a service has our mark."""
    return bool((service["Meta"] or {}).get(OWNER) == NODE)


class StatusTests(SynchronousTestCase):
    """Checks whose status is ours to tell."""

    def with_reports(self, **statuses: str) -> Registration:
        """A service with such checks, by the last word of their ids."""
        reports = tuple(
            Report(f"service:a:{word}", word, "1h", status, "why")
            for word, status in statuses.items()
        )
        each = registration(check="30s")
        return replace(each, reports=reports)

    def plan(self, each: Registration, **held: str) -> tuple[Step, ...]:
        """What there is to do when the agent has these statuses."""
        statuses = {f"service:a:{word}": status for word, status in held.items()}
        statuses |= {"service:a": "passing", "service:b:health": "critical"}
        return plan_changes([each], {"a": stored(each)}, {}, OURS, statuses)

    def test_what_the_agent_knows_is_not_told_again(self) -> None:
        """Whatever it is."""
        for status in ("passing", "critical"):
            each = self.with_reports(health=status)
            self.assertEqual((), self.plan(each, health=status))

    def test_another_status_is_told(self) -> None:
        """Nothing else is written for it."""
        for status, other in (("passing", "critical"), ("critical", "passing")):
            each = self.with_reports(health=status)
            (report,) = each.reports
            self.assertEqual((Tell("a", "c1", report),), self.plan(each, health=other))

    def test_a_new_service_begins_with_its_status(self) -> None:
        """It is part of the registration."""
        each = self.with_reports(health="critical")
        self.assertEqual((Register(each),), plan_changes([each], {}, {}, OURS))

    def test_a_check_that_somebody_took_away_comes_back(self) -> None:
        """The others tell nothing of it."""
        each = self.with_reports(health="critical", alive="passing")
        self.assertEqual((Register(each),), self.plan(each, alive="passing"))

    def test_a_changed_service_keeps_statuses_that_have_to_be_told(self) -> None:
        """Consul ignores the one that it is registered with."""
        each = self.with_reports(health="critical")
        (report,) = each.reports
        changed = replace(each, port=81)
        steps = plan_changes(
            [changed], {"a": stored(each)}, {}, OURS, {"service:a:health": "passing"}
        )
        self.assertEqual((Tell("a", "c1", report), Register(changed)), steps)

    def test_in_maintenance_a_lost_check_goes_all_the_same(self) -> None:
        """Only what is replaced as a whole loses it."""
        before = self.with_reports(health="passing", alive="passing")
        after = replace(self.with_reports(alive="passing"), port=81)
        statuses = {
            check_id: "passing"
            for check_id in ("service:a", "service:a:health", "service:a:alive")
        }
        steps = plan_changes(
            [after], {"a": stored(before)}, {"a": "by hand"}, OURS, statuses
        )
        self.assertEqual((Register(after), Maintain("a", "c1", "by hand")), steps)


class PlanPropertyTests(SynchronousTestCase):
    """What holds for any container set and any agent."""

    # A busy machine is no failure.
    @settings(deadline=None)
    @given(_DESIRED, _agents())
    def test_the_agent_ends_up_with_what_is_desired(
        self, desired: list[Registration], agent: Agent
    ) -> None:
        """From any start: all of it, nothing more of ours, nothing foreign changed."""
        before = copy.deepcopy(agent)
        clashing = {each.id for each in conflicts(desired, agent.services, OURS)}
        for step in agent.plan(*desired):
            agent.apply(step)
        ours = {each.id: each for each in desired if each.id not in clashing}
        others = {
            key: each for key, each in before.services.items() if not is_marked(each)
        }
        wanted = {key: stored(each) for key, each in ours.items()}
        self.assertEqual(wanted | others, agent.services)
        for key in agent.services:
            was, now = before.maintenance.get(key), agent.maintenance.get(key)
            if key in others or (was and not is_ours(was)):
                self.assertEqual(was, now, key)
            else:
                self.assertEqual(bool(ours[key].maintenance), bool(now), key)

    # A busy machine is no failure.
    @settings(deadline=None)
    @given(_DESIRED, _agents())
    def test_there_is_nothing_left_to_do_afterwards(
        self, desired: list[Registration], agent: Agent
    ) -> None:
        """An unchanged world makes no writes."""
        for step in agent.plan(*desired):
            agent.apply(step)
        self.assertEqual((), agent.plan(*desired))

    # A busy machine is no failure.
    @settings(deadline=None)
    @given(_DESIRED, _agents())
    def test_what_is_to_stay_in_maintenance_never_leaves_it(
        self, desired: list[Registration], agent: Agent
    ) -> None:
        """Not for a moment in between, unless a check has to go."""
        steps = agent.plan(*desired)
        after = copy.deepcopy(agent)
        for step in steps:
            after.apply(step)
        checked = {
            each.id
            for each in desired
            if each.check is not None or CHECK not in _meta_of(agent, each.id)
        }
        kept = agent.maintenance.keys() & after.maintenance.keys() & checked
        for step in steps:
            agent.apply(step)
            self.assertEqual(set(), kept - agent.maintenance.keys(), step)


def _meta_of(agent: Agent, service_id: str) -> dict[str, str]:
    return dict(agent.services.get(service_id, {}).get("Meta") or {})
