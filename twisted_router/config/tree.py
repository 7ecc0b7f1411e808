"""YAML text to a tree of texts that knows its lines and is safe to walk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

import yaml
from yaml.error import Mark
from yaml.reader import ReaderError

from .report import Report, shown, shown_key

# Far above any real file (a static route is about eight values), and low enough to
# be read in seconds: the composer is recursive, and aliases multiply.
MAX_CHARS = 4 * 1024 * 1024
MAX_VALUES = 200_000
MAX_DEPTH = 30

_CORE = "tag:yaml.org,2002:"
_NULL = _CORE + "null"
_MERGE = _CORE + "merge"
# What PyYAML finds in text without tags.
_PLAIN = {
    _CORE + name
    for name in (
        *("null", "bool", "int", "float", "str", "timestamp"),
        *("map", "seq", "merge", "value"),
    )
}
# Names that PyYAML repeats in its messages: of aliases, anchors and tags. They may be
# a password that nobody quoted.
_REPEATED = re.compile(r"'[\w!-]{2,}'")

Value: TypeAlias = "str | dict[str, Node] | tuple[Node, ...] | None"


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the file.

    :ivar line: where its key (or its place in a list) stands, from 1.
    :ivar value: text as written, ``None`` for YAML's null, and for the rest what it
        holds. Aliases share what they hold, so walk only as deep as you must.
    """

    line: int
    value: Value


class _Limit(yaml.MarkedYAMLError):
    """The text is YAML, but more of it than any configuration needs."""


class _Composer(yaml.SafeLoader):
    """PyYAML's composer, with a limit on depth and on the number of values."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._count = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"nested deeper than {MAX_DEPTH} levels")
        if self._count > MAX_VALUES:
            self._refuse(f"more than {MAX_VALUES} values")
        try:
            return super().compose_node(parent, index)  # type: ignore[arg-type]
        finally:
            self._depth -= 1

    def _refuse(self, problem: str) -> None:
        mark: Mark = self.get_mark()
        raise _Limit(problem=problem, problem_mark=mark)


def kind_of(value: Value) -> str:
    """What a value is, for a message: its text in quotes, or its shape."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return shown(value)
    return "a list" if isinstance(value, tuple) else "a mapping"


def parse(text: str, report: Report) -> Node:
    """Read the one mapping that a configuration file is.

    :returns: the root, its value always a ``dict``. What is wrong with single keys
        is noted in ``report``.
    :raises ConfigError: there is no such mapping in the text.
    """
    if len(text) > MAX_CHARS:
        report.fatal(1, "", f"more than {MAX_CHARS} characters, expected fewer")
    root = _compose(text, report)
    value = _Reading(report).held(root, "") if root else None
    if not root or not isinstance(value, dict):
        got = "an empty file" if value is None else kind_of(value)
        line = _line(root) if root else 1
        report.fatal(line, "", f"got {got}, expected lines of key: value")
    return Node(_line(root), value)


def _compose(text: str, report: Report) -> yaml.Node | None:
    composer: _Composer | None = None
    try:
        composer = _Composer(text)
        node: yaml.Node | None = composer.get_single_node()
        return node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ": ".join(part for part in (error.context, error.problem) if part)
        if not isinstance(error, _Limit):
            said = "not valid YAML: " + _REPEATED.sub("'...'", said)
        report.fatal(mark.line + 1 if mark else 1, "", said)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = shown(chr(error.character))
        report.fatal(line, "", f"not valid YAML: character {character}")
    except (ValueError, OverflowError) as error:
        # PyYAML lets these out of escapes and directives with absurd numbers.
        line = composer.get_mark().line + 1 if composer else 1
        report.fatal(line, "", f"not valid YAML: {error}")


class _Reading:
    """Turns PyYAML's nodes into ours, each one once whatever its aliases."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._done: dict[yaml.Node, Value] = {}
        self._open: set[yaml.Node] = set()

    def held(self, node: yaml.Node, path: str) -> Value:
        if node in self._done:
            return self._done[node]
        if node in self._open:
            self._report.problem(_line(node), path, "contains itself, by an alias")
            return None
        if node.tag not in _PLAIN:
            said = (
                "has a tag (!), expected a plain value; quote text that begins with !"
            )
            self._report.problem(_line(node), path, said)
        self._open.add(node)
        value: Value
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            value = tuple(
                Node(_line(item), self.held(item, f"{path}[{number}]"))
                for number, item in enumerate(node.value)
            )
        else:
            value = None if node.tag == _NULL else str(node.value)
        self._open.discard(node)
        self._done[node] = value
        return value

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Node]:
        given: dict[str, Node] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._report.problem(
                    line, path, "got a list or mapping as a key, expected a name"
                )
                continue
            key = str(key_node.value)
            child = f"{path}.{shown_key(key)}" if path else shown_key(key)
            if key_node.tag == _MERGE:
                self._report.problem(
                    line, child, "merge keys are not supported, expected a name"
                )
            elif key in given:
                first = given[key].line
                self._report.problem(
                    line, child, f"given twice, first on line {first}, expected once"
                )
            else:
                given[key] = Node(line, self.held(value_node, child))
        return given


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1
