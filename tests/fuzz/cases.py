"""Inputs as values, and the files of those that once failed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"

#: What an input is fed to: a client's connection, an instance's, both in any order; a
#: chunked body alone; the two kinds of heads alone.
REQUESTS, RESPONSES, CHAOS = "requests", "responses", "chaos"
CHUNKS, REQUEST_HEAD, RESPONSE_HEAD = "chunks", "request head", "response head"


@dataclass(frozen=True, slots=True)
class Case:
    """One input.

    :ivar cuts: where it is cut for the second time of two.
    :ivar variant: what else happens; each kind has its own meaning for it.
    """

    kind: str
    data: bytes
    cuts: tuple[int, ...] = ()
    variant: int = 0


def save(case: Case, name: str, what: str) -> Path:
    """Write a case to the corpus; ``what`` says in a line what it once broke."""
    path = CORPUS / f"{name}.json"
    fields = {"what": what, **asdict(case), "data": case.data.decode("latin-1")}
    path.write_text(json.dumps(fields, indent=1) + "\n", encoding="ascii")
    return path


def load(path: Path) -> Case:
    """Read a case of the corpus."""
    fields = json.loads(path.read_text(encoding="ascii"))
    return Case(
        fields["kind"],
        fields["data"].encode("latin-1"),
        tuple(fields["cuts"]),
        fields["variant"],
    )
