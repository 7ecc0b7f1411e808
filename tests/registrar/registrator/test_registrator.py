"""registrator's documented payloads beside ours, rule by rule.

What registrator does is known from its source and from experiments with version 7.4 and
Consul; the tables of cases beside this file say where we differ, and why.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.container import read_container
from twisted_router.registrar.joined import joined
from twisted_router.registrar.meta import CHECK, CONTAINER, OWNER
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.reach import Host
from twisted_router.registrar.registration import Registrations, registrations_of

from .case import ADDRESS, NODE, Case, Differs, OnlyTheirs, Same, inspected, service
from .checks import CHECKS
from .names import IDS, LEFT_OUT, NAMES, TAGS
from .places import ADDRESSES, META, PORTS

CASES = (*NAMES, *IDS, *TAGS, *LEFT_OUT, *PORTS, *ADDRESSES, *META, *CHECKS)

#: On all that we register, and on nothing of registrator's.
MARKS = (OWNER, CONTAINER, CHECK)


def described(case: Case) -> Registrations:
    """What we make of a container."""
    address = case.config.ip or ADDRESS
    host = Host(Owner(NODE), address, "-ip" in case.flags, case.config)
    container = read_container(case.container, case.config)
    if case.lender is not None:
        container = joined(container, read_container(case.lender))
    return registrations_of(container, host)


def payloads(case: Case) -> list[dict[str, Any]]:
    """What we register, without our marks."""
    found = [each.payload() for each in described(case).services]
    for payload in found:
        for mark in MARKS:
            payload["Meta"].pop(mark, None)
    return found


class RegistratorTests(SynchronousTestCase):
    """Whoever changes from registrator finds the same services."""

    def test_ours_are_theirs_but_for_the_differences(self) -> None:
        """Neither more nor less than what the tables say."""
        for case in CASES:
            expected = []
            for each in case.services:
                if isinstance(each, Same):
                    expected.append(each.ours())
                elif not isinstance(each, OnlyTheirs):
                    expected.append(dict(each.payload))
            self.assertEqual(expected, payloads(case), case.rule)

    def test_every_difference_is_one(self) -> None:
        """What became the same is no difference any more."""
        for case in CASES:
            for each in case.services:
                if isinstance(each, Same):
                    for difference in each.differences:
                        alone = Same(each.theirs, (difference,))
                        self.assertNotEqual(each.theirs, alone.ours(), case.rule)

    def test_whoever_is_not_heeded_is_told_so(self) -> None:
        """And nobody else is."""
        for case in CASES:
            notes = described(case).notes
            self.assertEqual(len(case.notes), len(notes), (case.rule, notes))
            for expected, note in zip(case.notes, notes, strict=True):
                self.assertIn(expected, note, case.rule)

    def test_each_rule_is_shown_once(self) -> None:
        """The tables are to be read."""
        rules = [case.rule for case in CASES]
        self.assertEqual(sorted(set(rules)), sorted(rules))

    def test_what_is_registered_has_our_marks(self) -> None:
        """The one difference that all of them have."""
        (found,) = described(Case("any", inspected())).services
        marks = {OWNER: NODE, CONTAINER: "000000000001"}
        self.assertEqual(service(meta=marks), found.payload())

    def test_a_difference_that_is_not_in_the_table_is_found(self) -> None:
        """In both directions."""
        wrong = Same(service(name="shop"), (Differs("Port", 1, "none"),))
        self.assertNotEqual([wrong.ours()], payloads(Case("any", inspected())))
