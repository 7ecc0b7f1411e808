"""Where a response ends, and what becomes of those that do not: RFC 9112 6 and 8."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted_router.config.schema import Seconds

from .cases import (
    CLOSED,
    EOF,
    KEPT,
    LOST,
    RESET,
    Case,
    Client,
    ConformanceTestCase,
    End,
    Gets,
    Instance,
    Page,
    Passes,
    Sees,
    ask,
    bad_gateway,
    having,
    relayed,
    reply,
    shown,
)

CHUNKED = b"Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"
HEAD = ask(line=b"HEAD / HTTP/1.1")
OLD = ask(line=b"GET / HTTP/1.0")
UPLOAD = ask(b"Content-Length: 4", line=b"POST / HTTP/1.1")
EXTRA = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

#: Statuses, and whether their responses have a body.
STATUSES = {
    b"200 OK": True,
    b"201 Created": True,
    b"204 No Content": False,
    b"206 Partial Content": True,
    b"304 Not Modified": False,
    b"404 Not Found": True,
    b"500 Internal Server Error": True,
}


def combination(
    method: bytes, version: bytes, status: bytes, length: bytes, codings: bytes
) -> Case:
    """What must become of a response with these to a request with this method."""
    request = ask(line=method + b" / HTTP/1.1")
    line = b"HTTP/%b %b" % (version, status)
    bodiless = method == b"HEAD" or not STATUSES[status]
    fields = [b"Content-Length: " + length] if length else []
    fields += [b"Transfer-Encoding: " + codings] if codings else []
    words = f"{method.decode()}, {line.decode()}, length {length.decode() or 'none'}"
    words += f", coding {codings.decode() or 'none'}"
    if codings and (length or version == b"1.0" or codings != b"chunked"):
        rule = "6.3-3" if length else "6.1" if version == b"1.0" else "6.3-4"
        return Case(
            f"9112-{rule}",
            f"is refused: {words}",
            (
                Client(request),
                Instance(reply(*fields, line=line)),
                Gets(Page(502, method == b"HEAD")),
            ),
            KEPT,
            CLOSED,
        )
    passed = [b"Content-Length: " + length] if length and status[:3] != b"204" else []
    line_to_client = b"HTTP/1.1 " + status
    if bodiless:
        return relayed(
            "9112-6.3-1",
            f"has no body: {words}",
            reply(*fields, line=line),
            reply(*passed, line=line_to_client),
            KEPT,
            KEPT if version == b"1.1" else CLOSED,
            request,
        )
    if length:
        return relayed(
            "9112-6.3-6",
            f"ends after its length: {words}",
            reply(*fields, line=line, body=b"hi" * (length == b"2")),
            reply(*passed, line=line_to_client, body=b"hi" * (length == b"2")),
            KEPT,
            KEPT if version == b"1.1" else CLOSED,
            request,
        )
    coded = b"2\r\nhi\r\n" + LAST
    sent: tuple[bytes | End, ...] = (reply(*fields, line=line, body=coded),)
    if not codings:
        sent = (reply(line=line, body=b"hi"), EOF)
    return relayed(
        "9112-6.3-4" if codings else "9112-6.3-8",
        f"ends where it says: {words}",
        sent,
        reply(CHUNKED, line=line_to_client, body=coded),
        KEPT,
        KEPT if codings else CLOSED,
        request,
    )


class CombinationTests(ConformanceTestCase):
    """RFC 9112 6.3: method, version, status, Content-Length, Transfer-Encoding."""

    cases = tuple(
        combination(method, version, status, length, codings)
        for method in (b"GET", b"HEAD", b"POST")
        for version in (b"1.0", b"1.1")
        for status in STATUSES
        for length in (b"", b"0", b"2")
        for codings in (b"", b"chunked", b"gzip, chunked", b"gzip")
    )


class RefusedTests(ConformanceTestCase):
    """RFC 9112 6.3: a response that may end in two places does not go on."""

    cases = (
        *(
            bad_gateway(
                "9112-6.3-5",
                f"the length {shown(value)}",
                reply(b"Content-Length: " + value, body=b"hi"),
            )
            for value in (
                b"", b"-2", b"+2", b"2,2", b"2, 2", b"2 2", b"0x2", b"2.0", b"two",
                b"2;", b"\xb2", b"1000000000000000000", b"9" * 40,
            )
        ),
        bad_gateway(
            "9112-6.3-5",
            "two lengths, also if equal",
            reply(b"Content-Length: 2", b"content-length: 2", body=b"hi"),
        ),
        *(
            bad_gateway(
                "9112-6.3-4",
                f"the coding {shown(value)}",
                reply(b"Transfer-Encoding: " + value, body=LAST),
            )
            for value in (
                b"", b"identity", b"xchunked", b"chunked, chunked", b"chunked, gzip",
                b"chunked;a", b"chunked,", b",chunked", b"gzip,chunked",
            )
        ),
        bad_gateway(
            "9112-6.3-4", "chunked twice", reply(CHUNKED, CHUNKED, body=LAST + LAST)
        ),
        relayed(
            "9112-7",
            "names of codings are the same in any case",
            reply(b"transfer-encoding:\tCHUNKED ", body=LAST),
            reply(CHUNKED, body=LAST),
        ),
    )  # fmt: skip


class BrokenTests(ConformanceTestCase):
    """RFC 9112 8: what was cut off looks cut off, and its connection is done for."""

    cases = (
        *(
            relayed(
                "9112-8",
                f"a body shorter than its length, {how.value}",
                (reply(b"Content-Length: 5", body=b"hi"), how),
                reply(b"Content-Length: 5", body=b"hi"),
                CLOSED,
                CLOSED,
            )
            for how in (EOF, LOST)
        ),
        *(
            relayed(
                "9112-8",
                f"chunks without the last one, {how.value}",
                (reply(CHUNKED, body=b"2\r\nhi\r\n"), how),
                reply(CHUNKED, body=b"2\r\nhi\r\n"),
                CLOSED,
                CLOSED,
            )
            for how in (EOF, LOST)
        ),
        *(
            relayed(
                "9112-8",
                f"chunks without the end of {part}",
                (reply(CHUNKED, body=b"2\r\nhi\r\n" + rest), EOF),
                reply(CHUNKED, body=b"2\r\nhi\r\n" + sent),
                CLOSED,
                CLOSED,
            )
            for part, rest, sent in (
                ("a chunk", b"", b""),
                ("a size", b"5", b""),
                ("the last chunk", b"0\r\n", b""),
                ("a trailer", b"0\r\nX-Sum: 1", b""),
                ("the trailer section", b"0\r\nX-Sum: 1\r\n", b""),
            )
        ),
        relayed(
            "9112-8",
            "a body that ends with its connection, reset",
            (reply(body=b"hi"), LOST),
            reply(CHUNKED, body=b"2\r\nhi\r\n"),
            CLOSED,
            CLOSED,
        ),
        relayed(
            "9112-8",
            "to HTTP/1.0, where the end tells nothing, a break is a reset",
            (reply(CHUNKED, body=b"2\r\nhi\r\n"), EOF),
            reply(b"Connection: close", body=b"hi"),
            RESET,
            CLOSED,
            OLD,
        ),
        relayed(
            "9112-8",
            "likewise for a body that ends with its connection",
            (reply(body=b"hi"), LOST),
            reply(b"Connection: close", body=b"hi"),
            RESET,
            CLOSED,
            OLD,
        ),
        Case(
            "9112-8",
            "a body that stands still for too long is broken off",
            (
                Client(ask()),
                Instance(reply(b"Content-Length: 5", body=b"hi")),
                Passes(62),
                Gets(reply(b"Content-Length: 5", body=b"hi")),
            ),
            CLOSED,
            CLOSED,
        ),
        Case(
            "9112-8",
            "a head that does not come is 504",
            (Client(ask()), Sees(ask()), Passes(62), Gets(Page(504))),
            KEPT,
            CLOSED,
        ),
    )


class ExcessTests(ConformanceTestCase):
    """RFC 9112 6.3 and 9.2: what is more than the response is nobody's response."""

    cases = (
        *(
            relayed(
                "9112-6.3",
                f"bytes behind {what} are dropped, and the connection with them",
                answer + EXTRA,
                answer,
                KEPT,
                CLOSED,
                request,
            )
            for what, answer, request in (
                (
                    "a body of known length",
                    reply(b"Content-Length: 2", body=b"hi"),
                    ask(),
                ),
                ("an empty body", reply(b"Content-Length: 0"), ask()),
                ("the last chunk", reply(CHUNKED, body=LAST), ask()),
                ("a 204", reply(line=b"HTTP/1.1 204 No Content"), ask()),
                ("a 304", reply(line=b"HTTP/1.1 304 Not Modified"), ask()),
                ("a response to HEAD", reply(b"Content-Length: 49"), HEAD),
            )
        ),
        relayed(
            "9110-9.3.2",
            "a body in a response to HEAD is not passed on",
            reply(b"Content-Length: 2", body=b"hi"),
            reply(b"Content-Length: 2"),
            KEPT,
            CLOSED,
            HEAD,
        ),
        Case(
            "9112-9.2",
            "what comes on an idle connection is no response to the next request",
            (
                Client(ask()),
                Instance(reply(b"Content-Length: 0")),
                Gets(reply(b"Content-Length: 0")),
                Instance(EXTRA),
                Gets(b""),
            ),
            KEPT,
            CLOSED,
        ),
    )


class HeadTests(ConformanceTestCase):
    """RFC 9110 9.3.2: HEAD is told what GET would be, and gets no content."""

    cases = (
        *(
            relayed(
                "9110-9.3.2",
                f"the length {length.decode()} is passed on",
                reply(b"Content-Length: " + length, b"A: b"),
                reply(b"Content-Length: " + length, b"A: b"),
                KEPT,
                KEPT,
                HEAD,
            )
            for length in (b"0", b"2", b"123456789012345678")
        ),
        relayed(
            "9110-9.3.2",
            "the coding may be left out",
            reply(CHUNKED, b"A: b"),
            reply(b"A: b"),
            KEPT,
            KEPT,
            HEAD,
        ),
        relayed(
            "9112-6.3-1",
            "a response without any length ends as well",
            reply(b"A: b"),
            reply(b"A: b"),
            KEPT,
            KEPT,
            HEAD,
        ),
        Case(
            "9110-9.3.2",
            "an error of the router's own has no content either",
            (
                Client(ask(line=b"HEAD / HTTP/1.1", host=b"no.example")),
                Gets(having(b"HTTP/1.1 404 ", lacking=(b"Requested",))),
            ),
            KEPT,
            None,
        ),
    )


class EarlyTests(ConformanceTestCase):
    """RFC 9112 9.5 and 9.6, RFC 9110 7.5: responses while the request still comes."""

    cases = (
        Case(
            "9112-9.6",
            "a refusal ends both connections, and the rest is not passed on",
            (
                Client(UPLOAD + b"ab"),
                Sees(UPLOAD + b"ab"),
                Instance(reply(b"Content-Length: 0", line=b"HTTP/1.1 413 No")),
                Gets(
                    reply(
                        b"Content-Length: 0",
                        b"Connection: close",
                        line=b"HTTP/1.1 413 No",
                    )
                ),
                Client(b"cd" + ask(line=b"GET /not-read HTTP/1.1")),
                Gets(b""),
            ),
            CLOSED,
            CLOSED,
        ),
        Case(
            "9112-9.6",
            "an early success as well: nobody has read the rest",
            (
                Client(UPLOAD + b"ab"),
                Sees(UPLOAD + b"ab"),
                Instance(reply(b"Content-Length: 0")),
                Gets(reply(b"Content-Length: 0")),
                Client(b"cd" + ask(line=b"GET /not-read HTTP/1.1")),
                Gets(b""),
            ),
            CLOSED,
            CLOSED,
        ),
        Case(
            "9110-7.5",
            "a response that is under way does not stop the request",
            (
                Client(UPLOAD + b"ab"),
                Instance(reply(b"Content-Length: 4", body=b"AB")),
                Gets(reply(b"Content-Length: 4", body=b"AB")),
                Client(b"cd"),
                Sees(UPLOAD + b"abcd"),
                Instance(b"CD"),
                Gets(b"CD"),
            ),
        ),
        Case(
            "9112-8",
            "a request cut off by its client is cut off for the instance",
            (Client(UPLOAD + b"ab"), Sees(UPLOAD + b"ab"), Client(EOF)),
            RESET,
            CLOSED,
        ),
    )


class SlowClientTests(ConformanceTestCase):
    """RFC 9110 15.5.9: the one that is waited for is told."""

    config: ClassVar[dict[str, Any]] = {"body_idle_timeout": Seconds(30)}
    cases = (
        Case(
            "9110-15.5.9",
            "a request that stands still is given up with 408",
            (Client(UPLOAD + b"ab"), Sees(UPLOAD + b"ab"), Passes(32), Gets(Page(408))),
            CLOSED,
            CLOSED,
        ),
        Case(
            "9110-15.5.9",
            "a head that stands still as well, and no instance hears of it",
            (Client(UPLOAD[:-3]), Passes(12), Gets(Page(408))),
            CLOSED,
            None,
        ),
    )
