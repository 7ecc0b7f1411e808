"""twistd, with a line for each run of the garbage collector: ``FILE ARGUMENT...``.

A line has the generation, the seconds that everything stood still, and the number of
objects that were garbage.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Collection:
    """One run of the garbage collector.

    :ivar found: objects that only the collector could free: parts of cycles.
    """

    generation: int
    pause_s: float
    found: int


def read_collections(path: Path) -> list[Collection]:
    """Those that were written so far."""
    lines = path.read_text("ascii").splitlines()
    return [
        Collection(int(generation), float(pause_s), int(found))
        for generation, pause_s, found in map(str.split, lines)
    ]


def watch(path: Path) -> None:
    """Write a line for each collection from now on."""
    # Written at once: a run is too seldom for that to matter, and the reader need not
    # wait until the process ends.
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    began_s = 0.0

    def called(phase: str, info: Mapping[str, int]) -> None:
        nonlocal began_s
        if phase == "start":
            began_s = time.perf_counter()
            return
        pause_s = time.perf_counter() - began_s
        found = info["collected"] + info["uncollectable"]
        os.write(file, b"%d %.6f %d\n" % (info["generation"], pause_s, found))

    gc.callbacks.append(called)


def main(path: str, arguments: Sequence[str]) -> None:
    """Run twistd."""
    watch(Path(path))
    sys.argv = ["twistd", *arguments]
    from twisted.scripts.twistd import run

    run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
