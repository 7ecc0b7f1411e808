"""Which containers are to have no more requests although they run, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

from .container import Container
from .maintenance import PAUSED, stopping
from .signals import stops

#: Seconds that ``docker stop`` waits for a container that says nothing of it.
DEFAULT_STOP_TIMEOUT_S = 10.0

#: Seconds after that: KILL has been sent, and the engine takes its time to tell. Who is
#: still there then was not stopped, or has survived it.
SURVIVAL_S = 5.0

# Note [Nobody can see that a container is being stopped]
#
# Docker tells of a signal in an event, once; its list and its inspect answer show a
# container that runs. So this one fact is remembered: in here, and by the reason of
# maintenance mode in Consul, for the case that the registrar is started anew
# meanwhile. A stop is one of a certain run: whoever has started since is not stopping,
# even if all events of that were missed. And it does not last for ever.


@dataclass(frozen=True, slots=True)
class _Stop:
    """A container is being stopped.

    :ivar until_s: when it counts as a survivor, on the caller's clock.
    :ivar run: when the run began that is being stopped, ``""`` if that is not known.
    """

    until_s: float
    run: str

    def is_over(
        self, container_id: str, running: Mapping[str, Container | None], now_s: float
    ) -> bool:
        if now_s >= self.until_s:
            return True
        if not self.run:
            # It had not been seen running yet; it may be in a moment.
            return False
        if container_id not in running:
            return True
        container = running[container_id]
        return container is not None and container.started != self.run


class Draining:
    """Remembers which containers are being stopped."""

    def __init__(self) -> None:
        self._stops: dict[str, _Stop] = {}

    def __iter__(self) -> Iterator[str]:
        """Ids of the containers that are being stopped, as far as is known."""
        return iter(self._stops)

    def __len__(self) -> int:
        """How many they are."""
        return len(self._stops)

    def signalled(
        self, container_id: str, container: Container | None, signal: str, now_s: float
    ) -> str:
        """Take note of a signal that a container was sent.

        :param container: ``None`` if nothing is known of it yet.
        :returns: why it is to have no more requests, ``""`` if that is not so.
        """
        if not stops(signal, "" if container is None else container.stop_signal):
            return ""
        self._begin(container_id, container, now_s)
        return stopping("" if container is None else container.started)

    def adopt(
        self,
        running: Mapping[str, Container | None],
        reasons: Iterable[str],
        now_s: float,
    ) -> None:
        """Take over the stops that an earlier process has seen begin.

        Nobody knows when that was: all of their time is still to come.

        :param reasons: of all services that are in maintenance mode.
        """
        given = frozenset(reasons)
        for container in running.values():
            if container is not None and stopping(container.started) in given:
                self._begin(container.id, container, now_s)

    def ended(self, container_id: str) -> None:
        """Take note that a container has died, or has been started anew."""
        self._stops.pop(container_id, None)

    def reasons(
        self, running: Mapping[str, Container | None], now_s: float
    ) -> dict[str, str]:
        """Say which containers are to have no more requests, and why; by id.

        Forgets what is over.

        :param running: all that run, by id; ``None`` for those that nothing could be
            made of.
        """
        for container_id, stop in tuple(self._stops.items()):
            if stop.is_over(container_id, running, now_s):
                del self._stops[container_id]
        found = {}
        for container_id, container in running.items():
            # Who is stopped while paused is woken up for it.
            if container is not None and container_id in self._stops:
                found[container_id] = stopping(container.started)
            elif container is not None and container.paused:
                found[container_id] = PAUSED
        return found

    def next_end_s(self) -> float:
        """When the next survivor is due, on the caller's clock; ``inf`` for never."""
        return min((stop.until_s for stop in self._stops.values()), default=inf)

    def _begin(
        self, container_id: str, container: Container | None, now_s: float
    ) -> None:
        timeout_s = None if container is None else container.stop_timeout_s
        if timeout_s is None:
            timeout_s = DEFAULT_STOP_TIMEOUT_S
        # Docker: with a negative one it waits as long as it takes.
        until_s = inf if timeout_s < 0 else now_s + timeout_s + SURVIVAL_S
        run = "" if container is None else container.started
        self._stops[container_id] = _Stop(until_s, run)
