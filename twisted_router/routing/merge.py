"""Makes one route of all claims to its host and path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ..model import NO_OPTIONS, Gate, Quarantined, Route, Target, TargetOptions
from .claims import Claim
from .state import Identity
from .uris import RouteKey

#: A route, ``None`` without claims, and the claims that contradict others of it.
Merged = tuple[Route | None, tuple[Quarantined, ...]]


def merge(key: RouteKey, claims: Sequence[Claim]) -> Merged:
    """The route that follows from all claims to one host and path.

    Explicit claims put implied ones out. An instance counts once.

    Who may ask is decided for the route as a whole, by the rules of all its claims: an
    instance that disagrees, as in a rolling deploy, does not open what others close.
    A redirect, too, is the route's as soon as one usable instance has it.

    :param claims: of one owner as they were read; of several by :func:`claim_order`.
    """
    if not claims:
        return None, ()
    if len(claims) == 1:
        (claim,) = claims
        target = claim.target
        if target.options is NO_OPTIONS and not (claim.closed or claim.restrictions):
            # As most routes have it.
            if target.instance.usable:
                return Route(*key, (target,)), ()
            return Route(*key, (), (target,)), ()
        return _route(key, claims, claims), ()
    claims = [claim for claim in claims if not claim.implied] or claims
    first_of: dict[Identity, Claim] = {}
    for claim in claims:
        first_of.setdefault(claim.target.instance.identity, claim)
    route = _route(key, claims, first_of.values())
    return route, (*_repeated(claims, first_of), *_overruled(claims, route.gate))


def by_route(claims: Iterable[Claim]) -> dict[RouteKey, list[Claim]]:
    """The claims to each route, in the order in which they came."""
    routes: dict[RouteKey, list[Claim]] = {}
    for claim in claims:
        routes.setdefault(claim.key, []).append(claim)
    return routes


def claim_order(claim: Claim) -> tuple[object, ...]:
    """Sort by this: which claims go first does not depend on when they were made."""
    return (claim.owner[1], claim.target.instance.identity, claim.owner[0])


def _route(key: RouteKey, claims: Iterable[Claim], served: Iterable[Claim]) -> Route:
    targets: list[Target] = []
    unusable: list[Target] = []
    closed = any(claim.closed for claim in claims)
    for claim in served:
        usable = claim.target.instance.usable and not closed
        (targets if usable else unusable).append(claim.target)
    gate = None if closed else _gate(claims)
    return Route(*key, tuple(targets), tuple(unusable), gate)


def _gate(claims: Iterable[Claim]) -> Gate | None:
    """What the claims together demand, ``None`` if that is nothing."""
    demands = {o: None for claim in claims for o in _demands(claim)}
    redirect = None
    for claim in claims:
        options = claim.target.options
        if options.redirect is not None and claim.target.instance.usable:
            redirect = options
            break
    if not demands and redirect is None:
        return None
    access = {o.access: None for o in demands if o.access is not None}
    auth = {o.auth for o in demands if o.auth}
    return Gate(tuple(access), tuple(sorted(auth)), redirect)


def _demands(claim: Claim) -> Iterator[TargetOptions]:
    options = claim.target.options
    if options is not NO_OPTIONS and options.restricts:
        yield options
    yield from claim.restrictions


def _repeated(
    claims: Iterable[Claim], first_of: dict[Identity, Claim]
) -> Iterator[Quarantined]:
    """Claims of instances that are there already, with options that have no effect."""
    for claim in claims:
        first = first_of[claim.target.instance.identity]
        if first is not claim and _own(first) != _own(claim):
            yield _entry(
                claim,
                f"the same instance is here by {first.text!r}, with other options",
            )


def _own(claim: Claim) -> TargetOptions:
    """The options that are the target's own affair."""
    return replace(claim.target.options, redirect=None, access=None, auth="")


def _overruled(claims: Sequence[Claim], gate: Gate | None) -> Iterator[Quarantined]:
    """Claims that the route is stricter than; one of each text."""
    closing = next((claim for claim in claims if claim.closed), None)
    if closing is None and gate is None:
        return
    told = set()
    for claim in claims:
        entry = (claim.owner, claim.source, claim.text)
        if entry in told:
            continue
        told.add(entry)
        if closing is not None:
            if not claim.closed:
                yield _entry(
                    claim,
                    f"nobody is let in because of {closing.text!r} of "
                    f"{closing.owner[1]} ({closing.target.instance.id})",
                )
            continue
        assert gate is not None
        demands = list(_demands(claim))
        more = [
            *(
                str(rule)
                for rule in gate.access
                if all(o.access != rule for o in demands)
            ),
            *(f"auth={it}" for it in gate.auth if all(o.auth != it for o in demands)),
        ]
        if more:
            yield _entry(
                claim, f"other entries demand more of this route: {' '.join(more)}"
            )
        redirect = gate.redirect.redirect if gate.redirect is not None else None
        if redirect is not None and redirect != claim.target.options.redirect:
            yield _entry(claim, f"another entry redirects this route: {redirect}")


def _entry(claim: Claim, reason: str) -> Quarantined:
    instance = claim.target.instance
    return Quarantined(claim.owner[1], instance.id, claim.source, claim.text, reason)
