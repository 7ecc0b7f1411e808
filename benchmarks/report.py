"""Results as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.about import ROUTER, ROUTES, About
from benchmarks.kept import KeptCase
from benchmarks.kept import machine as machine  # for benchmarks.discovery
from benchmarks.reach import Goal, reached, table_mib
from benchmarks.samples import Result, cpu_ratio, ratio

_COLUMNS = (
    *("proxy", "median", "ratio", "by cpu", "p50 ms", "p99 ms"),
    *("cpu us", "busy", "MiB"),
)
_ALONE_COLUMNS = "alone", "share"

#: Columns of the closing table.
REACH_COLUMNS = "case", "compared", "value", "by CPU", "floor", "aim", "verdict"


def table(about: About, results: Sequence[Result]) -> str:
    """The results of one case as lines of text."""
    reference = _reference(about, results)
    has_alone = any(result.share_of_alone is not None for result in results)
    rows = [[*_COLUMNS, *(_ALONE_COLUMNS if has_alone else ()), "notes"]]
    for result in results:
        median = result.median
        row = [
            result.peer,
            number(result.value),
            number(ratio(results, result.peer, reference), 2),
            number(cpu_ratio(results, result.peer, reference), 2),
            number(median(lambda sample: sample.p50_ms), 2),
            number(median(lambda sample: sample.p99_ms), 2),
            number(median(lambda sample: sample.cpu_us), 1),
            _percent(median(lambda sample: sample.busy)),
            number(median(lambda sample: sample.rss_mib), 1),
        ]
        if has_alone:
            row.append(number(median(lambda sample: sample.alone)))
            row.append(number(result.share_of_alone, 3))
        rows.append([*row, "; ".join(_notes(about, result, results))])
    title = f"({about.key}) {about.title}, {about.unit}; ratio to {reference}"
    return "\n".join((title, *_aligned(rows, numbers_from=1)))


def reach_table(cases: Sequence[KeptCase]) -> str:
    """The closing table: each figure beside what it is to be."""
    rows = [REACH_COLUMNS, *reach_rows(cases)]
    return "\n".join(("What was reached", *_aligned(rows, numbers_from=2)))


def reach_rows(cases: Sequence[KeptCase]) -> Iterator[tuple[str, ...]]:
    """Rows of the closing table, under :data:`REACH_COLUMNS`."""
    for one in reached(cases):
        yield (
            f"({one.goal.key}) {one.about.title}",
            one.goal.what,
            number(one.figure.value, 2),
            number(one.figure.by_cpu, 2),
            _limit(one.goal, one.goal.floor),
            _limit(one.goal, one.goal.aim),
            one.verdict,
        )


def _limit(goal: Goal, limit: float | None) -> str:
    if limit is None:
        return "-"
    return f"{'<=' if goal.at_most else '>='} {limit:g}"


def _notes(about: About, result: Result, results: Sequence[Result]) -> list[str]:
    median = result.median
    notes = result.notes(at_peak=about.at_peak)
    rate = median(lambda sample: sample.rate)
    if rate is not None:
        notes.append(f"at {rate:,.0f}/s")
    table = table_mib(results)
    if table is not None and result.peer == f"{ROUTER}-{ROUTES[-1]}":
        notes.append(f"its table: {table:,.0f} MiB")
    before = median(lambda sample: sample.before_mib)
    if before is not None:
        notes.append(f"{number(before, 1)} MiB before; {_collections(result)}")
    return notes


def _collections(result: Result) -> str:
    median = result.median
    generations = (
        median(lambda sample: sample.young),
        median(lambda sample: sample.middle),
        median(lambda sample: sample.old),
    )
    pauses = (
        median(lambda sample: sample.pause_p50_ms),
        median(lambda sample: sample.pause_p999_ms),
        median(lambda sample: sample.pause_max_ms),
    )
    found = median(lambda sample: sample.garbage)
    return (
        f"collections {'/'.join(number(count, 0) for count in generations)}"
        f" found {number(found, 0)} objects, pauses p50/p99.9/longest"
        f" {'/'.join(number(pause, 2) for pause in pauses)} ms"
    )


def _reference(about: About, results: Sequence[Result]) -> str:
    """The case's own; if that was not run, the last one, usually the slowest."""
    names = [result.peer for result in results]
    return about.reference if about.reference in names else names[-1]


def _aligned(rows: Sequence[Sequence[str]], numbers_from: int) -> Iterator[str]:
    """Names to the left, then numbers to the right, then a last column of words."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if at < numbers_from else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row[:-1], widths, strict=False))
        ]
        yield f"  {'  '.join((*cells, row[-1]))}".rstrip()


def number(value: float | None, digits: int | None = None) -> str:
    """Three or four digits that count, unless told how many after the point."""
    if value is None:
        return "-"
    if digits is None:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
