"""Redirects: what templates are read as, and the URLs that follow from them."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import Redirect
from twisted_router.routing.redirect import parse_redirect, redirect_location
from twisted_router.routing.uris import GrammarError


class GrammarTests(SynchronousTestCase):
    """The value of redirect=."""

    def test_a_template_comes_apart(self) -> None:
        for text, parts in (
            ("301,https://$host$path", (301, "https", "$host", "$path")),
            ("302,http://a.b/", (302, "http", "a.b", "/")),
            ("303,HTTPS://a.b", (303, "https", "a.b", "/")),
            ("307,https://a:1/x/$path", (307, "https", "a:1", "/x/$path")),
            ("308,https://w.$host/?a,b", (308, "https", "w.$host", "/", "?a,b")),
            ("301,http://[::1]:80$path/x", (301, "http", "[::1]:80", "$path/x")),
        ):
            self.assertEqual(Redirect(*parts), parse_redirect(text))

    def test_a_redirect_is_shown_as_it_is_written(self) -> None:
        text = "301,https://w.$host:8443/x$path?y=1"
        self.assertEqual(text, str(parse_redirect(text)))

    def test_codes_that_send_nobody_anywhere_are_refused(self) -> None:
        for code in ("", "200", "300", "304", "305", "306", "309", "0301", "+301"):
            error = self.assertRaises(
                GrammarError, parse_redirect, f"{code},https://$host$path"
            )
            self.assertIn("CODE", str(error))

    def test_malformed_templates_are_refused(self) -> None:
        for url in (
            "",
            "/path",
            "//a.b/",
            "ftp://a.b/",
            "https://",
            "https:///x",
            "https://a.b/#top",
            "https://user@a.b/",
            "https://$host@a.b/",
            "https://a.b:x/",
            "https://a_b,c/",
            "https://$hostname/",
            "https://${host}/",
            "https://$x.b/",
            "https://a.b/$host",
            "https://a.b/$x",
            "https://a.b$path$path",
            "https://a.b/?next=$path",
            "https://a.b/\xe4",
            'https://a.b/"',
            "https://a.b/%0",
            "https://a.b/\r\nX:1",
            "https://a.b\r\n/",
        ):
            self.assertRaises(GrammarError, parse_redirect, f"301,{url}")

    def test_a_code_alone_is_refused(self) -> None:
        self.assertRaises(GrammarError, parse_redirect, "301")


class LocationTests(SynchronousTestCase):
    """Where a client is sent."""

    def sent(
        self,
        url: str,
        target: bytes,
        host: bytes = b"a.com",
        scheme: bytes = b"http",
        rewritten: bytes | None = None,
    ) -> bytes | None:
        return redirect_location(
            parse_redirect(f"301,{url}"),
            scheme,
            host,
            target.partition(b"?")[0],
            target if rewritten is None else rewritten,
        )

    def test_host_and_path_are_the_clients(self) -> None:
        self.assertEqual(b"https://a.com/x/y", self.sent("https://$host$path", b"/x/y"))

    def test_path_joins_with_one_slash(self) -> None:
        for url in ("https://b.com/x$path", "https://b.com/x/$path"):
            self.assertEqual(b"https://b.com/x/y", self.sent(url, b"/y"))

    def test_the_query_comes_along_with_the_path(self) -> None:
        self.assertEqual(
            b"https://b.com/x?q=1", self.sent("https://b.com$path", b"/x?q=1")
        )

    def test_a_query_of_the_template_is_the_only_one(self) -> None:
        self.assertEqual(
            b"https://b.com/x?z", self.sent("https://b.com$path?z", b"/x?q=1")
        )

    def test_without_the_path_the_query_stays_behind(self) -> None:
        self.assertEqual(b"https://b.com/", self.sent("https://b.com", b"/x?q=1"))

    def test_the_path_is_what_strip_and_prepend_leave(self) -> None:
        self.assertEqual(
            b"https://b.com/new/y?q",
            self.sent("https://b.com$path", b"/old/y?q", rewritten=b"/new/y?q"),
        )

    def test_text_may_follow_the_path(self) -> None:
        self.assertEqual(
            b"https://b.com/x.html?q", self.sent("https://b.com$path.html", b"/x?q")
        )

    def test_two_slashes_stay_a_path(self) -> None:
        self.assertEqual(
            b"https://b.com//evil.com/",
            self.sent("https://b.com$path", b"//evil.com/"),
        )

    def test_implied_ports_do_not_stay_with_the_host(self) -> None:
        for host in (b"a.com:80", b"a.com:443", b"a.com:"):
            self.assertEqual(
                b"https://a.com/", self.sent("https://$host$path", b"/", host)
            )

    def test_other_ports_do(self) -> None:
        self.assertEqual(
            b"https://[::1]:8080/",
            self.sent("https://$host$path", b"/", b"[::1]:8080"),
        )

    def test_a_port_of_the_template_replaces_the_clients(self) -> None:
        for host in (b"a.com", b"a.com:8080"):
            self.assertEqual(
                b"https://a.com:8443/", self.sent("https://$host:8443$path", b"/", host)
            )

    def test_a_name_in_front_of_the_host(self) -> None:
        self.assertEqual(b"https://www.a.com/", self.sent("https://www.$host/", b"/"))

    def test_a_request_for_the_server_as_a_whole_has_the_path_of_its_root(self) -> None:
        self.assertEqual(b"https://a.com/", self.sent("https://$host$path", b"*"))

    def test_who_is_there_already_is_not_sent_again(self) -> None:
        for host in (b"a.com", b"A.com", b"a.com:443"):
            self.assertIdentical(
                None, self.sent("https://$host$path", b"/x?q", host, b"HTTPS")
            )
        self.assertIdentical(None, self.sent("http://a.com/x", b"/x?q"))

    def test_another_scheme_host_or_path_is_somewhere_else(self) -> None:
        for scheme, host, target in (
            (b"http", b"a.com", b"/x"),
            (b"https", b"b.com", b"/x"),
            (b"https", b"a.com:8443", b"/x"),
            (b"https", b"a.com", b"/y"),
        ):
            self.assertEqual(
                b"https://a.com/x",
                self.sent("https://a.com/x", target, host, scheme),
            )
