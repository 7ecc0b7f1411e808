"""How long to wait before the next attempt, as a plain function."""

from __future__ import annotations

import random
from collections.abc import Callable

#: ``policy(attempt)`` gives seconds to wait after that attempt failed; the first
#: attempt is number 1.
RetryPolicy = Callable[[int], float]


def backoff_policy(
    rng: random.Random,
    initial_s: float = 0.25,
    maximum_s: float = 30.0,
    factor: float = 2.0,
) -> RetryPolicy:
    """Exponential backoff with half jitter.

    :param rng: source of the jitter; tests pass a seeded one.
    :returns: a policy whose delay lies in [d/2, d], where d grows from
        ``initial_s`` by ``factor`` an attempt, up to ``maximum_s``.

    Half and not full jitter: a router that is told to retry at once, five times in
    a row, would hammer an agent that has just come back.
    """

    def delay_s(attempt: int) -> float:
        # The exponent is bounded: attempts can go on for weeks, floats can't.
        ceiling_s = min(maximum_s, initial_s * factor ** min(attempt - 1, 64))
        return ceiling_s * (0.5 + rng.random() / 2)

    return delay_s
