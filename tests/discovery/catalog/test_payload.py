"""From the bodies of requests to services and checks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.discovery.catalog.check_payload import read_check, read_update
from twisted_router.discovery.catalog.model import (
    Check,
    CheckStatus,
    CheckType,
    HttpTarget,
    Probe,
    RefusedError,
    Service,
    ServiceAddress,
    TcpTarget,
)
from twisted_router.discovery.catalog.payload import read_registration
from twisted_router.model import Weights


def registration(**fields: Any) -> tuple[Service, tuple[Check, ...]]:
    """What a registration of service ``web`` with these fields is read as."""
    return read_registration(json.dumps({"Name": "web", **fields}).encode())


class PayloadTestCase(SynchronousTestCase):
    """Knows refusals."""

    def assertRefused(
        self, expected: str, read: Callable[..., object], *args: Any, **fields: Any
    ) -> None:
        error = self.assertRaises(RefusedError, read, *args, **fields)
        self.assertEqual((400, expected), (error.status, str(error)))


class ServiceTests(PayloadTestCase):
    """read_registration(): the service."""

    def test_the_id_is_the_name_unless_given(self) -> None:
        self.assertEqual((Service("web", "web"), ()), registration())
        self.assertEqual((Service("web-1", "web"), ()), registration(ID="web-1"))

    def test_every_field_is_kept(self) -> None:
        service, _ = registration(
            ID="web-1",
            Tags=["b", "a", "b"],
            Address="host.example",
            Port=80,
            Meta={"k": "v"},
            Weights={"Passing": 3, "Warning": 2},
            TaggedAddresses={"wan": {"Address": "1.2.3.4", "Port": 5}},
            EnableTagOverride=True,
        )
        expected = Service(
            id="web-1",
            name="web",
            tags=("b", "a", "b"),
            address="host.example",
            port=80,
            meta={"k": "v"},
            weights=Weights(3, 2),
            tagged_addresses={"wan": ServiceAddress("1.2.3.4", 5)},
            enable_tag_override=True,
        )
        self.assertEqual(expected, service)

    def test_an_ip_address_is_tagged_for_lan_and_wan(self) -> None:
        service, _ = registration(
            Address="fd00::1",
            Port=80,
            TaggedAddresses={"wan_ipv6": {"Address": "fd00::2", "Port": 5}},
        )
        self.assertEqual(
            {
                "lan_ipv6": ServiceAddress("fd00::1", 80),
                "wan_ipv6": ServiceAddress("fd00::2", 5),
            },
            service.tagged_addresses,
        )

    def test_a_service_needs_a_name(self) -> None:
        for body in (b"{}", b"null", b'{"Name": ""}', b'{"ID": "x"}'):
            self.assertRefused("Missing service name", read_registration, body)

    def test_an_address_for_all_is_no_address(self) -> None:
        for address in ("0.0.0.0", "::", "[::]"):
            self.assertRefused(
                "Invalid service address",
                registration,
                Address=address,
            )

    def test_connect_is_refused(self) -> None:
        for field in ({"Kind": "connect-proxy"}, {"Connect": {"Native": True}}):
            self.assertRefused(
                "Connect is not in this development catalog",
                registration,
                **field,
            )

    def test_weights_have_consuls_limits(self) -> None:
        for weights, fault in (
            ({}, "Passing must be greater than 0"),
            ({"Passing": -1}, "Passing must be greater than 0"),
            ({"Passing": 1, "Warning": -1}, "Warning must be greater or equal than 0"),
            ({"Passing": 70000}, "DNS Weight must be between 0 and 65535"),
        ):
            self.assertRefused(
                f"Invalid Weights: {fault}",
                registration,
                Weights=weights,
            )

    def test_a_weight_that_is_left_out_is_nothing(self) -> None:
        self.assertEqual(Weights(5, 0), registration(Weights={"Passing": 5})[0].weights)

    def test_meta_has_consuls_limits(self) -> None:
        long_key, long_value = "k" * 129, "v" * 513
        for key, value, fault in (
            ("bad key", "v", "Key contains invalid characters"),
            ("", "v", "Key cannot be blank"),
            ("consul-x", "v", "Key prefix 'consul-' is reserved for internal use"),
            (long_key, "v", "Key is too long (limit: 128 characters)"),
            ("k", long_value, "Value is too long (limit: 512 characters)"),
        ):
            self.assertRefused(
                "Invalid Service Meta: Couldn't load metadata pair "
                f"('{key}', '{value}'): {fault}",
                registration,
                Meta={key: value},
            )

    def test_meta_of_the_longest_size_is_kept(self) -> None:
        meta = {f"{number:0128}": "v" * 512 for number in range(64)}
        self.assertEqual(meta, registration(Meta=meta)[0].meta)

    def test_meta_with_a_pair_too_many_is_refused(self) -> None:
        self.assertRefused(
            "Invalid Service Meta: Node metadata cannot contain more than 64 key/value "
            "pairs",
            lambda: registration(Meta={f"k{number}": "" for number in range(65)}),
        )


class ServiceCheckTests(PayloadTestCase):
    """read_registration(): the checks."""

    def test_a_single_check_is_called_after_its_service(self) -> None:
        _, checks = registration(ID="web-1", Check={"TTL": "30s", "Notes": "n"})
        expected = Check(
            id="service:web-1",
            name="Service 'web' check",
            service_id="web-1",
            status=CheckStatus.CRITICAL,
            notes="n",
            ttl_s=30.0,
        )
        self.assertEqual((expected,), checks)

    def test_several_checks_are_numbered_unless_they_have_an_id(self) -> None:
        _, checks = registration(
            Check={"TTL": "1s"},
            Checks=[{"TTL": "2s", "CheckID": "own", "Name": "n"}, {"TTL": "3s"}],
        )
        self.assertEqual(
            [
                ("service:web:1", "Service 'web' check", 1.0),
                ("own", "n", 2.0),
                ("service:web:3", "Service 'web' check", 3.0),
            ],
            [(check.id, check.name, check.ttl_s) for check in checks],
        )

    def test_the_first_status_may_be_given(self) -> None:
        _, checks = registration(Check={"TTL": "1s", "Status": "warning"})
        self.assertEqual([CheckStatus.WARNING], [check.status for check in checks])

    def test_critical_lasts_a_minute_at_least_before_deregistration(self) -> None:
        for given, expected_s in (("10s", 60.0), ("90m", 5400.0), ("0s", 0.0)):
            _, checks = registration(
                Check={"TTL": "1s", "DeregisterCriticalServiceAfter": given}
            )
            self.assertEqual(expected_s, checks[0].deregister_after_s)

    def test_an_empty_check_is_none(self) -> None:
        self.assertEqual((), registration(Check={}, Checks=[])[1])
        self.assertEqual((), registration(Check={"Name": ""})[1])

    def test_an_empty_check_in_a_list_is_a_mistake(self) -> None:
        self.assertRefused(
            "Invalid check: TTL must be > 0 for TTL checks",
            lambda: registration(Checks=[{}]),
        )

    def test_a_check_is_refused_in_consuls_words(self) -> None:
        for check, refusal in (
            (
                {"TTL": "10s", "Interval": "5s"},
                "Invalid check: Interval and TTL cannot both be specified",
            ),
            (
                {"HTTP": "http://127.0.0.1/"},
                "Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks",
            ),
            (
                {"HTTP": "http://127.0.0.1/", "Interval": "5s", "OutputMaxSize": -1},
                "Invalid check: MaxOutputMaxSize must be positive",
            ),
            (
                {"HTTP": "http://127.0.0.1/", "Interval": "5s", "Header": {"a": "b"}},
                "Request decode failed: json: cannot unmarshal string into Go struct "
                "field .Check.Header of type []",
            ),
            ({"TTL": "-5s"}, "Invalid check: TTL must be > 0 for TTL checks"),
            (
                {"TTL": "10s", "Status": "bad"},
                "Status for checks must 'passing', 'warning', 'critical'",
            ),
            (
                {"TTL": "10s", "check_id": "x"},
                'Request decode failed: json: unknown field "check_id"',
            ),
        ):
            self.assertRefused(refusal, registration, Check=check)

    def test_checks_that_are_not_run_here_are_refused_by_name(self) -> None:
        for check, kind in (
            ({"GRPC": "127.0.0.1:80", "Interval": "5s"}, "gRPC"),
            ({"Args": ["true"], "Interval": "5s"}, "Script"),
            ({"ScriptArgs": ["true"], "Interval": "5s"}, "Script"),
            ({"AliasService": "other"}, "Alias"),
        ):
            self.assertRefused(
                f"Invalid check: {kind} checks are not run by this development "
                "catalog; use a TTL, HTTP or TCP check, or a Consul agent",
                registration,
                Check=check,
            )


class ProbeTests(SynchronousTestCase):
    """Checks that the catalog runs."""

    def check(self, **fields: Any) -> Check:
        """The one check of a registration."""
        _, (check,) = registration(Check=fields)
        return check

    def probe(self, **fields: Any) -> Probe:
        """What is run for it."""
        probe = self.check(**fields).probe
        assert probe is not None
        return probe

    def test_a_url_is_asked_for_as_it_says(self) -> None:
        check = self.check(
            HTTP="https://127.0.0.1/health",
            Method="POST",
            Header={"X-A": ["1", "2"], "Host": ["h"]},
            Body="b",
            TLSSkipVerify=True,
            Interval="20s",
            Timeout="3s",
            OutputMaxSize=10,
            SuccessBeforePassing=2,
            FailuresBeforeCritical=3,
        )
        target = HttpTarget(
            "https://127.0.0.1/health",
            "POST",
            (("X-A", ("1", "2")), ("Host", ("h",))),
            "b",
            verify=False,
        )
        self.assertEqual(Probe(target, 20.0, 3.0, 10, 2, 3), check.probe)
        self.assertEqual(
            (CheckType.HTTP, CheckStatus.CRITICAL, 0.0),
            (check.type, check.status, check.ttl_s),
        )

    def test_an_address_is_connected_to(self) -> None:
        check = self.check(TCP="127.0.0.1:80", Interval="20s", Status="passing")
        self.assertEqual(Probe(TcpTarget("127.0.0.1:80"), 20.0, 10.0), check.probe)
        self.assertEqual(
            (CheckType.TCP, CheckStatus.PASSING), (check.type, check.status)
        )

    def test_a_url_goes_before_an_address(self) -> None:
        probe = self.probe(HTTP="http://h/", TCP="h:1", Interval="1s")
        self.assertEqual(HttpTarget("http://h/"), probe.target)

    def test_an_interval_is_a_second_at_least(self) -> None:
        self.assertEqual(1.0, self.probe(TCP="h:1", Interval="10ms").interval_s)

    def test_a_run_has_ten_seconds_or_what_it_is_given(self) -> None:
        url, address = {"HTTP": "http://h/"}, {"TCP": "h:1"}
        for fields, expected_s in (
            ({**url, "Interval": "60s"}, 10.0),
            ({**url, "Interval": "5s"}, 5.0),
            ({**url, "Interval": "5s", "Timeout": "-1s"}, 5.0),
            ({**url, "Interval": "5s", "Timeout": "8s"}, 8.0),
            ({**address, "Interval": "5s"}, 10.0),
            ({**address, "Interval": "5s", "Timeout": "20ms"}, 0.02),
            ({**address, "Interval": "5s", "Timeout": "2h"}, 60.0),
        ):
            self.assertEqual(expected_s, self.probe(**fields).timeout_s, fields)

    def test_of_an_output_is_kept_what_one_says_within_bounds(self) -> None:
        for size, expected in ((0, 4096), (1, 1), (1_000_000, 65536)):
            probe = self.probe(TCP="h:1", Interval="5s", OutputMaxSize=size)
            self.assertEqual(expected, probe.output_limit_bytes)


class CheckTests(PayloadTestCase):
    """read_check() and read_update()."""

    def test_a_check_is_called_by_its_name_unless_it_has_an_id(self) -> None:
        self.assertEqual(
            Check("alive", "alive", ttl_s=5.0),
            read_check(b'{"Name": "alive", "TTL": "5s"}'),
        )
        self.assertEqual(
            Check("c1", "alive", "web", CheckStatus.PASSING, "n", ttl_s=5.0),
            read_check(
                b'{"ID": "c1", "Name": "alive", "service_id": "web", "Notes": "n",'
                b' "Status": "passing", "TTL": "5s"}'
            ),
        )

    def test_a_check_is_refused_in_the_words_of_its_own_endpoint(self) -> None:
        for body, refusal in (
            (b"{}", "Missing check name"),
            (b'{"Name": "n"}', "Invalid check: TTL must be > 0 for TTL checks"),
            (b'{"Name": "n", "TTL": "1s", "Status": "bad"}', "Bad check status"),
            (
                b'{"Name": "n", "CheckID": "x"}',
                'Request decode failed: json: unknown field "CheckID"',
            ),
        ):
            self.assertRefused(refusal, read_check, body)

    def test_an_update_has_a_status_and_an_output(self) -> None:
        self.assertEqual(
            (CheckStatus.WARNING, "slow"),
            read_update(b'{"Status": "warning", "Output": "slow"}'),
        )

    def test_an_update_needs_a_status_that_exists(self) -> None:
        for body, given in ((b"{}", ""), (b'{"status": "bad"}', "bad")):
            self.assertRefused(f"Invalid check status: '{given}'", read_update, body)
