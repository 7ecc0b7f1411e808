"""Tests of twisted_router.proxy.head: the fields that a request's proxy acts on."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.proxy.heads import (
    HOST,
    UNLIMITED,
    read_request,
    request_head,
    request_outcome,
)
from twisted_router.proxy.request_head import parse_request_head

HTTP_1_0 = b"GET / HTTP/1.0"


class KeptFieldsTests(SynchronousTestCase):
    """What is passed on is what came, less what belongs to this hop."""

    def test_other_fields_are_kept_byte_for_byte_and_in_order(self) -> None:
        kept = (
            b"user-AGENT:x\r\nCookie:  a=1;\tb \r\nX-Empty:\r\nCookie: c\xe9\r\n"
            b"Content-Length: 007 \r\nZ: last\r\n"
        )
        head = b"POST / HTTP/1.1\r\nHost: a\r\n" + kept + b"\r\n"
        self.assertEqual(kept, parse_request_head(head, UNLIMITED).fields)

    def test_hop_by_hop_fields_are_removed_wherever_they_stand(self) -> None:
        request = read_request(
            b"TE: gzip",
            b"A: 1",
            b"Keep-Alive: 5",
            b"KEEP-alive: 6",
            b"Proxy-Connection: keep-alive",
            b"B: 2",
            b"Proxy-Authorization: basic x",
            b"Proxy-Authenticate: basic",
            b"Transfer-Encoding: chunked",
            b"C: 3",
            b"Upgrade: websocket",
            b"Connection: keep-alive",
        )
        self.assertEqual(b"A: 1\r\nB: 2\r\nC: 3\r\n", request.fields)

    def test_names_that_only_begin_or_end_like_theirs_are_kept(self) -> None:
        kept = (b"Hosts: a", b"X-Host: b", b"Connection-Id: 1", b"Tea: 1", b"X-TE: 2")
        self.assertEqual(b"\r\n".join([*kept, b""]), read_request(*kept).fields)

    def test_a_value_that_looks_like_a_field_is_only_a_value(self) -> None:
        request = read_request(b"X: Connection: close", b"Y: \\nHost: b")
        self.assertEqual(
            (b"X: Connection: close\r\nY: \\nHost: b\r\n", b"a.example", True),
            (request.fields, request.host, request.keep_alive),
        )

    def test_a_head_without_fields_has_none_to_keep(self) -> None:
        self.assertEqual(b"", read_request().fields)


class ConnectionTests(SynchronousTestCase):
    """RFC 9110 7.6.1, RFC 9112 9.3: who keeps a connection, and what is for one hop."""

    def test_persistence_depends_on_version_and_options(self) -> None:
        expected = {
            (b"1.1", None): True,
            (b"1.0", None): False,
            (b"1.1", b"close"): False,
            (b"1.0", b"close"): False,
            (b"1.1", b"keep-alive"): True,
            (b"1.0", b"keep-alive"): True,
            (b"1.0", b"Keep-Alive "): True,
            (b"1.1", b"CLOSE\t"): False,
            (b"1.1", b"foo, close"): False,
            (b"1.0", b"foo ,\tkeep-alive"): True,
            (b"1.0", b"foo"): False,
            (b"1.1", b""): True,
            (b"1.1", b",,"): True,
            (b"1.1", b",close,"): False,
            (b"1.1", b"keep-alive, close"): False,
            (b"1.0", b"close, keep-alive"): False,
        }
        found = {}
        for version, value in expected:
            fields = [] if value is None else [b"Connection: " + value]
            request = read_request(*fields, line=b"GET / HTTP/" + version)
            found[version, value] = request.keep_alive
        self.assertEqual(expected, found)

    def test_several_fields_are_one_list(self) -> None:
        request = read_request(b"Connection: a", b"A: 1", b"connection: Close")
        self.assertEqual((b"", False), (request.fields, request.keep_alive))

    def test_options_that_are_no_tokens_are_refused(self) -> None:
        values = (b"a b", b"close;", b'"close"', b"clo\xffse", b"a, b c", b"close:")
        self.assertEqual(
            dict.fromkeys(values, (400, "malformed Connection header")),
            {
                value: request_outcome(request_head(HOST, b"Connection: " + value))
                for value in values
            },
        )

    def test_every_field_that_is_nominated_is_removed(self) -> None:
        request = read_request(
            b"Foo: 1", b"Connection: foo, close, bAr", b"BAR: 2", b"Fool: 3", b"foo: 4"
        )
        self.assertEqual(b"Fool: 3\r\n", request.fields)

    def test_fields_that_the_proxy_depends_on_cannot_be_nominated(self) -> None:
        kept = (
            b"Content-Length: 3",
            b"Expect: 100-continue",
            b"X-Forwarded-Proto: https",
            b"X-Forwarded-Host: b",
            b"X-Forwarded-Port: 81",
            b"X-Real-IP: 10.0.0.1",
            b"Forwarded: for=10.0.0.1",
        )
        names = [field.partition(b":")[0] for field in kept]
        request = read_request(
            *kept,
            b"X-Forwarded-For: 10.0.0.1",
            b"X-Request-Id: id",
            b"Connection: host, x-forwarded-for, x-request-id, " + b",".join(names),
        )
        self.assertEqual(
            (b"\r\n".join([*kept, b""]), 3, b"10.0.0.1", b"id", b"a.example"),
            (
                request.fields,
                request.length,
                request.forwarded_for,
                request.request_id,
                request.host,
            ),
        )

    def test_a_body_stays_chunked_though_its_coding_is_nominated(self) -> None:
        request = read_request(
            b"Connection: transfer-encoding, content-length",
            b"Transfer-Encoding: chunked",
        )
        self.assertEqual(-1, request.length)


class UpgradeTests(SynchronousTestCase):
    """RFC 9110 7.8: other protocols, on this connection."""

    def upgrade(self, *fields: bytes, line: bytes = b"GET / HTTP/1.1") -> bytes:
        """What is offered to the instance."""
        return read_request(*fields, line=line).upgrade

    def test_it_needs_its_connection_option(self) -> None:
        upgrade = b"Upgrade: websocket"
        expected = {
            b"Upgrade": b"websocket",
            b"keep-alive, upgrade": b"websocket",
            b"close, UPGRADE": b"websocket",
            b"keep-alive": b"",
            b"close": b"",
            b"foo": b"",
        }
        found = {
            option: self.upgrade(upgrade, b"Connection: " + option)
            for option in expected
        }
        self.assertEqual(expected, found)
        self.assertEqual(b"", self.upgrade(upgrade))

    def test_the_option_alone_offers_nothing(self) -> None:
        self.assertEqual(b"", self.upgrade(b"Connection: upgrade"))

    def test_protocols_that_would_hide_requests_are_not_offered_on(self) -> None:
        expected = {
            b"h2c": b"",
            b"H2C, WebSocket": b"WebSocket",
            b"h2c-14, HTTP/2.0, TLS/1.0, foo/2 ,, bar": b"foo/2, bar",
        }
        found = {
            offered: self.upgrade(b"Upgrade: " + offered, b"Connection: upgrade")
            for offered in expected
        }
        self.assertEqual(expected, found)

    def test_several_fields_are_one_list(self) -> None:
        fields = (b"Upgrade: a", b"Connection: upgrade", b"upgrade: B/1,", b"UPGRADE:c")
        self.assertEqual(b"a, B/1, c", self.upgrade(*fields))

    def test_a_request_with_a_body_offers_nothing(self) -> None:
        fields = (b"Upgrade: websocket", b"Connection: upgrade")
        self.assertEqual(b"", self.upgrade(*fields, b"Content-Length: 1"))
        self.assertEqual(b"", self.upgrade(*fields, b"Transfer-Encoding: chunked"))
        self.assertEqual(b"websocket", self.upgrade(*fields, b"Content-Length: 0"))

    def test_http_1_0_offers_nothing(self) -> None:
        fields = (b"Upgrade: websocket", b"Connection: upgrade")
        self.assertEqual(b"", self.upgrade(*fields, line=HTTP_1_0))

    def test_what_is_no_protocol_is_refused(self) -> None:
        for offered in (b"web socket", b"a/b/c", b"websocket/", b"\xff", b'"a"'):
            head = request_head(HOST, b"Upgrade: " + offered, b"Connection: upgrade")
            self.assertEqual(
                (400, "malformed Upgrade header"), request_outcome(head), offered
            )


class ExpectTests(SynchronousTestCase):
    """RFC 9110 10.1.1."""

    def test_that_a_client_waits_is_the_instances_matter(self) -> None:
        request = read_request(b"Expect:  100-Continue ", b"Content-Length: 1")
        self.assertEqual(
            b"Expect:  100-Continue \r\nContent-Length: 1\r\n", request.fields
        )

    def test_so_are_other_expectations(self) -> None:
        self.assertEqual(b"Expect: tea\r\n", read_request(b"Expect: tea").fields)

    def test_http_1_0_cannot_wait(self) -> None:
        request = read_request(b"Expect: 100-continue", b"A: 1", line=HTTP_1_0)
        self.assertEqual(b"A: 1\r\n", request.fields)


class TrailersTests(SynchronousTestCase):
    """RFC 9110 10.1.4."""

    def test_te_must_name_trailers_and_be_nominated(self) -> None:
        expected = {
            (b"TE: trailers", b"Connection: TE"): True,
            (b"TE: gzip;q=0.5,  Trailers\t", b"Connection: close, te"): True,
            (b"TE: trailers", b"TE: gzip", b"Connection: te"): True,
            (b"TE: xtrailers", b"Connection: te"): False,
            (b"TE: gzip", b"Connection: te"): False,
            (b"TE: trailers", b"Connection: close"): False,
            (b"TE: trailers", b"Connection: foo"): False,
            (b"TE: trailers",): False,
            (b"Connection: te",): False,
        }
        found = {fields: read_request(*fields).trailers for fields in expected}
        self.assertEqual(expected, found)


class ForwardedTests(SynchronousTestCase):
    """What earlier proxies said, and what the request is called."""

    def test_the_list_of_addresses_is_joined_from_all_fields(self) -> None:
        request = read_request(
            b"X-Forwarded-For: 10.0.0.1,10.0.0.2 ",
            b"A: 1",
            b"x-forwarded-for:",
            b"X-FORWARDED-FOR: 10.0.0.3",
        )
        self.assertEqual(
            (b"10.0.0.1,10.0.0.2, 10.0.0.3", b"A: 1\r\n"),
            (request.forwarded_for, request.fields),
        )

    def test_without_such_a_field_the_list_is_empty(self) -> None:
        self.assertEqual(b"", read_request().forwarded_for)

    def test_the_other_fields_are_kept_if_they_say_something(self) -> None:
        request = read_request(
            b"X-Forwarded-Proto: https",
            b"X-Forwarded-Host: ",
            b"X-Forwarded-Port:",
            b"X-Real-IP: 10.0.0.1",
        )
        self.assertEqual(
            (
                {b"x-forwarded-proto", b"x-real-ip"},
                b"X-Forwarded-Proto: https\r\nX-Real-IP: 10.0.0.1\r\n",
            ),
            (request.forwarded, request.fields),
        )

    def test_a_sane_request_id_is_kept(self) -> None:
        expected = {
            (b"X-Request-Id: 0f3e-4b:c/d.e_f~g+h=i@j",): b"0f3e-4b:c/d.e_f~g+h=i@j",
            (b"X-Vcap-Request-Id: v",): b"v",
            (b"X-Vcap-Request-Id: v", b"X-Request-Id: Id "): b"Id",
            (b"X-Request-Id: " + b"a" * 128,): b"a" * 128,
            (b"X-Request-Id: " + b"a" * 129,): b"",
            (b"X-Request-Id:",): b"",
            (b"X-Request-Id: a b",): b"",
            (b"X-Request-Id: a,b",): b"",
            (b'X-Request-Id: "a"',): b"",
            (b"X-Request-Id: $(a)",): b"",
            (b"X-Request-Id: \xe9",): b"",
            (b"X-Request-Id: a b", b"X-Vcap-Request-Id: v"): b"v",
            (): b"",
        }
        found = {fields: read_request(*fields).request_id for fields in expected}
        self.assertEqual(expected, found)

    def test_ids_are_never_passed_on_as_they_came(self) -> None:
        request = read_request(b"X-Request-Id: a b", b"X-Vcap-Request-Id: v", b"A: 1")
        self.assertEqual(b"A: 1\r\n", request.fields)
