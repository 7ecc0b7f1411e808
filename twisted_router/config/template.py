"""Text with ``{{...}}`` in it, filled in from a container's facts.

The part of Go's text/template, and of registrator's functions, that needs neither
control structures nor the network: fields, ``index``, pipelines, functions on text and
lists. Anything else is an error where the text is read, not where it is filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..interfaces import RouterError


class TemplateError(RouterError):
    """A template that cannot be used; the message says what it does not know."""


@dataclass(frozen=True, slots=True)
class _Field:
    """``.Config.Image``; without names it is everything."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Literal:
    value: str | int


@dataclass(frozen=True, slots=True)
class _Call:
    function: str
    arguments: tuple[_Node, ...]


_Node: TypeAlias = "_Field | _Literal | _Call"

_ACTION = re.compile(r"(?:\s*\{\{-\s|\{\{)(.*?)(?:\s-\}\}\s*|\}\})", re.DOTALL)

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<field>\.(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)?(?!\w))
    | (?P<text>"(?:[^"\\\n]|\\.)*")
    | (?P<raw>`[^`]*`)
    | (?P<number>-?[0-9]+)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<sign>[()|])
    )""",
    re.VERBOSE | re.DOTALL,
)

_EXPECTED = "expected {{.Field}}, {{index .Field KEY}} or a function of registrator's"


class Template:
    """A text to be filled in.

    :raises TemplateError: it has something that is not known here.
    """

    def __init__(self, text: str) -> None:
        self._parts: list[str | _Node] = []
        end = 0
        for action in _ACTION.finditer(text):
            self._parts += [_plain(text[end : action.start()]), _parse(action[1])]
            end = action.end()
        self._parts.append(_plain(text[end:]))

    def render(self, data: Mapping[str, Any]) -> str:
        """Fill it in.

        Names of fields are found in any case: Go's client has ``ID`` where Docker has
        ``Id``. An index or a key that is not there gives an empty text.

        :raises TemplateError: there is no such field, or a function does not suit it.
        """
        return "".join(
            part if isinstance(part, str) else _shown(_evaluate(part, data))
            for part in self._parts
        )


def _plain(text: str) -> str:
    if "{{" in text or "}}" in text:
        raise TemplateError("{{ and }} do not pair up")
    return text


def _parse(action: str) -> _Node:
    tokens = list(_tokens(action))
    node, rest = _pipeline(tokens)
    if rest:
        raise TemplateError(f"{rest[0][1]!r} is out of place in {{{{{action}}}}}")
    return node


def _tokens(action: str) -> Iterator[tuple[str, str]]:
    at = 0
    action = action.rstrip()
    while at < len(action):
        match = _TOKEN.match(action, at)
        if match is None or match.lastgroup is None:
            raise TemplateError(
                f"{action[at:].strip():.20} is not supported, {_EXPECTED}"
            )
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()


_Tokens: TypeAlias = Sequence[tuple[str, str]]


def _pipeline(tokens: _Tokens) -> tuple[_Node, _Tokens]:
    """Commands between ``|``: each has the one before as its last argument."""
    node, tokens = _command(tokens, ())
    while tokens and tokens[0][1] == "|" and tokens[0][0] == "sign":
        node, tokens = _command(tokens[1:], (node,))
    return node, tokens


def _command(tokens: _Tokens, piped: tuple[_Node, ...]) -> tuple[_Node, _Tokens]:
    if tokens and tokens[0][0] == "word":
        name, tokens = tokens[0][1], tokens[1:]
        if name not in _FUNCTIONS:
            raise TemplateError(f"{name} is not supported, {_EXPECTED}")
        arguments: list[_Node] = []
        while tokens and tokens[0][1] not in ("|", ")"):
            argument, tokens = _operand(tokens)
            arguments.append(argument)
        arguments += piped
        fewest, most, _ = _FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            raise TemplateError(
                f"{name} takes {fewest} arguments at least and {most} at most"
            )
        return _Call(name, tuple(arguments)), tokens
    if piped:
        raise TemplateError(f"there is no function after |, {_EXPECTED}")
    return _operand(tokens)


def _operand(tokens: _Tokens) -> tuple[_Node, _Tokens]:
    if not tokens:
        raise TemplateError(f"{{{{}}}} lacks something, {_EXPECTED}")
    (kind, text), tokens = tokens[0], tokens[1:]
    if kind == "field":
        return _Field(tuple(text[1:].split(".")) if text != "." else ()), tokens
    if kind == "number":
        return _Literal(int(text)), tokens
    if kind == "raw":
        return _Literal(text[1:-1]), tokens
    if kind == "text":
        try:
            return _Literal(str(json.loads(text))), tokens
        except ValueError:
            raise TemplateError(f"{text} has a backslash too many") from None
    if text == "(":
        node, tokens = _pipeline(tokens)
        if not tokens or tokens[0][1] != ")":
            raise TemplateError("a ( is not closed")
        return node, tokens[1:]
    raise TemplateError(f"{text} is out of place, {_EXPECTED}")


def _evaluate(node: _Node, data: Any) -> Any:
    if isinstance(node, _Literal):
        return node.value
    if isinstance(node, _Field):
        value = data
        for name in node.names:
            value = _member(value, name, node)
        return value
    arguments = [_evaluate(argument, data) for argument in node.arguments]
    try:
        return _FUNCTIONS[node.function][2](*arguments)
    except (TypeError, ValueError, AttributeError, LookupError, re.error):
        raise TemplateError(f"{node.function} does not suit what it is given") from None


def _member(value: Any, name: str, field: _Field) -> Any:
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        for key, member in value.items():
            if key.lower() == name.lower():
                return member
    raise TemplateError(f"there is no .{'.'.join(field.names)}")


def _shown(value: Any) -> str:
    """As Go prints it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(_shown(item) for item in value)}]"
    if isinstance(value, str | int | float):
        return str(value)
    raise TemplateError("a field that has fields of its own is no text")


def _index(value: Any, *keys: str | int) -> Any:
    for key in keys:
        if isinstance(key, int):
            value = value[key] if 0 <= key < len(value or ()) else None
        else:
            value = (value or {}).get(key)
    return value


def _slice(text: str, start: int, end: int | None = None) -> str:
    # A text that is shorter stays as it is.
    if len(text) < max(start, end or 0):
        return text
    return text[start:] if end is None or end < start else text[start:end]


def _element(index: int, items: Sequence[str]) -> str:
    """The element at ``index``, from the end if negative; the last one beyond it."""
    if index < 0:
        return items[max(len(items) + index, 0)]
    return items[min(index, len(items) - 1)]


def _matches(pattern: str, items: Iterable[str] | None) -> Iterator[str]:
    return (item for item in items or () if re.search(pattern, item))


def _replace(count: int, old: str, new: str, text: str) -> str:
    return text.replace(old, new, count)


#: By name: arguments at least and at most, and what it does. In registrator's order.
_FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Any]]] = {
    "index": (2, 9, _index),
    "strSlice": (2, 3, _slice),
    "sIndex": (2, 2, _element),
    "mIndex": (2, 2, lambda key, items: (items or {}).get(key, "")),
    "toUpper": (1, 1, lambda text: text.upper()),
    "toLower": (1, 1, lambda text: text.lower()),
    "replace": (4, 4, _replace),
    "join": (2, 2, lambda separator, items: separator.join(items or ())),
    "split": (2, 2, lambda separator, text: text.split(separator)),
    "splitIndex": (3, 3, lambda index, sep, text: _element(index, text.split(sep))),
    "matchFirstElement": (2, 2, lambda regex, items: next(_matches(regex, items), "")),
    "matchAllElements": (2, 2, lambda regex, items: list(_matches(regex, items))),
}
