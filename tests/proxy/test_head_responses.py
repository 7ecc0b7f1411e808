"""Tests of twisted_router.proxy.head: what responses mean."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.proxy.heads import UNLIMITED, read_response, response_head, response_outcome
from twisted_router.proxy.head import (
    CHUNKED,
    UNTIL_CLOSE,
    HeadLimits,
    allowed_trailers,
)
from twisted_router.proxy.response_head import parse_response_head

ACCEPTED = (0, "")
MALFORMED = (502, "malformed response head")


class StatusLineTests(SynchronousTestCase):
    """RFC 9112 4: version, status code, and a reason that may be missing."""

    def test_what_a_status_line_may_be(self) -> None:
        expected = {
            b"HTTP/1.1 200 OK": ACCEPTED,
            b"HTTP/1.0 404 Not Found": ACCEPTED,
            b"HTTP/1.1 200 ": ACCEPTED,
            b"HTTP/1.1 200": ACCEPTED,
            b"HTTP/1.1 999 \xe9t\xe9\t!": ACCEPTED,
            b"HTTP/1.1 099 Low": MALFORMED,
            b"HTTP/1.1 20 OK": MALFORMED,
            b"HTTP/1.1 2000 OK": MALFORMED,
            b"HTTP/1.1  200 OK": MALFORMED,
            b"HTTP/1.1 200OK": MALFORMED,
            b"HTTP/1.1 2x0 OK": MALFORMED,
            b"HTTP/1.1 200 O\x00K": MALFORMED,
            b"HTTP/1.1 200 O\rK": MALFORMED,
            b"HTTP/1.1 200 OK\r": MALFORMED,
            b"HTTP/1.2 200 OK": MALFORMED,
            b"HTTP/2.0 200 OK": MALFORMED,
            b"HTTP/2 200": MALFORMED,
            b"http/1.1 200 OK": MALFORMED,
            b"ICY 200 OK": MALFORMED,
            b" HTTP/1.1 200 OK": MALFORMED,
            b"": MALFORMED,
        }
        found = {line: response_outcome(response_head(line=line)) for line in expected}
        self.assertEqual(expected, found)

    def test_the_reason_is_kept_and_its_space_always_there(self) -> None:
        expected = {
            b"HTTP/1.1 200 All  is well": (200, b"200 All  is well"),
            b"HTTP/1.1 200 ": (200, b"200 "),
            b"HTTP/1.1 503": (503, b"503 "),
        }
        found = {}
        for line in expected:
            response = read_response(line=line)
            found[line] = (response.status, response.status_text)
        self.assertEqual(expected, found)

    def test_versions_are_told_apart(self) -> None:
        self.assertEqual(1, read_response().minor)
        self.assertEqual(0, read_response(line=b"HTTP/1.0 200 OK").minor)


class FieldTests(SynchronousTestCase):
    """RFC 9112 5, as for requests."""

    def test_malformed_fields_are_refused(self) -> None:
        malformed = (
            b"X",
            b": 1",
            b" X: 1",
            b"X: 1\r\n folded",
            b"X: 1\nY: 2",
            b"X: 1\rY: 2",
            b"X: \x00",
            b"X: \x7f",
            b"X\xe9: 1",
        )
        self.assertEqual(
            dict.fromkeys(malformed, MALFORMED),
            {field: response_outcome(response_head(field)) for field in malformed},
        )

    def test_white_space_before_a_colon_is_removed(self) -> None:
        response = read_response(b"X \t: 1", b"Content-Length : 5", b"Y: a : b")
        self.assertEqual(
            (b"X: 1\r\nContent-Length: 5\r\nY: a : b\r\n", 5),
            (response.fields, response.length),
        )

    def test_as_many_fields_as_the_limit_are_accepted(self) -> None:
        limits = HeadLimits(0, 30)
        fields = [b"a:"] * 30
        self.assertEqual(ACCEPTED, response_outcome(response_head(*fields), limits))
        self.assertEqual(
            (502, "Too many response headers"),
            response_outcome(response_head(*fields, b"b:"), limits),
        )

    def test_other_fields_are_kept_byte_for_byte_and_in_order(self) -> None:
        kept = (
            b"SERVER:x\r\nSet-Cookie:  a=1;\tb \r\nX-Empty:\r\nDate: never\r\n"
            b"Set-Cookie: c\xe9\r\nContent-Length: 007 \r\nX-Vcap-Request-Id: v\r\n"
        )
        head = b"HTTP/1.1 200 OK\r\n" + kept + b"\r\n"
        self.assertEqual(kept, parse_response_head(head, UNLIMITED).fields)

    def test_hop_by_hop_fields_are_removed_wherever_they_stand(self) -> None:
        response = read_response(
            b"Keep-Alive: timeout=5",
            b"A: 1",
            b"Connection: close",
            b"TE: x",
            b"B: 2",
            b"Proxy-Connection: close",
            b"Proxy-Authenticate: basic",
            b"Proxy-Authorization: x",
            b"Upgrade: h2c",
            b"C: 3",
            b"TRANSFER-encoding: chunked",
        )
        self.assertEqual(b"A: 1\r\nB: 2\r\nC: 3\r\n", response.fields)

    def test_nominated_fields_are_removed_but_for_those_it_depends_on(self) -> None:
        response = read_response(
            b"Foo: 1",
            b"Connection: foo, content-length, date",
            b"Content-Length: 3",
            b"Date: never",
            b"Fool: 2",
            b"Connection: X-Vcap-Request-Id",
            b"X-Vcap-Request-Id: v",
        )
        self.assertEqual(
            b"Content-Length: 3\r\nDate: never\r\nFool: 2\r\nX-Vcap-Request-Id: v\r\n",
            response.fields,
        )

    def test_it_is_known_which_fields_need_not_be_added(self) -> None:
        response = read_response(b"date: never", b"x-vcap-request-id: v")
        self.assertEqual((True, True), (response.has_date, response.has_request_id))
        response = read_response(b"X-Date: never", b"Dated: never")
        self.assertEqual((False, False), (response.has_date, response.has_request_id))


class BodyTests(SynchronousTestCase):
    """RFC 9112 6.3: where a response ends."""

    def test_the_length_is_told_in_one_of_three_ways(self) -> None:
        expected = {
            (b"Content-Length: 12",): 12,
            (b"Content-Length: 0",): 0,
            (b"Transfer-Encoding: Chunked",): CHUNKED,
            (b"A: 1",): UNTIL_CLOSE,
        }
        found = {fields: read_response(*fields).length for fields in expected}
        self.assertEqual(expected, found)

    def test_ambiguous_lengths_are_refused(self) -> None:
        both = (502, "both Content-Length and Transfer-Encoding")
        twice = (502, "more than one Content-Length field")
        malformed = (502, "malformed Content-Length")
        unsupported = (502, "unsupported Transfer-Encoding")
        expected = {
            b"Content-Length: 5\r\nTransfer-Encoding: chunked": both,
            b"Content-Length: 5\r\nContent-Length: 5": twice,
            b"Content-Length: 5, 5": malformed,
            b"Content-Length: +5": malformed,
            b"Content-Length:": malformed,
            b"Content-Length: 1000000000000000000": malformed,
            b"Transfer-Encoding: gzip, chunked": unsupported,
            b"Transfer-Encoding: identity": unsupported,
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked": unsupported,
            b"Transfer-Encoding:": unsupported,
        }
        found = {field: response_outcome(response_head(field)) for field in expected}
        self.assertEqual(expected, found)

    def test_http_1_0_has_no_transfer_codings(self) -> None:
        head = response_head(b"Transfer-Encoding: chunked", line=b"HTTP/1.0 200 OK")
        self.assertEqual((502, "unsupported Transfer-Encoding"), response_outcome(head))

    def test_some_responses_have_no_body_whatever_they_say(self) -> None:
        for line, is_head in (
            (b"HTTP/1.1 304 Not Modified", False),
            (b"HTTP/1.1 204 No Content", False),
            (b"HTTP/1.1 103 Early Hints", False),
            (b"HTTP/1.1 200 OK", True),
        ):
            for field in (b"Content-Length: 5", b"Transfer-Encoding: chunked", b"A: 1"):
                response = read_response(field, line=line, is_head=is_head)
                self.assertEqual(0, response.length, (line, field))
                self.assertTrue(response.reusable, (line, field))

    def test_the_length_that_a_body_would_have_had_is_kept(self) -> None:
        field = b"Content-Length: 5"
        kept = read_response(field, line=b"HTTP/1.1 304 Not Modified").fields
        self.assertEqual(b"Content-Length: 5\r\n", kept)
        self.assertEqual(
            b"Content-Length: 5\r\n", read_response(field, is_head=True).fields
        )

    def test_a_length_that_must_not_be_there_is_removed(self) -> None:
        for line in (b"HTTP/1.1 204 No Content", b"HTTP/1.1 100 Continue"):
            response = read_response(b"Content-Length: 0", b"A: 1", line=line)
            self.assertEqual(b"A: 1\r\n", response.fields)


class ReuseTests(SynchronousTestCase):
    """RFC 9112 9.3: whether the connection may serve another request."""

    def test_reuse_depends_on_version_options_and_body(self) -> None:
        expected = {
            (b"1.1", b"A: 1", b"Content-Length: 1"): True,
            (b"1.0", b"A: 1", b"Content-Length: 1"): False,
            (b"1.1", b"Connection: close", b"Content-Length: 1"): False,
            (b"1.1", b"Connection: a , CLOSE", b"Content-Length: 1"): False,
            (b"1.1", b"Connection: keep-alive, close", b"Content-Length: 1"): False,
            (b"1.0", b"Connection: Keep-Alive", b"Content-Length: 1"): True,
            (b"1.0", b"Connection: keep-alive\t", b"Content-Length: 1"): True,
            (b"1.1", b"Connection: upgrade", b"Content-Length: 1"): True,
            (b"1.1", b"A: 1", b"Transfer-Encoding: chunked"): True,
            (b"1.1", b"Connection: keep-alive", b"A: 1"): False,
        }
        found = {
            (version, *fields): read_response(
                *fields, line=b"HTTP/%b 200 OK" % version
            ).reusable
            for version, *fields in expected
        }
        self.assertEqual(expected, found)

    def test_options_that_are_no_tokens_are_refused(self) -> None:
        head = response_head(b"Connection: clo se")
        self.assertEqual((502, "malformed Connection header"), response_outcome(head))


class UpgradeTests(SynchronousTestCase):
    """RFC 9110 7.8."""

    def test_the_chosen_protocol_is_told_in_its_case(self) -> None:
        response = read_response(
            b"Upgrade: WebSocket ",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: x",
            line=b"HTTP/1.1 101 Switching Protocols",
        )
        self.assertEqual(
            (101, b"WebSocket", b"Sec-WebSocket-Accept: x\r\n"),
            (response.status, response.upgrade, response.fields),
        )

    def test_several_fields_are_one_list(self) -> None:
        self.assertEqual(b"a, b", read_response(b"Upgrade: a", b"Upgrade: b").upgrade)

    def test_those_that_would_do_are_told_if_they_can_be_passed_on(self) -> None:
        line = b"HTTP/1.1 426 Upgrade Required"
        expected = {
            b"Upgrade: h2c, a/1": b"Connection: Upgrade\r\nUpgrade: a/1\r\n",
            b"Upgrade: TLS/1.0, HTTP/2.0": b"",
            b"Upgrade: a b": b"",
            b"Connection: close": b"",
        }
        found = {field: read_response(field, line=line).fields for field in expected}
        self.assertEqual(expected, found)

    def test_most_responses_choose_none(self) -> None:
        self.assertEqual(b"", read_response(b"A: 1").upgrade)


class TrailerTests(SynchronousTestCase):
    """RFC 9110 6.5.1: trailers must not change how a message is read."""

    def test_fields_for_framing_routing_and_trust_are_removed(self) -> None:
        section = (
            b"Content-Length: 5\r\nX-Checksum: 1\r\nTRANSFER-Encoding: chunked\r\n"
            b"Host: b\r\nSet-Cookie: a=1\r\nAuthorization: x\r\nX-Forwarded-For: 1\r\n"
            b"grpc-status:0\r\nX-Real-IP: 1\r\nConnection: close\r\nTrailer: a\r\n"
        )
        self.assertEqual(
            b"X-Checksum: 1\r\ngrpc-status:0\r\n", allowed_trailers(section)
        )

    def test_no_fields_stay_none(self) -> None:
        self.assertEqual(b"", allowed_trailers(b""))
