"""The schema, asked key by key."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from .schema import Config


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section, as the schema declares it.

    :ivar attribute: its name in the dataclass; differs where Python forbids the name.
    :ivar kind: its type, without ``None``.
    :ivar default: ``None`` for a section that is off when absent.
    """

    name: str
    attribute: str
    kind: Any
    default: Any
    metadata: Mapping[str, Any]

    @property
    def also(self) -> str:
        """Another name that it may go by, ``""`` if there is none."""
        return str(self.metadata.get("also", ""))

    @property
    def section(self) -> type[Any] | None:
        """The dataclass behind it, if it is a section."""
        kind: type[Any] = self.kind
        return kind if dataclasses.is_dataclass(kind) else None

    @property
    def item(self) -> Any:
        """The type of its items, if it is a list; else ``None``."""
        if get_origin(self.kind) is not tuple or self.named is not None:
            return None
        return get_args(self.kind)[0]

    @property
    def named(self) -> type[Any] | None:
        """The section behind each name, if the file gives the names: pairs of both."""
        pair = get_args(self.kind)[:1]
        if not pair or get_origin(pair[0]) is not tuple:
            return None
        section: type[Any] = get_args(pair[0])[1]
        return section


def section_keys(section: type[Any]) -> tuple[Key, ...]:
    """The keys of a section, in the order of the schema."""
    hints = get_type_hints(section)
    return tuple(
        Key(
            name=field.metadata.get("name", field.name),
            attribute=field.name,
            kind=_without_none(hints[field.name]),
            default=field.default,
            metadata=field.metadata,
        )
        for field in dataclasses.fields(section)
    )


def suggestion(name: str, prefix: str, keys: Mapping[str, Key]) -> str:
    """What to say after "unknown key": the nearest key, or all there are.

    :param prefix: path of the section that ``name`` stands in, with its last dot.
    :param keys: the keys of that section.
    """
    near = difflib.get_close_matches(name[:60], keys, n=1)
    if near:
        return f"; did you mean {prefix}{near[0]}?"
    # The right name in the wrong section.
    elsewhere = [path for path in _paths(Config) if path.split(".")[-1] == name]
    if elsewhere:
        return f"; did you mean {elsewhere[0]}?"
    return f", expected {', '.join(keys)}" if prefix else ""


def _without_none(hint: Any) -> Any:
    kinds = get_args(hint)
    if type(None) not in kinds:
        return hint
    (kind,) = (kind for kind in kinds if kind is not type(None))
    return kind


def _paths(section: type[Any], prefix: str = "") -> Iterator[str]:
    for key in section_keys(section):
        yield prefix + key.name
        if key.section:
            yield from _paths(key.section, f"{prefix}{key.name}.")
