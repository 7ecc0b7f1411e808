"""What is measured, put into a few words and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and what it should reach.

    :ivar limit: the most that is good; ``None`` where there is no aim.
    """

    case: str
    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def good(self) -> bool:
        """Whether it reaches its aim, if it has one."""
        return self.limit is None or self.value <= self.limit


def latencies(
    case: str, name: str, taken_s: Sequence[float], p50_ms: float = 0, p99_ms: float = 0
) -> list[Figure]:
    """The median, the 99th percentile and the longest of some times."""
    limits = {"p50": p50_ms, "p99": p99_ms}
    ranks = {"p50": 0.50, "p99": 0.99, "max": 1.0}
    return [
        Figure(
            case,
            f"{name}, {key}",
            percentile(taken_s, rank) * 1000,
            "ms",
            limits.get(key) or None,
        )
        for key, rank in ranks.items()
    ]


def percentile(values: Sequence[float], rank: float) -> float:
    """The smallest value that is not less than this share of all (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(rank * len(ordered)) - 1)]


def table(figures: Sequence[Figure]) -> str:
    """Lines of text."""
    rows = [
        (
            figure.case,
            figure.name,
            f"{figure.value:,.1f} {figure.unit}",
            "" if figure.limit is None else f"{figure.limit:g}",
            "" if figure.limit is None else ("met" if figure.good else "MISSED"),
        )
        for figure in figures
    ]
    rows.insert(0, ("case", "what", "measured", "reach", ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in (2, 3) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def as_json(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """The same for programs."""
    return [{**asdict(figure), "good": figure.good} for figure in figures]
