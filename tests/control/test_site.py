"""A router's status site, asked through requests."""

from __future__ import annotations

import requests
from twisted.trial.unittest import SynchronousTestCase

from tests.control.web import FakeWeb
from twisted_router.control.site import SiteError, StatusSite


class StatusSiteTests(SynchronousTestCase):
    """StatusSite."""

    def setUp(self) -> None:
        self.web = FakeWeb()

    def site(self, url: str = "http://r.test:8082", *login: str) -> StatusSite:
        return StatusSite(url, *login, session=self.web.session)

    def assertFails(self, reason: str) -> None:
        error = self.assertRaises(SiteError, self.site().read, "/routes")
        self.assertEqual(f"http://r.test:8082/routes: {reason}", str(error))

    def test_a_page_is_read(self) -> None:
        self.web.answers["GET", "/explain"] = (200, b'{"a": [1]}')
        found = self.site().read("/explain", {"url": "http://a/b?c"})
        self.assertEqual({"a": [1]}, found)
        (request,) = self.web.asked
        self.assertEqual(
            "http://r.test:8082/explain?url=http%3A%2F%2Fa%2Fb%3Fc", request.url
        )
        self.assertNotIn("Authorization", request.headers)

    def test_a_login_is_sent(self) -> None:
        self.web.answers["GET", "/routes"] = (200, b"{}")
        self.site("r.test:8082", "me", "pässword").read("/routes")
        self.assertEqual(
            "Basic bWU6cMOkc3N3b3Jk", self.web.asked[0].headers["Authorization"]
        )

    def test_errors_say_what_to_do(self) -> None:
        for answer, reason in (
            ((401, b""), "it wants a user and a password"),
            ((404, b"no such\npage"), "404 no such page"),
            ((302, b""), "302 "),
            ((200, b"<html>"), "the answer is no JSON"),
            ((200, b"[" * 100_000), "the answer is no JSON"),
        ):
            self.web.answers["GET", "/routes"] = answer
            self.assertFails(reason)

    def test_a_site_that_is_not_there_is_said(self) -> None:
        for error, reason in (
            (requests.ConnectionError("Connection refused"), "connection refused"),
            (requests.ConnectionError("x"), "cannot connect"),
            (requests.ConnectTimeout("x"), "no answer within 10 s"),
        ):
            self.web.error = error
            self.assertFails(reason)

    def test_what_is_no_url_of_a_site_is_refused(self) -> None:
        for url in ("", "ftp://r.test", "http://", "http://[::1", "http://u:p@r.test"):
            self.assertRaises(SiteError, self.site, url)
