"""Makes one route of all claims to its host and path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..model import Quarantined, Route
from .claims import Claim
from .state import Identity
from .uris import RouteKey

#: A route, ``None`` without claims, and the claims that contradict others of it.
Merged = tuple[Route | None, tuple[Quarantined, ...]]


def merge(key: RouteKey, claims: Sequence[Claim]) -> Merged:
    """The route that follows from all claims to one host and path.

    Explicit claims put implied ones out. An instance counts once.

    :param claims: of one owner as they were read; of several by :func:`claim_order`.
    """
    if not claims:
        return None, ()
    if len(claims) == 1:  # as most routes have it
        (claim,) = claims
        targets = (claim.target,)
        return Route(*key, targets) if claim.usable else Route(*key, (), targets), ()
    claims = [claim for claim in claims if not claim.implied] or claims
    first_of: dict[Identity, Claim] = {}
    conflicts = []
    for claim in claims:
        instance = claim.target.instance
        first = first_of.setdefault(instance.identity, claim)
        if first is not claim and _terms(first) != _terms(claim):
            reason = f"the same instance is here by {first.text!r}, with other options"
            conflicts.append(
                Quarantined(
                    claim.owner[1], instance.id, claim.source, claim.text, reason
                )
            )
    served = first_of.values()
    route = Route(
        *key,
        targets=tuple(c.target for c in served if c.usable),
        unusable=tuple(c.target for c in served if not c.usable),
    )
    return route, tuple(conflicts)


def by_route(claims: Iterable[Claim]) -> dict[RouteKey, list[Claim]]:
    """The claims to each route, in the order in which they came."""
    routes: dict[RouteKey, list[Claim]] = {}
    for claim in claims:
        routes.setdefault(claim.key, []).append(claim)
    return routes


def claim_order(claim: Claim) -> tuple[object, ...]:
    """Sort by this: which claims go first does not depend on when they were made."""
    return (claim.owner[1], claim.target.instance.identity, claim.owner[0])


def _terms(claim: Claim) -> tuple[object, ...]:
    return (claim.target.options, claim.closed)
