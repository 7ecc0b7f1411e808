"""Runs of checks whose outcome the tests decide."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from twisted_router.discovery.catalog.model import CheckStatus, Probe
from twisted_router.discovery.catalog.rounds import Outcome


def never_ends(probe: Probe) -> Deferred[Outcome]:
    """A run without an outcome."""
    return Deferred()


class Runs:
    """Provides the runs of checks, and remembers them.

    :ivar asked: what was to be run, first to last.
    :ivar under_way: the runs that have no outcome yet, in that order.
    :ivar cancelled: how many were given up.
    """

    def __init__(self) -> None:
        self.asked: list[Probe] = []
        self.under_way: list[Deferred[Outcome]] = []
        self.cancelled = 0

    def __call__(self, probe: Probe) -> Deferred[Outcome]:
        """Begin a run."""
        self.asked.append(probe)
        run: Deferred[Outcome] = Deferred(self._given_up)
        self.under_way.append(run)
        return run

    def end(self, status: CheckStatus, output: str = "") -> None:
        """Let the run that has been under way for the longest find this."""
        self.under_way.pop(0).callback(Outcome(status, output))

    def _given_up(self, run: Deferred[Outcome]) -> None:
        self.under_way.remove(run)
        self.cancelled += 1
