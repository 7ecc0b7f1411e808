"""The tree of a file bound to the schema: every value typed, every key accounted for.

The schema's dataclasses drive it: annotations say what a value is, the field
metadata what it may be.

Note [Null is as if absent]: ``pass:`` with nothing behind it keeps the default, and
``consul:`` alone is that section with all its defaults. gorouter reads its file so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from .keys import Key, section_keys, suggestion
from .report import RefusedError, Report, shown_key
from .scalar import read_scalar
from .schema import Secret
from .secret import Secrets
from .tree import MAX_VALUES, Node, Value, kind_of

T = TypeVar("T")

# How Consul's own tools may be told, beside true and false: Go's strconv.ParseBool.
_GO_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T"), "true"),
    **dict.fromkeys(("0", "f", "F"), "false"),
}


class Binding:
    """Binds one file; notes problems in its report and goes on with the default.

    :ivar lines: the line of each key and list item that was given, by its path.
    """

    def __init__(self, report: Report, secrets: Secrets) -> None:
        self._report = report
        self._secrets = secrets
        self._seen = 0
        self.lines: dict[str, int] = {}

    def bind(self, section: type[T], node: Node, path: str = "") -> T:
        """Build ``section`` from a mapping; what is absent keeps its default."""
        if not isinstance(node.value, dict):
            self._report.problem(
                node.line,
                path,
                f"got {kind_of(node.value)}, expected a section: lines of key: value",
            )
            return section()
        prefix = f"{path}." if path else ""
        keys = {key.name: key for key in section_keys(section)}
        also = {key.also: key.name for key in keys.values() if key.also}
        given: dict[str, Node] = {}
        for name, child in node.value.items():
            self._count()
            key_name = also.get(name, name)
            if key_name not in keys:
                said = f"unknown key{suggestion(name, prefix, keys)}"
                self._report.problem(child.line, prefix + shown_key(name), said)
            elif key_name in given:
                other = key_name if name in also else keys[key_name].also
                said = f"{other} says so too, expected one of them"
                self._report.problem(child.line, prefix + name, said)
            else:
                self.lines[prefix + key_name] = child.line
                given[key_name] = child
        values: dict[str, Any] = {}
        for key in keys.values():
            child = given.get(key.name, Node(node.line, None))
            values[key.attribute] = self._value(key, child, prefix + key.name)
        return section(**values)

    def _value(self, key: Key, node: Node, path: str) -> Any:
        try:
            if key.section:
                # See Note [Null is as if absent].
                if path not in self.lines:
                    return key.default
                given = node if node.value is not None else Node(node.line, {})
                return self.bind(key.section, given, path)
            if node.value is None:
                return self._absent(key)
            if key.named is not None:
                return tuple(self._named(key, key.named, node, path))
            if key.item is not None:
                return self._items(key, node, path)
            return self._scalar(key, node)
        except RefusedError as refused:
            self._report.problem(node.line, path, str(refused))
            return key.default

    def _absent(self, key: Key) -> Any:
        if key.metadata.get("required"):
            raise RefusedError(f"missing, expected {key.metadata['expected']}")
        environ = self._secrets.environ
        variable = key.metadata.get("environ_file", "")
        if environ.get(variable):
            child: Value = {"file": Node(0, environ[variable])}
        else:
            variable = key.metadata.get("environ", "")
            child = environ.get(variable, "")
            if key.kind is bool:
                child = _GO_BOOLEANS.get(child, child)
        if not child:
            return key.default
        try:
            if key.item is not None:
                return (read_scalar(str, key.metadata, child),)
            return self._scalar(key, Node(0, child))
        except RefusedError as refused:
            raise RefusedError(f"from the variable {variable}: {refused}") from refused

    def _named(
        self, key: Key, section: type[T], node: Node, path: str
    ) -> Iterator[tuple[str, T]]:
        """The sections of a mapping whose keys are names of the file's own."""
        if not isinstance(node.value, dict):
            got = kind_of(node.value)
            raise RefusedError(f"got {got}, expected lines of NAME: and a section")
        for name, child in node.value.items():
            self._count()
            place = f"{path}.{shown_key(name)}"
            self.lines[place] = child.line
            try:
                read_scalar(str, key.metadata, name)
                yield name, self.bind(section, child, place)
            except RefusedError as refused:
                self._report.problem(child.line, place, str(refused))

    def _items(self, key: Key, node: Node, path: str) -> tuple[Any, ...]:
        expected = key.metadata.get("expected", "sections")
        one_or_more = key.metadata.get("one_or_more", False)
        if one_or_more and isinstance(node.value, str):
            return (read_scalar(str, key.metadata, node.value),)
        if not isinstance(node.value, tuple):
            got = kind_of(node.value)
            raise RefusedError(f"got {got}, expected a list: {expected}")
        if (one_or_more or key.metadata.get("required")) and not node.value:
            raise RefusedError(f"got an empty list, expected {expected}")
        items: list[Any] = []
        for number, child in enumerate(node.value):
            self._count()
            place = f"{path}[{number}]"
            self.lines[place] = child.line
            try:
                if isinstance(key.item, type) and key.item is not str:
                    items.append(self.bind(key.item, child, place))
                else:
                    items.append(read_scalar(str, key.metadata, child.value))
            except RefusedError as refused:
                self._report.problem(child.line, place, str(refused))
        return tuple(items)

    def _scalar(self, key: Key, node: Node) -> Any:
        if key.kind is Secret:
            return self._secrets.read(node)
        return read_scalar(key.kind, key.metadata, node.value)

    def _count(self) -> None:
        # A small file stands for a huge one when lists hold aliases of lists.
        self._seen += 1
        if self._seen > MAX_VALUES:
            said = f"aliases stand for more than {MAX_VALUES} values, expected fewer"
            self._report.fatal(1, "", said)
