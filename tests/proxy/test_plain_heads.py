"""Plain heads are read in one go, with the outcome of the long way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.proxy.heads import request_head, response_head
from tests.proxy.strategies import requests, responses
from twisted_router.proxy import request_head as of_requests
from twisted_router.proxy import response_head as of_responses
from twisted_router.proxy.head import HeadError, HeadLimits

LIMITS = HeadLimits(0, 3, 10)

BROWSER = request_head(
    b"Host: app.example.com:8081",
    b"User-Agent: Mozilla/5.0",
    b"Upgrade-Insecure-Requests: 1",
    b"Cookie: a=b",
    b"X-Requested-With: XMLHttpRequest",
    b"Connection: keep-alive",
    b"Priority: u=1",
    line=b"GET /a/b?c=d?e HTTP/1.1",
)
API = response_head(
    b"Server: x",
    b"Content-Type: a/b",
    b"content-length: 7",
    b"date: today",
    b"Connection: keep-alive",
    b"Vary: Accept",
)


def outcome(read: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Everything that is known of a head, or why it is refused."""
    try:
        known = read(*arguments)
    except HeadError as error:
        return {"status": error.status, "reason": error.reason}
    return {name: getattr(known, name) for name in type(known).__slots__}


class PlainRequestTests(SynchronousTestCase):
    """See Note [Plain heads]."""

    @given(head=requests)
    @example(head=BROWSER)
    @example(head=request_head(b"Host: a", b"Te: trailers"))
    @example(head=request_head(b"Host: a", line=b"CONNECT /a HTTP/1.1"))
    @example(head=request_head(b"Host: a", line=b"GET /01234567?9 HTTP/1.1"))
    @example(head=request_head(b"Host: a", b"A: 1", b"B: 2", b"C: 3"))
    @settings(max_examples=150)
    def test_they_are_read_as_any_other(self, head: bytes) -> None:
        for limits in (HeadLimits(0, 0), LIMITS):
            self.assertEqual(
                outcome(of_requests.read_any_head, head, limits),
                outcome(of_requests.parse_request_head, head, limits),
            )

    def test_a_browsers_head_is_plain(self) -> None:
        self.assertTrue(of_requests.PLAIN_HEAD.fullmatch(BROWSER))

    def test_none_is_that_has_another_field_to_be_acted_on(self) -> None:
        for field in (
            b"Host: b", b"connection: close", b"CONTENT-LENGTH: 0", b"TE: trailers",
            b"transfer-Encoding: chunked", b"expect: 100-continue", b"upgrade: x",
            b"Keep-Alive: 1", b"proxy-connection: x", b"Proxy-Authorization: x",
            b"x-forwarded-for: a", b"X-FORWARDED-PROTO: a", b"x-forwarded-host: a",
            b"x-forwarded-port: a", b"x-real-ip: a", b"X-Request-ID: a",
            b"x-vcap-request-id: a",
        ):  # fmt: skip
            for fields in ((b"Host: a", field), (field, b"Host: a")):
                head = request_head(*fields)
                self.assertIsNone(of_requests.PLAIN_HEAD.fullmatch(head), field)


class PlainResponseTests(SynchronousTestCase):
    """The same of responses."""

    @given(head=responses)
    @example(head=API)
    @example(head=response_head(b"Content-Length: 1", b"Content-Length: 1"))
    @example(head=response_head(b"Content-Length: 1", line=b"HTTP/1.1 204 x"))
    @example(head=response_head(b"Content-Length: 1", b"A: 1", b"B: 2", b"C: 3"))
    @settings(max_examples=150)
    def test_they_are_read_as_any_other(self, head: bytes) -> None:
        for limits in (HeadLimits(0, 0), LIMITS):
            for is_head in (False, True):
                self.assertEqual(
                    outcome(of_responses.read_any_head, head, limits, is_head),
                    outcome(of_responses.parse_response_head, head, limits, is_head),
                )

    def test_an_apis_head_is_plain(self) -> None:
        self.assertTrue(of_responses.PLAIN_HEAD.fullmatch(API))
