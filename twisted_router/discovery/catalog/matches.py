"""One comparison of a filter: a field, an operator and a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from .fields import Field, Fields, ListOf, MapOf, Scalar

#: Says of the JSON of one answer whether it stays.
Test = Callable[[Any], bool]

#: What Go's ParseBool takes.
_FLAGS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


class Operator(Enum):
    """By the names that Consul's refusals have for them; ``contains`` is ``IN``."""

    EQUAL = "Equal"
    NOT_EQUAL = "Not Equal"
    EMPTY = "Is Empty"
    NOT_EMPTY = "Is Not Empty"
    IN = "In"
    NOT_IN = "Not In"


#: What these make of a key that an object does not have: Consul calls nothing equal to
#: it, and it is in nothing.
_FALSE_OF_ABSENT = (Operator.EQUAL, Operator.NOT_EMPTY, Operator.IN)

_NEGATED = {
    Operator.NOT_EQUAL: Operator.EQUAL,
    Operator.NOT_EMPTY: Operator.EMPTY,
    Operator.NOT_IN: Operator.IN,
}


def compile_match(
    fields: Fields, path: Sequence[str], operator: Operator, value: str
) -> Test:
    """Make the test that a comparison is.

    :param path: names of fields and keys of objects, from the outside in.
    :param value: as it was written, ``""`` for the operators that have none.
    :raises ValueError: there is no such field, or it cannot be compared like this;
        the message is Consul's.
    """
    selector = ".".join(path)
    field = _walk(fields, path, selector)
    judge = _judge(field, operator, value, selector)

    def descend(found: Any, depth: int, field: Field) -> bool:
        if depth == len(path):
            return judge(found)
        if isinstance(field, ListOf):
            # Go reads no list as an empty one.
            return any(descend(one, depth, field.element) for one in found or ())
        name = path[depth]
        if isinstance(field, MapOf):
            if name not in (found or {}):
                return operator not in _FALSE_OF_ABSENT
            return descend(found[name], depth + 1, field.element)
        assert not isinstance(field, Scalar)
        return descend((found or {}).get(name), depth + 1, field[name])

    return lambda one: descend(one, 0, fields)


def _walk(fields: Fields, path: Sequence[str], selector: str) -> Field:
    """The field at the end of a path."""
    field: Field = fields
    for name in path:
        while isinstance(field, ListOf):
            field = field.element
        if isinstance(field, MapOf):
            field = field.element
        elif not isinstance(field, Scalar) and name in field:
            field = field[name]
        else:
            raise ValueError(f'Selector "{selector}" is not valid')
    return field


def _judge(field: Field, operator: Operator, value: str, selector: str) -> Test:
    """What to ask of the value that a field has."""
    opposite = _NEGATED.get(operator)
    asked = _positive(field, opposite or operator, value, selector)
    if asked is None:
        raise ValueError(
            f'Invalid match operator "{operator.value}" for selector "{selector}"'
        )
    positive: Test = asked
    return positive if opposite is None else lambda found: not positive(found)


def _positive(
    field: Field, operator: Operator, value: str, selector: str
) -> Test | None:
    """As above for an operator without a "not"; ``None`` if it does not fit."""
    match field, operator:
        case Scalar(), Operator.EQUAL:
            wanted = _coerced(field, value, selector)
            zero = field.kind()
            return lambda found: (zero if found is None else found) == wanted
        case Scalar(kind=kind), Operator.IN if kind is str:
            return lambda found: value in (found or "")
        case ListOf() | MapOf(), Operator.EMPTY:
            return lambda found: not found
        case MapOf(), Operator.IN:
            return lambda found: value in (found or {})
        case ListOf(element=Scalar()), Operator.IN:
            return lambda found: value in (found or ())
    return None


def _coerced(field: Scalar, value: str, selector: str) -> str | int | bool:
    fault = f'Failed to coerce value "{value}" for selector "{selector}": strconv.'
    if field.kind is bool:
        if value not in _FLAGS:
            raise ValueError(f'{fault}ParseBool: parsing "{value}": invalid syntax')
        return _FLAGS[value]
    if field.kind is int:
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            raise ValueError(f'{fault}ParseInt: parsing "{value}": invalid syntax')
        return int(value)
    return value
