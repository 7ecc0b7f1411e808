"""When the registrar has looked, how long it took, and what it came upon."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

# Note [Drift]
#
# Whatever an event tells of, or a start, an outage, a write that failed, leads to a
# look that is expected to find differences. One that comes by the clock alone should
# find none: what it finds was changed behind the registrar's back, or its event was
# lost. A world in which all goes well has no drift.


class Looks:
    """Figures of the looks at both sides.

    :ivar event_at_s: when the last event came, on ``clock``; ``None`` for never.
    :ivar done_at_s: when the last complete look ended; likewise.
    :ivar took_s: how long that was; likewise.
    :ivar drift: differences found that nothing had announced, ever.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._began_s = 0.0
        self._is_announced = False
        self._may_differ = False
        self.event_at_s: float | None = None
        self.done_at_s: float | None = None
        self.took_s: float | None = None
        self.drift = 0

    def event(self) -> None:
        """Take note that an event has come."""
        self.event_at_s = self._clock.seconds()

    def announce(self) -> None:
        """The look under way, or the next one, has a reason to find something."""
        self._is_announced = True

    def begin(self) -> None:
        """A look begins."""
        self._began_s = self._clock.seconds()
        self._may_differ, self._is_announced = self._is_announced, False

    def compared(self, differences: int) -> None:
        """Both sides were compared."""
        if not (self._may_differ or self._is_announced):
            self.drift += differences

    def done(self) -> None:
        """The agent holds what it should."""
        self.done_at_s = self._clock.seconds()
        self.took_s = self.done_at_s - self._began_s
