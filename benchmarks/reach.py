"""What the router is to reach beside its peers, and how far it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.about import (
    ABOUTS,
    CADDY,
    HAPROXY,
    NGINX,
    NGINX_64K,
    ROUTER,
    ROUTES,
    TWISTED_WEB,
    About,
)
from benchmarks.kept import KeptCase
from benchmarks.samples import Result, by_name, cpu_ratio, ratio

#: Fewer rounds than this prove nothing.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the router.

    :ivar value: as the case measures it.
    :ivar by_cpu: the same with equal processor time; ``None`` where that is no matter.
    """

    value: float
    by_cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """What one figure is to be.

    :ivar key: of the case.
    :ivar what: the figure is, or what it is compared with.
    :ivar figure: takes it from the results of the case; ``None`` if it is not there.
    :ivar floor: must be reached; ``None`` if there is only an aim, or neither.
    :ivar aim: should be.
    :ivar at_most: whether floor and aim must not be exceeded, where a figure otherwise
        must not fall below them.
    """

    key: str
    what: str
    figure: Callable[[Sequence[Result]], Figure | None]
    floor: float | None = None
    aim: float | None = None
    at_most: bool = False

    def verdict(self, value: float) -> str:
        """Whether a value is good enough; empty if nothing is asked of it."""
        if self.aim is not None and self._holds(value, self.aim):
            return "aim met"
        if self.floor is None:
            return "" if self.aim is None else "aim missed"
        return "met" if self._holds(value, self.floor) else "MISSED"

    def _holds(self, value: float, limit: float) -> bool:
        return value <= limit if self.at_most else value >= limit


@dataclass(frozen=True, slots=True)
class Reached:
    """A goal and what came of it.

    :ivar doubts: why the figure proves little; empty if it is sound.
    """

    about: About
    goal: Goal
    figure: Figure
    doubts: str

    @property
    def verdict(self) -> str:
        """By value; by processor time, too, if that says something else."""
        verdict = self.goal.verdict(self.figure.value)
        by_cpu = self.figure.by_cpu
        if by_cpu is not None and self.goal.verdict(by_cpu) != verdict:
            verdict += f", by CPU {self.goal.verdict(by_cpu)}"
        return f"{verdict} ({self.doubts})" if verdict and self.doubts else verdict


def reached(cases: Sequence[KeptCase]) -> Iterator[Reached]:
    """Every goal whose figure was measured, in the order of the cases."""
    found = {case.about.key: case for case in cases}
    for goal in GOALS:
        case = found.get(goal.key)
        figure = goal.figure(case.results) if case is not None else None
        if case is not None and figure is not None:
            doubts = _doubts(case.about, case.results)
            yield Reached(case.about, goal, figure, doubts)


def _doubts(about: About, results: Sequence[Result]) -> str:
    doubts = []
    if any(result.errors for result in results):
        doubts.append("errors")
    rounds = max(len(result.samples) for result in results)
    if rounds < (about.most_rounds or _ROUNDS):
        doubts.append(f"rounds: {rounds}")
    if any(result.disturbed for result in results):
        doubts.append("disturbed")
    return ", ".join(doubts)


def _beside(peer: str) -> Callable[[Sequence[Result]], Figure | None]:
    """How many times what a proxy does."""

    def figure(results: Sequence[Result]) -> Figure | None:
        value = ratio(results, ROUTER, peer)
        if value is None:
            return None
        return Figure(value, cpu_ratio(results, ROUTER, peer))

    return figure


def _times(peer: str) -> Callable[[Sequence[Result]], Figure | None]:
    """How many times a proxy's value; what they do for it is not the same."""

    def figure(results: Sequence[Result]) -> Figure | None:
        value = ratio(results, ROUTER, peer)
        return None if value is None else Figure(value)

    return figure


def _of_router(
    measured: Callable[[Result], float | None],
) -> Callable[[Sequence[Result]], Figure | None]:
    """A figure of the router alone."""

    def figure(results: Sequence[Result]) -> Figure | None:
        own = by_name(results).get(ROUTER)
        value = measured(own) if own is not None else None
        return None if value is None else Figure(value)

    return figure


_FEW, _MANY = f"{ROUTER}-{ROUTES[0]}", f"{ROUTER}-{ROUTES[-1]}"


def _many_routes(results: Sequence[Result]) -> Figure | None:
    value = ratio(results, _MANY, _FEW)
    return None if value is None else Figure(value, cpu_ratio(results, _MANY, _FEW))


def _table_memory(results: Sequence[Result]) -> Figure | None:
    mib = table_mib(results)
    return None if mib is None else Figure(mib * 2**20 / 1e6)


def table_mib(results: Sequence[Result]) -> float | None:
    """Memory that the largest routing table takes beyond that of the smallest."""
    found = by_name(results)
    if _MANY not in found or _FEW not in found:
        return None
    many, few = (
        found[name].median(lambda sample: sample.rss_mib) for name in (_MANY, _FEW)
    )
    return many - few if many is not None and few is not None else None


_PEERS = NGINX, NGINX_64K, HAPROXY, CADDY, TWISTED_WEB

#: What is asked, of a proxy's value: (floor, aim), by case and proxy.
_ASKED: Mapping[tuple[str, str], tuple[float | None, float | None]] = {
    ("a", NGINX): (0.6, 1.0),
    ("a", CADDY): (2.5, None),
    ("a", TWISTED_WEB): (10.0, None),
    ("b", NGINX): (0.8, None),
    ("b", HAPROXY): (None, 1.0),
    ("c", NGINX): (1.0, None),
    ("c", HAPROXY): (None, 1.0),
    ("d2", NGINX): (1.0, None),
    ("d2", HAPROXY): (None, 1.0),
    ("e", NGINX): (0.4, 0.7),
    ("e", CADDY): (1.0, None),
    ("g", NGINX): (0.7, 1.0),
}


def _compared(key: str) -> Iterator[Goal]:
    for peer in _PEERS:
        floor, aim = _ASKED.get((key, peer), (None, None))
        yield Goal(key, f"x {peer}", _beside(peer), floor, aim)


_SINGLE = (
    Goal(
        "f",
        "x itself without them",
        _of_router(lambda router: router.share_of_alone),
        floor=0.95,
    ),
    Goal("h", f"{ROUTES[-1]:,} routes x {ROUTES[0]}", _many_routes, floor=0.97),
    Goal("h", "memory of the table, MB", _table_memory, 100, 60, at_most=True),
    Goal("i", f"x {NGINX}", _times(NGINX), 1.5, 1.0, at_most=True),
    Goal("i", f"x {HAPROXY}", _times(HAPROXY), at_most=True),
    Goal("i", f"x {CADDY}", _times(CADDY), at_most=True),
    Goal("j", "KiB", _of_router(lambda router: router.value), 4, 2, at_most=True),
    Goal("k", "x before", _of_router(lambda router: router.value), 1.05, at_most=True),
    Goal(
        "k",
        "p99.9 of the collector's pauses, ms",
        _of_router(lambda router: router.median(lambda one: one.pause_p999_ms)),
        10,
        at_most=True,
    ),
)

GOALS: Sequence[Goal] = tuple(
    goal
    for about in ABOUTS
    for goal in (
        [one for one in _SINGLE if one.key == about.key] or _compared(about.key)
    )
)
