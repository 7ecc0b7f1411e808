"""Status lines and fields of responses: RFC 9112 4 and 5, RFC 9110 15."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted_router.config.schema import Bytes

from .cases import EOF, LOST, ConformanceTestCase, bad_gateway, relayed, reply, shown

LENGTH = b"Content-Length: 0"


class StatusLineTests(ConformanceTestCase):
    """RFC 9112 4."""

    cases = (
        *(
            relayed(
                "9112-4",
                f"{line.decode()} is passed on as it is",
                reply(LENGTH, line=line),
                reply(LENGTH, line=line),
            )
            for line in (
                b"HTTP/1.1 200 OK",
                b"HTTP/1.1 200 Fine, thanks",
                b"HTTP/1.1 200  two  blanks ",
                b"HTTP/1.1 404 ",
                b"HTTP/1.1 299 unheard of",
                b"HTTP/1.1 599 last",
                b"HTTP/1.1 999 beyond",
            )
        ),
        relayed(
            "9112-4",
            "the space before a reason is there even if the reason is not",
            reply(LENGTH, line=b"HTTP/1.1 503"),
            reply(LENGTH, line=b"HTTP/1.1 503 "),
        ),
        relayed(
            "9112-4",
            "a reason may have any characters of text",
            reply(LENGTH, line=b"HTTP/1.1 200 d\xe9j\xe0\tvu"),
            reply(LENGTH, line=b"HTTP/1.1 200 d\xe9j\xe0\tvu"),
        ),
        *(
            bad_gateway(
                "9112-4",
                f"{shown(line)} is no status line",
                reply(LENGTH, line=line),
            )
            for line in (
                b"", b" HTTP/1.1 200 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK",
                b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 +20 OK",
                b"HTTP/1.1 2xx OK", b"HTTP/1.1 200OK", b"HTTP/1.1 200\tOK",
                b"HTTP/1.1 099 OK", b"HTTP/1.1 000 OK", b"HTTP/1.1 \xb200 OK",
                b"HTTP/1.1", b"HTTP/1.1 OK", b"http/1.1 200 OK", b"HTTP/1.1.1 200 OK",
                b"HTTP/1 200 OK", b"HTTP/01.1 200 OK", b"ICY 200 OK", b"200 OK",
                b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 OK\r",
                b"HTTP/1.1 200 O\x0bK", b"HTTP/1.1 200 OK\x7f", b"GET / HTTP/1.1",
            )
        ),
        *(
            bad_gateway(
                "9112-2.3",
                f"HTTP/{version.decode()} was not asked for",
                reply(LENGTH, line=b"HTTP/%b 200 OK" % version),
            )
            for version in (b"0.9", b"1.2", b"2.0", b"3.0")
        ),
        bad_gateway("9112-2.2", "an empty line before it", b"\r\n" + reply(LENGTH)),
        bad_gateway(
            "9112-2.2", "line ends without CR", b"HTTP/1.1 200 OK\nA: b\r\n\r\n"
        ),
        bad_gateway("9112-2.2", "what is no HTTP", b"<html></html>\r\n\r\n"),
        bad_gateway("9112-8", "no response at all", (EOF,)),
        bad_gateway("9112-8", "a connection that is reset", (LOST,)),
        bad_gateway("9112-8", "a head cut off", (reply(LENGTH)[:-2], EOF)),
        bad_gateway("9112-8", "a head cut off by a reset", (reply(LENGTH)[:9], LOST)),
        bad_gateway("9112-8", "no HTTP, and no end of it", (b"hello", EOF)),
    )  # fmt: skip


class FieldTests(ConformanceTestCase):
    """RFC 9112 5, RFC 9110 5."""

    cases = (
        relayed(
            "9110-5.3",
            "fields keep their order, their case and their lines",
            reply(b"B: 2", b"set-cookie: 1", b"A:", LENGTH, b"Set-Cookie:2", b"b: 3"),
            reply(b"B: 2", b"set-cookie: 1", b"A:", LENGTH, b"Set-Cookie:2", b"b: 3"),
        ),
        relayed(
            "9110-5.1",
            "fields that nobody knows are passed on",
            reply(b"X-Unheard-Of: 1", b"!#$%&'*+-.^_`|~09aZ: 2", LENGTH),
            reply(b"X-Unheard-Of: 1", b"!#$%&'*+-.^_`|~09aZ: 2", LENGTH),
        ),
        *(
            relayed(
                "9110-11.6.1" if name == b"WWW-Authenticate" else "9110-7.7",
                f"{name.decode()} is the instance's, and not modified",
                reply(name + b":  a=\"b\" ,c;q=1 ", LENGTH),
                reply(name + b":  a=\"b\" ,c;q=1 ", LENGTH),
            )
            for name in (
                b"WWW-Authenticate", b"Server", b"Content-Encoding", b"Content-Range",
                b"ETag", b"Last-Modified", b"Location", b"Cache-Control", b"Vary",
            )
        ),
        relayed(
            "9112-5.1",
            "white space before a colon is removed",
            reply(b"A : 1", b"B \t: 2 : 3", LENGTH),
            reply(b"A: 1", b"B: 2 : 3", LENGTH),
        ),
        relayed(
            "9112-5.1",
            "and the field is the one it looks like",
            reply(b"Transfer-Encoding : chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
            reply(b"Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
        ),
        bad_gateway(
            "9112-5.1",
            "so that it may also be one too many",
            reply(b"Content-Length : 5", LENGTH),
        ),
        *(
            bad_gateway(
                "9112-5.2", f"a line folded by {shown(fold)}", reply(field, LENGTH)
            )
            for fold in (b" ", b"\t")
            for field in (b"A: b\r\n%bc" % fold, b"A:\r\n%bb" % fold)
        ),
        bad_gateway("9112-5", "a line without a colon", reply(b"A b", LENGTH)),
        bad_gateway("9112-5", "a field without a name", reply(b": b", LENGTH)),
        bad_gateway("9112-5", "white space before the fields", reply(b" A: b", LENGTH)),
        bad_gateway("9110-5.1", "a name that is no token", reply(b"A(: b", LENGTH)),
        *(
            bad_gateway(
                "9110-5.5",
                f"the control character {code:#04x} in a value",
                reply(b"A: b" + bytes([code]) + b"c", LENGTH),
            )
            for code in (*range(9), *range(10, 32), 127)
        ),
        relayed(
            "9110-5.5",
            "every other character of a value is passed on",
            reply(b"A: " + bytes([9, *range(32, 127), *range(128, 256)]), LENGTH),
            reply(b"A: " + bytes([9, *range(32, 127), *range(128, 256)]), LENGTH),
        ),
    )  # fmt: skip


class LimitTests(ConformanceTestCase):
    """RFC 9110 5.4: a head larger than wished is not passed on in part."""

    config: ClassVar[dict[str, Any]] = {
        "max_response_header_bytes": Bytes(200),
        "max_response_headers": 10,
    }
    cases = (
        relayed(
            "9110-5.4",
            "as many fields as the limit",
            reply(LENGTH, *[b"A: 1"] * 9),
            reply(LENGTH, *[b"A: 1"] * 9),
        ),
        bad_gateway("9110-5.4", "one more", reply(LENGTH, *[b"A: 1"] * 10)),
        bad_gateway("9110-5.4", "a large head", reply(LENGTH, b"A: " + b"a" * 200)),
        bad_gateway("9110-5.4", "a head without end", reply(b"A: " + b"a" * 200)[:-4]),
    )
