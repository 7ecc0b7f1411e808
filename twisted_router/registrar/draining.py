"""Which containers are to have no more requests although they run, and until when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf

from .container import Container
from .events import ContainerEvent
from .maintenance import PAUSED, stopping
from .registration import SHORT_ID
from .signals import stops

#: Seconds after that: KILL has been sent, and the engine takes its time to tell. Who is
#: still there then was not stopped, or has survived it.
SURVIVAL_S = 5.0

# Note [Nobody can see that a container is being stopped]
#
# Docker tells of a signal in an event, once; its list and its inspect answer show a
# container that runs. So this one fact is remembered: in here, and by the reason of
# maintenance mode in Consul, in case the registrar is started anew meanwhile. What ends
# it can be seen: the container does not run any more, or it has started since, as after
# a restart of the engine. And stopping does not take for ever.


@dataclass(frozen=True, slots=True)
class _Stop:
    """A container is being stopped.

    :ivar since: when it was told so, on the engine's clock; ``None`` if not known.
    :ivar until_s: when it counts as a survivor, on the caller's clock.
    """

    since: datetime | None
    until_s: float

    def is_over(self, container: Container | None, now_s: float) -> bool:
        """Whether it is, as far as can be told of a container that runs."""
        if now_s >= self.until_s:
            return True
        started = None if container is None else container.started
        return started is not None and self.since is not None and started > self.since


class Draining:
    """Remembers which containers are being stopped.

    :param stop_timeout_s: how long ``docker stop`` waits for a container that does not
        say it. An engine tells nobody when it was asked to wait longer.
    """

    def __init__(self, stop_timeout_s: float) -> None:
        self._stop_timeout_s = stop_timeout_s
        self._stops: dict[str, _Stop] = {}

    def __contains__(self, container_id: object) -> bool:
        """Whether a container is being stopped, as far as is known."""
        return container_id in self._stops

    def __iter__(self) -> Iterator[str]:
        """Ids of the containers that are being stopped, as far as is known."""
        return iter(self._stops)

    def __len__(self) -> int:
        """How many they are."""
        return len(self._stops)

    def signalled(
        self, event: ContainerEvent, container: Container | None, now_s: float
    ) -> str:
        """Take note of a signal that a container was sent.

        :param container: ``None`` if nothing is known of it yet.
        :returns: why it is to have no more requests, ``""`` if that is not so.
        """
        if not stops(event.signal, "" if container is None else container.stop_signal):
            return ""
        self._begin(event.container_id, container, event.at, now_s)
        return stopping(event.at)

    def adopt(
        self,
        running: Mapping[str, Container | None],
        told: Mapping[str, datetime],
        now_s: float,
    ) -> None:
        """Take over the stops that an earlier process has seen begin.

        How much of their time has passed nobody knows: all of it is still to come.

        :param running: as for :meth:`reasons`.
        :param told: when containers were told to stop, by short id.
        """
        for container_id, container in running.items():
            since = told.get(container_id[:SHORT_ID])
            if since is not None:
                self._begin(container_id, container, since, now_s)

    def reasons(
        self, running: Mapping[str, Container | None], now_s: float
    ) -> dict[str, str]:
        """Say which containers are to have no more requests, and why; by id.

        Forgets what is over.

        :param running: all that run, by id; ``None`` for those that nothing could be
            made of.
        """
        for container_id, stop in tuple(self._stops.items()):
            if container_id not in running or stop.is_over(
                running[container_id], now_s
            ):
                del self._stops[container_id]
        paused = (key for key, each in running.items() if each and each.paused)
        # Who is stopped while paused is woken up for it.
        return dict.fromkeys(paused, PAUSED) | {
            container_id: stopping(stop.since)
            for container_id, stop in self._stops.items()
        }

    def next_end_s(self) -> float:
        """When the next survivor is due, on the caller's clock; ``inf`` for never."""
        return min((stop.until_s for stop in self._stops.values()), default=inf)

    def _begin(
        self,
        container_id: str,
        container: Container | None,
        since: datetime | None,
        now_s: float,
    ) -> None:
        timeout_s = None if container is None else container.stop_timeout_s
        if timeout_s is None:
            timeout_s = self._stop_timeout_s
        # Docker: with a negative one it waits as long as it takes.
        until_s = inf if timeout_s < 0 else now_s + timeout_s + SURVIVAL_S
        self._stops[container_id] = _Stop(since, until_s)
