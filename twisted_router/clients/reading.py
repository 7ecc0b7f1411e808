"""How the catalog is read: from an agent that answers, and how old at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..interfaces import CatalogError
from .agents import Agents
from .consul_agent import ConsulAgent
from .pyconsul import Library, Position
from .transport import Reply

#: Seconds for which the leader is not asked again after it could not be: an agent
#: holds each such question for seven seconds (Consul's ``rpc_hold_timeout``).
LEADERLESS_S = 5.0

#: A read by means of one library: the index to wait for a change of, 0 not to wait,
#: and the seconds to wait at most.
Read = Callable[[Library, int, float], Deferred[Reply]]

# Note [Which reads may be stale]
# Any server may answer a read that waits (``?stale``): an old answer has an old index,
# and so the next read returns at once with what is new. A read that does not wait is
# made because of what was heard elsewhere. It must not be older than that, and so it
# is the leader's to answer.
#
# A stale answer counts if its server heard the leader a moment ago, and knows no less
# than what was known already: its index is not below the one that was asked with.
# Otherwise the leader is asked, so an index that goes backwards is always the
# leader's word. If the leader does not answer, the stale answer is better than none,
# unless it is older than what is known.
# https://developer.hashicorp.com/consul/api-docs/features/consistency


@dataclass(frozen=True, slots=True)
class Found:
    """An answer, and what its headers say of it.

    :ivar agent: whose answer it is.
    :ivar is_stale: it may be older than the bound: no leader could be asked.
    """

    reply: Reply
    position: Position
    agent: ConsulAgent
    is_stale: bool = False


class CatalogReads:
    """Reads the catalog; see the note above.

    An index means something to the agent alone that gave it: another may be behind,
    and would wait for what has happened already. So a read with another agent's index
    does not wait.

    :param max_stale_s: how long ago the answering server may have heard the leader; 0
        for the leader's own answers only.
    """

    _log = Logger()

    def __init__(
        self, agents: Agents[ConsulAgent], clock: IReactorTime, max_stale_s: float
    ) -> None:
        self._agents = agents
        self._clock = clock
        self._max_stale_s = max_stale_s
        self._leaderless_until_s = 0.0
        self._said_stale = self._said_filtered = False

    async def read(self, read: Read, index: int, wait_s: float) -> Found:
        """Read from the agent that is asked now, or else from the others in turn.

        :raises CatalogError: what the agent said; or if none answered, the last one's.
        """
        attempts = len(self._agents)
        while True:
            agent = self._agents.current
            if isinstance(index, Position) and index.agent is not agent:
                index = 0
            try:
                found = await self._read_from(agent, read, index, wait_s)
            except CatalogError as error:
                attempts -= 1
                if error.status:
                    raise
                self._agents.lost(agent)
                if not attempts:
                    raise
                index = 0
            else:
                self._agents.heard(agent)
                self._tell(found)
                return found

    async def _read_from(
        self, agent: ConsulAgent, read: Read, index: int, wait_s: float
    ) -> Found:
        if not self._max_stale_s:
            return await self._ask_leader(agent, read, index, wait_s)
        found = None
        is_leaderless = self._clock.seconds() < self._leaderless_until_s
        if index or is_leaderless:
            found = _found(agent, await read(agent.stale, index, wait_s))
            is_usable = found.position >= index
            if is_usable and (is_leaderless or self._is_fresh(found)):
                return self._marked(found)
        try:
            return await self._ask_leader(agent, read, 0, 0.0)
        except CatalogError as error:
            if found is None:
                if error.status < 500:
                    raise
                found = _found(agent, await read(agent.stale, 0, 0.0))
            elif found.position < index:
                raise
        self._leaderless_until_s = self._clock.seconds() + LEADERLESS_S
        return self._marked(found)

    async def _ask_leader(
        self, agent: ConsulAgent, read: Read, index: int, wait_s: float
    ) -> Found:
        found = _found(agent, await read(agent.default, index, wait_s))
        if self._said_stale:
            self._said_stale = False
            self._log.info("Consul's leader answers again")
        return found

    def _tell(self, found: Found) -> None:
        """Log, once, what an operator should know of an answer."""
        if found.is_stale and not self._said_stale:
            self._said_stale = True
            self._log.warn(
                "Consul has no leader that answers; what {agent} knew of it "
                "{age_s:.1f} s ago is used",
                agent=str(found.agent),
                age_s=found.position.last_contact_ms / 1000,
            )
        if found.position.filtered_by_acls and not self._said_filtered:
            self._said_filtered = True
            self._log.warn(
                "the token's rights do not suffice to see all services or nodes; "
                "what it does not see is not routed"
            )

    def _is_fresh(self, found: Found) -> bool:
        heard_s = found.position.last_contact_ms / 1000
        return found.position.known_leader and heard_s <= self._max_stale_s

    def _marked(self, found: Found) -> Found:
        return found if self._is_fresh(found) else replace(found, is_stale=True)


def _found(agent: ConsulAgent, reply: Reply) -> Found:
    return Found(reply, Position.of(reply.headers, agent), agent)
