"""Where a request ends: RFC 9112 6, every combination of what tells it."""

from __future__ import annotations

from .cases import CLOSED, Case, ConformanceTestCase, ask, forwarded, refused, shown

POST = b"POST / HTTP/1.1"
LAST = b"0\r\n\r\n"


def lengths(
    method: bytes, version: bytes, length: bytes, codings: bytes
) -> tuple[str, bytes]:
    """A request with these, in words and in bytes, its body complete."""
    fields = []
    if length:
        fields.append(b"Content-Length: " + length)
    if codings:
        fields.append(b"Transfer-Encoding: " + codings)
    body = b"2\r\nhi\r\n" + LAST if codings else b"hi" * (length == b"2")
    line = method + b" / " + version
    words = f"{line.decode()}, length {length.decode() or 'none'}"
    words += f", coding {codings.decode() or 'none'}"
    return words, ask(*fields, line=line, body=body)


def combination(method: bytes, version: bytes, length: bytes, codings: bytes) -> Case:
    """What must become of a request with these."""
    words, request = lengths(method, version, length, codings)
    if codings and length:
        return refused("9112-6.3-3", f"both are refused: {words}", 400, request)
    if codings and version == b"HTTP/1.0":
        return refused("9112-6.1", f"1.0 has no codings: {words}", 400, request)
    if codings == b"gzip, chunked":
        return refused("9112-6.1", f"not implemented: {words}", 501, request)
    if codings not in (b"", b"chunked"):
        return refused("9112-6.3-4", f"end unknown: {words}", 400, request)
    if method == b"TRACE" and (codings or length == b"2"):
        return refused("9110-9.3.8", f"no content: {words}", 400, request)
    fields = [b"Content-Length: " + length] if length else []
    fields += [b"Transfer-Encoding: chunked"] if codings else []
    body = request[request.index(b"\r\n\r\n") + 4 :]
    sees = ask(*fields, line=method + b" / HTTP/1.1", body=body)
    fate = {"client_fate": CLOSED} if version == b"HTTP/1.0" else {}
    return forwarded("9112-6.3", f"ends where it says: {words}", request, sees, **fate)


class CombinationTests(ConformanceTestCase):
    """RFC 9112 6.3: method, version, Content-Length and Transfer-Encoding."""

    cases = tuple(
        combination(method, version, length, codings)
        for method in (b"GET", b"HEAD", b"POST", b"DELETE", b"OPTIONS", b"TRACE", b"X")
        for version in (b"HTTP/1.0", b"HTTP/1.1")
        for length in (b"", b"0", b"2")
        for codings in (b"", b"chunked", b"gzip, chunked", b"gzip")
    )


class ContentLengthTests(ConformanceTestCase):
    """RFC 9110 8.6, RFC 9112 6.3 rule 5: digits, once."""

    cases = (
        *(
            refused(
                "9112-6.3-5",
                f"the length {shown(value)} is refused",
                400,
                ask(b"Content-Length: " + value, line=POST, body=b"hi"),
            )
            for value in (
                b"", b"-2", b"+2", b"2,2", b"2, 2", b"2 2", b"2;", b"0x2", b"2.0",
                b"2e0", b"2_0", b"1_0", b'"2"', b"two", b"\xb2", b"2,", b",2",
                b"1000000000000000000", b"18446744073709551618",
                b"99999999999999999999999999999999",
            )
        ),
        refused(
            "9112-6.3-5",
            "two different lengths are refused",
            400,
            ask(b"Content-Length: 2", b"Content-Length: 3", line=POST, body=b"hi!"),
        ),
        refused(
            "9110-8.6",
            "two equal lengths are refused where they may be read as one",
            400,
            ask(b"Content-Length: 2", b"content-length: 2", line=POST, body=b"hi"),
        ),
        forwarded(
            "9110-8.6",
            "leading zeros change nothing",
            ask(b"Content-Length: 0002", line=POST, body=b"hi"),
            ask(b"Content-Length: 0002", line=POST, body=b"hi"),
        ),
        refused(
            "9112-6.3-5",
            "the request behind an invalid length is not read",
            400,
            ask(b"Content-Length: 0, 0", line=POST) + ask(line=b"GET /x HTTP/1.1"),
        ),
    )  # fmt: skip


class TransferEncodingTests(ConformanceTestCase):
    """RFC 9112 6.1 and 7: ``chunked``, once, and nothing else."""

    cases = (
        *(
            forwarded(
                "9112-7",
                f"{shown(value)} is chunked",
                ask(b"Transfer-Encoding:" + value, line=POST, body=LAST),
                ask(b"Transfer-Encoding: chunked", line=POST, body=LAST),
            )
            for value in (b"chunked", b" Chunked", b"\tCHUNKED \t")
        ),
        *(
            refused(
                "9112-6.1",
                f"the coding {shown(value)} is refused",
                400,
                ask(b"Transfer-Encoding: " + value, line=POST, body=LAST),
            )
            for value in (
                b"", b"identity", b"chunked, identity", b"xchunked", b"chunkedx",
                b"chunked, chunked", b"chunked, gzip", b"gzip", b"chunked;a=b",
                b"chunked;", b'"chunked"', b"chunked,", b",chunked", b"chunked chunked",
                b"chu\tnked", b"identity, chunked", b"x, chunked", b"\x80chunked",
                b"chunked\xa0",
            )
        ),
        *(
            refused(
                "9112-6.1",
                f"the coding {shown(value)} is known and not implemented",
                501,
                ask(b"Transfer-Encoding: " + value, line=POST, body=LAST),
            )
            for value in (b"gzip, chunked", b"deflate,chunked", b"x-compress , chunked")
        ),
        refused(
            "9112-6.3-4",
            "chunked twice in two fields is refused",
            400,
            ask(
                b"Transfer-Encoding: chunked",
                b"transfer-encoding: chunked",
                line=POST,
                body=LAST,
            ),
        ),
        refused(
            "9112-6.3-4",
            "one of two fields is enough to refuse",
            400,
            ask(
                b"Transfer-Encoding: chunked",
                b"Transfer-Encoding: identity",
                line=POST,
                body=LAST,
            ),
        ),
        refused(
            "9112-6.3-3",
            "both lengths are refused in any order",
            400,
            ask(
                b"Transfer-Encoding: chunked",
                b"Content-Length: 5",
                line=POST,
                body=LAST,
            ),
        ),
        refused(
            "9112-6.3-3",
            "also if they are nominated for removal",
            400,
            ask(
                b"Connection: content-length, transfer-encoding",
                b"Content-Length: 5",
                b"Transfer-Encoding: chunked",
                line=POST,
                body=LAST,
            ),
        ),
        forwarded(
            "9110-7.6.1",
            "a Content-Length is not removed by a nomination",
            ask(
                b"Connection: content-length",
                b"Content-Length: 2",
                line=POST,
                body=b"hi",
            ),
            ask(b"Content-Length: 2", line=POST, body=b"hi"),
        ),
        forwarded(
            "9110-7.6.1",
            "nor is a chunked body unframed by one",
            ask(
                b"Connection: transfer-encoding",
                b"Transfer-Encoding: chunked",
                line=POST,
                body=LAST,
            ),
            ask(b"Transfer-Encoding: chunked", line=POST, body=LAST),
        ),
    )  # fmt: skip


class BodyTests(ConformanceTestCase):
    """RFC 9112 6.2, 6.3 and 8: bodies, and requests behind them."""

    cases = (
        forwarded(
            "9112-6.3-7",
            "a request that says nothing has no body, whatever its method",
            ask(line=POST),
            ask(line=POST),
        ),
        forwarded(
            "9112-6.2",
            "a body may hold what looks like a request",
            ask(b"Content-Length: 18", line=POST, body=b"GET / HTTP/1.1\r\n\r\n"),
            ask(b"Content-Length: 18", line=POST, body=b"GET / HTTP/1.1\r\n\r\n"),
        ),
        forwarded(
            "9112-6.2",
            "a body is octets",
            ask(b"Content-Length: 256", line=POST, body=bytes(range(256))),
            ask(b"Content-Length: 256", line=POST, body=bytes(range(256))),
        ),
    )
