"""The chunked coding, both ways: RFC 9112 7.1."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted_router.config.schema import Bytes

from .cases import (
    CLOSED,
    Case,
    Client,
    ConformanceTestCase,
    Gets,
    Instance,
    Page,
    Sees,
    ask,
    forwarded,
    having,
    relayed,
    reply,
    shown,
)

CHUNKED = b"Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"
HEAD = ask(CHUNKED, line=b"POST / HTTP/1.1")


def decoded(section: str, rule: str, coded: bytes, sent: bytes) -> tuple[Case, Case]:
    """A body, coded so, that is passed on coded anew, in both directions."""
    return (
        forwarded(section, f"request, {rule}", HEAD + coded, HEAD + sent),
        relayed(
            section,
            f"response, {rule}",
            reply(CHUNKED, body=coded),
            reply(CHUNKED, body=sent),
        ),
    )


def broken(section: str, rule: str, coded: bytes) -> tuple[Case, Case]:
    """A body, broken off so, that nobody takes for a whole one, in both directions."""
    unfinished = having(b"Transfer-Encoding: chunked\r\n", lacking=(b"\r\n0\r\n",))
    return (
        Case(
            section,
            f"request, {rule}",
            (Client(HEAD + coded), Sees(unfinished), Gets(Page(400))),
            CLOSED,
            CLOSED,
        ),
        relayed(
            section,
            f"response, {rule}",
            reply(CHUNKED, body=coded),
            unfinished,
            CLOSED,
            CLOSED,
        ),
    )


class SizeTests(ConformanceTestCase):
    """RFC 9112 7.1: sizes and data."""

    cases = (
        *decoded("9112-7.1", "an empty body", LAST, LAST),
        *decoded("9112-7.1", "one chunk", b"2\r\nhi\r\n" + LAST, b"2\r\nhi\r\n" + LAST),
        *decoded(
            "9112-7.1",
            "chunks that are there already are joined",
            b"1\r\nh\r\n1\r\ni\r\n" + LAST,
            b"2\r\nhi\r\n" + LAST,
        ),
        *decoded(
            "9112-7.1",
            "sizes are hexadecimal in either case",
            b"a\r\n0123456789\r\nB\r\n0123456789a\r\n" + LAST,
            b"15\r\n01234567890123456789a\r\n" + LAST,
        ),
        *decoded(
            "9112-7.1",
            "sizes may have leading zeros, also the last one",
            b"00002\r\nhi\r\n000\r\n\r\n",
            b"2\r\nhi\r\n" + LAST,
        ),
        *decoded(
            "9112-7.1",
            "data may look like chunks",
            b"5\r\n0\r\n\r\n\r\n" + LAST,
            b"5\r\n0\r\n\r\n\r\n" + LAST,
        ),
        *(
            case
            for size in (
                b"", b" ", b"-1", b"+1", b"0x1", b"1_0", b"g", b" 2", b"2 ", b"2\t",
                b"2,2", b"1.0", b"\xb2", b"2\x00", b"\x002", b"1000000000000000",
                b"ffffffffffffffff", b"10000000000000002", b"0" * 15 + b"2",
            )
            for case in broken(
                "9112-7.1",
                f"the size {shown(size)} is refused",
                size + b"\r\nhi\r\n" + LAST,
            )
        ),
        *broken("9112-7.1", "a size line that ends in LF", b"2\nhi\r\n" + LAST),
        *broken("9112-7.1", "a size line that ends in CR", b"2\rhi\r\n" + LAST),
        *broken("9112-7.1", "data that are longer than said", b"2\r\nhi!\r\n" + LAST),
        *broken("9112-7.1", "data that are shorter than said", b"3\r\nhi\r\n" + LAST),
        *broken("9112-7.1", "data that end in LF", b"2\r\nhi\n" + LAST),
        *broken("9112-7.1", "data that end in CR", b"2\r\nhi\r0\r\n\r\n"),
        *broken("9112-7.1", "a chunk behind an empty line", b"\r\n2\r\nhi\r\n" + LAST),
    )  # fmt: skip


class ExtensionTests(ConformanceTestCase):
    """RFC 9112 7.1.1: extensions are ignored, if they are some."""

    cases = (
        *(
            case
            for extension in (
                b";a", b";a=b", b";a=b;c=d", b' ; a = "b"', b';a="b;c\\"\t "', b';a=""',
                b";!#$=~", b"\t;a", b";a;a;a", b';a="\xe9"',
            )
            for case in decoded(
                "9112-7.1.1",
                f"the extension {shown(extension)} is dropped",
                b"2%b\r\nhi\r\n0%b\r\n\r\n" % (extension, extension),
                b"2\r\nhi\r\n" + LAST,
            )
        ),
        *(
            case
            for extension in (
                b";", b";;", b";=a", b";a=", b" a", b";a b", b";a ", b";a=b c",
                b';a="b',
                b';a="b"c', b";a=b\x00", b";a=b\rc", b";a=b\nc", b";a=\x7f", b';a="\n"',
            )
            for case in broken(
                "9112-7.1.1",
                f"the extension {shown(extension)} is refused",
                b"2" + extension + b"\r\nhi\r\n" + LAST,
            )
        ),
    )  # fmt: skip


class LimitTests(ConformanceTestCase):
    """RFC 9112 7.1.1, RFC 9110 5.4: no size line or trailer section without end."""

    config: ClassVar[dict[str, Any]] = {
        "max_chunk_line_bytes": Bytes(20),
        "max_trailer_bytes": Bytes(20),
    }
    cases = (
        *decoded(
            "9112-7.1.1",
            "extensions up to the limit",
            b"2;%b\r\nhi\r\n" % (b"a" * 16) + LAST,
            b"2\r\nhi\r\n" + LAST,
        ),
        *broken(
            "9112-7.1.1",
            "extensions beyond it",
            b"2;" + b"a" * 18 + b"\r\nhi\r\n" + LAST,
        ),
        *broken("9112-7.1.1", "extensions without end", b"2;" + b"a" * 18),
        *decoded(
            "9112-7.1.2",
            "a trailer section up to the limit",
            b"0\r\nA: 3456789012345\r\n\r\n",
            b"0\r\nA: 3456789012345\r\n\r\n",
        ),
        *broken(
            "9112-7.1.2",
            "a trailer section beyond it",
            b"0\r\nA: 34567890123456789\r\n\r\n",
        ),
        *broken("9112-7.1.2", "a trailer section without end", b"0\r\n" + b"A" * 20),
    )


class TrailerTests(ConformanceTestCase):
    """RFC 9112 7.1.2, RFC 9110 6.5.1: trailers."""

    cases = (
        *decoded(
            "9110-6.5.1",
            "trailers are passed on as trailers",
            b"0\r\nX-Sum: 1\r\nX-Empty:\r\n\r\n",
            b"0\r\nX-Sum: 1\r\nX-Empty:\r\n\r\n",
        ),
        *(
            case
            for name in (
                b"Host", b"Connection", b"Trailer", b"TE", b"Upgrade",
                b"Authorization", b"Cookie", b"Set-Cookie", b"Content-Type",
                b"Content-Encoding", b"Content-Range",
                b"Cache-Control", b"Expect", b"Max-Forwards", b"Range", b"Age", b"Date",
                b"Location", b"Retry-After", b"Vary", b"WWW-Authenticate",
                b"X-Forwarded-For", b"x-forwarded-proto", b"X-Real-IP", b"Forwarded",
                b"X-Request-Id", b"Keep-Alive", b"Proxy-Connection",
            )
            for case in decoded(
                "9110-6.5.1",
                f"{name.decode()} is no trailer, and dropped",
                b"0\r\n" + name + b": 5\r\nX-Sum: 1\r\n\r\n",
                b"0\r\nX-Sum: 1\r\n\r\n",
            )
        ),
        *(
            case
            for name in (b"Content-Length", b"transfer-encoding")
            for case in broken(
                "9110-6.5.1",
                f"{name.decode()} in a trailer is refused",
                b"2\r\nhi\r\n0\r\nX: 1\r\n" + name + b": 5\r\n\r\n",
            )
        ),
        *(
            case
            for trailer in (
                b"X", b": 1", b"X : 1", b" X: 1", b"X: 1\r\n 2", b"X: 1\nY: 2",
                b"X: 1\rY: 2", b"X: \x00", b"X\xe9: 1",
            )
            for case in broken(
                "9112-7.1.2",
                f"the trailer {shown(trailer)} is refused",
                b"2\r\nhi\r\n0\r\n" + trailer + b"\r\n\r\n",
            )
        ),
        forwarded(
            "9110-6.6.2",
            "the field Trailer is passed on",
            ask(CHUNKED, b"Trailer: X-Sum", line=b"POST / HTTP/1.1") + LAST,
            ask(b"Trailer: X-Sum", CHUNKED, line=b"POST / HTTP/1.1") + LAST,
        ),
        Case(
            "9112-7.1.2",
            "trailers for a client of HTTP/1.0 are dropped with the coding",
            (
                Client(ask(line=b"GET / HTTP/1.0")),
                Instance(reply(CHUNKED, body=b"2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n")),
                Gets(reply(b"Connection: close", body=b"hi")),
            ),
            CLOSED,
        ),
    )  # fmt: skip


class StreamTests(ConformanceTestCase):
    """RFC 9112 7.1: what is there goes on at once."""

    cases = (
        Case(
            "9112-7.1",
            "each part of a request's body becomes a chunk",
            (
                Client(HEAD + b"4\r\nab"),
                Sees(HEAD + b"2\r\nab\r\n"),
                Client(b"c"),
                Sees(b"1\r\nc\r\n"),
                Client(b"d\r\n0"),
                Sees(b"1\r\nd\r\n"),
                Client(b"\r\n\r\n"),
                Sees(LAST),
                Instance(reply(b"Content-Length: 0")),
                Gets(reply(b"Content-Length: 0")),
            ),
        ),
        Case(
            "9112-7.1",
            "each part of a response's body becomes a chunk",
            (
                Client(ask()),
                Instance(reply(CHUNKED, body=b"4\r\nab")),
                Gets(reply(CHUNKED, body=b"2\r\nab\r\n")),
                Instance(b"cd\r"),
                Gets(b"2\r\ncd\r\n"),
                Instance(b"\n0\r\n\r"),
                Gets(b""),
                Instance(b"\n"),
                Gets(LAST),
            ),
        ),
    )
