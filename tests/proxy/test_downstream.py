"""Tests of twisted_router.proxy.downstream: what clients send and what they get."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted_router.config.schema import BackendsConfig, Bytes, Seconds

from .harness import EngineTestCase, field, head_of, status_of

GET = b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class ForwardingTests(EngineTestCase):
    """An instance sees a request as it was, but for what a proxy must change."""

    def test_a_request_is_forwarded_with_what_the_instance_must_know(self) -> None:
        _client, instance = self.begun(
            b"GET /a/b?q=1 HTTP/1.1\r\nHost: app.example.com:8081\r\nAccept: */*\r\n"
            b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Request-Id: abc\r\n\r\n"
        )
        self.assertEqual(
            b"GET /a/b?q=1 HTTP/1.1\r\nHost: app.example.com:8081\r\nAccept: */*\r\n"
            b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: http\r\n"
            b"X-Forwarded-Host: app.example.com:8081\r\nX-Forwarded-Port: 8081\r\n"
            b"X-Real-IP: 203.0.113.9\r\nX-Request-Id: abc\r\n"
            b"X-Vcap-Request-Id: abc\r\n\r\n",
            instance.take(),
        )

    def test_the_response_comes_back_and_the_connection_stays(self) -> None:
        client, instance = self.begun()
        instance.deliver(
            b"HTTP/1.1 200 OK\r\nDate: today\r\nX-Vcap-Request-Id: mine\r\n"
            b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"
        )
        self.assertEqual(
            b"HTTP/1.1 200 OK\r\nDate: today\r\nX-Vcap-Request-Id: mine\r\n"
            b"Content-Length: 2\r\n\r\nhi",
            client.take(),
        )
        self.assertEqual("", client.closed)
        self.assert_idle()

    def test_an_insane_request_id_is_replaced_by_one_of_ours(self) -> None:
        client, instance = self.begun(
            b"GET / HTTP/1.1\r\nHost: app.example.com\r\nX-Request-Id: a b\r\n\r\n"
        )
        sent = field(instance.take(), b"X-Request-Id")
        assert sent is not None
        self.assertRegex(sent, rb"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
        instance.deliver(OK)
        self.assertEqual(sent, field(client.take(), b"X-Vcap-Request-Id"))

    def test_addresses_of_earlier_proxies_stay_in_front(self) -> None:
        _, instance = self.begun(
            b"GET / HTTP/1.1\r\nHost: app.example.com\r\n"
            b"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\n\r\n"
        )
        sent = instance.take()
        self.assertEqual(b"198.51.100.1, 203.0.113.9", field(sent, b"X-Forwarded-For"))
        self.assertEqual(b"https", field(sent, b"X-Forwarded-Proto"))
        self.assertEqual(1, sent.lower().count(b"x-forwarded-proto"))

    def test_strip_prepend_and_host_of_the_route_apply(self) -> None:
        self.serve(
            "api", "urlprefix-app.example.com/api strip=/api prepend=/v1 host=dst"
        )
        _, instance = self.begun(
            b"GET /api/x?y HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
        )
        sent = instance.take()
        self.assertTrue(sent.startswith(b"GET /v1/x?y HTTP/1.1\r\n"))
        self.assertEqual(b"10.0.0.1:8080", field(sent, b"Host"))
        self.assertEqual(b"app.example.com", field(sent, b"X-Forwarded-Host"))
        self.assertEqual(b"/api", field(sent, b"X-Forwarded-Prefix"))

    def test_a_body_of_known_length_is_relayed_as_it_comes(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 10\r\n\r\n01"
        )
        sent = instance.take()
        self.assertTrue(sent.endswith(b"\r\n\r\n01"))
        self.assertEqual(b"10", field(sent, b"Content-Length"))
        client.deliver(b"234567")
        self.assertEqual(b"234567", instance.take())
        client.deliver(b"89")
        self.assertEqual(b"89", instance.take())
        instance.deliver(OK)
        self.assertEqual(200, status_of(client.take()))
        self.assertEqual("", client.closed)

    def test_a_chunked_body_is_chunked_anew_without_extensions(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nd"
        )
        sent = instance.take()
        self.assertEqual(b"chunked", field(sent, b"Transfer-Encoding"))
        self.assertTrue(sent.endswith(b"\r\n\r\n4\r\nabcd\r\n"))
        client.deliver(b"e\r\n0\r\nX-Sum: 5\r\nHost: evil\r\n\r\n")
        self.assertEqual(b"1\r\ne\r\n0\r\nX-Sum: 5\r\n\r\n", instance.take())
        instance.deliver(OK)
        self.assertEqual(200, status_of(client.take()))

    def test_an_http_1_0_client_gets_its_connection_closed(self) -> None:
        client, instance = self.begun(
            b"GET / HTTP/1.0\r\nHost: app.example.com\r\n\r\n"
        )
        self.assertTrue(instance.take().startswith(b"GET / HTTP/1.1\r\n"))
        instance.deliver(OK)
        self.assertEqual(b"close", field(client.take(), b"Connection"))
        self.assertEqual("whole", client.closed)

    def test_an_http_1_0_client_may_ask_to_keep_its_connection(self) -> None:
        client, instance = self.begun(
            b"GET / HTTP/1.0\r\nHost: app.example.com\r\nConnection: keep-alive\r\n\r\n"
        )
        instance.deliver(OK)
        self.assertEqual(b"keep-alive", field(client.take(), b"Connection"))
        self.assertEqual("", client.closed)

    def test_an_http_1_0_client_gets_a_chunked_body_without_chunks(self) -> None:
        client, instance = self.begun(
            b"GET / HTTP/1.0\r\nHost: app.example.com\r\nConnection: keep-alive\r\n\r\n"
        )
        instance.deliver(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        )
        data = client.take()
        self.assertTrue(data.endswith(b"\r\n\r\nhi"))
        self.assertIsNone(field(data, b"Transfer-Encoding"))
        self.assertEqual("whole", client.closed)

    def test_connection_close_of_the_client_is_honoured(self) -> None:
        client, instance = self.begun(
            b"GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n"
        )
        instance.deliver(OK)
        self.assertEqual(b"close", field(client.take(), b"Connection"))
        self.assertEqual("whole", client.closed)

    def test_one_head_may_come_in_any_pieces(self) -> None:
        client = self.client()
        for byte in GET:
            client.deliver(bytes([byte]))
        self.assertEqual(1, len(self.dials))

    def test_an_empty_line_before_a_request_is_ignored(self) -> None:
        self.client().deliver(b"\r\n" + GET)
        self.assertEqual(1, len(self.dials))


class PipeliningTests(EngineTestCase):
    """Requests sent ahead wait their turn, and are answered in order."""

    def test_the_second_is_sent_when_the_first_is_answered(self) -> None:
        client = self.client()
        client.deliver(
            b"GET /1 HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
            b"GET /2 HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
        )
        instance = self.dials[0].succeed()
        self.assertTrue(instance.take().startswith(b"GET /1 "))
        instance.deliver(OK)
        self.assertTrue(instance.take().startswith(b"GET /2 "))
        instance.deliver(OK)
        self.assertEqual(2, client.take().count(b"HTTP/1.1 200 OK"))
        self.assertEqual(1, len(self.dials))

    def test_errors_take_their_turn_as_well(self) -> None:
        client = self.client()
        client.deliver(GET + b"GET / HTTP/1.1\r\nHost: no\r\n\r\n" + GET)
        instance = self.dials[0].succeed()
        instance.deliver(OK)
        instance.deliver(OK)
        data = client.take()
        statuses = [part[1:4] for part in data.split(b"HTTP/1.1")[1:]]
        self.assertEqual([b"200", b"404", b"200"], statuses)

    def test_thousands_of_errors_ahead_do_not_nest(self) -> None:
        client = self.client()
        client.deliver(b"GET / HTTP/1.1\r\nHost: no\r\n\r\n" * 1500)
        self.assertEqual(1500, client.take().count(b"HTTP/1.1 404"))

    def test_what_is_sent_ahead_is_bounded(self) -> None:
        client, _instance = self.begun()
        client.deliver(b"x" * 65536)
        self.assertFalse(client.reading)

    def test_reading_goes_on_when_it_was_the_turn_of_what_waited(self) -> None:
        client, instance = self.begun()
        ahead = b"GET / HTTP/1.1\r\nHost: no\r\nX: %b\r\n\r\n" % (b"x" * 60_000)
        client.deliver(ahead)
        client.deliver(b"GET / HTTP/1.1\r\nHost: no\r\nX: " + b"x" * 10_000)
        self.assertFalse(client.reading)
        instance.deliver(OK)
        self.assertTrue(client.reading)

    def test_no_request_is_begun_while_answers_wait_for_the_client(self) -> None:
        client, instance = self.begun()
        client.full = True
        instance.deliver(OK)
        client.deliver(GET)
        self.assertEqual(1, instance.take().count(b"GET / "))
        client.drain()
        self.assertEqual(1, instance.take().count(b"GET / "))


class RefusalTests(EngineTestCase):
    """What cannot be understood is refused, and no instance sees any of it."""

    def refused(self, request: bytes, status: int) -> bytes:
        client = self.client()
        client.deliver(request)
        data = client.take()
        self.assertEqual(status, status_of(data), data)
        self.assertEqual([], self.dials)
        self.assertEqual(b"close", field(data, b"Connection"))
        self.assertEqual("half", client.closed)
        self.assert_idle()
        return data

    def test_ambiguous_messages_are_400(self) -> None:
        host = b"Host: app.example.com\r\n"
        for head in [
            b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1\r\n"
            b"Content-Length: 1\r\n\r\n",
            b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: xchunked\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"A: b\rc\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"A: b\x00\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"A: b\r\n c\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"A : b\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + host + b"\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET  / HTTP/1.1\r\n" + host + b"\r\n",
            b"GET / HTTP/1.1\n" + host + b"\n",
        ]:
            self.refused(head, 400)

    def test_head_gets_no_body_with_a_refusal(self) -> None:
        for request in (b"HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n", b"HEAD / HTTP/1.1\n"):
            client = self.client()
            client.deliver(request)
            data = client.take()
            self.assertEqual(400, status_of(data))
            self.assertEqual(head_of(data), data)

    def test_a_bare_line_feed_is_refused_before_the_head_is_complete(self) -> None:
        self.refused(b"GET / HTTP/1.1\nHost: app.example.com\n\n", 400)

    def test_other_versions_are_505(self) -> None:
        self.refused(b"GET / HTTP/2.0\r\nHost: app.example.com\r\n\r\n", 505)

    def test_transfer_codings_that_we_do_not_implement_are_501(self) -> None:
        self.refused(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\n"
            b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            501,
        )

    def test_connect_is_501(self) -> None:
        self.refused(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501)

    def test_a_long_target_is_414(self) -> None:
        self.refused(
            b"GET /%b HTTP/1.1\r\nHost: app.example.com\r\n\r\n" % (b"a" * 20_000), 414
        )

    def test_a_target_without_end_is_414(self) -> None:
        self.refused(b"GET /" + b"a" * 70_000, 414)

    def test_a_long_head_is_431_also_without_end(self) -> None:
        head = b"GET / HTTP/1.1\r\nHost: app.example.com\r\nA: " + b"a" * 70_000
        self.refused(head, 431)
        data = self.refused(head + b"\r\n\r\n", 431)
        self.assertEqual(b"max-request-size-exceeded", field(data, b"X-Cf-RouterError"))

    def test_many_fields_are_431(self) -> None:
        self.refused(
            b"GET / HTTP/1.1\r\nHost: app.example.com\r\n"
            + b"A: b\r\n" * 200
            + b"\r\n",
            431,
        )

    def test_what_follows_a_refused_request_is_never_read_as_one(self) -> None:
        client = self.client()
        client.deliver(b"GET / HTTP/1.1\r\nA : b\r\n\r\n" + GET)
        client.deliver(GET)
        self.assertEqual(1, client.take().count(b"HTTP/1.1 "))
        self.assertEqual([], self.dials)

    def test_a_refused_client_is_dropped_after_a_while(self) -> None:
        client = self.client()
        client.deliver(b"bad\r\n\r\n")
        self.clock.pump([1.0] * 8)
        self.assertEqual("aborted", client.closed)

    def test_a_refused_client_that_sends_on_and_on_is_dropped(self) -> None:
        client = self.client()
        client.deliver(b"bad\r\n\r\n")
        for _ in range(70):
            client.deliver(b"x" * 65536)
        self.assertEqual("aborted", client.closed)

    def test_a_broken_chunk_ends_the_exchange(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
        )
        client.deliver(b"zz\r\n")
        self.assertEqual(400, status_of(client.take()))
        self.assertEqual("aborted", instance.closed)
        self.assert_idle()


class RouterErrorTests(EngineTestCase):
    """What has no instance gets an answer that says so, and keeps its connection."""

    def test_an_unknown_route_is_404(self) -> None:
        client = self.client()
        client.deliver(b"GET / HTTP/1.1\r\nHost: other.example.com\r\n\r\n")
        data = client.take()
        self.assertEqual(404, status_of(data))
        self.assertEqual(b"unknown_route", field(data, b"X-Cf-RouterError"))
        self.assertTrue(
            data.endswith(
                b"404 Not Found: Requested route ('other.example.com') does not "
                b"exist.\n"
            )
        )
        self.assertEqual("", client.closed)
        self.assertEqual(1, self.counters.rejected)
        self.assertEqual({404: 1}, self.counters.errors)

    def test_a_route_without_usable_instances_is_503(self) -> None:
        self.serve_unusable("ill", "urlprefix-ill.example.com/")
        client = self.client()
        client.deliver(b"GET / HTTP/1.1\r\nHost: ill.example.com\r\n\r\n")
        data = client.take()
        self.assertEqual(503, status_of(data))
        self.assertEqual(b"no_endpoints", field(data, b"X-Cf-RouterError"))
        self.assert_idle()

    def test_an_empty_host_is_400(self) -> None:
        client = self.client()
        client.deliver(b"GET / HTTP/1.0\r\n\r\n")
        data = client.take()
        self.assertEqual(400, status_of(data))
        self.assertEqual(b"empty_host", field(data, b"X-Cf-RouterError"))

    def test_head_gets_no_body_with_its_error(self) -> None:
        client = self.client()
        client.deliver(b"HEAD / HTTP/1.1\r\nHost: no\r\n\r\n")
        data = client.take()
        self.assertEqual(404, status_of(data))
        self.assertEqual(head_of(data), data)

    def test_a_body_that_nobody_took_closes_after_an_error(self) -> None:
        """Also when it is here already: the next request must not depend on that."""
        client = self.client()
        client.deliver(
            b"POST / HTTP/1.1\r\nHost: no\r\nContent-Length: 3\r\n\r\nabc" + GET
        )
        data = client.take()
        self.assertEqual(404, status_of(data))
        self.assertEqual(b"close", field(data, b"Connection"))
        self.assertEqual("half", client.closed)
        self.assertEqual([], self.dials)

    def test_a_body_that_is_still_to_come_closes_after_an_error(self) -> None:
        client = self.client()
        client.deliver(b"POST / HTTP/1.1\r\nHost: no\r\nContent-Length: 9\r\n\r\nabc")
        data = client.take()
        self.assertEqual(404, status_of(data))
        self.assertEqual(b"close", field(data, b"Connection"))
        self.assertEqual("half", client.closed)
        client.finish()
        self.assertEqual("whole", client.closed)


class InstanceChoiceTests(EngineTestCase):
    """Instances take turns; one that cannot be reached is passed over."""

    def test_instances_take_turns(self) -> None:
        self.serve("app", "urlprefix-app.example.com/", count=3)
        for _ in range(6):
            client = self.client()
            client.deliver(GET)
        hosts = [dial.host for dial in self.dials]
        self.assertEqual(hosts[:3], hosts[3:])
        self.assertEqual(3, len(set(hosts)))

    def test_a_refused_connection_moves_on_to_another_instance(self) -> None:
        self.serve("app", "urlprefix-app.example.com/", count=3)
        client = self.client()
        client.deliver(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 3\r\n\r\nabc"
        )
        self.dials[0].fail()
        instance = self.dials[1].succeed()
        self.assertNotEqual(self.dials[0].host, self.dials[1].host)
        self.assertTrue(instance.take().endswith(b"\r\n\r\nabc"))
        instance.deliver(OK)
        self.assertEqual(200, status_of(client.take()))
        self.assertEqual(1, self.counters.retries)
        self.assertEqual(1, self.counters.connect_failures)
        self.assert_idle()

    def test_attempts_are_bounded(self) -> None:
        self.serve("app", "urlprefix-app.example.com/", count=9)
        client = self.client()
        client.deliver(GET)
        for n in range(3):
            self.dials[n].fail()
        data = client.take()
        self.assertEqual(502, status_of(data))
        self.assertRegex(
            field(data, b"X-Cf-RouterError") or b"", rb"\Aendpoint_failure \(dial 10\."
        )
        self.assertEqual(3, len(self.dials))
        self.assertEqual(1, self.counters.bad_gateways)
        self.assert_idle()

    def test_each_instance_is_tried_once(self) -> None:
        self.serve("app", "urlprefix-app.example.com/", count=2)
        client = self.client()
        client.deliver(GET)
        self.dials[0].fail()
        self.dials[1].fail()
        self.assertEqual(502, status_of(client.take()))
        self.assertEqual(2, len({dial.host for dial in self.dials}))

    def test_a_kept_connection_is_used_again(self) -> None:
        client, instance = self.exchange()
        client.deliver(GET)
        self.assertEqual(1, len(self.dials))
        self.assertTrue(instance.take().startswith(b"GET / "))

    def test_a_kept_connection_that_died_is_replaced_for_a_get(self) -> None:
        client, instance = self.exchange()
        client.deliver(GET)
        instance.finish()
        self.assertEqual(b"", client.take())
        again = self.dials[1].succeed()
        again.deliver(OK)
        self.assertEqual(200, status_of(client.take()))
        self.assert_idle()

    def test_a_post_is_never_sent_twice(self) -> None:
        client, instance = self.exchange()
        client.deliver(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 1\r\n\r\nx"
        )
        instance.lose()
        self.assertEqual(502, status_of(client.take()))
        self.assertEqual(1, len(self.dials))

    def test_a_get_is_not_repeated_on_a_fresh_connection(self) -> None:
        client, instance = self.begun()
        instance.finish()
        self.assertEqual(502, status_of(client.take()))
        self.assertEqual(1, len(self.dials))
        self.assert_idle()


class MaxConnsTests(EngineTestCase):
    """Instances have no more requests in flight than they may."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(backends=BackendsConfig(max_conns=1))
        self.serve("app", "urlprefix-app.example.com/", first=2)

    def test_a_route_whose_instances_are_all_busy_is_503(self) -> None:
        self.client().deliver(GET)
        client = self.client()
        client.deliver(GET)
        data = client.take()
        self.assertEqual(503, status_of(data))
        self.assertEqual(b"Connection Limit Reached", field(data, b"X-Cf-RouterError"))
        self.assertEqual(1, self.counters.exhausted)


class LeavingClientTests(EngineTestCase):
    """A client that leaves takes its work with it, wherever that is."""

    def test_while_dialling(self) -> None:
        client = self.client()
        client.deliver(GET)
        client.lose()
        self.assertTrue(self.dials[0].cancelled)
        self.assertEqual(499, self.log[-1][2])
        self.assert_idle()

    def test_while_waiting_for_the_head(self) -> None:
        client, instance = self.begun()
        client.lose()
        self.assertEqual("aborted", instance.closed)
        self.assertEqual(499, self.log[-1][2])
        self.assert_idle()

    def test_in_the_middle_of_its_body(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 9\r\n\r\nabc"
        )
        client.lose()
        self.assertEqual("aborted", instance.closed)
        self.assert_idle()

    def test_in_the_middle_of_the_response(self) -> None:
        client, instance = self.begun()
        instance.deliver(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        client.lose()
        self.assertEqual("aborted", instance.closed)
        self.assertEqual(200, self.log[-1][2])
        self.assert_idle()

    def test_closing_its_half_is_leaving(self) -> None:
        client, instance = self.begun()
        client.finish()
        self.clock.advance(0)
        self.assertEqual("aborted", instance.closed)
        self.assert_idle()

    def test_between_requests(self) -> None:
        client, instance = self.exchange()
        client.finish()
        self.clock.advance(0)
        self.assertEqual("", instance.closed)
        self.assertEqual(0, self.counters.clients)
        self.assertEqual(set(), self.engine.clients)

    def test_a_connection_that_comes_too_late_is_closed(self) -> None:
        client = self.client()
        client.deliver(GET)
        client.lose()
        self.assertIsNone(self.dials[0].factory.buildProtocol(None))

    def test_an_instance_that_answers_499_itself_is_none_that_was_left(self) -> None:
        client, instance = self.begun()
        instance.deliver(b"HTTP/1.1 499 Odd\r\nContent-Length: 0\r\n\r\n")
        client.lose()
        self.assertEqual({}, self.counters.errors)
        self.assertEqual(1, self.counters.responses[4])

    def test_one_that_was_left_is_counted_as_an_error_and_no_response(self) -> None:
        client, _ = self.begun()
        client.lose()
        self.assertEqual({499: 1}, self.counters.errors)
        self.assertEqual([0] * 6, self.counters.responses)


class BackpressureTests(EngineTestCase):
    """Who reads slowly slows the sender, in both directions."""

    def test_a_slow_client_pauses_the_instance(self) -> None:
        client, instance = self.begun()
        client.full = True
        instance.deliver(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        self.assertFalse(instance.reading)
        client.drain()
        self.assertTrue(instance.reading)

    def test_a_slow_instance_pauses_the_client(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 9\r\n\r\n"
        )
        instance.full = True
        client.deliver(b"abc")
        self.assertFalse(client.reading)
        instance.drain()
        self.assertTrue(client.reading)

    def test_a_body_without_an_instance_is_not_read_on(self) -> None:
        client = self.client()
        client.deliver(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 99999\r\n\r\n"
        )
        client.deliver(b"x" * 65536)
        self.assertFalse(client.reading)
        instance = self.dials[0].succeed()
        self.assertTrue(client.reading)
        self.assertTrue(instance.take().endswith(b"x" * 65536))

    def test_an_instance_is_free_while_the_client_reads_the_rest(self) -> None:
        client, instance = self.begun()
        client.full = True
        instance.deliver(OK)
        other = self.client()
        other.deliver(GET)
        self.assertEqual(1, len(self.dials))
        client.drain()
        self.assertTrue(instance.reading)


class DeadlineTests(EngineTestCase):
    """Nobody waits for ever."""

    config: ClassVar[dict[str, Any]] = {
        "read_header_timeout": Seconds(5),
        "frontend_idle_timeout": Seconds(20),
        "body_idle_timeout": Seconds(10),
        "endpoint_timeout": Seconds(15),
    }

    def pass_time(self, seconds: int) -> None:
        self.clock.pump([1.0] * seconds)

    def test_a_head_that_is_never_complete_is_408(self) -> None:
        client = self.client()
        client.deliver(b"GET / HT")
        self.pass_time(5)
        self.assertEqual(b"", client.take())
        self.pass_time(2)
        self.assertEqual(408, status_of(client.take()))

    def test_dribbling_does_not_help(self) -> None:
        client = self.client()
        for byte in b"GET / H":
            client.deliver(bytes([byte]))
            self.pass_time(1)
        self.assertEqual(408, status_of(client.take()))

    def test_a_connection_without_a_request_is_closed_quietly(self) -> None:
        client = self.client()
        self.pass_time(7)
        self.assertEqual("whole", client.closed)
        self.assertEqual(b"", client.take())

    def test_a_kept_connection_may_be_idle_for_longer(self) -> None:
        client, _ = self.exchange()
        self.pass_time(19)
        self.assertEqual("", client.closed)
        self.pass_time(3)
        self.assertEqual("whole", client.closed)

    def test_a_body_that_stands_still_is_408(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 9\r\n\r\n"
        )
        for _ in range(3):
            self.pass_time(8)
            client.deliver(b"x")
        self.assertEqual(b"", client.take())
        self.pass_time(12)
        self.assertEqual(408, status_of(client.take()))
        self.assertEqual("aborted", instance.closed)
        self.assert_idle()

    def test_an_instance_that_does_not_read_a_body_is_504(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 9\r\n\r\n"
        )
        instance.full = True
        client.deliver(b"x")
        self.pass_time(12)
        self.assertEqual(504, status_of(client.take()))
        self.assertEqual("aborted", instance.closed)
        self.assert_idle()

    def test_an_answer_is_waited_for_from_the_end_of_the_request(self) -> None:
        client, _ = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 3\r\n\r\n"
        )
        for _ in range(3):
            self.pass_time(8)
            client.deliver(b"x")
        self.pass_time(14)
        self.assertEqual(b"", client.take())
        self.pass_time(3)
        self.assertEqual(504, status_of(client.take()))

    def test_an_instance_that_does_not_say_100_is_504(self) -> None:
        client, _ = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nExpect: 100-continue\r\n"
            b"Content-Length: 9\r\n\r\n"
        )
        self.pass_time(12)
        self.assertEqual(504, status_of(client.take()))

    def test_a_silent_instance_is_504(self) -> None:
        client, instance = self.begun()
        self.pass_time(17)
        data = client.take()
        self.assertEqual(504, status_of(data))
        self.assertEqual("aborted", instance.closed)
        self.assertEqual("", client.closed)
        self.assert_idle()

    def test_a_response_that_stands_still_is_cut(self) -> None:
        client, instance = self.begun()
        instance.deliver(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        self.pass_time(9)
        instance.deliver(b"d")
        self.pass_time(9)
        self.assertEqual("", client.closed)
        self.pass_time(3)
        self.assertEqual("whole", client.closed)
        self.assertEqual("aborted", instance.closed)
        self.assert_idle()

    def test_a_close_that_the_client_does_not_take_is_forced(self) -> None:
        client, instance = self.begun(
            b"GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n"
        )
        client.lost = True  # the transport has data left that nobody reads
        instance.deliver(OK)
        self.assertEqual("whole", client.closed)
        self.pass_time(12)
        self.assertEqual("aborted", client.closed)


class LimitTests(EngineTestCase):
    """Bodies over the limit are refused as early as it shows."""

    config: ClassVar[dict[str, Any]] = {"max_request_body_bytes": Bytes(5)}

    def test_a_length_over_the_limit_is_413_at_once(self) -> None:
        client = self.client()
        client.deliver(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 6\r\n\r\n"
        )
        self.assertEqual(413, status_of(client.take()))
        self.assertEqual([], self.dials)

    def test_chunks_over_the_limit_are_413_when_they_are(self) -> None:
        client, instance = self.begun(
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"
        )
        self.assertEqual(b"", client.take())
        client.deliver(b"1\r\nf\r\n")
        self.assertEqual(413, status_of(client.take()))
        self.assertEqual("aborted", instance.closed)
        self.assert_idle()


class TunnelTests(EngineTestCase):
    """After 101 bytes flow both ways, until both sides have ended."""

    UPGRADE = (
        b"GET /ws HTTP/1.1\r\nHost: app.example.com\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"
    )
    SWITCH = (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
        b"Upgrade: WebSocket\r\nSec-WebSocket-Accept: y\r\n\r\n"
    )

    def test_bytes_flow_both_ways(self) -> None:
        client, instance = self.begun(self.UPGRADE)
        sent = instance.take()
        self.assertEqual(b"Upgrade", field(sent, b"Connection"))
        self.assertEqual(b"websocket", field(sent, b"Upgrade"))
        instance.deliver(self.SWITCH + b"first")
        data = client.take()
        self.assertEqual(b"WebSocket", field(data, b"Upgrade"))
        self.assertEqual(b"Upgrade", field(data, b"Connection"))
        self.assertEqual(b"y", field(data, b"Sec-WebSocket-Accept"))
        self.assertTrue(data.endswith(b"\r\n\r\nfirst"))
        client.deliver(b"ping")
        self.assertEqual(b"ping", instance.take())
        instance.deliver(b"pong")
        self.assertEqual(b"pong", client.take())
        self.assertEqual(1, self.counters.tunnels)
        self.assertEqual(1, self.counters.in_flight)

    def test_what_the_client_sent_ahead_goes_through(self) -> None:
        _client, instance = self.begun(self.UPGRADE + b"early")
        self.assertNotIn(b"early", instance.take())
        instance.deliver(self.SWITCH)
        self.assertEqual(b"early", instance.take())

    def test_closing_one_half_leaves_the_other_open(self) -> None:
        client, instance = self.begun(self.UPGRADE)
        instance.deliver(self.SWITCH)
        client.take()
        client.finish()
        self.assertEqual("half", instance.closed)
        instance.deliver(b"last words")
        self.assertEqual(b"last words", client.take())
        instance.finish()
        self.assertEqual("whole", client.closed)
        self.assertEqual(101, self.log[-1][2])
        self.assert_idle()

    def test_the_instance_may_close_first(self) -> None:
        client, instance = self.begun(self.UPGRADE)
        instance.deliver(self.SWITCH)
        instance.finish()
        self.assertEqual("half", client.closed)
        client.deliver(b"still")
        self.assertTrue(instance.take().endswith(b"still"))
        client.finish()
        self.assertEqual("whole", client.closed)
        self.assert_idle()

    def test_losing_either_side_ends_it(self) -> None:
        for side in (0, 1):
            pair = self.begun(self.UPGRADE)
            pair[1].deliver(self.SWITCH)
            pair[side].lose()
            self.clock.advance(0)
            self.assertNotEqual("", pair[1 - side].closed)
            self.assert_idle()

    def test_an_answer_other_than_101_is_a_plain_response(self) -> None:
        client, instance = self.begun(self.UPGRADE)
        instance.deliver(OK)
        self.assertEqual(200, status_of(client.take()))
        client.deliver(GET)
        self.assertTrue(instance.take().endswith(b"\r\n\r\n"))
        self.assert_in_flight(1)

    def assert_in_flight(self, expected: int) -> None:
        self.assertEqual(expected, self.counters.in_flight)

    def test_switching_to_what_was_not_offered_is_502(self) -> None:
        for switch in (
            self.SWITCH.replace(b"WebSocket", b"h2c"),
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ):
            client, instance = self.begun(self.UPGRADE)
            instance.deliver(switch)
            self.assertEqual(502, status_of(client.take()))
            self.assertEqual("aborted", instance.closed)
            self.assert_idle()

    def test_101_without_an_offer_is_502(self) -> None:
        client, instance = self.begun()
        instance.deliver(self.SWITCH)
        self.assertEqual(502, status_of(client.take()))

    def test_slow_sides_of_a_tunnel_pause_each_other(self) -> None:
        client, instance = self.begun(self.UPGRADE)
        instance.deliver(self.SWITCH)
        instance.full = client.full = True
        client.deliver(b"x")
        self.assertFalse(client.reading)
        instance.deliver(b"y")
        self.assertFalse(instance.reading)
        instance.drain(), client.drain()
        self.assertTrue(client.reading)
        self.assertTrue(instance.reading)

    def test_a_tunnel_without_a_byte_may_have_a_limit(self) -> None:
        self.configure(tunnel_idle_timeout=Seconds(5))
        client, instance = self.begun(self.UPGRADE)
        instance.deliver(self.SWITCH)
        for _ in range(3):
            self.clock.pump([1.0] * 4)
            client.deliver(b"x")
        self.clock.pump([1.0] * 4)
        instance.deliver(b"x")
        self.assertEqual("", client.closed)
        self.clock.pump([1.0] * 7)
        self.assertEqual("whole", client.closed)
        self.assert_idle()


class AccountingTests(EngineTestCase):
    """Each request is counted and logged once, when its last byte is through."""

    def test_a_served_request(self) -> None:
        _client, instance = self.begun(
            b"POST /x HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 3\r\n\r\nabc"
        )
        self.clock.advance(0.5)
        instance.deliver(b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhe")
        self.assertEqual([], self.log)
        self.assertEqual(1, self.counters.in_flight)
        self.clock.advance(0.25)
        instance.deliver(b"llo")
        (record,) = self.log
        head, at_s, status, received, sent, peer, backend, _, taken_s, backend_s = (
            record[:10]
        )
        self.assertTrue(head.startswith(b"POST /x HTTP/1.1\r\n"))
        self.assertEqual(1_700_000_000.0 - 0.75, at_s)
        self.assertEqual((201, 3, 5), (status, received, sent))
        self.assertEqual(b"203.0.113.9:40000", peer)
        self.assertEqual(b"10.0.0.1:8080", backend)
        self.assertEqual((0.75, 0.75), (taken_s, backend_s))
        self.assertEqual("app-1", record[10].id)
        self.assertEqual(b"", record[11])
        self.assertEqual([0, 0, 1, 0, 0, 0], self.counters.responses)
        self.assert_idle()

    def test_an_error_of_our_own(self) -> None:
        client = self.client()
        client.deliver(b"GET / HTTP/1.1\r\nHost: no\r\n\r\n")
        (record,) = self.log
        self.assertEqual((404, b"unknown_route"), (record[2], record[11]))
        self.assertIsNone(record[10])
        self.assertEqual([0] * 6, self.counters.responses)

    def test_a_request_that_was_refused(self) -> None:
        client = self.client()
        client.deliver(b"GET / HTTP/1.1\r\nA : b\r\n\r\n")
        (record,) = self.log
        self.assertEqual(b"GET / HTTP/1.1\r\nA : b\r\n\r\n", record[0])
        self.assertEqual(400, record[2])
