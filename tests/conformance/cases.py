"""Rows of the conformance tables, and how a row becomes a test.

A row says: where the rule stands, what it says, and a conversation: what the client
and the instance send, what each must see, and what becomes of their connections.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from tests.proxy.harness import EngineTestCase, MemoryTransport

HOST = b"app.example.com"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

# What the router adds to each message: it is in other tests, and would only hide the
# point of a row.
_ADDED_TO_REQUESTS = re.compile(
    rb"(?:X-Forwarded-(?:For: 203\.0\.113\.9|Proto: http|Host: [^\r]*|Port: [0-9]+)"
    rb"|X-Real-IP: 203\.0\.113\.9|X-(?:Vcap-)?Request-Id: [0-9a-f\-]{36})\r\n"
)
_ADDED_TO_RESPONSES = re.compile(
    rb"(?:X-Vcap-Request-Id: [0-9a-f\-]{36}|Date: Tue, 14 Nov 2023 22:13:20 GMT)\r\n"
)


class Fate(Enum):
    """What becomes of a connection."""

    KEPT = "kept, and used for the next request"
    CLOSED = "closed, all of what was sent before"
    RESET = "reset"


KEPT, CLOSED, RESET = Fate


class End(Enum):
    """How a peer ends its connection."""

    EOF = "end of file"
    LOST = "reset"


EOF, LOST = End


@dataclass(frozen=True, slots=True)
class Page:
    """A response of the router's own, in whole: head, length, body unless to HEAD.

    :param behind: what comes before it.
    """

    status: int
    to_head: bool = False
    behind: bytes = b""

    def check(self, data: bytes) -> str:
        """What is wrong with ``data``, ``""`` for nothing."""
        if not data.startswith(self.behind):
            return f"does not begin with {self.behind!r}"
        found = re.fullmatch(
            rb"HTTP/1\.1 (\d{3}) [^\r]+\r\n(?:[^\r]+\r\n)*?"
            rb"Content-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n(.*)",
            data[len(self.behind) :],
            re.DOTALL,
        )
        if found is None:
            return "no whole response"
        if int(found[1]) != self.status:
            return f"status is not {self.status}"
        length = 0 if self.to_head else int(found[2])
        return "" if length == len(found[3]) else "wrong length"


@dataclass(frozen=True, slots=True)
class Having:
    """A message that contains these texts, and not those."""

    texts: tuple[bytes, ...]
    lacking: tuple[bytes, ...] = ()

    def check(self, data: bytes) -> str:
        """What is wrong with ``data``, ``""`` for nothing."""
        missing = [text for text in self.texts if text not in data]
        present = [text for text in self.lacking if text in data]
        return f"lacks {missing}, has {present}" if missing or present else ""


def having(*texts: bytes, lacking: tuple[bytes, ...] = ()) -> Having:
    """Expect ``texts`` in a message, and none of ``lacking``."""
    return Having(texts, lacking)


Expected = bytes | Page | Having


@dataclass(frozen=True, slots=True)
class Client:
    """The client sends; or its connection ends."""

    data: bytes | End


@dataclass(frozen=True, slots=True)
class Instance:
    """The instance sends; or its connection ends."""

    data: bytes | End


@dataclass(frozen=True, slots=True)
class Sees:
    """All that the instance has got since the last look, added fields aside."""

    expected: Expected


@dataclass(frozen=True, slots=True)
class Gets:
    """All that the client has got since the last look, added fields aside."""

    expected: Expected


@dataclass(frozen=True, slots=True)
class Passes:
    """Time passes."""

    seconds: float


Step = Client | Instance | Sees | Gets | Passes


@dataclass(frozen=True, slots=True)
class Case:
    """One rule.

    :param section: number of the RFC and of its section.
    :param rule: what it asks for.
    :param instance_fate: ``None`` where no instance may have been dialled.
    """

    section: str
    rule: str
    steps: tuple[Step, ...]
    client_fate: Fate = KEPT
    instance_fate: Fate | None = KEPT

    @property
    def name(self) -> str:
        """Name of its test."""
        words = re.sub(r"[^a-z0-9]+", "_", f"{self.section} {self.rule}".lower())
        return f"test_{words.strip('_')}"


def shown(data: bytes) -> str:
    """Bytes, in the name of a rule."""
    return repr(data)[1:]


def ask(
    *fields: bytes,
    line: bytes = b"GET / HTTP/1.1",
    body: bytes = b"",
    host: bytes = HOST,
) -> bytes:
    """A request, with Host first."""
    return b"\r\n".join([line, b"Host: " + host, *fields, b"", body])


def reply(*fields: bytes, line: bytes = b"HTTP/1.1 200 OK", body: bytes = b"") -> bytes:
    """A response, of these fields only."""
    return b"\r\n".join([line, *fields, b"", body])


def refused(section: str, rule: str, status: int, client: bytes) -> Case:
    """A request that no instance may see anything of; its connection is closed."""
    page = Page(status, client.startswith(b"HEAD "))
    return Case(section, rule, (Client(client), Gets(page)), CLOSED, None)


def forwarded(
    section: str,
    rule: str,
    client: bytes,
    sees: Expected,
    client_fate: Fate = KEPT,
) -> Case:
    """A request that an instance must see so, and which it answers with 200."""
    body = b"" if client.startswith(b"HEAD ") else b"hi"
    sent = gets = reply(b"Content-Length: 2", body=body)
    if client_fate is CLOSED:
        gets = reply(b"Content-Length: 2", b"Connection: close", body=body)
    steps = (Client(client), Sees(sees), Instance(sent), Gets(gets))
    return Case(section, rule, steps, client_fate)


def relayed(
    section: str,
    rule: str,
    instance: bytes | tuple[bytes | End, ...],
    gets: Expected,
    client_fate: Fate = KEPT,
    instance_fate: Fate = KEPT,
    request: bytes = ask(),
) -> Case:
    """A response that the client must see so."""
    pieces = (instance,) if isinstance(instance, bytes) else instance
    sent: list[Step] = [Instance(piece) for piece in pieces]
    steps = (Client(request), *sent, Gets(gets))
    return Case(section, rule, steps, client_fate, instance_fate)


def bad_gateway(
    section: str, rule: str, instance: bytes | tuple[bytes | End, ...]
) -> Case:
    """A response of which the client sees nothing but 502."""
    return relayed(section, rule, instance, Page(502), KEPT, CLOSED)


class Conversation:
    """Plays the steps of a case on an engine."""

    def __init__(self, test: EngineTestCase) -> None:
        self._test = test
        self.client = test.client()
        self._instance: MemoryTransport | None = None

    @property
    def instance(self) -> MemoryTransport:
        """The connection to the instance, accepted when it is first asked for."""
        if self._instance is None:
            self._test.assertEqual(1, len(self._test.dials), "connections dialled")
            self._instance = self._test.dials[0].succeed()
        return self._instance

    def play(self, case: Case) -> None:
        """Take every step, and look at what became of the connections."""
        for step in case.steps:
            self._take(step)
        if case.instance_fate is None:
            self._test.assertEqual([], self._test.dials, "connections dialled")
        self._probe(case.client_fate, case.instance_fate)

    def _take(self, step: Step) -> None:
        match step:
            case Client(data):
                _send(self.client, data)
            case Instance(data):
                _send(self.instance, data)
            case Sees(expected):
                data = _ADDED_TO_REQUESTS.sub(b"", self.instance.take())
                self._compare("instance", expected, data)
            case Gets(expected):
                data = _ADDED_TO_RESPONSES.sub(b"", self.client.take())
                self._compare("client", expected, data)
            case Passes(seconds):
                self._test.clock.advance(seconds)

    def _compare(self, whose: str, expected: Expected, data: bytes) -> None:
        if isinstance(expected, bytes):
            self._test.assertEqual(expected, data, f"what the {whose} got")
        else:
            problem = expected.check(data)
            self._test.assertEqual("", problem, f"what the {whose} got: {data!r}")

    def _probe(self, client_fate: Fate, instance_fate: Fate | None) -> None:
        """Find out what became of the connections by what can be done with them."""
        test = self._test
        test.clock.advance(0)
        test.assertEqual(client_fate, fate_of(self.client), "the client's connection")
        if instance_fate not in (None, KEPT):
            # How the router leaves an instance is its own affair.
            left = fate_of(self.instance) is not KEPT or self.instance.lost
            test.assertTrue(left, "the connection to the instance was kept")
        dialled = len(test.dials)
        client = self.client if client_fate is KEPT else test.client()
        client.deliver(ask(line=b"GET /probe HTTP/1.1"))
        if instance_fate is KEPT:
            test.assertEqual(dialled, len(test.dials), "a new connection was dialled")
            instance = self.instance
        else:
            test.assertEqual(dialled + 1, len(test.dials), "no connection was dialled")
            instance = test.dials[-1].succeed()
        test.assertIn(b"GET /probe HTTP/1.1\r\n", instance.take())
        instance.deliver(OK)
        test.assertTrue(client.take().startswith(b"HTTP/1.1 200 OK\r\n"))


def fate_of(connection: MemoryTransport) -> Fate:
    """How the router has left a connection."""
    return {"": KEPT, "aborted": RESET}.get(connection.closed, CLOSED)


def _send(connection: MemoryTransport, data: bytes | End) -> None:
    if data is EOF:
        connection.finish()
    elif data is LOST:
        connection.lose()
    else:
        assert isinstance(data, bytes)
        connection.deliver(data)


class ConformanceTestCase(EngineTestCase):
    """Has a test for each of its ``cases``, named after section and rule."""

    cases: ClassVar[tuple[Case, ...]] = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        names = Counter[str]()
        for case in cls.cases:
            # Signs are lost in a name, so that cases that differ by them are counted.
            names[case.name] += 1
            count = names[case.name]
            name = f"{case.name}_{count}" if count > 1 else case.name
            setattr(cls, name, _test(name, case))

    def play(self, case: Case) -> None:
        """Play one case."""
        Conversation(self).play(case)


def _test(name: str, case: Case) -> Any:
    def test(self: ConformanceTestCase) -> None:
        self.play(case)

    test.__name__ = test.__qualname__ = name
    test.__doc__ = f"RFC {case.section}: {case.rule}."
    return test
