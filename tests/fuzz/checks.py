"""One door to all checks, and a source of cases for them."""

from __future__ import annotations

import random

from . import chaos, parsers, requests, responses
from .cases import (
    CHAOS,
    CHUNKS,
    REQUEST_HEAD,
    REQUESTS,
    RESPONSE_HEAD,
    RESPONSES,
    Case,
)
from .generator import Generator
from .world import World

# How often each kind is made. The engine as a whole is slow, and finds the most.
_SHARES = {
    REQUESTS: 45,
    RESPONSES: 25,
    CHUNKS: 10,
    REQUEST_HEAD: 12,
    RESPONSE_HEAD: 5,
    CHAOS: 3,
}
_KINDS = [kind for kind, share in _SHARES.items() for _ in range(share)]


class Checker:
    """Checks one case after the other, with one engine as long as it is sound."""

    def __init__(self) -> None:
        self._world: World | None = None

    def check(self, case: Case) -> int:
        """Hold a case to the invariants; how many of its messages were passed on.

        :raises BrokenInvariantError: one does not hold. Whatever else is raised comes
            from the engine, and is as bad.
        """
        # After a failure nobody knows what state the engine is in.
        world, self._world = self._world or World(), None
        if case.kind == REQUESTS:
            passed = requests.check(world, case)
        elif case.kind == RESPONSES:
            passed = responses.check(world, case)
        elif case.kind == CHAOS:
            passed = chaos.check(case)
        elif case.kind == CHUNKS:
            passed = parsers.check_chunks(case)
        else:
            passed = parsers.check_head(case)
        self._world = world
        return passed


class CaseSource:
    """Endless cases: the same ones for the same ``rng``."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._make = Generator(rng)

    def next(self) -> Case:
        """Another case."""
        rng, make = self._rng, self._make
        kind = _KINDS[int(rng.random() * len(_KINDS))]
        if kind == REQUESTS:
            data, variants = make.requests(), requests.VARIANTS
        elif kind == RESPONSES:
            data, variants = make.responses(), responses.VARIANTS
        elif kind == CHAOS:
            data = make.requests()
            if rng.random() < 0.02:
                # More than the router may hold of a client.
                data *= 1 + 300_000 // (len(data) + 1)
            return Case(kind, data, (), rng.getrandbits(32))
        elif kind == CHUNKS:
            data, variants = make.chunks(), 1
        elif kind == REQUEST_HEAD:
            return Case(kind, head_of(make.requests()))
        else:
            return Case(kind, head_of(make.responses()), (), rng.getrandbits(1))
        cuts = make.cuts(len(data))
        return Case(kind, data, cuts, int(rng.random() * variants))


def head_of(data: bytes) -> bytes:
    """What the engine takes for a head: up to the first empty line."""
    end = data.find(b"\r\n\r\n")
    return data if end < 0 else data[: end + 4]


def shrink(case: Case, checker: Checker, tries: int = 400) -> Case:
    """A smaller case that fails as well, if one is found soon."""
    size = len(case.data) // 2
    while size and tries:
        at = 0
        while at < len(case.data) and tries:
            tries -= 1
            data = case.data[:at] + case.data[at + size :]
            cuts = tuple(
                sorted({c - size if c > at + size else min(c, at) for c in case.cuts})
            )
            smaller = Case(
                case.kind,
                data,
                tuple(cut for cut in cuts if 0 < cut < len(data)),
                case.variant,
            )
            if fails(smaller, checker):
                case = smaller
            else:
                at += size
        size //= 2
    return case


def fails(case: Case, checker: Checker) -> str:
    """Why a case fails; ``""`` if it does not."""
    try:
        checker.check(case)
    except Exception as error:
        return f"{type(error).__name__}: {error.args[0] if error.args else ''}"
    return ""
