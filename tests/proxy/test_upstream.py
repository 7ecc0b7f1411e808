"""Tests of twisted_router.proxy.upstream: responses, and what becomes of them."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted_router.config.schema import Bytes, Seconds

from .harness import EngineTestCase, field, head_of, status_of

GET = b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
DATE = b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class BodyTests(EngineTestCase):
    """Bodies end where their framing says, and are passed on as they come."""

    def answer(self, *pieces: bytes, request: bytes = GET) -> bytes:
        """What the client gets for these pieces; its connection stays open."""
        client, instance = self.begun(request)
        for piece in pieces:
            instance.deliver(piece)
        self.assertEqual("", client.closed)
        self.assert_idle()
        return client.take()

    def test_a_body_of_known_length_in_pieces(self) -> None:
        data = self.answer(
            b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 5\r\n\r\nhe", b"l", b"lo"
        )
        self.assertEqual(b"5", field(data, b"Content-Length"))
        self.assertTrue(data.endswith(b"\r\n\r\nhello"))

    def test_each_piece_is_passed_on_at_once(self) -> None:
        client, instance = self.begun()
        instance.deliver(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.assertEqual(b"chunked", field(client.take(), b"Transfer-Encoding"))
        instance.deliver(b"5\r\nhel")
        self.assertEqual(b"3\r\nhel\r\n", client.take())
        instance.deliver(b"lo\r\n0\r\nX-Sum: 1\r\n\r\n")
        self.assertEqual(b"2\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n", client.take())
        self.assert_idle()

    def test_bodiless_statuses_have_no_body_whatever_they_say(self) -> None:
        for status in (b"204 No Content", b"304 Not Modified"):
            data = self.answer(
                b"HTTP/1.1 " + status + b"\r\nContent-Length: 7\r\nETag: x\r\n\r\n"
            )
            self.assertEqual(head_of(data), data)
            self.assertIsNone(field(data, b"Transfer-Encoding"))

    def test_304_keeps_its_length_and_204_loses_it(self) -> None:
        head = b"HTTP/1.1 %b x\r\nContent-Length: 7\r\n\r\n"
        self.assertEqual(b"7", field(self.answer(head % b"304"), b"Content-Length"))
        self.assertIsNone(field(self.answer(head % b"204"), b"Content-Length"))

    def test_a_response_to_head_has_no_body(self) -> None:
        data = self.answer(OK[:-2], request=HEAD)
        self.assertEqual(b"2", field(data, b"Content-Length"))
        self.assertEqual(head_of(data), data)

    def test_a_body_that_ends_with_its_connection_is_chunked(self) -> None:
        client, instance = self.begun()
        instance.deliver(b"HTTP/1.0 200 OK\r\n\r\nhe")
        instance.deliver(b"llo")
        instance.finish()
        data = client.take()
        self.assertEqual(b"chunked", field(data, b"Transfer-Encoding"))
        self.assertTrue(
            data.endswith(b"\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), data
        )
        self.assertEqual("", client.closed)
        self.assert_idle()

    def test_a_body_that_ends_with_a_reset_is_broken(self) -> None:
        client, instance = self.begun()
        instance.deliver(b"HTTP/1.0 200 OK\r\n\r\nhe")
        instance.lose()
        self.assertFalse(client.take().endswith(b"0\r\n\r\n"))
        self.assertEqual("whole", client.closed)
        self.assert_idle()

    def test_a_body_cut_off_is_visibly_so(self) -> None:
        for head in (b"Content-Length: 9", b"Transfer-Encoding: chunked"):
            client, instance = self.begun()
            instance.deliver(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
            instance.deliver(b"3\r\nabc\r\n")
            instance.finish()
            self.assertFalse(client.take().endswith(b"0\r\n\r\n"))
            self.assertEqual("whole", client.closed)
            self.assertEqual(
                b"endpoint_failure (response body cut off)", self.log[-1][11]
            )
            self.assert_idle()

    def test_a_body_cut_off_resets_a_client_that_has_no_other_sign(self) -> None:
        client, instance = self.begun(
            b"GET / HTTP/1.0\r\nHost: app.example.com\r\n\r\n"
        )
        instance.deliver(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi"
        )
        instance.finish()
        self.assertEqual("aborted", client.closed)
        self.clock.advance(0)
        self.assert_idle()

    def test_a_broken_chunk_is_not_passed_on(self) -> None:
        client, instance = self.begun()
        instance.deliver(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
        )
        instance.deliver(b"zz\r\n")
        self.assertEqual("whole", client.closed)
        self.assertEqual("aborted", instance.closed)
        self.assertEqual(1, self.counters.protocol_errors)
        self.assert_idle()

    def test_hop_by_hop_fields_stay_here(self) -> None:
        data = self.answer(
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
            b"Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-End: 1\r\n"
            b"Upgrade: h2c\r\nContent-Length: 0\r\n\r\n"
        )
        for name in (b"Connection", b"X-Hop", b"Keep-Alive", b"Proxy-Authenticate"):
            self.assertIsNone(field(data, name))
        self.assertIsNone(field(data, b"Upgrade"))
        self.assertEqual(b"1", field(data, b"X-End"))

    def test_a_date_is_added_where_there_is_none(self) -> None:
        data = self.answer(OK)
        self.assertEqual(b"Tue, 14 Nov 2023 22:13:20 GMT", field(data, b"Date"))


class InterimTests(EngineTestCase):
    """1xx responses are passed on; the last one counts."""

    def test_interim_responses_come_through(self) -> None:
        client, instance = self.begun()
        instance.deliver(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            b"HTTP/1.1 100 Continue\r\n\r\n"
        )
        self.assertEqual(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n%b\r\n"
            b"HTTP/1.1 100 Continue\r\n%b\r\n" % (DATE, DATE),
            client.take(),
        )
        instance.deliver(OK)
        self.assertEqual(200, status_of(client.take()))
        self.assertEqual(200, self.log[-1][2])

    def test_http_1_0_does_not_get_them(self) -> None:
        client, instance = self.begun(
            b"GET / HTTP/1.0\r\nHost: app.example.com\r\n\r\n"
        )
        instance.deliver(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)
        self.assertEqual(200, status_of(client.take()))

    def test_expect_100_continue_is_left_to_the_instance(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nExpect: 100-continue\r\n"
            b"Content-Length: 3\r\n\r\n"
        )
        self.assertEqual(b"100-continue", field(instance.take(), b"Expect"))
        instance.deliver(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(b"HTTP/1.1 100 Continue\r\n%b\r\n" % DATE, client.take())
        client.deliver(b"abc")
        self.assertEqual(b"abc", instance.take())
        instance.deliver(OK)
        self.assertEqual(200, status_of(client.take()))
        self.assertEqual("", client.closed)

    def test_a_final_answer_without_the_body_ends_both_connections(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nExpect: 100-continue\r\n"
            b"Content-Length: 3\r\n\r\n"
        )
        instance.deliver(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
        data = client.take()
        self.assertEqual(405, status_of(data))
        self.assertEqual(b"close", field(data, b"Connection"))
        self.assertEqual("half", client.closed)
        self.assertEqual("whole", instance.closed)
        client.deliver(b"abc" + GET)
        self.assertEqual(1, len(self.dials))
        self.assert_idle()


class EarlyResponseTests(EngineTestCase):
    """An instance may answer while the client still sends."""

    POST = b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 6\r\n\r\nabc"

    def test_both_directions_flow_at_once(self) -> None:
        client, instance = self.begun(self.POST)
        instance.take()
        instance.deliver(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nABC")
        self.assertTrue(client.take().endswith(b"ABC"))
        client.deliver(b"def")
        self.assertEqual(b"def", instance.take())
        instance.deliver(b"DEF")
        self.assertEqual(b"DEF", client.take())
        self.assertEqual("", client.closed)
        self.assert_idle()

    def test_a_response_that_ends_before_the_body_closes_the_client(self) -> None:
        client, instance = self.begun(self.POST)
        instance.deliver(OK)
        self.assertEqual("half", client.closed)
        self.assertEqual("whole", instance.closed)
        client.finish()
        self.assertEqual("whole", client.closed)
        self.assert_idle()


class RefusedResponseTests(EngineTestCase):
    """What an instance may not send becomes 502; its connection is never used again."""

    config: ClassVar[dict[str, Any]] = {
        "max_response_header_bytes": Bytes(300),
        "max_response_headers": 5,
    }

    def refused(self, response: bytes) -> None:
        client, instance = self.begun()
        instance.deliver(response)
        data = client.take()
        self.assertEqual(502, status_of(data), response)
        self.assertTrue(
            data.endswith(
                b"502 Bad Gateway: Registered endpoint failed to handle the request.\n"
            )
        )
        self.assertRegex(
            field(data, b"X-Cf-RouterError") or b"", rb"\Aendpoint_failure \(.+\)\Z"
        )
        self.assertEqual("aborted", instance.closed)
        self.assertEqual("", client.closed)
        self.assert_idle()

    def test_each_of_them(self) -> None:
        for response in [
            b"nonsense\r\n\r\n",
            b"HTTP/2.0 200 OK\r\n\r\n",
            b"HTTP/1.1 99 No\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: " + b"x" * 300 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: " + b"x" * 300,
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 6 + b"\r\n",
        ]:
            self.refused(response)

    def test_a_head_cut_off_is_502(self) -> None:
        client, instance = self.begun()
        instance.deliver(b"HTTP/1.1 200 OK\r\nA: b")
        instance.finish()
        self.assertEqual(502, status_of(client.take()))
        self.assert_idle()


class ReuseTests(EngineTestCase):
    """A connection is used again only if everything on it was in order."""

    config: ClassVar[dict[str, Any]] = {"frontend_idle_timeout": Seconds(500)}

    def test_a_response_that_says_close_is_the_last(self) -> None:
        client, instance = self.begun()
        instance.deliver(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertEqual("whole", instance.closed)
        client.deliver(GET)
        self.assertEqual(2, len(self.dials))

    def test_http_1_0_may_stay_if_it_says_so(self) -> None:
        _, instance = self.begun()
        instance.deliver(
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertEqual("", instance.closed)
        _, instance = self.begun()
        instance.deliver(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual("whole", instance.closed)

    def test_bytes_behind_a_response_end_the_connection(self) -> None:
        client, instance = self.begun()
        instance.deliver(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        self.assertEqual("whole", instance.closed)
        client.deliver(GET)
        self.assertNotIn(b"wrong", client.take())
        self.assertEqual(2, len(self.dials))
        self.assertEqual(1, self.counters.protocol_errors)

    def test_unasked_bytes_end_an_idle_connection(self) -> None:
        client, instance = self.exchange()
        instance.deliver(OK)
        self.assertEqual("whole", instance.closed)
        self.clock.advance(0)
        client.deliver(GET)
        self.assertEqual(2, len(self.dials))

    def test_an_idle_connection_is_closed_in_time(self) -> None:
        client, instance = self.exchange()
        self.clock.pump([1.0] * 14)
        self.assertEqual("", instance.closed)
        self.clock.pump([1.0] * 3)
        self.assertEqual("whole", instance.closed)
        client.deliver(GET)
        self.assertEqual(2, len(self.dials))

    def test_an_instance_that_closes_an_idle_connection_is_dialled_anew(self) -> None:
        client, instance = self.exchange()
        instance.finish()
        self.clock.advance(0)
        client.deliver(GET)
        self.assertEqual(2, len(self.dials))
