"""``SERVICE_*`` variables and labels, with gliderlabs/registrator's meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PREFIX = "SERVICE_"

_FALSE_WORDS = frozenset({"", "false", "0", "no"})

# A comma that no backslash precedes.
_COMMA = re.compile(r"(?<!\\),")

_PORT_SPECIFIC = re.compile(r"([0-9]+)_(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a container says about one of its ports.

    :ivar name: service name, ``""`` when it gives none.
    :ivar name_is_own: the name was given for this very port, not for all of them.
    :ivar id: service ID, ``""`` when it gives none.
    :ivar id_is_own: likewise for the ID.
    :ivar tags: in the order they were written, each once.
    :ivar ignore: this port is not to be registered.
    :ivar attributes: everything else, by lower-case key without ``SERVICE_``.
    """

    name: str
    name_is_own: bool
    id: str
    id_is_own: bool
    tags: tuple[str, ...]
    ignore: bool
    attributes: Mapping[str, str]


def service_variables(env: Iterable[str], labels: Mapping[str, str]) -> dict[str, str]:
    """Pick what is addressed to the registrar, labels over environment.

    :param env: ``KEY=VALUE`` each, as Docker keeps them; one without ``=`` is unset.
    :returns: values by key, lower case and without ``SERVICE_``.

    Keys that differ by case alone are one key: the spelling nearest to all capitals
    wins among labels, so that the outcome does not depend on their order.
    """
    pairs = [entry.partition("=")[::2] for entry in env if "=" in entry]
    pairs += sorted(labels.items(), reverse=True)
    return {
        key.removeprefix(PREFIX).lower(): value
        for key, value in pairs
        if key.startswith(PREFIX) and key != PREFIX
    }


def read_metadata(variables: Mapping[str, str], port: int) -> Metadata:
    """Read what ``variables`` say about a port.

    :param variables: see :func:`service_variables`.
    :param port: the container's port, to which ``SERVICE_<port>_X`` must be equal;
        what is for other ports is left out. Such a key wins over plain ``SERVICE_X``.
    """
    generic: dict[str, str] = {}
    own: dict[str, str] = {}
    for key, value in variables.items():
        specific = _PORT_SPECIFIC.fullmatch(key)
        if specific is None:
            generic[key] = value
        elif specific[1] == str(port):
            own[specific[2]] = value
    found = generic | own
    return Metadata(
        name=found.pop("name", ""),
        name_is_own=bool(own.get("name")),
        id=found.pop("id", ""),
        id_is_own=bool(own.get("id")),
        tags=split_tags(found.pop("tags", "")),
        ignore=is_true(found.pop("ignore", "")),
        attributes=found,
    )


def is_true(value: str) -> bool:
    """Whether a switch is on: any text but ``false``, ``0`` and ``no`` says so."""
    return value.strip().lower() not in _FALSE_WORDS


def split_tags(text: str) -> tuple[str, ...]:
    r"""Split a comma-separated list; ``\,`` is a comma that belongs to a tag.

    Blanks around tags, empty tags and repetitions are dropped. The order is kept:
    registrator turns it round.
    """
    tags = (part.replace(r"\,", ",").strip() for part in _COMMA.split(text))
    return tuple(dict.fromkeys(tag for tag in tags if tag))
