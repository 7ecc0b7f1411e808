"""Routes that are kept in Consul: registered, refreshed, taken back."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from ..interfaces import CatalogError
from ..retry import RetryPolicy
from .agent import RouteAgent
from .registration import RouteRegistration

#: Seconds after which a route without a TTL is registered again: the agent may have
#: lost it.
_REPEAT_S = 40.0

#: Seconds after which what Consul refused is tried again.
_REFUSED_S = 10.0

#: Of a TTL: two refreshes may fail before it is over.
_REFRESHES = 3


@dataclass(eq=False, slots=True)
class _Route:
    """A route, as it is wanted and as it stands.

    :ivar wanted: ``False`` once it is to be taken back.
    :ivar stands: whether the agent was told of it as it is.
    :ivar due_s: when something is to be done; of its times in the queue, this counts.
    :ivar refusal: why Consul did not take it, ``""`` if it did.
    """

    registration: RouteRegistration
    wanted: bool = True
    stands: bool = False
    due_s: float = 0.0
    refusal: str = ""


class Keeper:
    """Brings routes into Consul, keeps them there, and takes them back.

    An agent that does not answer is asked again, first soon and then less often;
    meanwhile what is wanted is remembered. A route that the agent forgot is
    registered again.

    :param clock: seconds that only grow.
    :param policy: when to ask again an agent that did not answer.
    :param say: tells a person, one sentence at a time.
    :param limit: how many routes at once.
    :param refreshing: without it each thing is done once.
    """

    def __init__(
        self,
        agent: RouteAgent,
        clock: Callable[[], float],
        policy: RetryPolicy,
        say: Callable[[str], None],
        limit: int = 10_000,
        *,
        refreshing: bool = True,
    ) -> None:
        self._agent = agent
        self._clock = clock
        self._policy = policy
        self._say = say
        self._limit = limit
        self._refreshing = refreshing
        self._routes: dict[str, _Route] = {}
        self._queue: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._failures = 0
        self._again_s = 0.0
        self._restored = 0
        #: How many routes Consul refused, or had no room here.
        self.refused = 0

    def __len__(self) -> int:
        return len(self._routes)

    @property
    def pending(self) -> bool:
        """Whether something is due that could not be done yet."""
        return self._failures > 0

    def register(self, registration: RouteRegistration) -> None:
        """Want a route; one that is there already is refreshed."""
        self._want(registration, True)

    def unregister(self, registration: RouteRegistration) -> None:
        """Want a route no more, whoever registered it."""
        self._want(registration, False)

    def next_s(self) -> float | None:
        """Seconds until there is something to do, ``None`` if there is nothing."""
        if not self._queue:
            return None
        return max(0.0, max(self._queue[0][0], self._again_s) - self._clock())

    def work(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Do what is due, until all is done or the agent does not answer.

        :param stopped: asked before each thing whether to leave the rest.
        """
        while self.next_s() == 0.0 and not stopped():
            due_s, _, id_ = heapq.heappop(self._queue)
            route = self._routes.get(id_)
            if route is None or route.due_s != due_s:
                continue
            try:
                self._do(route)
            except CatalogError as error:
                if not 400 <= error.status < 500:
                    self._lost(route, error)
                    break
                self._was_refused(route, error)
            else:
                self._done(route)
        if self._restored:
            self._say(f"Consul had lost {self._restored}: registered again")
            self._restored = 0

    def leave(self) -> int:
        """Take back every route; say how many could not be."""
        left = 0
        answers = True
        for id_ in self._routes:
            try:
                if answers:
                    self._agent.deregister(id_)
            except CatalogError as error:
                self._say(f"{error}; what is registered there expires by itself")
                answers = 400 <= error.status < 500
                left += answers
            left += not answers
        self._routes.clear()
        self._queue.clear()
        return left

    def _want(self, registration: RouteRegistration, wanted: bool) -> None:
        route = self._routes.get(registration.id)
        if route is None:
            if len(self._routes) >= self._limit:
                self.refused += 1
                self._say(
                    f"{registration.uri} at {registration.place} is not kept: there "
                    f"are {self._limit} routes already"
                )
                return
            route = self._routes[registration.id] = _Route(registration)
        route.stands = route.stands and route.registration == registration
        route.registration = registration
        route.wanted = wanted
        self._at(route, self._clock())

    def _do(self, route: _Route) -> None:
        registration = route.registration
        if not route.wanted:
            self._agent.deregister(registration.id)
            return
        if route.stands and registration.ttl_s:
            if self._agent.refresh(registration):
                return
            self._restored += 1
        self._agent.register(registration)
        route.stands = True

    def _done(self, route: _Route) -> None:
        if self._failures:
            self._say("Consul answers again")
        self._failures = 0
        route.refusal = ""
        if not route.wanted or not self._refreshing:
            del self._routes[route.registration.id]
            return
        ttl_s = route.registration.ttl_s
        self._at(route, self._clock() + (ttl_s / _REFRESHES if ttl_s else _REPEAT_S))

    def _lost(self, route: _Route, error: CatalogError) -> None:
        self._failures += 1
        if self._failures == 1:
            self._say(f"{error}; trying again")
        # What was done when no answer came, nobody knows: a new start is always right.
        route.stands = False
        self._again_s = self._clock() + self._policy(self._failures)
        self._at(route, self._clock())

    def _was_refused(self, route: _Route, error: CatalogError) -> None:
        self.refused += 1
        registration = route.registration
        reason = str(error)
        if reason != route.refusal:
            self._say(f"{registration.uri} at {registration.place}: {reason}")
        route.refusal = reason
        route.stands = False
        if self._refreshing and route.wanted:
            self._at(route, self._clock() + _REFUSED_S)
        else:
            del self._routes[registration.id]

    def _at(self, route: _Route, due_s: float) -> None:
        route.due_s = due_s
        heapq.heappush(self._queue, (due_s, next(self._order), route.registration.id))
        # Messages that are repeated leave times behind that count no more.
        if len(self._queue) > 2 * len(self._routes) + 64:
            self._queue = [
                (one.due_s, next(self._order), id_) for id_, one in self._routes.items()
            ]
            heapq.heapify(self._queue)
