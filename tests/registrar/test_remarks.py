"""Tests for ``twisted_router.registrar.remarks``."""

from __future__ import annotations

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker_json import container_json
from twisted_router.registrar.container import read_container
from twisted_router.registrar.desired import Desired
from twisted_router.registrar.registration import Registration
from twisted_router.registrar.remarks import Remarks, remarks_on


class RemarksTests(SynchronousTestCase):
    """What is not as it was meant to be is said once."""

    def test_what_is_remarked_on(self) -> None:
        """Parts that were left out, odd containers, and IDs that are another's."""
        web = read_container(container_json(name="web", number=1))
        clash = Registration("db", "db", "10.0.0.1", 1, "c3")
        self.assertEqual(
            {
                ("web (000000000001)", "no port"),
                ("c2", "not registered: odd"),
                ("c3", "db is not registered: another has this ID"),
            },
            remarks_on(Desired((), ((web, "no port"),)), {"c2": "odd"}, [clash]),
        )

    def test_each_is_said_once(self) -> None:
        """Unless it was not true in between."""
        remarks = Remarks()
        with capturedLogs() as logged:
            for now in ({("a", "x")}, {("a", "x"), ("b", "y")}, {("b", "y")}):
                remarks.say(now)
            remarks.say({("a", "x"), ("b", "y")})
        self.assertEqual(["a", "b", "a"], [event["container"] for event in logged])
