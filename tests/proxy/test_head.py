"""Tests of twisted_router.proxy.head: what is refused, and what requests mean."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.proxy.heads import (
    HOST,
    UNLIMITED,
    read_request,
    request_head,
    request_outcome,
)
from twisted_router.proxy.head import CHUNKED, HeadLimits
from twisted_router.proxy.request_head import parse_request_head

ACCEPTED = (0, "")
BAD_LINE = (400, "malformed request line")
BARE_LF = (400, "line feed without carriage return")
BAD_FIELD = (400, "malformed header field in line 3")
BAD_TARGET = (400, "malformed request target")
BAD_VERSION = (505, "only HTTP/1.0 and HTTP/1.1 are supported")


class _TableTestCase(SynchronousTestCase):
    """Compares a whole table at once, so that a failure shows which rows differ."""

    def assert_lines(self, expected: dict[bytes, tuple[int, str]]) -> None:
        """Each request line, with a Host field, has this outcome."""
        self.assertEqual(
            expected,
            {line: request_outcome(request_head(HOST, line=line)) for line in expected},
        )

    def assert_fields(
        self,
        expected: dict[bytes, tuple[int, str]],
        line: bytes = b"POST / HTTP/1.1",
    ) -> None:
        """Each field (or several, with line ends between) has this outcome."""
        self.assertEqual(
            expected,
            {
                field: request_outcome(request_head(HOST, field, line=line))
                for field in expected
            },
        )


class RequestLineTests(_TableTestCase):
    """RFC 9112 3: method, one space, target, one space, version."""

    def test_single_spaces_part_it(self) -> None:
        self.assert_lines(
            {
                b"GET  / HTTP/1.1": BAD_LINE,
                b"GET /  HTTP/1.1": BAD_LINE,
                b"GET\t/ HTTP/1.1": BAD_LINE,
                b" GET / HTTP/1.1": BAD_LINE,
                b"GET / HTTP/1.1 ": BAD_LINE,
                b"GET HTTP/1.1": BAD_LINE,
                b"GET / a HTTP/1.1": BAD_LINE,
                b"": BAD_LINE,
            }
        )

    def test_a_method_is_a_token_known_or_not(self) -> None:
        self.assert_lines(
            {
                b"PURGE / HTTP/1.1": ACCEPTED,
                b"m-search'1! / HTTP/1.1": ACCEPTED,
                b"GE(T / HTTP/1.1": BAD_LINE,
                b"GE\xffT / HTTP/1.1": BAD_LINE,
                b"GE\x00T / HTTP/1.1": BAD_LINE,
            }
        )

    def test_only_http_1_0_and_1_1_are_served(self) -> None:
        self.assert_lines(
            {
                b"GET / HTTP/1.0": ACCEPTED,
                b"GET / HTTP/1.2": BAD_VERSION,
                b"GET / HTTP/0.9": BAD_VERSION,
                b"GET / HTTP/2.0": BAD_VERSION,
                b"PRI * HTTP/2.0": BAD_VERSION,
                b"GET /": BAD_LINE,
                b"GET / http/1.1": BAD_LINE,
                b"GET / HTTP/1.10": BAD_LINE,
                b"GET / HTTP/11": BAD_LINE,
                b"GET / HTTP/1": BAD_LINE,
                b"GET / HTTP/1.x": BAD_LINE,
                b"GET / ICY/1.1": BAD_LINE,
            }
        )

    def test_a_target_is_printable_ascii_without_a_fragment(self) -> None:
        self.assert_lines(
            {
                b"GET /%20+\"<>\\^`{|}'[]?=&;!@$,~ HTTP/1.1": ACCEPTED,
                b"GET /a#b HTTP/1.1": BAD_LINE,
                b"GET /\xc3\xa9 HTTP/1.1": BAD_LINE,
                b"GET /a\tb HTTP/1.1": BAD_LINE,
                b"GET /a\x00b HTTP/1.1": BAD_LINE,
                b"GET /a\x7fb HTTP/1.1": BAD_LINE,
                b"GET /a\rb HTTP/1.1": BAD_LINE,
                b"GET /a\nb HTTP/1.1": BARE_LF,
            }
        )

    def test_a_line_ends_with_crlf(self) -> None:
        expected = {
            b"\n": BARE_LF,
            b"\r": BAD_LINE,
            b"\r\r\n": BAD_LINE,
            b"\n\r\n": BARE_LF,
        }
        found = {
            ending: request_outcome(b"GET / HTTP/1.1" + ending + HOST + b"\r\n\r\n")
            for ending in expected
        }
        self.assertEqual(expected, found)


class TargetTests(_TableTestCase):
    """RFC 9112 3.2: origin, absolute and asterisk form."""

    def test_each_method_has_its_forms(self) -> None:
        self.assert_lines(
            {
                b"OPTIONS * HTTP/1.1": ACCEPTED,
                b"GET * HTTP/1.1": BAD_TARGET,
                b"OPTIONS ** HTTP/1.1": BAD_TARGET,
                b"GET a/b HTTP/1.1": BAD_TARGET,
                b"GET a.example:80 HTTP/1.1": BAD_TARGET,
                b"GET ?a HTTP/1.1": BAD_TARGET,
                b"GET ftp://a.example/ HTTP/1.1": BAD_TARGET,
                b"CONNECT /a HTTP/1.1": BAD_TARGET,
                b"CONNECT a.example:443 HTTP/1.1": (501, "CONNECT is not supported"),
            }
        )

    def test_the_authority_of_the_absolute_form_is_a_host(self) -> None:
        self.assert_lines(
            {
                b"GET http:///a HTTP/1.1": BAD_TARGET,
                b"GET http://?a HTTP/1.1": BAD_TARGET,
                b"GET http://:80/ HTTP/1.1": BAD_TARGET,
                b"GET http://me@a.example/ HTTP/1.1": BAD_TARGET,
                b"GET http://a.example,b.example/ HTTP/1.1": BAD_TARGET,
                b"GET http://[::1/ HTTP/1.1": BAD_TARGET,
                b"GET http://[::1]:8080/ HTTP/1.1": ACCEPTED,
                b"GET HTTPS://a.example HTTP/1.1": ACCEPTED,
            }
        )

    def test_the_path_ends_at_the_query(self) -> None:
        expected = {
            b"/a/b?c=/d?e": b"/a/b",
            b"/": b"/",
            b"/?": b"/",
            b"//a//b": b"//a//b",
            b"/http://b/": b"/http://b/",
            b"http://b.example/a?c": b"/a",
            b"http://b.example?c/d": b"/",
            b"http://b.example": b"/",
        }
        found = {
            target: read_request(line=b"GET %b HTTP/1.1" % target).path
            for target in expected
        }
        self.assertEqual(expected, found)

    def test_the_asterisk_is_about_the_whole_host(self) -> None:
        request = read_request(line=b"OPTIONS * HTTP/1.1")
        self.assertEqual((b"*", b"/"), (request.target, request.path))

    def test_an_absolute_target_overrides_host(self) -> None:
        request = read_request(line=b"GET http://B.example:81/a HTTP/1.1")
        self.assertEqual(b"B.example:81", request.host)

    def test_instances_are_sent_the_origin_form(self) -> None:
        expected = {
            b"GET http://b.example/a?c=/d": b"/a?c=/d",
            b"GET http://b.example": b"/",
            b"GET http://b.example?c/d": b"/?c/d",
            b"OPTIONS http://b.example": b"*",
            b"OPTIONS http://b.example?": b"/?",
            b"OPTIONS http://b.example/": b"/",
            b"GET //b.example/a": b"//b.example/a",
        }
        found = {
            line: read_request(line=line + b" HTTP/1.1").target for line in expected
        }
        self.assertEqual(expected, found)

    def test_a_target_is_kept_byte_for_byte(self) -> None:
        request = read_request(line=b'GET /%2F%2f/../"x?%zz&&= HTTP/1.0')
        self.assertEqual(b'/%2F%2f/../"x?%zz&&=', request.target)


class FieldSyntaxTests(_TableTestCase):
    """RFC 9110 5, RFC 9112 5: name, colon, value, CRLF, and no folding."""

    def test_a_name_is_a_token_next_to_its_colon(self) -> None:
        self.assert_fields(
            {
                b"x!#$%&'*+-.^_`|~09aZ: 1": ACCEPTED,
                b"X : 1": BAD_FIELD,
                b"X\t: 1": BAD_FIELD,
                b" X: 1": BAD_FIELD,
                b": 1": BAD_FIELD,
                b"X": BAD_FIELD,
                b"X Y: 1": BAD_FIELD,
                b"X\xe9: 1": BAD_FIELD,
                b"X(: 1": BAD_FIELD,
                b"X\x00: 1": BAD_FIELD,
                b"Transfer-Encoding : chunked": BAD_FIELD,
            }
        )

    def test_a_value_has_no_control_characters_but_tab(self) -> None:
        self.assert_fields(
            {
                b"X:": ACCEPTED,
                b"X:1": ACCEPTED,
                b"X: \t a\t b \t": ACCEPTED,
                b'X: ":;,=()<>@[]?{}\\/': ACCEPTED,
                b"X: \x80\xe9\xff": ACCEPTED,
                b"X: a\x00b": BAD_FIELD,
                b"X: a\x0bb": BAD_FIELD,
                b"X: a\x1bb": BAD_FIELD,
                b"X: a\x7fb": BAD_FIELD,
                b"X: a\rb": BAD_FIELD,
                b"X: a\r": BAD_FIELD,
                b"X: a\nY: b": BARE_LF,
                b"X: a\rY: b": BAD_FIELD,
                b"X: a\r\r\nY: b": BAD_FIELD,
            }
        )

    def test_folded_lines_are_refused(self) -> None:
        self.assert_fields(
            {
                b"X: a\r\n b: c": (400, "malformed header field in line 4"),
                b"X: a\r\n\tb: c": (400, "malformed header field in line 4"),
                b" folded: from the start": BAD_FIELD,
            }
        )

    def test_the_reason_names_the_line_and_none_of_its_bytes(self) -> None:
        head = request_head(HOST, b"A: 1", b"B: 2", b"<script>: 3", b"C: 4")
        self.assertEqual(
            (400, "malformed header field in line 5"), request_outcome(head)
        )

    def test_a_head_ends_where_its_empty_line_is(self) -> None:
        malformed = {
            b"GET / HTTP/1.1\r\nHost: a\r\n": (400, "malformed request head"),
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\nX: 1\r\n\r\n": (
                400,
                "malformed header field in line 3",
            ),
        }
        self.assertEqual(malformed, {head: request_outcome(head) for head in malformed})


class HostTests(_TableTestCase):
    """RFC 9112 3.2: one Host field with the name of an authority."""

    def test_what_a_host_may_be(self) -> None:
        malformed = (400, "malformed Host header")
        expected = {
            b"a.example": ACCEPTED,
            b"a.example:8080": ACCEPTED,
            b"a.example:": ACCEPTED,
            b"a.example.": ACCEPTED,
            b"*.example": ACCEPTED,
            b"a_b~c-d'!$&()+;=%41": ACCEPTED,
            b"127.0.0.1:80": ACCEPTED,
            b"[::1]": ACCEPTED,
            b"[fe80::127.0.0.1]:80": ACCEPTED,
            b"": ACCEPTED,
            b":80": malformed,
            b"a:123456": malformed,
            b"a:b": malformed,
            b"a:8 0": malformed,
            b"a b": malformed,
            b"a,b": malformed,
            b"me@a": malformed,
            b"http://a": malformed,
            b"a/b": malformed,
            b"a?b": malformed,
            b"a#b": malformed,
            b"a\\b": malformed,
            b"<a>": malformed,
            b'"a"': malformed,
            b"\xe9.example": malformed,
            b"::1": malformed,
            b"[::1": malformed,
            b"[::1]a": malformed,
            b"[]": malformed,
            b"[v1.a]": malformed,
        }
        found = {
            host: request_outcome(request_head(b"Host: " + host)) for host in expected
        }
        self.assertEqual(expected, found)

    def test_case_is_kept_and_white_space_is_not(self) -> None:
        head = request_head(b"hOsT:\t A.Example:80 \t")
        self.assertEqual(b"A.Example:80", parse_request_head(head, UNLIMITED).host)

    def test_http_1_1_needs_one(self) -> None:
        missing = (400, "missing required Host header")
        self.assertEqual(missing, request_outcome(request_head()))
        absolute = request_head(line=b"GET http://a.example/ HTTP/1.1")
        self.assertEqual(missing, request_outcome(absolute))

    def test_http_1_0_may_leave_it_out(self) -> None:
        head = request_head(line=b"GET / HTTP/1.0")
        self.assertEqual(b"", parse_request_head(head, UNLIMITED).host)

    def test_two_are_refused_even_if_equal(self) -> None:
        twice = (400, "more than one Host field")
        self.assertEqual(twice, request_outcome(request_head(HOST, b"host: a.example")))
        self.assertEqual(
            twice,
            request_outcome(request_head(HOST, HOST, line=b"GET / HTTP/1.0")),
        )


class LengthTests(_TableTestCase):
    """RFC 9112 6: one way to tell a body's length, and only one."""

    def test_content_length_is_one_number_in_digits(self) -> None:
        malformed = (400, "malformed Content-Length")
        twice = (400, "more than one Content-Length field")
        self.assert_fields(
            {
                b"Content-Length: 5": ACCEPTED,
                b"Content-Length:5\t ": ACCEPTED,
                b"Content-Length: 999999999999999999": ACCEPTED,
                b"Content-Length: 1000000000000000000": malformed,
                b"Content-Length: 18446744073709551621": malformed,
                b"Content-Length:": malformed,
                b"Content-Length: +5": malformed,
                b"Content-Length: -5": malformed,
                b"Content-Length: 0x5": malformed,
                b"Content-Length: 5.0": malformed,
                b"Content-Length: 5 5": malformed,
                b"Content-Length: 5, 5": malformed,
                b"Content-Length: 5,": malformed,
                b"Content-Length: \xb2": malformed,
                b"Content-Length: 5\r\nContent-Length: 5": twice,
                b"Content-Length: 5\r\ncontent-length: 6": twice,
            }
        )

    def test_the_length_is_its_number(self) -> None:
        self.assertEqual(12, read_request(b"Content-Length: 0012").length)

    def test_without_any_there_is_no_body(self) -> None:
        self.assertEqual(0, read_request(line=b"POST / HTTP/1.1").length)

    def test_chunked_is_the_only_transfer_coding(self) -> None:
        malformed = (400, "malformed Transfer-Encoding")
        unsupported = (501, "unsupported transfer coding")
        self.assert_fields(
            {
                b"Transfer-Encoding: chunked": ACCEPTED,
                b"transfer-encoding:\tCHUNKED ": ACCEPTED,
                b"Transfer-Encoding: gzip, chunked": unsupported,
                b"Transfer-Encoding: x-gzip,deflate ,chunked": unsupported,
                b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked": unsupported,
                b"Transfer-Encoding:": malformed,
                b"Transfer-Encoding: identity": malformed,
                b"Transfer-Encoding: gzip": malformed,
                b"Transfer-Encoding: chunked, gzip": malformed,
                b"Transfer-Encoding: chunked, chunked": malformed,
                b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked": malformed,
                b"Transfer-Encoding: chunked\r\nTransfer-Encoding:": malformed,
                b"Transfer-Encoding: chunked;q=1": malformed,
                b"Transfer-Encoding: xchunked": malformed,
                b"Transfer-Encoding: chunked,": malformed,
                b'Transfer-Encoding: "chunked"': malformed,
                b"Transfer-Encoding: x, chunked": malformed,
                b"Transfer-Encoding: \x0bchunked": BAD_FIELD,
            }
        )

    def test_a_chunked_body_has_no_number(self) -> None:
        self.assertEqual(CHUNKED, read_request(b"Transfer-Encoding: chunked").length)

    def test_both_at_once_are_refused(self) -> None:
        both = (400, "both Content-Length and Transfer-Encoding")
        self.assert_fields(
            {
                b"Content-Length: 5\r\nTransfer-Encoding: chunked": both,
                b"Transfer-Encoding: chunked\r\nContent-Length: 0": both,
                b"Transfer-Encoding: x\r\nContent-Length: x": both,
            }
        )

    def test_http_1_0_has_no_transfer_codings(self) -> None:
        refused = (400, "Transfer-Encoding in an HTTP/1.0 request")
        self.assert_fields(
            {b"Transfer-Encoding: chunked": refused}, line=b"POST / HTTP/1.0"
        )


class LimitTests(_TableTestCase):
    """Limits that are counted in fields and in bytes of the target."""

    def test_as_many_fields_as_the_limit_are_accepted(self) -> None:
        limits = HeadLimits(0, 3)
        fields = [HOST, b"A: 1", b"B: 2"]
        self.assertEqual(ACCEPTED, request_outcome(request_head(*fields), limits))
        self.assertEqual(
            (431, "too many header fields"),
            request_outcome(request_head(*fields, b"C: 3"), limits),
        )

    def test_the_shortest_fields_are_counted_too(self) -> None:
        limits = HeadLimits(0, 100)
        line = b"GET / HTTP/1.0"
        self.assertEqual(
            ACCEPTED, request_outcome(request_head(*[b"a:"] * 100, line=line), limits)
        )
        self.assertEqual(
            (431, "too many header fields"),
            request_outcome(request_head(*[b"a:"] * 101, line=line), limits),
        )

    def test_a_target_as_long_as_the_limit_is_accepted(self) -> None:
        limits = HeadLimits(0, 0, target_bytes=10)
        for target, outcome in (
            (b"/234567890", ACCEPTED),
            (b"/2345678901", (414, "request target too long")),
        ):
            head = request_head(HOST, line=b"GET %b HTTP/1.1" % target)
            self.assertEqual(outcome, request_outcome(head, limits))
