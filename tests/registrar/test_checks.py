"""Tests for ``twisted_router.registrar.checks``."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.checks import Target, build_check, is_duration

TARGET = Target("10.0.0.5", 8080, "0123456789ab", 80)


class BuildCheckTests(SynchronousTestCase):
    """``SERVICE_CHECK_*`` as registrator documents them."""

    def assert_check(self, expected: dict[str, Any] | None, **keys: str) -> None:
        """These attributes give that check, and all of them are heeded."""
        attributes = {f"check_{key}": value for key, value in keys.items()}
        self.assertEqual((expected, []), build_check(attributes, TARGET))

    def assert_noted(
        self, check: dict[str, Any] | None, note: str, **keys: str
    ) -> None:
        """These attributes give that check, and a word about one of them."""
        attributes = {f"check_{key}": value for key, value in keys.items()}
        found, notes = build_check(attributes, TARGET)
        self.assertEqual((check, 1), (found, len(notes)))
        self.assertIn(note, notes[0])

    def test_none(self) -> None:
        """Without a kind, the other keys mean nothing."""
        self.assert_check(None)
        self.assert_check(None, interval="1s")

    def test_http(self) -> None:
        """A path on the registered address; every ten seconds unless told."""
        self.assert_check(
            {"HTTP": "http://10.0.0.5:8080/health", "Interval": "10s"}, http="/health"
        )

    def test_a_path_without_a_slash_gets_one(self) -> None:
        """Registrator makes a port of it: ``:8080health``."""
        self.assert_check(
            {"HTTP": "http://10.0.0.5:8080/health", "Interval": "10s"}, http="health"
        )

    def test_https_with_all_its_settings(self) -> None:
        """Each goes to the field of Consul's that it is named after."""
        self.assert_check(
            {
                "HTTP": "https://10.0.0.5:8080/",
                "Method": "HEAD",
                "Interval": "5s",
                "Timeout": "1m30s",
                "Status": "passing",
                "DeregisterCriticalServiceAfter": "10m",
            },
            https="/",
            https_method="HEAD",
            interval="5s",
            timeout="1m30s",
            initial_status="passing",
            deregister_after="10m",
        )

    def test_times_that_consul_refuses(self) -> None:
        """It would refuse the service with them."""
        for text in (
            "0s",
            "0",
            "10",
            "-1s",
            "1 s",
            "s",
            "",
            "1d",
            "9999999999h",
            "1s1",
        ):
            self.assertFalse(is_duration(text), text)
        for text in (
            "1ns",
            "1.5s",
            ".5m",
            "1h30m",
            "5.s",
            "10µs",
            "10\N{GREEK SMALL LETTER MU}s",
        ):
            self.assertTrue(is_duration(text), text)

    def test_no_time_at_all_between_two_checks(self) -> None:
        """The usual time stays."""
        self.assert_noted(
            {"TCP": "10.0.0.5:8080", "Interval": "10s"},
            "SERVICE_CHECK_INTERVAL is not heeded: '0s'",
            tcp="1",
            interval="0s",
        )

    def test_tcp(self) -> None:
        """Any value switches it on."""
        self.assert_check({"TCP": "10.0.0.5:8080", "Interval": "10s"}, tcp="true")

    def test_script(self) -> None:
        """A shell runs it; the address and the port are filled in."""
        self.assert_check(
            {
                "Args": ["/bin/sh", "-c", "nc -z 10.0.0.5 8080"],
                "Interval": "10s",
            },
            script="nc -z $SERVICE_IP $SERVICE_PORT",
        )

    def test_cmd(self) -> None:
        """The arguments that registrator gives to its helper program."""
        self.assert_check(
            {"Args": ["check-cmd", "0123456789ab", "80", "/up -q"], "Interval": "10s"},
            cmd="/up -q",
        )

    def test_grpc(self) -> None:
        """Plain, and over TLS; without TLS there is nothing to verify."""
        plain = {"GRPC": "10.0.0.5:8080", "Interval": "10s"}
        self.assert_check(plain, grpc="true")
        self.assert_check(plain, grpc="1", tls_skip_verify="1")
        self.assert_check(plain | {"GRPCUseTLS": True}, grpc="1", grpc_use_tls="1")
        self.assert_check(
            plain | {"GRPCUseTLS": True, "TLSSkipVerify": True},
            grpc="1",
            grpc_use_tls="true",
            tls_skip_verify="true",
        )

    def test_https_without_verification(self) -> None:
        """Registrator has no way to say so."""
        self.assert_check(
            {
                "HTTP": "https://10.0.0.5:8080/",
                "TLSSkipVerify": True,
                "Interval": "10s",
            },
            https="/",
            tls_skip_verify="true",
        )

    def test_ttl(self) -> None:
        """It has no interval: Consul refuses both together."""
        self.assert_check({"TTL": "30s"}, ttl="30s", interval="5s")

    def test_the_first_kind_in_registrators_order(self) -> None:
        """A service has one check."""
        self.assert_check(
            {"HTTP": "http://10.0.0.5:8080/", "Interval": "10s"},
            tcp="1",
            ttl="1s",
            http="/",
        )

    def test_ipv6_addresses_get_brackets(self) -> None:
        """In URLs, and where Consul wants host and port."""
        target = Target("2001:db8::1", 80, "0123456789ab", 80)
        check, _ = build_check({"check_http": "/"}, target)
        self.assertEqual("http://[2001:db8::1]:80/", (check or {})["HTTP"])
        check, _ = build_check({"check_tcp": "1"}, target)
        self.assertEqual("[2001:db8::1]:80", (check or {})["TCP"])

    def test_no_duration(self) -> None:
        """Consul would refuse the service for it."""
        plain = {"TCP": "10.0.0.5:8080", "Interval": "10s"}
        self.assert_noted(plain, "SERVICE_CHECK_INTERVAL", tcp="1", interval="10")
        self.assert_noted(plain, "SERVICE_CHECK_TIMEOUT", tcp="1", timeout="soon")
        self.assert_noted(None, "SERVICE_CHECK_TTL", ttl="forever")

    def test_no_status(self) -> None:
        """Consul knows three."""
        self.assert_noted({"TTL": "1s"}, "'good'", ttl="1s", initial_status="good")

    def test_kinds_that_are_not_supported(self) -> None:
        """The service is registered without a check, and that is said."""
        self.assert_noted(None, "SERVICE_CHECK_DOCKER is not supported", docker="true")
        self.assert_noted(None, "SERVICE_CHECK_ALIAS is not supported", alias="web")
