"""Says which route a request would take and why, and which instances would serve it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..model import Route, Status, Target
from .balance import Balancer
from .shares import shares
from .state import InstanceState
from .table import RouteTable, normal_host

# Longer host names and deeper paths are no route's: claims have at most 127 labels,
# and a path as deep as this is not worth a list.
_MOST_STEPS = 130

_WHY_UNUSABLE: Mapping[Status, str] = {
    Status.MAINTENANCE: "it is in maintenance mode in the catalog",
    Status.CRITICAL: "a health check of it, or of its node, is critical",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One place where a route could have been.

    :ivar rule: ``host``, ``wildcard`` or ``any host``.
    :ivar pattern: the host that a route would have to have.
    :ivar uri: of the route with the longest path that fits there, ``""`` for none.
    """

    rule: str
    pattern: str
    uri: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an instance would serve or not.

    :ivar reason: ``""`` if it would.
    :ivar share: what part of the route's requests it would get if all could serve that
        health lets serve, 0 to 1; 0 for who only serves when nobody else can.
    """

    target: Target
    state: InstanceState | None
    reason: str = ""
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a request finds its instance.

    :ivar steps: where a route was looked for, up to the one that has it.
    :ivar route: ``None``: nothing answers this host and path.
    :ivar verdicts: of every instance of the route.
    """

    steps: tuple[Step, ...]
    route: Route | None
    verdicts: tuple[Verdict, ...]


def explain(
    table: RouteTable, balancer: Balancer, host: bytes, path: bytes
) -> Explanation:
    """Look a request up as the proxy does, and say what was found on the way.

    :param host: as in a Host field; see :meth:`RouteTable.lookup`.
    :param path: of the request's target, without the query.
    """
    route = table.lookup(host, path)
    verdicts: tuple[Verdict, ...] = ()
    if route is not None:
        verdicts = tuple(_verdicts(route, balancer))
    return Explanation(tuple(_steps(table, host, path)), route, verdicts)


def _steps(table: RouteTable, host: bytes, path: bytes) -> Iterator[Step]:
    name = normal_host(host).decode("latin-1")
    text = path.decode("latin-1")
    for rule, pattern in _patterns(name):
        uri = next((r.uri for r in _routes(table, pattern, text)), "")
        yield Step(rule, pattern, uri)
        if uri:
            return


def _patterns(name: str) -> Iterator[tuple[str, str]]:
    if name:
        yield "host", name
    labels = name.split(".")[-_MOST_STEPS:]
    for n in range(1, len(labels)):
        yield "wildcard", "*." + ".".join(labels[n:])
    yield "any host", ""


def _routes(table: RouteTable, pattern: str, path: str) -> Iterator[Route]:
    """Routes of a host that the path belongs to, the longest first."""
    if not (pattern.isascii() and path.isascii()):
        return
    ends = [n for n, character in enumerate(path) if character == "/" and n]
    for end in [len(path), *reversed(ends[:_MOST_STEPS])]:
        if end > 1:
            route = table.get(pattern, path[:end])
            if route is not None:
                yield route
    root = table.get(pattern, "/")
    if root is not None:
        yield root


def _verdicts(route: Route, balancer: Balancer) -> Iterator[Verdict]:
    parts = shares(route.targets)
    whole = sum(parts)
    for target, part in zip(route.targets, parts, strict=True):
        state = balancer.states.get(target.instance.identity)
        reason = balancer.why_passed_over(state) if state is not None else ""
        share = part / whole if whole else 1 / len(parts)
        if not share and not reason:
            reason = "a spare: its weight is 0, it serves when nobody else can"
        yield Verdict(target, state, reason, share)
    for target in route.unusable:
        state = balancer.states.get(target.instance.identity)
        reason = _WHY_UNUSABLE.get(
            target.instance.status, "an access rule of its route cannot be used"
        )
        yield Verdict(target, state, reason)
