"""Which Host and Origin the catalog takes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.discovery.catalog.model import RefusedError
from twisted_router.discovery.catalog.visitors import admit


def refusal(host: str, origin: str | None = None) -> str:
    """Why a request with these headers is refused; ``""`` if it is not."""
    try:
        admit(host, origin)
    except RefusedError as error:
        if error.status != 403:
            raise
        return str(error)
    return ""


class AdmitTests(SynchronousTestCase):
    """admit()."""

    def test_addresses_and_localhost_pass(self) -> None:
        for host in (
            "",
            "127.0.0.1",
            "127.0.0.1:8500",
            "10.0.0.5:8500",
            "[::1]",
            "[::1]:8500",
            "localhost",
            "LocalHost:8500",
            "localhost.:8500",
            "catalog.localhost:8500",
        ):
            self.assertEqual("", refusal(host), host)

    def test_a_name_that_dns_could_have_pointed_here_is_refused(self) -> None:
        for host in (
            "evil.example",
            "evil.example:8500",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "127.0.0.1:8500:evil.example",
            "[evil.example]",
            "[::1",
            "127.1",
            "2130706433",
        ):
            self.assertEqual(
                f'Host "{host}" is refused: use an IP address or localhost',
                refusal(host),
            )

    def test_the_page_of_another_server_is_refused(self) -> None:
        for origin in (
            "http://evil.example",
            "http://localhost",
            "http://localhost:8081",
            "null",
            "",
            "http://[",
        ):
            self.assertEqual(
                f'Origin "{origin}" is refused: no page may use this',
                refusal("localhost:8500", origin),
            )

    def test_an_origin_that_is_our_own_passes(self) -> None:
        self.assertEqual("", refusal("localhost:8500", "http://localhost:8500"))

    def test_an_origin_without_a_host_is_refused(self) -> None:
        self.assertNotEqual("", refusal("", "http://"))
