"""Field lines of requests: RFC 9112 5, RFC 9110 5."""

from __future__ import annotations

from .cases import HOST, ConformanceTestCase, ask, forwarded, having, refused


class NameTests(ConformanceTestCase):
    """RFC 9112 5.1: a name is a token, and its colon follows at once."""

    cases = (
        refused(
            "9112-5.1",
            "a space between name and colon is refused",
            400,
            ask(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
        ),
        refused(
            "9112-5.1",
            "a tab between name and colon is refused",
            400,
            ask(b"Content-Length\t: 5"),
        ),
        refused("9112-5.1", "a field without a name is refused", 400, ask(b": b")),
        refused("9112-5.1", "a line without a colon is refused", 400, ask(b"A b")),
        *(
            refused(
                "9110-5.1",
                f"{sign!a} is no part of a name",
                400,
                ask(b"X" + bytes([ord(sign)]) + b"Y: b"),
            )
            for sign in '\x00\x01\x0b\x7f\x80\xff "(),/;<=>?@[\\]{}'
        ),
        forwarded(
            "9110-5.1",
            "fields that nobody knows are passed on",
            ask(b"X-Unheard-Of: 1", b"!#$%&'*+-.^_`|~09aZ: 2"),
            ask(b"X-Unheard-Of: 1", b"!#$%&'*+-.^_`|~09aZ: 2"),
        ),
        forwarded(
            "9110-5.1",
            "names are the same in any case",
            b"POST / HTTP/1.1\r\nhOST: app.example.com\r\ncONTENT-lENGTH: 2\r\n\r\nhi",
            ask(
                b"cONTENT-lENGTH: 2",
                line=b"POST / HTTP/1.1",
                body=b"hi",
            ),
        ),
    )


class ValueTests(ConformanceTestCase):
    """RFC 9112 5.2, RFC 9110 5.3 and 5.5: values, their order, and no folding."""

    cases = (
        *(
            refused(
                "9112-5.2",
                f"a folded line is refused after {after}",
                400,
                ask(field + fold + b"chunked"),
            )
            for after, field in (
                ("any field", b"A: b"),
                ("an empty field", b"Transfer-Encoding:"),
                ("a field that begins a list", b"Transfer-Encoding: gzip,"),
            )
            for fold in (b"\r\n ", b"\r\n\t")
        ),
        refused(
            "9112-5.2",
            "a folded Host is refused",
            400,
            b"GET / HTTP/1.1\r\nHost:\r\n app.example.com\r\n\r\n",
        ),
        *(
            refused(
                "9110-5.5",
                f"the control character {code:#04x} is refused in a value",
                400,
                ask(b"A: b" + bytes([code]) + b"c"),
            )
            for code in (*range(9), *range(10, 32), 127)
        ),
        forwarded(
            "9110-5.5",
            "every other character of a value is passed on",
            ask(b"A: " + bytes([9, *range(32, 127), *range(128, 256)]) + b"."),
            ask(b"A: " + bytes([9, *range(32, 127), *range(128, 256)]) + b"."),
        ),
        forwarded(
            "9110-5.5",
            "white space around a value is no part of it",
            ask(b"Content-Length:\t 2 \t", line=b"POST / HTTP/1.1", body=b"hi"),
            ask(b"Content-Length:\t 2 \t", line=b"POST / HTTP/1.1", body=b"hi"),
        ),
        forwarded(
            "9110-5.5", "a value may be empty", ask(b"A:", b"B: "), ask(b"A:", b"B: ")
        ),
        forwarded(
            "9110-5.3",
            "fields of one name keep their order, and their lines",
            ask(b"A: 1", b"B: x", b"a: 2", b"A: 3", b"A: 1"),
            ask(b"A: 1", b"B: x", b"a: 2", b"A: 3", b"A: 1"),
        ),
        forwarded(
            "9110-7.2",
            "Host goes first wherever it stood",
            b"GET / HTTP/1.1\r\nA: 1\r\nHost: " + HOST + b"\r\nB: 2\r\n\r\n",
            ask(b"A: 1", b"B: 2"),
        ),
        *(
            forwarded(
                "9110-11.6.2" if name == b"Authorization" else "9110-7.7",
                f"{name.decode()} is for the instance, and not modified",
                ask(name + b":  a=\"b\" ,c;q=1 "),
                ask(name + b":  a=\"b\" ,c;q=1 "),
            )
            for name in (
                b"Authorization", b"Cookie", b"Accept-Encoding", b"Range", b"If-Range",
                b"If-None-Match", b"Cache-Control", b"Referer", b"User-Agent",
            )
        ),
        forwarded(
            "9110-10.1.5",
            "no User-Agent is invented, nor anything that describes what is accepted",
            ask(),
            having(b"GET", lacking=(b"User-Agent", b"Accept", b"Via", b"Connection")),
        ),
    )  # fmt: skip
