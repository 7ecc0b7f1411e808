"""Results as JSON, one file for each case."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.about import ABOUTS, About, about
from benchmarks.samples import Result, Sample


@dataclass(frozen=True, slots=True)
class KeptCase:
    """What came of a case.

    :ivar seconds: of each run.
    :ivar finished: when, as in ISO 8601.
    :ivar machine: what it was measured on.
    """

    about: About
    results: Sequence[Result]
    seconds: float
    finished: str
    machine: Mapping[str, str | int]


def just_finished(about: About, results: Sequence[Result], seconds: float) -> KeptCase:
    """A case that was run on this machine now."""
    finished = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return KeptCase(about, results, seconds, finished, machine())


def write_json(directory: Path, case: KeptCase) -> Path:
    """Keep the results of one case, in place of those of an earlier run."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{case.about.name}.json"
    content = {
        "case": asdict(case.about),
        "machine": case.machine,
        "finished": case.finished,
        "seconds": case.seconds,
        "results": {result.peer: _kept(result) for result in case.results},
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def read_json(directory: Path) -> list[KeptCase]:
    """All kept results, in the order of the cases."""
    found = []
    for known in ABOUTS:
        path = directory / f"{known.name}.json"
        if not path.exists():
            continue
        content = json.loads(path.read_text())
        results = [
            Result(peer, tuple(Sample(**sample) for sample in one["samples"]))
            for peer, one in content["results"].items()
        ]
        found.append(
            KeptCase(
                about(content["case"]["key"]),
                results,
                content["seconds"],
                content["finished"],
                content["machine"],
            )
        )
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
