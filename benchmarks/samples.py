"""What was measured, and the medians of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

#: With less processor time than this share of the run, the proxy was not the limit.
_BUSY = 0.9
#: More time of other programs on the proxy's core than this share disturbs.
_DISTURBED = 0.03
#: A load that is later than this share of the latency has made a part of it.
_LATE = 0.25
#: A log with fewer lines than this share of the requests lacks some.
_LOGGED = 0.98


@dataclass(frozen=True, slots=True)
class Sample:
    """One run against one proxy.

    :ivar value: what the case is about, in its unit.
    :ivar errors: failed operations; a run that has any proves nothing.
    :ivar p50_ms: latency; ``None`` where the case has none.
    :ivar cpu_us: processor time of the proxy for each operation.
    :ivar busy: share of the run in which the proxy used its core.
    :ivar others: share of the run in which other programs used it.
    :ivar rss_mib: memory of the proxy, resident after the run.
    :ivar logged: lines in the access log for each operation.
    :ivar alone: the value without the case's burden, measured just before.
    :ivar rate: operations a second that the load kept to.
    :ivar late_p99_ms: how late the load generator itself was.
    :ivar before_mib: memory before the run, where the case compares with that.
    :ivar young: runs of the garbage collector in its youngest generation; so for
        ``middle`` and ``old``.
    :ivar garbage: objects that only the collector could free.
    :ivar pause_p50_ms: how long one of its runs took; p99.9 and longest alike.
    """

    value: float
    errors: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_us: float | None = None
    busy: float | None = None
    others: float | None = None
    rss_mib: float | None = None
    logged: float | None = None
    alone: float | None = None
    rate: float | None = None
    late_p99_ms: float | None = None
    before_mib: float | None = None
    young: int | None = None
    middle: int | None = None
    old: int | None = None
    garbage: int | None = None
    pause_p50_ms: float | None = None
    pause_p999_ms: float | None = None
    pause_max_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """All runs against one proxy, in one case."""

    peer: str
    samples: tuple[Sample, ...]

    @property
    def value(self) -> float:
        """The median."""
        return median(sample.value for sample in self.samples)

    @property
    def errors(self) -> int:
        """Of all runs together."""
        return sum(sample.errors for sample in self.samples)

    @property
    def disturbed(self) -> bool:
        """Whether other programs had a part of the proxy's core."""
        others = self.median(lambda sample: sample.others)
        return others is not None and others > _DISTURBED

    @property
    def share_of_alone(self) -> float | None:
        """The value with the case's burden, as a share of that without it.

        Of the two in one round, which were taken one right after the other.
        """
        return self.median(
            lambda sample: sample.value / sample.alone if sample.alone else None
        )

    def median(self, field: Callable[[Sample], float | None]) -> float | None:
        """The median of another field; ``None`` where it was not measured."""
        values = [value for value in map(field, self.samples) if value is not None]
        return median(values) if values else None

    def notes(self, *, at_peak: bool) -> list[str]:
        """What to know before believing the figures.

        :param at_peak: whether the load is meant to take all that the proxy can do.
        """
        notes = []
        if self.errors:
            notes.append(f"{self.errors} ERRORS")
        busy = self.median(lambda sample: sample.busy)
        if at_peak and busy is not None and busy < _BUSY:
            notes.append(f"not the bottleneck: {busy:.0%} busy")
        if self.disturbed:
            others = self.median(lambda sample: sample.others) or 0.0
            notes.append(f"disturbed: others had {others:.0%} of its core")
        logged = self.median(lambda sample: sample.logged)
        if logged is not None and logged < _LOGGED:
            notes.append(f"logged {logged:.0%} of the requests")
        late_ms = self.median(lambda sample: sample.late_p99_ms)
        p99_ms = self.median(lambda sample: sample.p99_ms)
        if late_ms and p99_ms and late_ms > p99_ms * _LATE:
            notes.append(f"the load itself was late: p99 {late_ms:.1f} ms")
        return notes


def by_name(results: Iterable[Result]) -> dict[str, Result]:
    """The results, to be found by proxy."""
    return {result.peer: result for result in results}


def ratio(results: Sequence[Result], peer: str, reference: str) -> float | None:
    """How many times the reference's value a proxy's is; ``None`` without one."""
    found = by_name(results)
    if peer not in found or reference not in found or not found[reference].value:
        return None
    return found[peer].value / found[reference].value


def cpu_ratio(results: Sequence[Result], peer: str, reference: str) -> float | None:
    """How many times as much a proxy does with the same processor time.

    This still tells proxies apart that are quicker than the load; of those that are
    not, it is the ratio of the values again.
    """
    found = by_name(results)
    if peer not in found or reference not in found:
        return None
    own = found[peer].median(lambda sample: sample.cpu_us)
    other = found[reference].median(lambda sample: sample.cpu_us)
    return other / own if own and other else None
