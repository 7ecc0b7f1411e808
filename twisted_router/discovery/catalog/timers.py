"""The clocks of checks: when a TTL is over, and when critical lasted too long."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from .model import Check, CheckStatus


class CheckTimers:
    """At most two running clocks for each check.

    :param expire: called with the check ID when no report came for ``ttl_s``.
    :param deregister: called with the check ID when it was critical for
        ``deregister_after_s``. (Consul looks every 30 seconds, and is later.)
    """

    def __init__(
        self,
        clock: IReactorTime,
        expire: Callable[[str], None],
        deregister: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._expire = expire
        self._deregister = deregister
        self._ttl: dict[str, IDelayedCall] = {}
        self._critical: dict[str, IDelayedCall] = {}

    def reported(self, check: Check) -> None:
        """Begin the TTL anew."""
        _cancel(self._ttl, check.id)
        if check.ttl_s:
            self._start(self._ttl, check.id, check.ttl_s, self._expire)

    def status_set(self, check: Check) -> None:
        """Begin, go on or end to count how long the check is critical."""
        critical = check.status is CheckStatus.CRITICAL
        if not (critical and check.service_id and check.deregister_after_s):
            _cancel(self._critical, check.id)
        elif check.id not in self._critical:
            self._start(
                self._critical, check.id, check.deregister_after_s, self._deregister
            )

    def forget(self, check_id: str) -> None:
        """Stop both clocks; nothing if none runs."""
        _cancel(self._ttl, check_id)
        _cancel(self._critical, check_id)

    def stop(self) -> None:
        """Stop the clocks of all checks."""
        for check_id in [*self._ttl, *self._critical]:
            self.forget(check_id)

    def _start(
        self,
        calls: dict[str, IDelayedCall],
        check_id: str,
        delay_s: float,
        ring: Callable[[str], None],
    ) -> None:
        def due() -> None:
            del calls[check_id]
            ring(check_id)

        calls[check_id] = self._clock.callLater(delay_s, due)


def _cancel(calls: dict[str, IDelayedCall], check_id: str) -> None:
    call = calls.pop(check_id, None)
    if call is not None:
        call.cancel()
