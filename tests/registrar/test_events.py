"""Tests for ``twisted_router.registrar.events``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.events import ContainerEvent, read_event

AT = datetime(2001, 9, 9, 1, 46, 40, 0, UTC)


def event(kind: str, action: str, actor_id: str, **attributes: str) -> dict[str, Any]:
    """An event as Docker sends it."""
    actor = {"ID": actor_id, "Attributes": attributes}
    return {"Type": kind, "Action": action, "Actor": actor, "timeNano": 10**18}


class ReadEventTests(SynchronousTestCase):
    """Some of Docker's events say that it is time to look."""

    def test_of_a_container(self) -> None:
        """Which one, and what happened to it."""
        for action in ("start", "die", "pause", "unpause", "rename", "update"):
            self.assertEqual(
                ContainerEvent("c", action, AT),
                read_event(event("container", action, "c", name="web")),
            )

    def test_of_health(self) -> None:
        """The result is in what follows; inspecting tells it."""
        self.assertEqual(
            ContainerEvent("c", "health_status", AT),
            read_event(event("container", "health_status: healthy", "c")),
        )

    def test_of_a_signal(self) -> None:
        """With its number."""
        self.assertEqual(
            ContainerEvent("c", "kill", AT, "15"),
            read_event(event("container", "kill", "c", signal="15")),
        )

    def test_of_a_network(self) -> None:
        """It is about the container that came or went."""
        for action in ("connect", "disconnect"):
            self.assertEqual(
                ContainerEvent("c", action, AT),
                read_event(event("network", action, "net", container="c")),
            )

    def test_what_is_of_no_interest(self) -> None:
        """However little it has of an event."""
        for data in (
            event("container", "exec_start: ls", "c"),
            event("container", "connect", "c"),
            event("network", "start", "net"),
            event("volume", "mount", "v"),
            {"Type": "container"},
            {},
        ):
            self.assertIsNone(read_event(data), data)

    def test_parts_that_are_missing(self) -> None:
        """They are empty."""
        self.assertEqual(
            ContainerEvent("", "kill", None),
            read_event({"Type": "container", "Action": "kill", "Actor": None}),
        )
