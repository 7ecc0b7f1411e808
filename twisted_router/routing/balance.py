"""Chooses the instance that serves a request."""

from __future__ import annotations

import random
import sys
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import chain
from types import MappingProxyType

from ..model import Instance, Route
from .shares import shares
from .state import Candidate, Identity, InstanceState
from .table import RouteTable
from .tables import TableChange


class _Ring:
    """The candidates of a route, and whose turn it is.

    :ivar owner: the balancer that made it: more than one may ask a route.
    """

    __slots__ = ("candidates", "next", "owner", "weighted")

    def __init__(
        self, owner: Balancer, candidates: list[Candidate], start: int
    ) -> None:
        self.owner = owner
        self.candidates = candidates
        self.next = start
        self.weighted = any(candidate.share for candidate in candidates)


class Balancer:
    """Round robin over the usable instances of each route, weighted where they say so.

    Passed over are instances that this request has tried, that have failed lately,
    and that have all the requests they may have. When only failed ones are left, one
    of these is tried all the same: a mark must not turn a slow start into an outage.

    Subscribe :meth:`table_changed` to the tables that routes come from.

    :ivar states: what is known of each instance by identity, read-only.
    """

    def __init__(
        self,
        now_s: Callable[[], float],
        rng: random.Random,
        max_conns: int = 0,
        failed_for_s: float = 10.0,
        on_retired: Callable[[InstanceState], None] | None = None,
    ) -> None:
        """Start with nothing known of any instance.

        :param now_s: the clock for failure marks, in seconds.
        :param rng: says where a route's turn begins, so that many routers, or one
            that restarts, do not all send their first requests to the same instance.
        :param max_conns: requests in flight for each instance; 0 = no limit.
        :param failed_for_s: how long a failed instance is passed over.
        :param on_retired: called with a state when no route names its instance any
            more; requests may still be in flight there.
        """
        self._now_s = now_s
        self._rng = rng
        self._limit = max_conns or sys.maxsize
        self._failed_for_s = failed_for_s
        self._on_retired = on_retired
        self._table: RouteTable | None = None
        self._states: dict[Identity, InstanceState] = {}
        self._leaving: set[InstanceState] = set()
        self.states: Mapping[Identity, InstanceState] = MappingProxyType(self._states)

    def choose(
        self, route: Route, tried: Collection[InstanceState] = ()
    ) -> Candidate | None:
        """Whose turn it is on this route, or ``None`` if nobody may be asked.

        :param tried: instances that this request has been sent to already.
        """
        ring: _Ring | None = route.turns
        if ring is None or ring.owner is not self:
            ring = self._ring(route)
        candidates = ring.candidates
        if not candidates:
            return None
        if ring.weighted:
            return self._weighted(candidates, tried)
        n = ring.next
        candidate = candidates[n]
        state = candidate.state
        if tried or state.failed_until_s or state.in_flight >= self._limit:
            return self._in_turn(ring, tried)
        n += 1
        ring.next = n if n < len(candidates) else 0
        return candidate

    def exhausted(self, route: Route) -> bool:
        """Whether the route has targets, and all have as many requests as they may."""
        candidates = self._ring(route).candidates
        return bool(candidates) and all(
            candidate.state.in_flight >= self._limit for candidate in candidates
        )

    def mark_failed(self, state: InstanceState) -> None:
        """Pass an instance over for a while: it could not be reached, or broke off."""
        state.failures += 1
        state.failed_until_s = self._now_s() + self._failed_for_s

    def mark_ok(self, state: InstanceState) -> None:
        """Forget its failures: it has answered."""
        state.failures = 0
        state.failed_until_s = 0.0

    def why_passed_over(self, state: InstanceState) -> str:
        """Why no request goes to an instance now, in words; ``""`` if one may."""
        if state.in_flight >= self._limit:
            return f"it has all {self._limit} requests that backends.max_conns allows"
        left_s = state.failed_until_s - self._now_s()
        if left_s > 0:
            return (
                f"it could not be reached: passed over for {left_s:.1f} s more, "
                "unless nobody else can be asked"
            )
        return ""

    def table_changed(self, change: TableChange) -> None:
        """Go on with the turns of changed routes; retire instances without a route."""
        self._table = change.new
        for before, after in change.diff.changed:
            ring = self._own_ring(before)
            if ring is not None and ring.candidates and after.targets:
                self._make_ring(after, ring.next % len(after.targets))
        retired = []
        for identity in change.diff.departed:
            state = self._states.get(identity)
            if state is not None:
                state.retired = True
                retired.append(state)
        # Those still in use are kept: should they come back, their count goes on.
        self._leaving.update(retired)
        for state in [state for state in self._leaving if not state.in_flight]:
            self._leaving.remove(state)
            del self._states[state.identity]
        if self._on_retired is not None:
            for state in retired:
                self._on_retired(state)

    def _in_turn(
        self, ring: _Ring, tried: Collection[InstanceState]
    ) -> Candidate | None:
        candidates = ring.candidates
        order = chain(range(ring.next, len(candidates)), range(ring.next))
        for n in self._eligible(order, candidates, tried):
            ring.next = n + 1 if n + 1 < len(candidates) else 0
            return candidates[n]
        return None

    def _weighted(
        self, candidates: Sequence[Candidate], tried: Collection[InstanceState]
    ) -> Candidate | None:
        """Smooth weighted round robin, as nginx does it.

        Each turn gives everybody credit by share; who has most pays for the turn.
        Those without a share are asked when they are the only ones, in turn.
        """
        order = range(len(candidates))
        eligible = [candidates[n] for n in self._eligible(order, candidates, tried)]
        total = 0.0
        best = None
        for candidate in [c for c in eligible if c.share] or eligible:
            share = candidate.share or 1.0
            candidate.credit += share
            total += share
            if best is None or candidate.credit > best.credit:
                best = candidate
        if best is not None:
            best.credit -= total
        return best

    def _eligible(
        self,
        order: Iterable[int],
        candidates: Sequence[Candidate],
        tried: Collection[InstanceState],
    ) -> Iterator[int]:
        """Those who may be asked, in order; failed ones only if there are no others.

        Marks that are over are taken off on the way.
        """
        now_s = self._now_s()
        failed: list[int] = []
        found = False
        for n in order:
            state = candidates[n].state
            if state.in_flight >= self._limit or state in tried:
                continue
            if state.failed_until_s > now_s:
                failed.append(n)
            else:
                state.failed_until_s = 0.0
                found = True
                yield n
        if not found:
            yield from failed

    def _own_ring(self, route: Route) -> _Ring | None:
        ring: _Ring | None = route.turns
        return ring if ring is not None and ring.owner is self else None

    def _ring(self, route: Route) -> _Ring:
        """The route's ring, made when it is asked for the first time."""
        ring = self._own_ring(route)
        if ring is None:
            count = len(route.targets)
            ring = self._make_ring(route, self._rng.randrange(count) if count else 0)
        return ring

    def _make_ring(self, route: Route, start: int) -> _Ring:
        # A retry may come with a route that was swapped out meanwhile. It is served,
        # and leaves nothing behind: nobody would ever retire it again.
        table = self._table
        current = table is None or table.get(route.host, route.path) is route
        candidates = [
            Candidate(target, self._state(target.instance, current), share)
            for target, share in zip(route.targets, shares(route.targets), strict=True)
        ]
        for candidate in candidates:
            candidate.credit = self._rng.random() * candidate.share
        ring = _Ring(self, candidates, start)
        object.__setattr__(route, "turns", ring)
        return ring

    def _state(self, instance: Instance, current: bool) -> InstanceState:
        state = self._states.get(instance.identity)
        if state is None:
            state = InstanceState(instance)
            state.retired = not current
            if current:
                self._states[instance.identity] = state
        elif state.retired and current:
            state.retired = False
            self._leaving.discard(state)
        return state
