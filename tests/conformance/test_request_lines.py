"""Request lines and what surrounds them: RFC 9112 2 and 3."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted_router.config.schema import Bytes

from .cases import CLOSED, HOST, ConformanceTestCase, ask, forwarded, refused, shown

FIELDS = b"Host: " + HOST + b"\r\n\r\n"


class MessageTests(ConformanceTestCase):
    """RFC 9112 2.2: octets, line ends, what may stand before a request."""

    cases = (
        forwarded(
            "9112-2.2",
            "an empty line before the request line is ignored",
            b"\r\n" + ask(),
            ask(),
        ),
        forwarded(
            "9112-2.2", "so are several empty lines", b"\r\n\r\n\r\n" + ask(), ask()
        ),
        refused(
            "9112-2.2",
            "a line end without its carriage return is refused although it may be read",
            400,
            b"GET / HTTP/1.1\nHost: app.example.com\n\n",
        ),
        refused(
            "9112-2.2",
            "a line feed alone within the fields is refused",
            400,
            ask(b"A: b\nTransfer-Encoding: chunked"),
        ),
        refused(
            "9112-2.2",
            "a carriage return alone in a field is no part of a message",
            400,
            ask(b"A: b\rTransfer-Encoding: chunked"),
        ),
        refused(
            "9112-2.2",
            "a carriage return alone in the request line is refused",
            400,
            ask(line=b"GET /\r HTTP/1.1"),
        ),
        refused(
            "9112-2.2",
            "a carriage return before a line end is refused",
            400,
            ask(b"A: b\r"),
        ),
        refused(
            "9112-2.2",
            "white space before the first field is not ignored but refused",
            400,
            b"GET / HTTP/1.1\r\n " + FIELDS,
        ),
        refused(
            "9112-2.2",
            "a line of white space before the first field is refused",
            400,
            b"GET / HTTP/1.1\r\n \r\n" + FIELDS,
        ),
        refused(
            "9112-2.2",
            "white space before the request line is refused",
            400,
            b" " + ask(),
        ),
        refused(
            "9112-2.2",
            "what is no HTTP is answered and the connection closed",
            400,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        ),
        refused(
            "9112-2.2",
            "what stands behind a refused message is not read as a request",
            400,
            ask(b"A : b") + ask(line=b"GET /smuggled HTTP/1.1"),
        ),
    )


class VersionTests(ConformanceTestCase):
    """RFC 9112 2.3, RFC 9110 2.5 and 6.2."""

    cases = (
        forwarded(
            "9110-6.2",
            "the version that is sent is the router's own",
            ask(b"A: b", line=b"GET / HTTP/1.0"),
            ask(b"A: b"),
            client_fate=CLOSED,
        ),
        *(
            refused(
                "9112-2.3",
                f"version {version.decode()} is refused by its number",
                505,
                ask(line=b"GET / HTTP/" + version),
            )
            for version in (b"0.9", b"1.2", b"2.0", b"3.0", b"9.9")
        ),
        *(
            refused(
                "9112-2.3",
                f"{version.decode()} is no version",
                400,
                ask(line=b"GET / " + version),
            )
            for version in (
                b"http/1.1", b"HTTP/1", b"HTTP/1.", b"HTTP/1.10", b"HTTP/01.1",
                b"HTTP/1,1", b"HTTP /1.1", b"HTTP/ 1.1", b"HTTPS/1.1", b"HTTP/1.1x",
                b"HTTP/x.1",
            )
        ),
        refused(
            "9112-2.3",
            "a request without a version (HTTP 0.9) is refused",
            400,
            b"GET /\r\n\r\n",
        ),
    )  # fmt: skip


class RequestLineTests(ConformanceTestCase):
    """RFC 9112 3: method, target and version, one space between them."""

    cases = (
        *(
            refused(
                "9112-3",
                f"a request line {how} is refused",
                400,
                ask(line=line),
            )
            for how, line in (
                ("with two spaces before the target", b"GET  / HTTP/1.1"),
                ("with two spaces before the version", b"GET /  HTTP/1.1"),
                ("with a tab", b"GET\t/ HTTP/1.1"),
                ("with a vertical tab", b"GET\x0b/ HTTP/1.1"),
                ("with a form feed", b"GET / \x0cHTTP/1.1"),
                ("that ends in a space", b"GET / HTTP/1.1 "),
                ("without a target", b"GET HTTP/1.1"),
                ("of a method only", b"GET"),
                ("with a space in its target", b"GET /a b HTTP/1.1"),
                ("with two targets", b"GET /a /b HTTP/1.1"),
            )
        ),
        *(
            forwarded(
                "9110-9.1",
                f"the method {method.decode()} is passed on as it is",
                ask(line=method + b" / HTTP/1.1"),
                ask(line=method + b" / HTTP/1.1"),
            )
            for method in (
                b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE",
                b"PURGE", b"get", b"M-SEARCH", b"!#$%&'*+-.^_`|~09", b"PRI",
            )
        ),
        *(
            refused(
                "9112-3.1",
                f"{shown(method)} is no method, which is a token",
                400,
                ask(line=method + b" / HTTP/1.1"),
            )
            for method in (b"", b"G(T", b"GET:", b"G\xc4T", b"G\x00T", b'"GET"', b"G/T")
        ),
    )  # fmt: skip


class TargetLengthTests(ConformanceTestCase):
    """RFC 9112 3, RFC 9110 5.4: limits."""

    config: ClassVar[dict[str, Any]] = {
        "max_request_target_bytes": Bytes(100),
        "max_request_header_bytes": Bytes(1000),
        "max_request_headers": 10,
    }
    cases = (
        forwarded(
            "9112-3",
            "a target as long as the limit is served",
            ask(line=b"GET /%b HTTP/1.1" % (b"a" * 99)),
            ask(line=b"GET /%b HTTP/1.1" % (b"a" * 99)),
        ),
        refused(
            "9112-3",
            "a longer target is answered with 414",
            414,
            ask(line=b"GET /%b HTTP/1.1" % (b"a" * 100)),
        ),
        refused(
            "9112-3",
            "so is a target longer than a head may be",
            414,
            ask(line=b"GET /%b HTTP/1.1" % (b"a" * 1000)),
        ),
        refused(
            "9112-3",
            "so is a target without end",
            414,
            b"GET /" + b"a" * 1001,
        ),
        refused(
            "9110-5.4",
            "a head larger than the limit is answered with 4xx",
            431,
            ask(b"A: " + b"a" * 1000),
        ),
        refused(
            "9110-5.4",
            "so is a head without end",
            431,
            ask(b"A: " + b"a" * 1000)[:-4],
        ),
        refused("9110-5.4", "so is one of many fields", 431, ask(*[b"A: 1"] * 10)),
        forwarded(
            "9110-5.4",
            "one of as many fields as the limit is served",
            ask(*[b"A: 1"] * 9),
            ask(*[b"A: 1"] * 9),
        ),
    )
