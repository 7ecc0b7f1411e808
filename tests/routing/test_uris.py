"""Tests of twisted_router.routing.uris."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.routing.uris import (
    GrammarError,
    is_label,
    parse_host,
    parse_path,
    parse_uri,
)


class ParseUriTests(SynchronousTestCase):
    """Entries as gorouter's ``uris`` has them."""

    def test_forms_of_uris(self) -> None:
        expected = {
            "a.example.com": ("a.example.com", "/"),
            "a.example.com/": ("a.example.com", "/"),
            "B.example.com/Path": ("b.example.com", "/Path"),
            "*.example.com": ("*.example.com", "/"),
            "/any": ("", "/any"),
            "/": ("", "/"),
            "h//x": ("h", "//x"),
        }
        self.assertEqual(expected, {text: parse_uri(text) for text in expected})

    def test_a_scheme_is_refused_with_advice(self) -> None:
        error = self.assertRaises(GrammarError, parse_uri, "http://a.example.com/")
        self.assertIn("without the scheme", str(error))

    def test_nothing_is_refused(self) -> None:
        self.assertRaises(GrammarError, parse_uri, "")

    def test_a_port_without_a_host_is_refused(self) -> None:
        self.assertRaises(GrammarError, parse_uri, ":8080/x")


class ParsePathTests(SynchronousTestCase):
    """Paths keep their bytes; what cannot be matched is refused."""

    def test_one_trailing_slash_is_dropped(self) -> None:
        self.assertEqual("/a", parse_path("/a/"))
        self.assertEqual("/", parse_path("/"))

    def test_percent_encodings_and_case_stay(self) -> None:
        self.assertEqual("/My%2fP%C3%A4th", parse_path("/My%2fP%C3%A4th"))

    def test_unmatchable_paths_are_refused_with_the_reason(self) -> None:
        expected = {
            "a": "write /a",
            "/a?x=y": "'?'",
            "/a#x": "'#'",
            "/a b": "blanks",
            "/a\x00": "control",
            "/a\x7f": "control",
            "/ä": "percent-encode",
            "/a//": "more than one",
            "//": "more than one",
        }
        for text, reason in expected.items():
            error = self.assertRaises(GrammarError, parse_path, text)
            self.assertIn(reason, str(error), text)


class ParseHostTests(SynchronousTestCase):
    """Hosts come out in one form."""

    def test_forms_of_hosts(self) -> None:
        expected = {
            "Foo.COM": "foo.com",
            "foo.com.": "foo.com",
            "foo.com:80": "foo.com",
            "foo.com.:443": "foo.com",
            "*.foo.com": "*.foo.com",
            "my_app.local": "my_app.local",
            "xn--bcher-kva.example": "xn--bcher-kva.example",
            "10.0.0.1": "10.0.0.1",
            "[2001:DB8:0:0::1]": "[2001:db8::1]",
            "[::1]:80": "[::1]",
        }
        self.assertEqual(expected, {text: parse_host(text) for text in expected})

    def test_a_port_that_would_be_ignored_is_explained(self) -> None:
        error = self.assertRaises(GrammarError, parse_host, "foo.com:8443")
        self.assertIn("write foo.com without :8443", str(error))

    def test_impossible_hosts_are_refused(self) -> None:
        for text in (
            "",
            ".",
            "*",
            "*.",
            "a.*.com",
            "*a.com",
            "*.*.com",
            "a..com",
            "-a.com",
            "a-.com",
            "a b.com",
            "a@b.com",
            "a.com:",
            "a.com:http",
            "bücher.example",
            "\N{KELVIN SIGN}.example",
            "x" * 64 + ".com",
            ".".join(["x" * 60] * 5),
            "[::1",
            "[::g]",
            "[fe80::1%eth0]",
            "[::1]x",
        ):
            self.assertRaises(GrammarError, parse_host, text)

    def test_a_name_of_the_longest_kind_is_good(self) -> None:
        name = ".".join(["x" * 63] * 3 + ["y" * 61])
        self.assertEqual(253, len(name))
        self.assertEqual(name, parse_host(name))


class IsLabelTests(SynchronousTestCase):
    """What may stand between two dots."""

    def test_labels(self) -> None:
        labels = ("web", "w", "web-1", "_x", "-web", "a.b", "", "Web", "x" * 64)
        self.assertEqual(
            ["web", "w", "web-1", "_x"], [text for text in labels if is_label(text)]
        )
