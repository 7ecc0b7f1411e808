"""What an intermediary adds: Via and Date, RFC 9110 7.6.3 and 6.6.1."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.proxy.harness import EngineTestCase

from .cases import (
    CLOSED,
    EOF,
    KEPT,
    OK,
    Case,
    Client,
    ConformanceTestCase,
    Gets,
    Instance,
    Sees,
    ask,
    forwarded,
    relayed,
    reply,
)

NEW = b"Via: 1.1 front"
OLD = b"Via: 1.0 front"


class ViaTests(ConformanceTestCase):
    """RFC 9110 7.6.3: the received version and our name, behind those of others."""

    config: ClassVar[dict[str, Any]] = {"via": "front"}
    ANSWER = reply(b"Content-Length: 2", NEW, body=b"hi")
    LAST = reply(b"Content-Length: 2", NEW, b"Connection: close", body=b"hi")
    cases = (
        Case(
            "9110-7.6.3",
            "it is added to requests and to responses",
            (Client(ask(b"A: b")), Sees(ask(b"A: b", NEW)), Instance(OK), Gets(ANSWER)),
        ),
        Case(
            "9110-7.6.3",
            "behind what earlier servers have added",
            (
                Client(ask(b"Via: 1.0 a, 1.1 b (c)", b"A: b", b"via: 1.1 d")),
                Sees(ask(b"Via: 1.0 a, 1.1 b (c)", b"A: b", b"via: 1.1 d", NEW)),
                Instance(reply(b"Via: 1.1 e", b"Content-Length: 0")),
                Gets(reply(b"Via: 1.1 e", b"Content-Length: 0", NEW)),
            ),
        ),
        Case(
            "9110-7.6.3",
            "with the version of the request",
            (
                Client(ask(line=b"GET / HTTP/1.0")),
                Sees(ask(OLD)),
                Instance(OK),
                Gets(LAST),
            ),
            CLOSED,
        ),
        relayed(
            "9110-7.6.3",
            "with the version of the response",
            reply(b"Content-Length: 0", line=b"HTTP/1.0 200 OK"),
            reply(b"Content-Length: 0", OLD),
            KEPT,
            CLOSED,
        ),
        relayed(
            "9110-7.6.3",
            "a nomination does not take it away",
            reply(b"Connection: via", b"Via: 1.1 e", b"Content-Length: 0"),
            reply(b"Via: 1.1 e", b"Content-Length: 0", NEW),
        ),
        relayed(
            "9110-7.6.3",
            "it is added to interim responses",
            b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK,
            b"HTTP/1.1 103 Early Hints\r\nVia: 1.1 front\r\n\r\n" + ANSWER,
        ),
        Case(
            "9110-7.6.3",
            "and when the protocol changes",
            (
                Client(ask(b"Upgrade: a", b"Connection: Upgrade")),
                Sees(ask(NEW, b"Connection: Upgrade", b"Upgrade: a")),
                Instance(reply(b"Upgrade: a", line=b"HTTP/1.1 101 Yes")),
                Gets(
                    reply(
                        NEW,
                        b"Connection: Upgrade",
                        b"Upgrade: a",
                        line=b"HTTP/1.1 101 Yes",
                    )
                ),
                Instance(EOF),
                Client(EOF),
            ),
            CLOSED,
            CLOSED,
        ),
    )

    def test_9110_7_6_3_it_is_added_once_to_what_is_sent_twice(self) -> None:
        """A request goes to another connection if the first one was dead."""
        client, instance = self.exchange()
        client.deliver(ask())
        instance.finish()
        self.assertEqual(1, self.dials[1].succeed().take().count(NEW))


class NoViaTests(ConformanceTestCase):
    """By default the router is not seen, as gorouter is not."""

    cases = (
        forwarded(
            "9110-7.6.3",
            "without a name there is no Via",
            ask(b"Via: 1.1 a"),
            ask(b"Via: 1.1 a"),
        ),
    )


class DateTests(EngineTestCase):
    """RFC 9110 6.6.1: what is passed on has a Date; the instance's, if it has one."""

    def dates(self, response: bytes) -> list[bytes]:
        """The Date fields that the client gets."""
        client, instance = self.begun()
        instance.deliver(response)
        lines = client.take().split(b"\r\n")
        return [line for line in lines if line.lower().startswith(b"date:")]

    NOW = b"Date: Tue, 14 Nov 2023 22:13:20 GMT"

    def test_9110_6_6_1_one_is_added_where_there_is_none(self) -> None:
        for status in (b"200", b"204", b"304", b"404", b"500"):
            line = b"HTTP/1.1 %b Any" % status
            self.assertEqual(
                [self.NOW], self.dates(reply(b"Content-Length: 0", line=line)), status
            )

    def test_9110_6_6_1_also_to_interim_responses(self) -> None:
        hints = b"HTTP/1.1 103 Early Hints\r\n\r\n"
        self.assertEqual([self.NOW, self.NOW], self.dates(hints + OK))

    def test_9110_6_6_1_one_that_is_there_is_not_touched(self) -> None:
        for date in (b"Date: never", b"date:Tue, 15 Nov 1994 08:12:31 GMT", b"DATE: "):
            for line in (b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No"):
                response = reply(date, b"Content-Length: 0", line=line)
                self.assertEqual([date], self.dates(response))

    def test_9110_6_6_1_pages_of_the_router_have_one(self) -> None:
        client = self.client()
        client.deliver(ask(host=b"no.example") + b"nonsense\r\n\r\n")
        self.assertEqual(2, client.take().count(self.NOW + b"\r\n"))
