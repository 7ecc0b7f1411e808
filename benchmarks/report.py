"""Results as a table for the terminal and as JSON for keeping."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from benchmarks.cases import About
from benchmarks.samples import Result, Sample, cpu_ratio, ratio

_COLUMNS = (
    *("proxy", "median", "ratio", "by cpu", "p50 ms", "p99 ms"),
    *("cpu us", "busy", "MiB"),
)


def table(about: About, results: Sequence[Result]) -> str:
    """The results of one case as lines of text."""
    reference = _reference(about, results)
    rows = [[*_COLUMNS, *(("alone",) if _has_alone(results) else ()), "notes"]]
    for result in results:
        median = result.median
        row = [
            result.peer,
            _number(result.value),
            _number(ratio(results, result.peer, reference), 2),
            _number(cpu_ratio(results, result.peer, reference), 2),
            _number(median(lambda sample: sample.p50_ms), 2),
            _number(median(lambda sample: sample.p99_ms), 2),
            _number(median(lambda sample: sample.cpu_us), 1),
            _percent(median(lambda sample: sample.busy)),
            _number(median(lambda sample: sample.rss_mib), 1),
        ]
        if _has_alone(results):
            row.append(_number(median(lambda sample: sample.alone)))
        notes = result.notes(at_peak=about.at_peak)
        rate = median(lambda sample: sample.rate)
        if rate is not None:
            notes.append(f"at {rate:,.0f}/s")
        rows.append([*row, "; ".join(notes)])
    title = f"({about.key}) {about.title}, {about.unit}; ratio to {reference}"
    return "\n".join((title, *_aligned(rows)))


def _reference(about: About, results: Sequence[Result]) -> str:
    """The case's own; if that was not run, the last one, usually the slowest."""
    names = [result.peer for result in results]
    return about.reference if about.reference in names else names[-1]


def _has_alone(results: Sequence[Result]) -> bool:
    return any(sample.alone is not None for r in results for sample in r.samples)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells, notes in rows:
        numbers = (
            cell.rjust(width) for cell, width in zip(cells, widths[1:-1], strict=True)
        )
        yield f"  {'  '.join((name.ljust(widths[0]), *numbers, notes))}".rstrip()


def _number(value: float | None, digits: int | None = None) -> str:
    """Three or four digits that count, unless told how many after the point."""
    if value is None:
        return "-"
    if digits is None:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def write_json(
    directory: Path, about: About, results: Sequence[Result], seconds: float
) -> Path:
    """Keep the results of one case, in place of those of an earlier run."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{about.name}.json"
    path.write_text(
        json.dumps(
            {
                "case": asdict(about),
                "machine": machine(),
                "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "seconds": seconds,
                "results": {result.peer: _kept(result) for result in results},
            },
            indent=1,
        )
        + "\n"
    )
    return path


def read_json(directory: Path) -> list[tuple[About, list[Result]]]:
    """All kept results, in the order of their files."""
    found = []
    for path in sorted(directory.glob("*.json")):
        kept = json.loads(path.read_text())
        results = [
            Result(peer, tuple(Sample(**sample) for sample in one["samples"]))
            for peer, one in kept["results"].items()
        ]
        found.append((About(**kept["case"]), results))
    return found


def _kept(result: Result) -> dict[str, Any]:
    """Medians for readers, samples for doubters."""
    medians = {}
    for field in fields(Sample):
        value = result.median(_getter(field.name))
        if value is not None:
            medians[field.name] = _rounded(value)
    samples = [
        {
            name: _rounded(value)
            for name, value in asdict(sample).items()
            if value is not None
        }
        for sample in result.samples
    ]
    return {"median": medians, "samples": samples}


def _getter(name: str) -> Callable[[Sample], float | None]:
    def get(sample: Sample) -> float | None:
        value: float | None = getattr(sample, name)
        return value

    return get


def _rounded(value: float) -> float:
    """To six digits: there is no more in it."""
    return value if isinstance(value, int) else float(f"{value:.6g}")


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "processor": model,
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
