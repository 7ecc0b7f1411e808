"""Tests of twisted_router.status.page."""

from base64 import b64encode

from twisted.web.http_headers import Headers
from twisted.web.server import Request

from twisted_router.status.credentials import Credentials
from twisted_router.status.page import NotFound, Page, reply_json, reply_text

from .support import PageTestCase


class _Hello(Page):
    def answer(self, request: Request) -> bytes:
        return reply_text(request, 200, "hello")


class _Json(Page):
    def answer(self, request: Request) -> bytes:
        return reply_json(request, {"when": {1, 2}.__class__, "n": None})


class PageTests(PageTestCase):
    """Methods, header fields and what lies below a page."""

    def test_a_get_has_the_body(self) -> None:
        answer = self.read(_Hello())
        self.assertEqual((200, b"hello\n"), (answer.status, answer.body))
        self.assertEqual("text/plain; charset=utf-8", answer.header("Content-Type"))
        self.assertEqual(6, answer.length)

    def test_a_head_has_the_same_fields_and_no_body(self) -> None:
        answer = self.read(_Hello(), "HEAD")
        self.assertEqual((200, b""), (answer.status, answer.body))
        self.assertEqual("6", answer.header("Content-Length"))

    def test_other_methods_are_not_allowed(self) -> None:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
            answer = self.read(_Hello(), method)
            self.assertEqual(405, answer.status)
            self.assertEqual("GET, HEAD", answer.header("Allow"))

    def test_nothing_is_below_a_page(self) -> None:
        for below in ("/", "/x", "/x/y", "//"):
            answer = self.read(_Hello(), below=below)
            self.assertEqual((404, b"404 Not Found\n"), (answer.status, answer.body))

    def test_what_is_not_there_is_not_there_for_any_method(self) -> None:
        self.assertEqual(404, self.read(NotFound(), "DELETE").status)

    def test_no_answer_may_be_kept_or_sniffed_or_tells_the_software(self) -> None:
        for answer in (
            self.read(_Hello()),
            self.read(_Hello(), "POST"),
            self.read(NotFound()),
            self.read(_Hello(Credentials("a", "b"))),
        ):
            self.assertEqual("no-store", answer.header("Cache-Control"))
            self.assertEqual("nosniff", answer.header("X-Content-Type-Options"))
            self.assertFalse(answer.headers.hasHeader("Server"))
            self.assertFalse(answer.headers.hasHeader("Set-Cookie"))

    def test_what_json_cannot_hold_becomes_text(self) -> None:
        answer = self.read(_Json())
        self.assertEqual({"when": "<class 'set'>", "n": None}, answer.json)
        self.assertEqual("application/json", answer.header("Content-Type"))


class GuardedPageTests(PageTestCase):
    """A page with credentials."""

    def setUp(self) -> None:
        self.page = _Hello(Credentials("admin", "secret"))

    def test_is_shown_to_who_has_them(self) -> None:
        token = b64encode(b"admin:secret").decode()
        headers = Headers({"Authorization": [f"Basic {token}"]})
        self.assertEqual(200, self.read(self.page, headers=headers).status)

    def test_is_refused_to_anyone_else(self) -> None:
        answer = self.read(self.page)
        self.assertEqual((401, b"401 Unauthorized\n"), (answer.status, answer.body))
        self.assertEqual(
            'Basic realm="twisted_router", charset="UTF-8"',
            answer.header("WWW-Authenticate"),
        )

    def test_says_nothing_of_its_methods_to_anyone_else(self) -> None:
        self.assertEqual(401, self.read(self.page, "POST").status)
