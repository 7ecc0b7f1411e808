"""Connections that serve more than one request: RFC 9112 9, RFC 9110 9.2.2."""

from __future__ import annotations

from twisted.internet.error import ConnectionLost

from .cases import (
    CLOSED,
    EOF,
    KEPT,
    LOST,
    OK,
    Case,
    Client,
    ConformanceTestCase,
    End,
    Gets,
    Instance,
    Page,
    Sees,
    ask,
    forwarded,
    relayed,
    reply,
)

GET = ask()
EMPTY = reply(b"Content-Length: 0")
OLD = b"GET / HTTP/1.0"


class ClientConnectionTests(ConformanceTestCase):
    """RFC 9112 9.3 and 9.6: whether the client's connection stays."""

    cases = (
        forwarded("9112-9.3", "HTTP/1.1 stays", GET, GET),
        forwarded(
            "9112-9.3", "also if it says so", ask(b"Connection: keep-alive"), GET
        ),
        *(
            forwarded("9112-9.6", f"{value.decode()} closes", request, GET, CLOSED)
            for value in (
                b"close",
                b"CLOSE",
                b"a, Close",
                b"keep-alive, close",
                b"close, a",
            )
            for request in (ask(b"Connection: " + value),)
        ),
        forwarded(
            "9112-9.6",
            "close in a second field closes",
            ask(b"Connection: keep-alive", b"Connection: close"),
            GET,
            CLOSED,
        ),
        forwarded("9112-9.3", "HTTP/1.0 closes", ask(line=OLD), GET, CLOSED),
        relayed(
            "9112-9.3",
            "unless it asks to stay, which is confirmed",
            OK,
            reply(b"Content-Length: 2", b"Connection: keep-alive", body=b"hi"),
            request=ask(b"Connection: Keep-Alive", line=OLD),
        ),
        relayed(
            "9112-9.3",
            "but not behind a body that ends with the connection",
            (reply(body=b"hi"), EOF),
            reply(b"Connection: close", body=b"hi"),
            CLOSED,
            CLOSED,
            ask(b"Connection: keep-alive", line=OLD),
        ),
        Case(
            "9112-9.6",
            "nothing is read behind a request that closes",
            (
                Client(ask(b"Connection: close") + ask(line=b"GET /2 HTTP/1.1")),
                Sees(GET),
                Instance(EMPTY),
                Sees(b""),
                Gets(reply(b"Content-Length: 0", b"Connection: close")),
            ),
            CLOSED,
            KEPT,
        ),
    )


class InstanceConnectionTests(ConformanceTestCase):
    """RFC 9112 9.3: whether the instance's connection stays; the client's does."""

    cases = (
        relayed(
            "9112-9.6",
            "an instance that closes has its connection closed, the client keeps his",
            reply(b"Connection: close", b"Content-Length: 0"),
            EMPTY,
            KEPT,
            CLOSED,
        ),
        relayed(
            "9112-9.3",
            "one of HTTP/1.0 as well",
            reply(b"Content-Length: 0", line=b"HTTP/1.0 200 OK"),
            EMPTY,
            KEPT,
            CLOSED,
        ),
        relayed(
            "9112-9.3",
            "unless it says that it stays",
            reply(
                b"Content-Length: 0", b"Connection: keep-alive", line=b"HTTP/1.0 200 OK"
            ),
            EMPTY,
        ),
        relayed(
            "9112-9.6",
            "close wins over keep-alive",
            reply(b"Content-Length: 0", b"Connection: keep-alive, close"),
            EMPTY,
            KEPT,
            CLOSED,
        ),
        relayed(
            "9112-6.3-8",
            "a body without length ends with the connection",
            (reply(body=b"hi"), EOF),
            reply(b"Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
            KEPT,
            CLOSED,
        ),
    )


class VersionTests(ConformanceTestCase):
    """RFC 9112 6.1 and 7.2, RFC 9110 6.2: HTTP/1.0 on either side."""

    cases = (
        relayed(
            "9112-6.1",
            "no coding is sent to HTTP/1.0",
            reply(b"Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
            reply(b"Connection: close", body=b"hi"),
            CLOSED,
            KEPT,
            ask(line=OLD),
        ),
        relayed(
            "9112-6.3-1",
            "no length is needed where there is no body",
            reply(line=b"HTTP/1.1 204 No Content"),
            reply(b"Connection: keep-alive", line=b"HTTP/1.1 204 No Content"),
            request=ask(b"Connection: keep-alive", line=OLD),
        ),
        relayed(
            "9110-6.2",
            "what HTTP/1.0 answers is sent on as HTTP/1.1",
            (reply(line=b"HTTP/1.0 200 OK", body=b"hi"), EOF),
            reply(b"Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
            KEPT,
            CLOSED,
        ),
        forwarded(
            "9110-6.2",
            "what HTTP/1.0 asks is sent on as HTTP/1.1, with its body",
            ask(b"Content-Length: 2", line=b"POST / HTTP/1.0", body=b"hi"),
            ask(b"Content-Length: 2", line=b"POST / HTTP/1.1", body=b"hi"),
            CLOSED,
        ),
    )


def number(n: int) -> bytes:
    """A request that differs from others."""
    return ask(line=b"GET /%d HTTP/1.1" % n)


class PipeliningTests(ConformanceTestCase):
    """RFC 9112 9.3.2: answered in order, and passed on one by one."""

    cases = (
        Case(
            "9112-9.3.2",
            "each request waits for the response before it",
            (
                Client(number(1) + number(2) + number(3)),
                Sees(number(1)),
                Instance(reply(b"Content-Length: 1", body=b"1")),
                Gets(reply(b"Content-Length: 1", body=b"1")),
                Sees(number(2)),
                Instance(reply(b"Content-Length: 1", body=b"2")),
                Sees(number(3)),
                Instance(reply(b"Content-Length: 1", body=b"3")),
                Gets(
                    reply(b"Content-Length: 1", body=b"2")
                    + reply(b"Content-Length: 1", body=b"3")
                ),
            ),
        ),
        Case(
            "9112-9.3.2",
            "a request may follow a body",
            (
                Client(
                    ask(b"Content-Length: 2", line=b"POST / HTTP/1.1", body=b"hi")
                    + number(2)
                ),
                Sees(ask(b"Content-Length: 2", line=b"POST / HTTP/1.1", body=b"hi")),
                Instance(EMPTY),
                Sees(number(2)),
                Instance(EMPTY),
                Gets(EMPTY + EMPTY),
            ),
        ),
        Case(
            "9112-9.3.2",
            "and a chunked one",
            (
                Client(
                    ask(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1")
                    + b"0\r\n\r\n"
                    + number(2)
                ),
                Sees(
                    ask(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1")
                    + b"0\r\n\r\n"
                ),
                Instance(EMPTY),
                Sees(number(2)),
                Instance(EMPTY),
                Gets(EMPTY + EMPTY),
            ),
        ),
        Case(
            "9112-9.3.2",
            "a refusal has its turn, and ends what is behind it",
            (
                Client(number(1) + ask(b"A : b") + number(3)),
                Sees(number(1)),
                Instance(EMPTY),
                Sees(b""),
                Gets(Page(400, behind=EMPTY)),
            ),
            CLOSED,
            KEPT,
        ),
    )


class RetryTests(ConformanceTestCase):
    """RFC 9112 9.3.1, RFC 9110 9.2.2: what may be sent again, and what may not."""

    def dead(self, method: bytes, how: End, body: bytes = b"") -> bytes:
        """Ask over a kept connection that ends instead of answering."""
        client, instance = self.exchange()
        fields = (b"Content-Length: %d" % len(body),) if body else ()
        client.deliver(ask(*fields, line=method + b" / HTTP/1.1", body=body))
        if how is EOF:
            instance.finish()
        else:
            instance.lose(ConnectionLost())
        if len(self.dials) > 1:
            again = self.dials[1].succeed()
            sent = again.take()
            self.assertTrue(sent.startswith(method + b" / HTTP/1.1\r\n"))
            again.deliver(reply(b"Content-Length: 0"))
        return client.take()

    def test_9110_9_2_2_safe_requests_are_sent_again_once(self) -> None:
        """Nothing of a response had come."""
        for method in (b"GET", b"HEAD", b"OPTIONS", b"TRACE"):
            for how in (EOF, LOST):
                self.assemble()
                answer = self.dead(method, how)
                self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK"), method)
                self.assertEqual(2, len(self.dials))

    def test_9110_9_2_2_others_are_not(self) -> None:
        """Nor is a request with a body, part of which is gone."""
        for method, body in (
            (b"POST", b""), (b"PUT", b""), (b"DELETE", b""), (b"PATCH", b""),
            (b"X", b""), (b"GET", b"hi"), (b"POST", b"hi"),
        ):  # fmt: skip
            for how in (EOF, LOST):
                self.assemble()
                answer = self.dead(method, how, body)
                self.assertEqual("", Page(502).check(answer))
                self.assertEqual(1, len(self.dials))

    def test_9112_9_3_1_a_second_failure_is_answered(self) -> None:
        """What was sent again is not sent a third time."""
        client, instance = self.exchange()
        client.deliver(GET)
        instance.finish()
        self.dials[1].succeed().finish()
        self.assertEqual("", Page(502).check(client.take()))
        self.assertEqual(2, len(self.dials))

    def test_9112_9_3_1_a_response_that_has_begun_is_not_asked_for_again(self) -> None:
        """The client would get parts of two responses."""
        client, instance = self.exchange()
        client.deliver(GET)
        instance.deliver(b"HTTP/1.1 200")
        instance.finish()
        self.assertEqual("", Page(502).check(client.take()))
        self.assertEqual(1, len(self.dials))
