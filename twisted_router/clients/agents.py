"""Several Consul agents, of which one is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

#: Seconds from one question to the first agent, whether it is back, to the next.
PROBE_S = 5.0

_T = TypeVar("_T")


class Agents(Generic[_T]):
    """Which agent to ask: the first, or while that is away the next that answers.

    :param agents: at least one; ``str`` of one is its address.
    :param answers: asks an agent whether it works; fires with True if so, may fail.
    :param leave: called with an agent that is given up.
    :ivar current: the agent to ask.
    """

    _log = Logger()

    def __init__(
        self,
        agents: Sequence[_T],
        clock: IReactorTime,
        answers: Callable[[_T], Deferred[bool]],
        leave: Callable[[_T], None],
    ) -> None:
        self._agents = tuple(agents)
        self._clock = clock
        self._answers = answers
        self._leave = leave
        self._told = self.current = self._agents[0]
        self._timer: IDelayedCall | None = None
        self._probe: Deferred[Any] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._agents)

    @property
    def first(self) -> _T:
        """The agent that is asked when it can be."""
        return self._agents[0]

    def lost(self, agent: _T) -> None:
        """An agent does not answer: from now on the next one is asked."""
        if self._closed or agent is not self.current or len(self._agents) == 1:
            return
        following = (self._agents.index(agent) + 1) % len(self._agents)
        self.current = self._agents[following]
        # Its other requests may wait for long before they notice.
        self._leave(agent)
        if self.current is self.first:
            self._stop_probing()
        elif self._timer is None and self._probe is None:
            self._timer = self._clock.callLater(PROBE_S, self._ask_first)

    def heard(self, agent: _T) -> None:
        """An agent has answered."""
        if agent is not self._told and agent is self.current:
            self._log.info("Consul is asked at {agent} now", agent=str(agent))
            self._told = agent

    def close(self) -> None:
        """Stop looking whether the first agent is back."""
        self._closed = True
        self._stop_probing()

    def _stop_probing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.cancel()

    def _ask_first(self) -> None:
        self._timer = None
        probe = self._probe = self._answers(self.first)

        def settled(result: bool | Failure) -> None:
            if self._probe is not probe:
                return  # stopped
            self._probe = None
            if result is True:
                self.current = self.first
            else:
                self._timer = self._clock.callLater(PROBE_S, self._ask_first)

        probe.addBoth(settled)
