"""Tests of twisted_router.proxy.errors."""

from __future__ import annotations

import h11
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.proxy import errors
from twisted_router.proxy.errors import ErrorPage, reason_phrase, render

HOST = b"a.example:80"
SHORTLY = b"public,max-age=2"
NEVER = b"no-cache, no-store"


def read(response: bytes) -> tuple[h11.Response, bytes, object]:
    """What a client understands: head, body, and the state of the connection."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(response)
    head = client.next_event()
    assert isinstance(head, h11.Response)
    body = b""
    event = client.next_event()
    while isinstance(event, h11.Data):
        body += event.data
        event = client.next_event()
    assert isinstance(event, h11.EndOfMessage)
    return head, body, client.our_state


def body_of(page: ErrorPage) -> bytes:
    """The body that a visitor gets."""
    return render(page, b"", False, b"now").partition(b"\r\n\r\n")[2]


class GateTests(SynchronousTestCase):
    """What is said to who may not pass."""

    def test_a_page_can_have_fields_of_its_own(self) -> None:
        for page, name, value in (
            (errors.unauthorized(b"Basic"), b"www-authenticate", b"Basic"),
            (errors.redirected(301, b"https://a/"), b"location", b"https://a/"),
            (errors.auth_unavailable(), b"retry-after", b"1"),
        ):
            head, _, _ = read(render(page, b"", False, b"now"))
            self.assertIn((name, value), list(head.headers))

    def test_denials_are_never_cached(self) -> None:
        for page in (errors.access_denied(), errors.unauthorized(b"Basic")):
            head, _, _ = read(render(page, b"", False, b"now"))
            self.assertIn((b"cache-control", NEVER), list(head.headers))


class PageTests(SynchronousTestCase):
    """Statuses, texts and fields are gorouter's where gorouter has them."""

    def test_bodies_name_status_and_cause(self) -> None:
        expected = {
            errors.empty_host(): b"400 Bad Request: Request had empty Host header\n",
            errors.unknown_route(HOST): (
                b"404 Not Found: Requested route ('a.example:80') does not exist.\n"
            ),
            errors.no_endpoints(HOST): (
                b"503 Service Unavailable: "
                b"Requested route ('a.example:80') has no available endpoints.\n"
            ),
            errors.exhausted(HOST): (
                b"503 Service Unavailable: "
                b"Requested route ('a.example:80') has reached the connection limit.\n"
            ),
            errors.endpoint_failure("EOF"): (
                b"502 Bad Gateway: Registered endpoint failed to handle the request.\n"
            ),
            errors.endpoint_timeout("slow"): (
                b"504 Gateway Timeout: Registered endpoint did not answer in time.\n"
            ),
            errors.too_many_connections(): (
                b"503 Service Unavailable: Too many connections.\n"
            ),
            errors.refused(400, "malformed request line"): (
                b"400 Bad Request: Malformed request line.\n"
            ),
        }
        self.assertEqual(expected, {page: body_of(page) for page in expected})

    def test_causes_and_caching_are_told_in_fields(self) -> None:
        expected = [
            (b"empty_host", SHORTLY),
            (b"unknown_route", NEVER),
            (b"no_endpoints", SHORTLY),
            (b"Connection Limit Reached", b""),
            (b"endpoint_failure (EOF)", b""),
            (b"max-request-size-exceeded", b""),
            (b"", b""),
        ]
        pages = [
            errors.empty_host(),
            errors.unknown_route(HOST),
            errors.no_endpoints(HOST),
            errors.exhausted(HOST),
            errors.endpoint_failure("EOF"),
            errors.refused(431, "request head too large"),
            errors.refused(400, "malformed request line"),
        ]
        self.assertEqual(expected, [(page.cause, page.cache_control) for page in pages])

    def test_the_cause_of_a_failure_stays_within_its_field(self) -> None:
        page = errors.endpoint_failure("dial a:\r\nSet-Cookie: x\x00\u20ac")
        self.assertEqual(b"endpoint_failure (dial a:??Set-Cookie: x??)", page.cause)

    def test_a_long_host_is_cut(self) -> None:
        body = body_of(errors.unknown_route(b"a" * 300))
        self.assertIn(b"('" + b"a" * 255 + b"')", body)

    def test_a_reason_without_words_makes_no_field(self) -> None:
        self.assertNotIn(
            b"RouterError", render(errors.refused(408, "x"), b"", True, b"")
        )


class ReasonPhraseTests(SynchronousTestCase):
    """Every status has a reason, the same with every version of Python."""

    def test_names_are_those_of_the_standard_and_of_gorouter(self) -> None:
        expected = {
            400: "Bad Request",
            404: "Not Found",
            408: "Request Timeout",
            413: "Content Too Large",
            414: "URI Too Long",
            431: "Request Header Fields Too Large",
            499: "Request Cancelled",
            525: "SSL Handshake Failed",
            526: "Invalid SSL Certificate",
            501: "Not Implemented",
            502: "Bad Gateway",
            503: "Service Unavailable",
            504: "Gateway Timeout",
            505: "HTTP Version Not Supported",
            599: "Unknown",
        }
        self.assertEqual(
            expected, {status: reason_phrase(status) for status in expected}
        )


class RenderTests(SynchronousTestCase):
    """A client reads what is rendered."""

    PAGE = ErrorPage(503, "Nobody home.", b"no_endpoints", SHORTLY)

    def test_every_field_is_there(self) -> None:
        head, body, _ = read(render(self.PAGE, b"id-1", False, b"some day"))
        self.assertEqual((503, b"Service Unavailable"), (head.status_code, head.reason))
        self.assertEqual(b"503 Service Unavailable: Nobody home.\n", body)
        self.assertEqual(
            {
                b"content-type": b"text/plain; charset=utf-8",
                b"x-content-type-options": b"nosniff",
                b"content-length": b"38",
                b"date": b"some day",
                b"x-cf-routererror": b"no_endpoints",
                b"cache-control": SHORTLY,
                b"x-request-id": b"id-1",
                b"x-vcap-request-id": b"id-1",
            },
            dict(head.headers),
        )

    def test_what_is_unknown_is_left_out(self) -> None:
        head, _, _ = read(render(ErrorPage(408, "Late."), b"", False, b"now"))
        self.assertEqual(
            {b"content-type", b"x-content-type-options", b"content-length", b"date"},
            {name for name, _ in head.headers},
        )

    def test_a_client_knows_whether_the_connection_goes_on(self) -> None:
        for close, state in ((False, h11.DONE), (True, h11.MUST_CLOSE)):
            self.assertIs(state, read(render(self.PAGE, b"", close, b"now"))[2])

    def test_a_message_that_is_not_ascii_keeps_its_length_right(self) -> None:
        _, body, _ = read(render(ErrorPage(400, "caf\u00e9"), b"", False, b"now"))
        self.assertEqual(b"400 Bad Request: caf?\n", body)
