"""Tables of kept results in the pages that people read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.about import CADDY, HAPROXY, NGINX, ROUTER, TWISTED_WEB
from benchmarks.kept import KeptCase
from benchmarks.processes import BenchmarkError
from benchmarks.report import REACH_COLUMNS, number, reach_rows
from benchmarks.samples import by_name

_TOP = Path(__file__).parent.parent

#: Proxies of the first table, with the names that their makers give them.
_PEERS: Mapping[str, str] = {
    ROUTER: "router",
    NGINX: "nginx",
    HAPROXY: "HAProxy",
    CADDY: "Caddy",
    TWISTED_WEB: "twisted.web",
}

_BEGIN = ".. {name}: written by ``python -m benchmarks``"
_END = ".. end of {name}"


def pages(cases: Sequence[KeptCase], top: Path = _TOP) -> Iterator[tuple[Path, str]]:
    """Each page, with the text that it should have.

    :param top: the checkout.
    :raises BenchmarkError: a page lacks the place for its table.
    """
    for path, name, block in (
        (top / "README.rst", "figures", figures),
        (top / "benchmarks" / "README.rst", "reach", reach),
    ):
        yield path, _with_block(path, name, block(cases))


def figures(cases: Sequence[KeptCase]) -> str:
    """What each proxy did, case by case."""
    rows: list[Sequence[str]] = [("case", *_PEERS.values())]
    for case in cases:
        about = case.about
        found = by_name(case.results)
        results = [found.get(peer) for peer in _PEERS]
        if ROUTER not in found or len(found) == 1:
            continue
        values = (number(one.value if one else None) for one in results)
        rows.append((f"{about.title}, {about.unit}", *values))
        if about.limited_by_load:
            times_us = (
                number(one.median(lambda sample: sample.cpu_us) if one else None, 0)
                for one in results
            )
            rows.append((f"{about.title}, us of CPU", *times_us))
    return f"{_measured(cases)}\n\n{_rst_table(rows)}"


def reach(cases: Sequence[KeptCase]) -> str:
    """How far the router came."""
    rows = [REACH_COLUMNS, *reach_rows(cases)]
    return f"{_measured(cases)}\n\n{_rst_table(rows)}"


def _measured(cases: Sequence[KeptCase]) -> str:
    """How, when and on what; several answers where cases do not agree."""

    def each(what: Iterable[object]) -> str:
        return " or ".join(dict.fromkeys(map(str, what)))

    machines = [case.machine for case in cases]
    rounds = sorted(max(len(one.samples) for one in case.results) for case in cases)
    return "\n".join(
        (
            f"Medians of {each(rounds)} rounds of"
            f" {each(f'{case.seconds:g}' for case in cases)} seconds, measured on"
            f" {each(case.finished[:10] for case in cases)} with",
            each(
                f"{one['cores']} cores of {one['processor']}, {one['system']},"
                f" Python {one['python']}."
                for one in machines
            ),
        )
    )


def _rst_table(rows: Sequence[Sequence[str]]) -> str:
    """A simple table; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join((rule, lines[0], rule, *lines[1:], rule))


def _with_block(path: Path, name: str, block: str) -> str:
    text = path.read_text("utf-8")
    begin, end = _BEGIN.format(name=name), _END.format(name=name)
    before, found_begin, rest = text.partition(f"{begin}\n")
    _, found_end, after = rest.partition(f"\n{end}\n")
    if not found_begin or not found_end:
        raise BenchmarkError(f"{path} has no place for its table: {begin} ... {end}")
    return f"{before}{found_begin}\n{block}\n{found_end}{after}"
