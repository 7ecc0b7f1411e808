"""Tests of twisted_router.status.guard."""

from __future__ import annotations

from twisted.web.http_headers import Headers
from zope.interface import implementer
from zope.interface.verify import verifyObject

from twisted_router.interfaces import Hold, IGuard
from twisted_router.status.credentials import Credentials
from twisted_router.status.guard import GuardPage

from .support import Answer, PageTestCase


@implementer(IGuard)
class FakeGuard:
    """Holds what the test wants, and remembers what it was told to release."""

    def __init__(self, *holds: Hold) -> None:
        self._holds = holds
        self.released: list[str | None] = []

    def holds(self) -> tuple[Hold, ...]:
        return self._holds

    def release(self, service: str | None = None) -> int:
        self.released.append(service)
        return 7


class GuardPageTests(PageTestCase):
    """What is held can be seen and released."""

    def setUp(self) -> None:
        self.guard = FakeGuard(
            Hold("app", 2, "gone", 1.0, 59.0), Hold("web", 5, "gone", 2.0, 58.0)
        )
        self.page = GuardPage(self.guard, Credentials("", ""))

    def release(self, query: str = "", **headers: str) -> Answer:
        given = Headers({name: [value] for name, value in headers.items()})
        return self.read(self.page, "POST", f"/release{query}", given)

    def test_the_fake_provides_the_interface(self) -> None:
        self.assertTrue(verifyObject(IGuard, self.guard))

    def test_it_shows_what_is_held(self) -> None:
        shown = self.read(self.page).json
        self.assertEqual(7, shown["held"])
        self.assertEqual(
            {
                "service": "app",
                "instances": 2,
                "why": "gone",
                "since_s": 1.0,
                "left_s": 59.0,
            },
            shown["services"][0],
        )

    def test_everything_is_released(self) -> None:
        self.assertEqual({"released": 7}, self.release().json)
        self.assertEqual([None], self.guard.released)

    def test_one_service_is_released(self) -> None:
        self.release("?service=a%20b%C3%A4")
        self.assertEqual(["a bä"], self.guard.released)

    def test_a_query_that_means_nothing_releases_nothing(self) -> None:
        self.assertEqual(400, self.release("?servce=web").status)
        self.assertEqual([], self.guard.released)

    def test_nothing_is_released_by_looking(self) -> None:
        for method in ("GET", "HEAD"):
            answer = self.read(self.page, method, "/release")
            self.assertEqual((405, "POST"), (answer.status, answer.header("Allow")))
        self.assertEqual(405, self.read(self.page, "POST").status)
        self.assertEqual([], self.guard.released)

    def test_pages_of_other_sites_release_nothing(self) -> None:
        for origin in ("http://evil.example", "null", "http://router:81", "x"):
            self.assertEqual(403, self.release(Origin=origin).status, origin)
        self.assertEqual([], self.guard.released)
        self.assertEqual(200, self.release(Origin="http://router").status)

    def test_it_wants_credentials(self) -> None:
        self.page = GuardPage(self.guard, Credentials("admin", "secret"))
        self.assertEqual(401, self.read(self.page).status)
        self.assertEqual(401, self.release().status)
        self.assertEqual([], self.guard.released)
        self.assertEqual(
            200, self.release(Authorization="Basic YWRtaW46c2VjcmV0").status
        )

    def test_nothing_else_is_below_it(self) -> None:
        for below in ("/", "/release/x", "/relase"):
            self.assertEqual(404, self.read(self.page, below=below).status)

    def test_without_a_source_nothing_is_held(self) -> None:
        self.page = GuardPage(None, Credentials("", ""))
        self.assertEqual({"held": 0, "services": []}, self.read(self.page).json)
        self.assertEqual({"released": 0}, self.release().json)
