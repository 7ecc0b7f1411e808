"""What a load generator has to tell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run.

    :ivar operations: requests answered, or round trips made.
    :ivar bytes: of bodies (wrk: of whole responses) moved.
    :ivar errors: connections lost, wrong statuses, time-outs.
    :ivar late_p99_ms: how late the generator itself was, where it keeps to a rate.
    """

    operations: int
    bytes: int
    seconds: float
    errors: int
    p50_ms: float
    p99_ms: float
    late_p99_ms: float = 0.0

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_output(cls, text: str) -> Outcome:
        """Read it back from the last line of what a generator printed."""
        return cls(**json.loads(text.splitlines()[-1]))


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The value that ``percent`` of the ordered values do not exceed; 0 for none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
