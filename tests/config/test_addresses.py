"""Tests of twisted_router.config.addresses."""

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config import addresses


class SplitHostPortTests(SynchronousTestCase):
    """An address is split only when both its parts make sense."""

    def test_names_and_both_kinds_of_address_are_split(self) -> None:
        for text, expected in (
            ("web:8080", ("web", 8080)),
            ("my_app.internal.:1", ("my_app.internal.", 1)),
            ("10.0.0.5:65535", ("10.0.0.5", 65535)),
            ("[2001:db8::1]:80", ("2001:db8::1", 80)),
        ):
            self.assertEqual(expected, addresses.split_host_port(text), text)

    def test_a_default_port_stands_in_for_an_absent_one_only(self) -> None:
        self.assertEqual(("web", 80), addresses.split_host_port("web", 80))
        self.assertEqual(("::1", 80), addresses.split_host_port("[::1]", 80))
        self.assertRaises(ValueError, addresses.split_host_port, "web:", 80)

    def test_what_lacks_a_part_is_refused(self) -> None:
        for text in (
            "",
            "web",
            ":80",
            "web:",
            "web:0",
            "web:65536",
            "web:http",
            "web:+80",
            "web:80:80",
            "we b:80",
            "-web:80",
            "300.1.1.1:80",
            "::1:80",
            "[::1",
            "[::1]80",
            "[web]:80",
            "[10.0.0.1]:80",
            "http://web:80",
            "web:٨٠",
            "web:80\n",
        ):
            self.assertRaises(ValueError, addresses.split_host_port, text)


class FormTests(SynchronousTestCase):
    """Each predicate takes the forms its docstring names, and no others."""

    def _assert_forms(
        self, check: Callable[[str], bool], good: tuple[str, ...], bad: tuple[str, ...]
    ) -> None:
        self.assertEqual(list(good), [text for text in good if check(text)])
        self.assertEqual([], [text for text in bad if check(text)])

    def test_consul_addresses(self) -> None:
        self._assert_forms(
            addresses.is_consul_address,
            (
                "127.0.0.1:8500",
                "consul:8500",
                "http://consul",
                "http://consul:8500/",
                "https://consul.example.com:8501",
                "https://[::1]:8501",
                "unix:///run/consul.sock",
            ),
            (
                "",
                "consul",
                "tcp://consul:8500",
                "http://",
                "http://consul:8500/v1",
                "http://user:pass@consul",
                "unix://run/consul.sock",
                "unix:///",
            ),
        )

    def test_docker_endpoints(self) -> None:
        self._assert_forms(
            addresses.is_docker_endpoint,
            ("unix:///var/run/docker.sock", "tcp://10.0.0.1:2376"),
            (
                "",
                "/var/run/docker.sock",
                "tcp://10.0.0.1",
                "http://10.0.0.1:2375",
                "unix://docker.sock",
                "unix:/var/run/docker.sock",
            ),
        )

    def test_route_uris(self) -> None:
        self._assert_forms(
            addresses.is_route_uri,
            (
                "example.com",
                "Example.com/Old/%7Ea",
                "*.example.com",
                "*.example.com/x",
                "10.0.0.1/x",
                "web/",
                "/any",
                "/",
            ),
            (
                "",
                "*",
                "*.",
                "a.*.com",
                "http://example.com",
                "example.com:80/x",
                "example.com/a b",
                "example.com/a?b",
                "example.com/a#b",
                "example.com/é",
                ".example.com",
            ),
        )

    def test_hosts_to_send(self) -> None:
        self._assert_forms(
            addresses.is_sent_host,
            ("dst", "example.com", "example.com:8080", "[::1]:80"),
            ("", "a b", "http://a", "a/b"),
        )

    def test_addresses_without_a_port(self) -> None:
        self._assert_forms(
            addresses.is_address,
            ("10.0.0.1", "::1", "host-1.example.com"),
            ("", "[::1]", "10.0.0.256", "a" * 64, "a." * 127 + "a"),
        )

    def test_field_names(self) -> None:
        self._assert_forms(
            addresses.is_field_name, ("X-Trace_Id", "b3"), ("", "X Y", "X:", "é", "a\n")
        )

    def test_names_of_schemes(self) -> None:
        self._assert_forms(
            addresses.is_scheme_name, ("staff", "a.b_c-1"), ("", "a b", "é", "a\n")
        )

    def test_text_for_a_field(self) -> None:
        self._assert_forms(addresses.is_ascii, ('a "b"', ""), ("é", "a\n", "\x7f"))

    def test_words(self) -> None:
        self._assert_forms(addresses.is_word, ("urlprefix-", "é"), ("", " ", "a\tb"))
