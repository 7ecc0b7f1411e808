"""Expect and 1xx responses: RFC 9110 10.1.1 and 15.2, RFC 9112 6.3."""

from __future__ import annotations

from .cases import (
    CLOSED,
    KEPT,
    Case,
    Client,
    ConformanceTestCase,
    Gets,
    Instance,
    Page,
    Sees,
    ask,
    forwarded,
    relayed,
    reply,
)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
EMPTY = reply(b"Content-Length: 0")
POST = b"POST / HTTP/1.1"


def upload(*fields: bytes, line: bytes = POST) -> bytes:
    """The head of a request with two bytes of content."""
    return ask(*fields, b"Content-Length: 2", line=line)


EXPECTANT = upload(b"Expect: 100-continue")


class ExpectTests(ConformanceTestCase):
    """RFC 9110 10.1.1: the instance decides whether the client may go on."""

    cases = (
        Case(
            "9110-10.1.1",
            "the head goes on at once, the 100 comes back, then the content goes",
            (
                Client(EXPECTANT),
                Sees(EXPECTANT),
                Instance(CONTINUE),
                Gets(CONTINUE),
                Client(b"hi"),
                Sees(b"hi"),
                Instance(EMPTY),
                Gets(EMPTY),
            ),
        ),
        Case(
            "9110-10.1.1",
            "content that is sent without waiting is passed on without waiting",
            (
                Client(EXPECTANT + b"hi"),
                Sees(EXPECTANT + b"hi"),
                Instance(EMPTY),
                Gets(EMPTY),
            ),
        ),
        Case(
            "9110-10.1.1",
            "a final response instead of 100 ends the connection that waits for one",
            (
                Client(EXPECTANT),
                Instance(reply(b"Content-Length: 0", line=b"HTTP/1.1 417 No")),
                Gets(
                    reply(
                        b"Content-Length: 0",
                        b"Connection: close",
                        line=b"HTTP/1.1 417 No",
                    )
                ),
            ),
            CLOSED,
            CLOSED,
        ),
        forwarded(
            "9110-10.1.1",
            "the expectation is the same in any case",
            upload(b"expect: 100-Continue") + b"hi",
            upload(b"expect: 100-Continue") + b"hi",
        ),
        forwarded(
            "9110-10.1.1",
            "that of HTTP/1.0 is ignored, so that no 100 is asked for",
            upload(b"Expect: 100-continue", line=b"POST / HTTP/1.0") + b"hi",
            upload() + b"hi",
            CLOSED,
        ),
        forwarded(
            "9110-10.1.1",
            "another expectation is for the instance to refuse",
            upload(b"Expect: tea") + b"hi",
            upload(b"Expect: tea") + b"hi",
        ),
        forwarded(
            "9110-10.1.1",
            "one without content changes nothing",
            ask(b"Expect: 100-continue"),
            ask(b"Expect: 100-continue"),
        ),
    )


class InterimTests(ConformanceTestCase):
    """RFC 9110 15.2: every 1xx is passed on, before the final response."""

    cases = (
        relayed(
            "9110-15.2",
            "any number of them, in their order",
            HINTS + CONTINUE + HINTS + EMPTY,
            HINTS + CONTINUE + HINTS + EMPTY,
        ),
        Case(
            "9110-15.2",
            "each at once",
            (
                Client(ask()),
                Instance(HINTS),
                Gets(HINTS),
                Instance(CONTINUE),
                Gets(CONTINUE),
                Instance(EMPTY),
                Gets(EMPTY),
            ),
        ),
        relayed(
            "9110-15",
            "also those that nobody knows",
            b"HTTP/1.1 199 What\r\nA: b\r\n\r\n" + EMPTY,
            b"HTTP/1.1 199 What\r\nA: b\r\n\r\n" + EMPTY,
        ),
        relayed(
            "9110-15.2",
            "a client of HTTP/1.0 gets none",
            HINTS + CONTINUE + EMPTY,
            reply(b"Content-Length: 0", b"Connection: close"),
            CLOSED,
            KEPT,
            ask(line=b"GET / HTTP/1.0"),
        ),
        relayed(
            "9110-6.2",
            "their version is the router's own",
            b"HTTP/1.0 103 Early\r\n\r\n" + EMPTY,
            b"HTTP/1.1 103 Early\r\n\r\n" + EMPTY,
        ),
        relayed(
            "9110-8.6",
            "they have no length and no coding, nor fields for one connection",
            reply(
                b"Content-Length: 5",
                b"Connection: a",
                b"A: b",
                b"Keep-Alive: 5",
                b"C: d",
                line=b"HTTP/1.1 103 Early Hints",
            )
            + EMPTY,
            reply(b"C: d", line=b"HTTP/1.1 103 Early Hints") + EMPTY,
        ),
        relayed(
            "9112-6.3-1",
            "they have no body, whatever they say",
            reply(b"Transfer-Encoding: chunked", line=b"HTTP/1.1 100 Continue") + EMPTY,
            CONTINUE + EMPTY,
        ),
        Case(
            "9112-6.3-1",
            "so that the bytes behind one are the next response, or none",
            (
                Client(ask()),
                Instance(CONTINUE),
                Gets(CONTINUE),
                Instance(b"0\r\n\r\n" + EMPTY),
                Gets(Page(502)),
            ),
            KEPT,
            CLOSED,
        ),
        Case(
            "9110-15.2",
            "what breaks behind one is answered with 502",
            (
                Client(ask()),
                Instance(HINTS),
                Gets(HINTS),
                Instance(b"HTTP/1.1 nonsense\r\n\r\n"),
                Gets(Page(502)),
            ),
            KEPT,
            CLOSED,
        ),
        Case(
            "9110-15.2",
            "the head may still be in the way, so that the body is not waited for",
            (
                Client(upload()),
                Instance(HINTS),
                Gets(HINTS),
                Client(b"hi"),
                Sees(upload() + b"hi"),
                Instance(EMPTY),
                Gets(EMPTY),
            ),
        ),
    )
