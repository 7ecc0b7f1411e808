"""``?filter=``: Consul's expressions (go-bexpr), read and compiled.

``ServiceName == web and not (Status == passing)``,
``Service.Meta["k"] != v``, ``"a" in Service.Tags``, ``Service.Tags is not empty``.

All of it but ``matches``: a regular expression from outside can keep Python busy for
hours (Go's cannot).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from .fields import Fields
from .matches import Operator, Test, compile_match
from .model import RefusedError

#: How deep parentheses and ``not`` may go; Consul says nothing of a limit.
_DEPTH_LIMIT = 50

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<word>[a-zA-Z][a-zA-Z0-9_]*)
    |(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?=[ \t\r\n)]|\Z))
    |(?P<text>"(?:[^"\\\r\n]|\\.)*"|`[^`]*`)
    |(?P<sign>==|!=|[().\[\]])
    """,
    re.VERBOSE,
)

_ESCAPE = re.compile(
    r"""\\(?:(?P<plain>[abfnrtv\\"])|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})
    |(?P<bad>.?))""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"', strict=True))


class _Token(NamedTuple):
    """A piece of an expression.

    :ivar kind: ``word``, ``number``, ``text``, ``sign`` or ``end``.
    :ivar spaced: whether white space is before it.
    """

    kind: str
    text: str
    at: int
    spaced: bool


def compile_filter(text: str, fields: Fields) -> Test:
    """Make the test that an expression is.

    :param fields: what it may name.
    :returns: takes the JSON of one answer, says whether it stays.
    :raises RefusedError: with the status Consul 1.8.7 answers, which is 500.
    """
    return _Reader(text, fields).read()


def keep(data: Any, test: Test) -> Any:
    """Return those of a list, or of an object's values, that pass."""
    if isinstance(data, dict):
        return {key: one for key, one in data.items() if test(one)}
    return [one for one in data if test(one)]


class _Reader:
    """Reads one expression, from left to right."""

    def __init__(self, text: str, fields: Fields) -> None:
        self._fields = fields
        self._tokens = _split(text)
        self._next = 0
        self._depth = 0

    def read(self) -> Test:
        test = self._either()
        if self._token.kind != "end":
            _refuse_at(self._token, "the end, and or or")
        return test

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += token.kind != "end"
        return token

    def _took(self, text: str, *, keyword: bool = False) -> bool:
        """Whether the next token was this sign or keyword; if so it is taken."""
        token = self._token
        if token.kind not in ("word", "sign") or token.text != text:
            return False
        if keyword and not (token.spaced and self._tokens[self._next + 1].spaced):
            return False
        self._next += 1
        return True

    def _either(self) -> Test:
        tests = [self._both()]
        while self._took("or", keyword=True):
            tests.append(self._both())
        if len(tests) == 1:
            return tests[0]
        return lambda one: any(test(one) for test in tests)

    def _both(self) -> Test:
        tests = [self._negation()]
        while self._took("and", keyword=True):
            tests.append(self._negation())
        if len(tests) == 1:
            return tests[0]
        return lambda one: all(test(one) for test in tests)

    def _negation(self) -> Test:
        if self._token.text == "not" and self._tokens[self._next + 1].spaced:
            opening = self._take()
            test = self._deeper(opening, self._negation)
            return lambda one: not test(one)
        if self._token.text == "(" and self._token.kind == "sign":
            opening = self._take()
            test = self._deeper(opening, self._either)
            if not self._took(")"):
                _refuse_at(self._token, ")")
            return test
        return self._match()

    def _deeper(self, opening: _Token, read: Callable[[], Test]) -> Test:
        self._depth += 1
        if self._depth > _DEPTH_LIMIT:
            _refuse(f"{_place(opening)}: more than {_DEPTH_LIMIT} levels")
        test = read()
        self._depth -= 1
        return test

    def _match(self) -> Test:
        token = self._token
        if token.kind == "word":
            path = self._path()
            if not self._is_keyword("in") and not self._is_not_in():
                return self._selected(path)
            value = ".".join(path)
        else:
            value = self._value()
        negated = self._took("not", keyword=True)
        if not self._took("in", keyword=True):
            _refuse_at(self._token, "in or not in")
        operator = Operator.NOT_IN if negated else Operator.IN
        return self._compiled(self._path(), operator, value)

    def _is_keyword(self, text: str) -> bool:
        return self._token.text == text and self._token.kind == "word"

    def _is_not_in(self) -> bool:
        return self._is_keyword("not") and self._tokens[self._next + 1].text == "in"

    def _selected(self, path: list[str]) -> Test:
        """The rest of a match that begins with its selector."""
        if self._took("=="):
            return self._compiled(path, Operator.EQUAL, self._value())
        if self._took("!="):
            return self._compiled(path, Operator.NOT_EQUAL, self._value())
        if self._took("is", keyword=True):
            negated = self._took("not", keyword=True)
            if not (self._is_keyword("empty") and self._take().spaced):
                _refuse_at(self._token, "empty")
            operator = Operator.NOT_EMPTY if negated else Operator.EMPTY
            return self._compiled(path, operator, "")
        negated = self._took("not", keyword=True)
        if self._is_keyword("matches"):
            _refuse(
                f"{_place(self._token)}: matches is not in this development catalog"
            )
        if not self._took("contains", keyword=True):
            _refuse_at(self._token, "==, !=, is, in, contains or not")
        operator = Operator.NOT_IN if negated else Operator.IN
        return self._compiled(path, operator, self._value())

    def _compiled(self, path: list[str], operator: Operator, value: str) -> Test:
        try:
            return compile_match(self._fields, path, operator, value)
        except ValueError as error:
            _refuse(str(error))

    def _path(self) -> list[str]:
        """A selector: ``Service.Meta["k"]``."""
        token = self._take()
        if token.kind != "word":
            _refuse_at(token, "the name of a field")
        path = [token.text]
        while True:
            if self._token.spaced:
                return path
            if self._took("."):
                token = self._take()
                if token.kind != "word" or token.spaced:
                    _refuse_at(token, "the name of a field")
                path.append(token.text)
            elif self._took("["):
                token = self._take()
                if token.kind != "text" or not self._took("]"):
                    _refuse_at(token, "a text in brackets")
                path.append(_unquoted(token))
            else:
                return path

    def _value(self) -> str:
        token = self._token
        if token.kind == "word":
            return ".".join(self._path())
        self._take()
        if token.kind == "number":
            return token.text
        if token.kind == "text":
            return _unquoted(token)
        _refuse_at(token, "a value")


def _split(text: str) -> list[_Token]:
    tokens = []
    at, spaced = 0, True
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            _refuse_at(_Token("", text[at], at, spaced), "a name, a value or a sign")
        if match.lastgroup != "space":
            tokens.append(_Token(str(match.lastgroup), match[0], at, spaced))
        spaced = match.lastgroup == "space"
        at = match.end()
    tokens.append(_Token("end", "", at, True))
    return tokens


def _unquoted(token: _Token) -> str:
    if token.text[0] == "`":
        return token.text[1:-1]

    def plain(match: re.Match[str]) -> str:
        if match["plain"]:
            return _PLAIN[match["plain"]]
        code = match["x"] or match["u"]
        if code is None:
            _refuse(f'{_place(token)}: rule "string": invalid syntax')
        return chr(int(code, 16))

    return _ESCAPE.sub(plain, token.text[1:-1])


def _place(token: _Token) -> str:
    return f"1:{token.at + 1} ({token.at})"


def _refuse_at(token: _Token, expected: str) -> NoReturn:
    _refuse(f"{_place(token)}: no match found, expected: {expected}")


def _refuse(reason: str) -> NoReturn:
    raise RefusedError(f"Failed to create boolean expression evaluator: {reason}", 500)
