"""Tests of twisted_router.routing.ownership."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.routing.ownership import HostOwner, HostOwnership
from twisted_router.routing.uris import GrammarError


class HostOwnershipTests(SynchronousTestCase):
    """Who may claim what."""

    ownership = HostOwnership(
        [
            HostOwner("admin.shop.example.com", ("admin",)),
            HostOwner("*.shop.example.com", ("shop-*", "till")),
            HostOwner("*", ("edge-?",)),
        ]
    )

    def may(self, service: str, host: str) -> bool:
        """Whether a claim passes."""
        try:
            self.ownership.check(service, host)
        except GrammarError:
            return False
        return True

    def test_without_owners_everybody_may_claim_everything(self) -> None:
        HostOwnership().check("any", "")

    def test_the_first_owner_whose_hosts_match_decides(self) -> None:
        for service, host, expected in (
            ("admin", "admin.shop.example.com", True),
            ("shop-web", "admin.shop.example.com", False),
            ("shop-web", "www.shop.example.com", True),
            ("till", "a.b.shop.example.com", True),
            ("blog", "www.shop.example.com", False),
            ("edge-1", "www.shop.example.com", False),
            ("edge-1", "shop.example.com", True),
            ("edge-10", "shop.example.com", False),
        ):
            with self.subTest(service=service, host=host):
                self.assertEqual(expected, self.may(service, host))

    def test_a_wildcard_is_claimed_like_what_it_covers(self) -> None:
        self.assertEqual(
            [True, False],
            [self.may(name, "*.shop.example.com") for name in ("shop-web", "blog")],
        )

    def test_any_host_is_a_host_that_only_a_star_matches(self) -> None:
        ownership = HostOwnership([HostOwner("?*", ("a",)), HostOwner("*", ("b",))])
        ownership.check("b", "")
        with self.assertRaisesRegex(GrammarError, "any host is kept for .* b "):
            ownership.check("a", "")

    def test_case_does_not_count(self) -> None:
        HostOwnership([HostOwner("A.example.com", ("Web",))]).check(
            "WEB", "a.example.com"
        )

    def test_who_may_is_named(self) -> None:
        with self.assertRaises(GrammarError) as raised:
            self.ownership.check("blog", "www.shop.example.com")
        self.assertEqual(
            "www.shop.example.com is kept for services named shop-* or till "
            "(consul.host_owners: *.shop.example.com)",
            str(raised.exception),
        )

    def test_other_characters_stand_for_themselves(self) -> None:
        for hosts, other in (("a.b", "aXb"), ("[::1]", ":")):
            ownership = HostOwnership([HostOwner(hosts, ("x",))])
            ownership.check("y", other)
            self.assertRaises(GrammarError, ownership.check, "y", hosts)
