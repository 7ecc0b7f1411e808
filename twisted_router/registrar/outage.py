"""Whether a dependency is away: said once when it goes, and once when it is back."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..retry import RetryPolicy


class Outage:
    """The state of one dependency, and when to try it again.

    :param name: of the dependency, for the log.
    :param meanwhile: what is done while it is away, for the log.
    :ivar error: why it is away, ``""`` while it is not.
    :ivar failures: in a row.
    """

    _log = Logger()

    def __init__(
        self, name: str, meanwhile: str, clock: IReactorTime, policy: RetryPolicy
    ) -> None:
        self._name = name
        self._meanwhile = meanwhile
        self._clock = clock
        self._policy = policy
        self.failures = 0
        self._since_s = 0.0
        self._retry_at_s = 0.0
        self.error = ""

    def failed(self, reason: str) -> float:
        """Take note of a failure; gives the seconds to wait before the next try."""
        if not self.error:
            self._since_s = self._clock.seconds()
            self._log.warn(
                "registrar: {name} is away, {meanwhile}: {reason}",
                name=self._name,
                meanwhile=self._meanwhile,
                reason=reason,
            )
        self.error = reason
        self.failures += 1
        delay_s = self._policy(self.failures)
        self._retry_at_s = self._clock.seconds() + delay_s
        return delay_s

    def succeeded(self) -> None:
        """Take note that it answers."""
        if self.error:
            self._log.info(
                "registrar: {name} is back after {seconds:.1f} s",
                name=self._name,
                seconds=self._clock.seconds() - self._since_s,
            )
        self.error = ""
        self.failures = 0
        self._retry_at_s = 0.0

    @property
    def delay_s(self) -> float:
        """Seconds until it may be tried again, 0 or less when it may be now."""
        return self._retry_at_s - self._clock.seconds() if self.error else 0.0
