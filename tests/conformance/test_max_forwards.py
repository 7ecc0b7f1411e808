"""Requests that count the servers on their way: RFC 9110 7.6.2, 9.3.7 and 9.3.8."""

from __future__ import annotations

from .cases import (
    CLOSED,
    KEPT,
    Case,
    Client,
    ConformanceTestCase,
    Gets,
    ask,
    forwarded,
    having,
    refused,
    reply,
    shown,
)

TRACE = b"TRACE /a HTTP/1.1"
OPTIONS = b"OPTIONS /a HTTP/1.1"
LAST = b"Max-Forwards: 0"
ALLOW = b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"
NOTHING = b"Content-Length: 0"


def reflected(request: bytes, *fields: bytes) -> bytes:
    """The answer to a TRACE that ends here."""
    length = b"Content-Length: %d" % len(request)
    return reply(b"Content-Type: message/http", length, *fields, body=request)


def answered_here(rule: str, request: bytes, gets: bytes, close: bool = False) -> Case:
    """A request that no instance sees, and which is answered with 200."""
    fate = CLOSED if close else KEPT
    return Case("9110-7.6.2", rule, (Client(request), Gets(gets)), fate, None)


class CountTests(ConformanceTestCase):
    """RFC 9110 7.6.2: checked and updated for these two methods."""

    cases = (
        *(
            forwarded(
                "9110-7.6.2",
                f"{line[:7].decode()}: {before.decode()} becomes {after.decode()}",
                ask(b"Max-Forwards: " + before, b"A: b", line=line),
                ask(b"A: b", b"Max-Forwards: " + after, line=line),
            )
            for line in (TRACE, OPTIONS)
            for before, after in (
                (b"1", b"0"),
                (b"2", b"1"),
                (b"010", b"9"),
                # The most that is supported.
                (b"999999999999999999", b"255"),
            )
        ),
        forwarded(
            "9110-7.6.2",
            "other methods may ignore it",
            ask(LAST, b"Max-Forwards: x"),
            ask(LAST, b"Max-Forwards: x"),
        ),
        *(
            forwarded(
                "9110-7.6.2",
                f"{line[:7].decode()} without it is passed on without it",
                ask(line=line),
                ask(line=line),
            )
            for line in (TRACE, OPTIONS)
        ),
        forwarded(
            "9110-7.6.2",
            "it cannot be taken away by a nomination",
            ask(b"Connection: max-forwards", b"Max-Forwards: 5", line=TRACE),
            ask(b"Max-Forwards: 4", line=TRACE),
        ),
        *(
            refused(
                "9110-7.6.2",
                f"{shown(value)} is no number",
                400,
                ask(b"Max-Forwards: " + value, line=OPTIONS),
            )
            for value in (b"", b"-1", b"+1", b"1.0", b"1,1", b"x", b"1 1", b"9" * 19)
        ),
        refused(
            "9110-7.6.2",
            "two numbers are refused",
            400,
            ask(LAST, b"Max-Forwards: 1", line=OPTIONS),
        ),
    )


class LastHopTests(ConformanceTestCase):
    """RFC 9110 7.6.2: at 0 the router is the final recipient."""

    cases = (
        answered_here(
            "TRACE gives back what was received",
            ask(b"A: 1", LAST, b"a: 2", line=TRACE),
            reflected(ask(b"A: 1", LAST, b"a: 2", line=TRACE)),
        ),
        answered_here(
            "TRACE gives back no secrets",
            ask(
                b"Cookie: a=b",
                b"Authorization: Basic eDp5",
                b"A: 1",
                b"Proxy-Authorization: Basic eDp5",
                b"X-Auth-Token: 1",
                b"X-API-Key: 1",
                b"X-CSRF: 1",
                LAST,
                line=TRACE,
            ),
            reflected(ask(b"A: 1", LAST, line=TRACE)),
        ),
        answered_here(
            "OPTIONS says what is allowed, and has no content",
            ask(LAST, line=OPTIONS),
            reply(ALLOW, NOTHING),
        ),
        answered_here(
            "OPTIONS for the server as a whole as well",
            ask(LAST, line=b"OPTIONS * HTTP/1.1"),
            reply(ALLOW, NOTHING),
        ),
        answered_here(
            "also for hosts that have no route",
            ask(LAST, line=OPTIONS, host=b"no.example"),
            reply(ALLOW, NOTHING),
        ),
        answered_here(
            "the connection is closed if the client says so",
            ask(LAST, b"Connection: close", line=TRACE),
            reflected(
                ask(LAST, b"Connection: close", line=TRACE), b"Connection: close"
            ),
            close=True,
        ),
        answered_here(
            "content that is there closes the connection",
            ask(LAST, b"Content-Length: 2", line=OPTIONS, body=b"hi"),
            reply(ALLOW, NOTHING, b"Connection: close"),
            close=True,
        ),
        answered_here(
            "content that is not there yet does so as well",
            ask(LAST, b"Content-Length: 2", line=OPTIONS, body=b"h"),
            reply(ALLOW, NOTHING, b"Connection: close"),
            close=True,
        ),
        answered_here(
            "an answer has its turn among others",
            ask(LAST, line=OPTIONS) * 2,
            reply(ALLOW, NOTHING) * 2,
        ),
        refused(
            "9110-9.3.8",
            "a TRACE with content is refused, also here",
            400,
            ask(LAST, b"Content-Length: 2", line=TRACE, body=b"hi"),
        ),
    )


class DateTests(ConformanceTestCase):
    """RFC 9110 6.6.1: an origin server with a clock dates its responses."""

    def test_9110_6_6_1_its_own_answers_are_dated(self) -> None:
        """Also these."""
        client = self.client()
        client.deliver(ask(LAST, line=OPTIONS))
        date = b"\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
        self.assertEqual("", having(date).check(client.take()))
        self.assert_idle()
        self.assertEqual((200, 1), (self.log[0][2], len(self.log)))
