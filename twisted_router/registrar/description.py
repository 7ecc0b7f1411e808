"""Plans in words, for a person: what would be written, and why. Without secrets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .comparison import Comparison
from .meta import publishable
from .owner import is_unmarked, meta_of
from .plan import Deregister, Maintain, Register, Resume, Step, Tell
from .registration import Registration

_HIDDEN = "(not shown)"

# As in postgres://user:password@host/.
_LOGIN_IN_URL = re.compile(r"://[^/?#\s@]*@")

#: How the kinds of steps are counted, in this order.
_KINDS: Mapping[type, str] = {
    Register: "to register",
    Deregister: "to deregister",
    Maintain: "into maintenance",
    Resume: "out of maintenance",
    Tell: "checks to report",
}


def describe_plan(comparison: Comparison, running: Collection[str]) -> list[str]:
    """Say what a comparison would lead to, and what containers' owners should know.

    :param running: short ids of all containers that run.
    :returns: lines of printable text, the last one a summary.
    """
    lines: list[str] = []
    for step in comparison.steps:
        lines += _describe(step, comparison, running)
    lines += [
        f"warning     container {container}: {note}"
        for container, note in sorted(comparison.remarks)
    ]
    lines.append(_summary(comparison, len(running)))
    return [_printable(line) for line in lines]


def _summary(comparison: Comparison, containers: int) -> str:
    counts = Counter(type(step) for step in comparison.steps)
    planned = [
        f"{counts[kind]} {text}" for kind, text in _KINDS.items() if counts[kind]
    ]
    return (
        f"{len(comparison.services)} services of {containers} containers: "
        f"{', '.join(planned) or 'nothing to do'}"
    )


def _describe(
    step: Step, comparison: Comparison, running: Collection[str]
) -> Iterator[str]:
    """The lines of one step: what, and indented under it why, and with what in it."""
    match step:
        case Register(registration):
            found = comparison.found.get(registration.id)
            yield f"register    {registration.id}"
            yield f"  why       {_why_registered(registration, found)}"
            yield from _essentials(registration)
        case Deregister(service_id):
            yield f"deregister  {service_id}"
            yield f"  why       {_why_deregistered(step, comparison, running)}"
        case Maintain(service_id, _, reason):
            yield f"maintain    {service_id}"
            yield f"  why       {reason}"
        case Resume(service_id):
            yield f"resume      {service_id}"
            yield "  why       its container runs, and is not being stopped"
        case Tell(service_id, _, report):
            yield f"report      {service_id}"
            yield f"  why       {report.name} is {report.status}: {report.output}"


def _why_registered(wanted: Registration, found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "it is not registered"
    taken_over = ["nobody's mark is on it"] if is_unmarked(found) else []
    return ", ".join(taken_over + list(_differences(wanted, found)))


def _differences(wanted: Registration, found: Mapping[str, Any]) -> Iterator[str]:
    for what, is_now, is_to_be in (
        ("name", found.get("Service"), wanted.name),
        ("address", found.get("Address"), wanted.address),
        ("port", found.get("Port"), wanted.port),
    ):
        if is_now != is_to_be:
            yield f"{what} was {is_now}"
    if tuple(found.get("Tags") or ()) != wanted.tags:
        yield "tags differ"
    before = meta_of(found)
    changed = sorted(
        key
        for key in before.keys() | wanted.meta.keys()
        if before.get(key) != wanted.meta.get(key)
    )
    if changed:
        yield f"meta differs: {', '.join(changed)}"
    elif wanted.reports:
        yield "checks differ"


def _why_deregistered(
    step: Deregister, comparison: Comparison, running: Collection[str]
) -> str:
    if is_unmarked(comparison.found.get(step.service_id, {})):
        return f"registrator has left it; container {step.container} has its place"
    if step.container not in running:
        return f"container {step.container} does not run"
    ids = [each.id for each in comparison.services if each.container == step.container]
    instead = f"comes to {', '.join(ids)}" if ids else "comes to no service"
    return f"container {step.container} {instead}"


def _essentials(registration: Registration) -> Iterator[str]:
    """What of a payload a person wants to see."""
    address = registration.address
    where = f"[{address}]" if ":" in address else address
    yield (
        f"  service   {registration.name} at {where}:{registration.port}, "
        f"container {registration.container}"
    )
    if registration.tags:
        yield f"  tags      {', '.join(map(_without_login, registration.tags))}"
    for key, value in _shown(registration.meta):
        yield f"  meta      {key} = {value}"
    if registration.check is not None:
        yield f"  check     {_check(registration.check)}"
    for report in registration.reports:
        yield f"  check     {report.name}: {report.status}, {report.output}"


def _shown(meta: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Attributes without marks of ours, and without values that look like secrets."""
    harmless, _ = publishable(meta)
    for key, value in sorted(meta.items()):
        if key in harmless:
            yield key, value
        elif not key.startswith("twisted-router-"):
            yield key, _HIDDEN


def _check(check: Mapping[str, Any]) -> str:
    """A check in one line, without what may let somebody in."""
    if "HTTP" in check:
        said = f"{check.get('Method', 'GET')} {_without_query(check['HTTP'])}"
    elif "Args" in check:
        # The last one is the container's own, and may hold anything.
        said = " ".join([*check["Args"][:-1], _HIDDEN])
    else:
        kind = next((kind for kind in ("TCP", "GRPC", "TTL") if kind in check), "")
        said = f"{kind} {check.get(kind, '')}"
    return f"{said} every {check['Interval']}" if "Interval" in check else said


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    query = _HIDDEN if parts.query else ""
    return _without_login(urlunsplit(parts._replace(query=query, fragment="")))


def _without_login(text: str) -> str:
    return _LOGIN_IN_URL.sub(f"://{_HIDDEN}@", text)


def _printable(text: str) -> str:
    """What a terminal shows and does not obey: containers may be anybody's."""
    return text if text.isprintable() else repr(text)[1:-1]
