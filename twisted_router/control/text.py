"""What a router says, as text for people: columns and paragraphs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any


def routes_text(routes: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Lines for ``/routes``: each instance of each route.

    :param routes: the page's JSON.
    """
    rows = [("ROUTE", "INSTANCE", "SERVICE", "ID")]
    for uri, instances in routes.items():
        for one in instances:
            service = one.get("tags", {}).get("component", "")
            rows.append((uri, one["address"], service, one["private_instance_id"]))
        if not instances:
            rows.append((uri, "none", "", ""))
    return _columns(rows)


def quarantine_text(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Lines for ``/routes?quarantine``: what could not be used, and why."""
    for entry in entries:
        where = f"{entry['service']} ({entry['instance_id']}), {entry['source']}"
        yield f"{printable(where)}: {printable(entry['text'])}"
        yield f"    {printable(entry['reason'])}"


def explanation_text(found: Mapping[str, Any]) -> Iterator[str]:
    """Lines for ``/explain``: the way from the request to its instances."""
    request = found["request"]
    if request:
        asked = f"{request['method']} {request['host']}{request['path']}"
        yield printable(asked)
    for step in found["steps"]:
        route = step["route"] or "no route"
        yield printable(f"  {step['rule']} {step['pattern']}: {route}")
    if found["route"]:
        services = ", ".join(found["services"])
        yield printable(f"route {found['route']} of {services}")
    for heading, key in (("serving", "serving"), ("left out", "left_out")):
        if found[key]:
            yield f"{heading}:"
            yield from _columns(_verdicts(found[key]), "  ")
    if found["quarantined"]:
        yield "quarantined:"
        for entry in found["quarantined"]:
            yield printable(
                f"  {entry['instance']}, {entry['source']} {entry['text']}: "
                f"{entry['reason']}"
            )
    status = f"{found['status']}: " if found["status"] else ""
    yield printable(f"answer: {status}{found['answer']}")


def printable(text: Any) -> str:
    """Text that cannot move a terminal's cursor, nor anything else of it."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in str(text)
    )


def _verdicts(verdicts: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    for one in verdicts:
        counts = f"{one['requests']} requests, {one['failures']} failures"
        yield (
            one["address"],
            one["service"],
            one["instance"],
            one["status"],
            one.get("reason") or counts,
        )


def _columns(rows: Iterable[Sequence[str]], indent: str = "") -> Iterator[str]:
    """Rows of cells, one below the other."""
    table = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield (indent + "  ".join(cells)).rstrip()
