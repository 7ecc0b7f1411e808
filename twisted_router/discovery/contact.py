"""Whether Consul answers, over all reads of it: for the log and the status site."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..interfaces import Answer, CatalogError


class Contact:
    """Remembers which reads fail now, and says so once however many they are.

    A read is known by a name of its own. Contact is lost with the first that fails,
    and back when one is answered and no other fails any more.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._failing: dict[str, CatalogError] = {}
        self._failing_s: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._filtered: set[str] = set()
        self._old: set[str] = set()
        self._heard_s: float | None = None
        # Since when all is not well, None when it is; and what was said about it.
        self._lost_s: float | None = None
        self._said_gone = False

    @property
    def age_s(self) -> float | None:
        """Seconds since the last successful answer, ``None`` before the first."""
        return None if self._heard_s is None else self._clock.seconds() - self._heard_s

    @property
    def error(self) -> str:
        """Why reads fail now, ``""`` when none does; no answer is worse than a no."""
        errors = sorted(self._failing.values(), key=lambda error: error.status)
        return str(errors[0]) if errors else ""

    @property
    def reservation(self) -> str:
        """Why what reads bring now may be less than there is, ``""`` for no reason."""
        if self._filtered:
            return "the token's rights do not suffice to see all"
        return "Consul has no leader, so it may be old" if self._old else ""

    def heard_s(self, read: str) -> float | None:
        """When a read was last answered, on the clock given; ``None`` if never."""
        return self._heard.get(read)

    def failing_s(self, read: str) -> float | None:
        """Since when a read fails, ``None`` if it does not."""
        return self._failing_s.get(read)

    def heard(self, read: str, answer: Answer) -> None:
        """A read was answered."""
        self._heard_s = self._heard[read] = self._clock.seconds()
        for reads, is_so in (
            (self._filtered, answer.filtered_by_acls),
            (self._old, answer.stale),
        ):
            if is_so:
                reads.add(read)
            else:
                reads.discard(read)
        self._failing.pop(read, None)
        self._failing_s.pop(read, None)
        if self._lost_s is not None and not self._failing:
            self._log.info(
                "contact with Consul is back after {lost_s:.1f} s",
                lost_s=self._heard_s - self._lost_s,
            )
            self._lost_s = None

    def failed(self, read: str, error: CatalogError) -> None:
        """A read failed: log it if that is news."""
        self._failing[read] = error
        self._failing_s.setdefault(read, self._clock.seconds())
        gone = error.status == 0
        if self._lost_s is None:
            self._lost_s = self._clock.seconds()
        elif self._said_gone or not gone:
            return
        self._said_gone = gone
        self._log.warn(
            "no contact with Consul: {reason}; what is known stays in use"
            if gone
            else "Consul does not tell: {reason}; what is known stays in use",
            reason=str(error),
        )

    def forget(self, read: str) -> None:
        """A read is not wanted any more."""
        self._failing.pop(read, None)
        self._failing_s.pop(read, None)
        self._heard.pop(read, None)
        self._filtered.discard(read)
        self._old.discard(read)
