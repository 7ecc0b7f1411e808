"""Tests of twisted_router.proxy.forward."""

from __future__ import annotations

import h11
from twisted.trial.unittest import SynchronousTestCase

from tests.proxy.heads import UNLIMITED, read_request, read_response, request_head
from twisted_router.proxy.forward import (
    interim_bytes,
    public_port,
    request_bytes,
    response_bytes,
    rewrite_target,
    switched_to_offered,
)
from twisted_router.proxy.request_head import RequestHead, parse_request_head

CLIENT_IP = b"10.0.0.9"


def sent_fields(request: RequestHead, prefix: bytes = b"") -> dict[bytes, list[bytes]]:
    """The fields an instance gets, by lower-case name."""
    head = request_bytes(request, request.target, b"a", prefix, CLIENT_IP, b"id-1")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\r\n")[1:-2]:
        name, _, value = line.partition(b": ")
        fields.setdefault(name.lower(), []).append(value)
    return fields


class RequestTests(SynchronousTestCase):
    """The head that an instance gets."""

    def test_a_whole_head(self) -> None:
        request = read_request(b"Accept: */*", b"Connection: close", b"cookie:a=1")
        self.assertEqual(
            b"GET /new HTTP/1.1\r\nHost: b.example\r\nAccept: */*\r\ncookie:a=1\r\n"
            b"X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\n"
            b"X-Forwarded-Host: a.example\r\nX-Forwarded-Port: 80\r\n"
            b"X-Real-IP: 10.0.0.9\r\nX-Request-Id: id-1\r\n"
            b"X-Vcap-Request-Id: id-1\r\n\r\n",
            request_bytes(request, b"/new", b"b.example", b"", CLIENT_IP, b"id-1"),
        )

    def test_every_version_is_forwarded_as_1_1(self) -> None:
        request = read_request(line=b"GET / HTTP/1.0")
        head = request_bytes(request, b"/", b"a", b"", CLIENT_IP, b"id-1")
        self.assertTrue(head.startswith(b"GET / HTTP/1.1\r\n"))

    def test_the_client_is_appended_to_the_list_of_addresses(self) -> None:
        request = read_request(b"X-Forwarded-For: 1.1.1.1", b"x-forwarded-for: 2.2.2.2")
        self.assertEqual(
            [b"1.1.1.1, 2.2.2.2, 10.0.0.9"], sent_fields(request)[b"x-forwarded-for"]
        )

    def test_the_port_is_that_of_the_host_the_client_named(self) -> None:
        head = request_head(b"Host: [::1]:8080")
        fields = sent_fields(parse_request_head(head, UNLIMITED))
        self.assertEqual(
            ([b"[::1]:8080"], [b"8080"]),
            (fields[b"x-forwarded-host"], fields[b"x-forwarded-port"]),
        )

    def test_what_an_earlier_proxy_said_stays_and_the_rest_is_added(self) -> None:
        added = {
            b"x-forwarded-proto": [b"http"],
            b"x-forwarded-host": [b"a.example"],
            b"x-forwarded-port": [b"80"],
            b"x-real-ip": [CLIENT_IP],
        }
        for name in added:
            fields = sent_fields(read_request(name + b": said"))
            expected = {**added, name: [b"said"]}
            if name == b"x-forwarded-proto":
                # Its port is not known, and ours would contradict "https".
                del expected[b"x-forwarded-port"]
            self.assertEqual(
                expected, {key: fields[key] for key in added if key in fields}
            )

    def test_empty_fields_count_as_missing(self) -> None:
        request = read_request(b"X-Forwarded-Proto:", b"X-Real-IP: ")
        fields = sent_fields(request)
        self.assertEqual(
            ([b"http"], [CLIENT_IP]),
            (fields[b"x-forwarded-proto"], fields[b"x-real-ip"]),
        )

    def test_what_was_stripped_is_told(self) -> None:
        request = read_request(b"X-Real-IP: 1.1.1.1")
        self.assertEqual(
            [b"/app"], sent_fields(request, b"/app")[b"x-forwarded-prefix"]
        )
        self.assertNotIn(b"x-forwarded-prefix", sent_fields(request))

    def test_ids_of_the_client_give_way(self) -> None:
        fields = sent_fields(read_request(b"X-Request-Id: a", b"X-Vcap-Request-Id: b"))
        self.assertEqual(
            ([b"id-1"], [b"id-1"]),
            (fields[b"x-request-id"], fields[b"x-vcap-request-id"]),
        )

    def test_a_chunked_body_is_announced_once(self) -> None:
        fields = sent_fields(read_request(b"Transfer-Encoding:CHUNKED"))
        self.assertEqual([b"chunked"], fields[b"transfer-encoding"])
        self.assertNotIn(b"transfer-encoding", sent_fields(read_request()))

    def test_an_upgrade_is_offered_on(self) -> None:
        request = read_request(
            b"Connection: close, UPGRADE", b"Upgrade: h2c, WebSocket"
        )
        fields = sent_fields(request)
        self.assertEqual(
            ([b"Upgrade"], [b"WebSocket"]), (fields[b"connection"], fields[b"upgrade"])
        )

    def test_trailers_are_accepted_for_a_client_that_does(self) -> None:
        fields = sent_fields(read_request(b"TE: gzip, trailers", b"Connection: te"))
        self.assertEqual(
            ([b"trailers"], [b"TE"]), (fields[b"te"], fields[b"connection"])
        )

    def test_an_ordinary_request_says_nothing_of_connections(self) -> None:
        fields = sent_fields(read_request(b"Connection: close", b"Keep-Alive: 5"))
        self.assertEqual(set(), fields.keys() & {b"connection", b"te", b"keep-alive"})


class PublicPortTests(SynchronousTestCase):
    """The port of a Host field."""

    def test_without_a_number_it_is_that_of_http(self) -> None:
        expected = {
            b"a": b"80",
            b"a:": b"80",
            b"a:81": b"81",
            b"[::1]": b"80",
            b"[::1]:82": b"82",
        }
        self.assertEqual(expected, {host: public_port(host) for host in expected})


class RewriteTests(SynchronousTestCase):
    """``strip`` and ``prepend`` of a route."""

    def assert_rewritten(
        self, expected: dict[tuple[bytes, bytes, bytes], tuple[bytes, bytes]]
    ) -> None:
        """Each (target, strip, prepend) becomes this (target, stripped)."""
        self.assertEqual(expected, {args: rewrite_target(*args) for args in expected})

    def test_whole_segments_are_stripped(self) -> None:
        self.assert_rewritten(
            {
                (b"/app/x?y", b"/app", b""): (b"/x?y", b"/app"),
                (b"/app/", b"/app", b""): (b"/", b"/app"),
                (b"/app", b"/app", b""): (b"/", b"/app"),
                (b"/app?y", b"/app", b""): (b"/?y", b"/app"),
                (b"/app//x", b"/app", b""): (b"//x", b"/app"),
                (b"/app/x", b"/app/", b""): (b"/x", b"/app/"),
                (b"/apple", b"/app", b""): (b"/apple", b""),
                (b"/App/x", b"/app", b""): (b"/App/x", b""),
                (b"/x/app", b"/app", b""): (b"/x/app", b""),
                (b"/%61pp/x", b"/app", b""): (b"/%61pp/x", b""),
            }
        )

    def test_a_prefix_is_put_before_what_is_left(self) -> None:
        self.assert_rewritten(
            {
                (b"/x?y", b"", b"/v1"): (b"/v1/x?y", b""),
                (b"/x", b"", b"/v1/"): (b"/v1/x", b""),
                (b"/", b"", b"/v1"): (b"/v1/", b""),
                (b"/app/x", b"/app", b"/v1"): (b"/v1/x", b"/app"),
                (b"/app?y", b"/app", b"/v1"): (b"/v1/?y", b"/app"),
                (b"/apple", b"/app", b"/v1"): (b"/v1/apple", b""),
            }
        )

    def test_the_asterisk_has_no_path_to_rewrite(self) -> None:
        self.assert_rewritten({(b"*", b"/app", b"/v1"): (b"*", b"")})


class ResponseTests(SynchronousTestCase):
    """The heads that a client gets."""

    def test_a_whole_head(self) -> None:
        response = read_response(
            b"Content-Type: a/b",
            b"Connection: close",
            line=b"HTTP/1.0 404 Gone fishing",
        )
        self.assertEqual(
            b"HTTP/1.1 404 Gone fishing\r\nContent-Type: a/b\r\n"
            b"X-Vcap-Request-Id: id-1\r\nDate: some day\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            response_bytes(response, b"id-1", b"some day", True, b"close"),
        )

    def test_fields_of_the_instance_are_not_replaced(self) -> None:
        fields = (b"date: never", b"X-VCAP-Request-Id: its", b"Content-Length: 3")
        self.assertEqual(
            b"\r\n".join((b"HTTP/1.1 200 OK", *fields, b"", b"")),
            response_bytes(read_response(*fields), b"id-1", b"some day", False, b""),
        )

    def test_interim_responses_are_passed_on_with_a_date(self) -> None:
        response = read_response(
            b"Link: </a>", b"Keep-Alive: 5", line=b"HTTP/1.1 103 Early Hints"
        )
        self.assertEqual(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nDate: some day\r\n\r\n",
            interim_bytes(response, b"some day"),
        )

    def test_a_switch_names_its_protocol(self) -> None:
        response = read_response(
            b"Sec-WebSocket-Accept: x",
            b"upgrade: WebSocket",
            b"connection: upgrade",
            line=b"HTTP/1.1 101 Switching Protocols",
        )
        sent = interim_bytes(response, b"some day")
        client = h11.Connection(h11.CLIENT)
        client.send(
            h11.Request(
                method="GET",
                target="/",
                headers=[
                    ("Host", "a"),
                    ("Upgrade", "WebSocket"),
                    ("Connection", "upgrade"),
                ],
            )
        )
        client.send(h11.EndOfMessage())
        client.receive_data(sent)
        event = client.next_event()
        assert isinstance(event, h11.InformationalResponse)
        self.assertEqual(
            {
                b"sec-websocket-accept": b"x",
                b"upgrade": b"WebSocket",
                b"connection": b"Upgrade",
                b"date": b"some day",
            },
            dict(event.headers),
        )
        self.assertIs(h11.SWITCHED_PROTOCOL, client.their_state)


class SwitchTests(SynchronousTestCase):
    """RFC 9110 7.8: an instance chooses from what was offered."""

    def test_what_was_chosen_must_have_been_offered(self) -> None:
        expected = {
            (b"websocket", b"websocket"): True,
            (b"WebSocket", b"websocket"): True,
            (b"a, b/1 ,c", b"B/1"): True,
            (b"a, b, c", b"c,  a"): True,
            (b"websocket", b"h2c"): False,
            (b"websocket", b""): False,
            (b"websocket", b"websocket, h2c"): False,
            (b"websocket", b"web"): False,
            (b"websocket", b","): False,
            (b"", b"websocket"): False,
            (b"", b""): False,
        }
        self.assertEqual(
            expected, {pair: switched_to_offered(*pair) for pair in expected}
        )
