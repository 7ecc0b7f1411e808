"""Access by address: what rules are read as, and whom they admit."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import AccessRule
from twisted_router.routing.access import admitted, parse_access_rule
from twisted_router.routing.uris import GrammarError


def rule(text: str) -> AccessRule:
    """A rule as a tag has it: ``allow=ip:10.0.0.0/8``."""
    kind, _, items = text.partition("=")
    return parse_access_rule(items, kind == "allow")


class GrammarTests(SynchronousTestCase):
    """The value of allow= and deny=."""

    def test_addresses_and_networks_of_both_families(self) -> None:
        expected = ("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::1/128")
        items = "ip:10.0.0.0/8,ip:192.0.2.1,ip:2001:db8::/32,ip:::1"
        self.assertEqual(
            AccessRule(True, tuple(ip_network(text) for text in expected)),
            parse_access_rule(items, True),
        )

    def test_bits_of_the_host_do_not_matter(self) -> None:
        self.assertEqual(rule("deny=ip:10.0.0.0/8"), rule("deny=ip:10.1.2.3/8"))

    def test_an_ipv4_network_written_as_ipv6_is_one_of_ipv4(self) -> None:
        self.assertEqual(
            rule("deny=ip:10.0.0.0/8"), rule("deny=ip:::ffff:10.0.0.0/104")
        )

    def test_a_malformed_part_refuses_the_whole_rule(self) -> None:
        for items in (
            "",
            "10.0.0.0/8",
            "ip:",
            "ip",
            "net:10.0.0.0/8",
            "ip:10.0.0.0/33",
            "ip:10.0.0.0/",
            "ip:10.0.0.0/255.0.0.0",
            "ip:10.0.0",
            "ip:10.0.0.01",
            "ip:10.0.0.0/8/8",
            "ip:::1/129",
            "ip:fe80::1%eth0",
            "ip:[::1]",
            "ip:example.com",
            "ip:10.0.0.1,",
            "ip:10.0.0.1,ip:nonsense",
            "ip:10.0.0.1, ip:10.0.0.2",
        ):
            self.assertRaises(GrammarError, parse_access_rule, items, True)

    def test_a_rule_is_shown_as_it_could_be_written(self) -> None:
        text = "deny=ip:10.0.0.0/8,ip:::1/128"
        self.assertEqual(text, str(rule(text)))


class AdmissionTests(SynchronousTestCase):
    """Who may ask."""

    def admits(self, text: str, peer: bytes, forwarded_for: bytes = b"") -> bool:
        return admitted([rule(text)], peer, forwarded_for)

    def test_allow_lets_in_who_is_listed(self) -> None:
        self.assertTrue(self.admits("allow=ip:10.0.0.0/8,ip:::1", b"10.9.8.7"))
        self.assertTrue(self.admits("allow=ip:10.0.0.0/8,ip:::1", b"::1"))

    def test_allow_keeps_out_who_is_not(self) -> None:
        for peer in (b"11.0.0.1", b"::2", b"::a00:1"):
            self.assertFalse(self.admits("allow=ip:10.0.0.0/8,ip:::1", peer), peer)

    def test_deny_keeps_out_who_is_listed(self) -> None:
        self.assertFalse(self.admits("deny=ip:10.0.0.0/8", b"10.9.8.7"))

    def test_deny_lets_in_who_is_not(self) -> None:
        for peer in (b"11.0.0.1", b"::1", b"fe80::1%eth0"):
            self.assertTrue(self.admits("deny=ip:10.0.0.0/8", peer), peer)

    def test_everybody_on_the_way_must_be_admitted(self) -> None:
        allow, deny = "allow=ip:10.0.0.0/8", "deny=ip:192.0.2.0/24"
        self.assertTrue(self.admits(allow, b"10.0.0.1", b"10.0.0.2, 10.0.0.3"))
        self.assertFalse(self.admits(allow, b"10.0.0.1", b"198.51.100.1, 10.0.0.3"))
        self.assertFalse(self.admits(deny, b"10.0.0.1", b"10.0.0.2,192.0.2.7"))

    def test_a_forged_field_opens_nothing(self) -> None:
        self.assertFalse(self.admits("allow=ip:10.0.0.0/8", b"192.0.2.1", b"10.0.0.1"))
        self.assertFalse(self.admits("deny=ip:192.0.2.1", b"192.0.2.1", b"10.0.0.1"))

    def test_what_is_no_address_is_admitted_by_no_rule(self) -> None:
        for hop in (b"unknown", b"10.0.0.256", b"example.com", b"[::1", b"\xff", b"10"):
            for text in ("allow=ip:0.0.0.0/0,ip:::/0", "deny=ip:192.0.2.1"):
                self.assertFalse(self.admits(text, b"10.0.0.1", hop), hop)
        self.assertFalse(self.admits("deny=ip:192.0.2.1", b""))

    def test_ports_and_brackets_of_other_proxies_are_no_part_of_an_address(
        self,
    ) -> None:
        for hop in (b"10.0.0.1:4711", b"[::1]", b"[::1]:4711", b"::1"):
            self.assertTrue(
                self.admits("allow=ip:10.0.0.0/8,ip:::1", b"10.0.0.1", hop), hop
            )

    def test_an_ipv4_address_written_as_ipv6_is_one_of_ipv4(self) -> None:
        self.assertFalse(self.admits("deny=ip:10.0.0.0/8", b"::ffff:10.0.0.1"))
        self.assertFalse(
            self.admits("deny=ip:10.0.0.0/8", b"::1", b"[::ffff:10.0.0.1]:1")
        )

    def test_empty_elements_do_not_count(self) -> None:
        self.assertTrue(
            self.admits("allow=ip:10.0.0.0/8", b"10.0.0.1", b" ,,\t10.0.0.2 , ")
        )

    def test_a_way_of_very_many_hops_is_not_followed(self) -> None:
        hops = b",".join(b"10.0.0.%d" % n for n in range(2, 102))
        self.assertFalse(self.admits("deny=ip:192.0.2.1", b"10.0.0.1", hops))
        self.assertTrue(self.admits("deny=ip:192.0.2.1", b"10.0.0.1", hops[:200]))

    def test_all_rules_must_admit(self) -> None:
        rules = [rule("allow=ip:10.0.0.0/8"), rule("deny=ip:10.0.0.1")]
        self.assertTrue(admitted(rules, b"10.0.0.2", b""))
        self.assertFalse(admitted(rules, b"10.0.0.1", b""))
        self.assertFalse(admitted(rules, b"11.0.0.1", b""))
