"""One route of one instance, as a service."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.control.registration import RouteRegistration, read_uri
from twisted_router.routing.uris import GrammarError

WEB = RouteRegistration("web.example.com", "10.0.0.5", 9100)


class RouteRegistrationTests(SynchronousTestCase):
    """RouteRegistration."""

    def test_the_id_is_of_the_route_and_the_place_alone(self) -> None:
        for same in (
            replace(WEB, ttl_s=1.0),
            replace(WEB, service="other"),
            replace(WEB, meta={"a": "b"}),
            replace(WEB, https=True),
        ):
            self.assertEqual(WEB.id, same.id)
        others = [
            replace(WEB, uri="web.example.com/a"),
            replace(WEB, uri="web-example.com"),
            replace(WEB, address="10.0.0.6"),
            replace(WEB, port=9101),
        ]
        self.assertEqual(5, len({one.id for one in [WEB, *others]}))

    def test_an_id_stays_what_it_is(self) -> None:
        # Otherwise a new version could not take back what an old one registered.
        self.assertEqual("route-web-example-com-10.0.0.5:9100-b2d335eb1075", WEB.id)

    def test_a_service_is_named_after_its_host(self) -> None:
        for uri, expected in (
            ("web.example.com/a/b", "web-example-com"),
            ("*.example.com", "any-example-com"),
            ("[::1]/", "1"),
            ("/static", "any"),
        ):
            self.assertEqual(expected, replace(WEB, uri=uri).name)
        self.assertEqual("web", replace(WEB, service="web").name)

    def test_the_route_is_in_meta(self) -> None:
        web = replace(WEB, meta={"app": "web"})
        self.assertEqual({"app": "web", "uris": "web.example.com"}, web.full_meta)
        self.assertEqual([], web.tags)

    def test_what_meta_cannot_say_is_a_tag(self) -> None:
        long_path = "/" + "x" * 600
        for changed, expected in (
            (replace(WEB, https=True), "urlprefix-web.example.com/ proto=https"),
            (replace(WEB, uri="web.example.com/a,b"), "urlprefix-web.example.com/a,b"),
            (
                replace(WEB, uri="h" + long_path, tag_prefix="route-"),
                f"route-h{long_path}",
            ),
        ):
            self.assertEqual([expected], changed.tags)
            self.assertEqual({}, changed.full_meta)

    def test_the_check_lives_for_its_ttl(self) -> None:
        for ttl_s, expected in (
            (120.0, ("120000ms", "120s")),
            (1.5, ("1500ms", "60s")),
        ):
            check = replace(WEB, ttl_s=ttl_s).check
            assert check is not None
            self.assertEqual(
                (*expected, "passing", f"service:{WEB.id}"),
                (
                    check["TTL"],
                    check["DeregisterCriticalServiceAfter"],
                    check["Status"],
                    check["CheckID"],
                ),
            )

    def test_without_a_ttl_there_is_no_check(self) -> None:
        self.assertIsNone(replace(WEB, ttl_s=0.0).check)

    def test_a_place_is_an_address_with_a_port(self) -> None:
        self.assertEqual("10.0.0.5:9100", WEB.place)
        self.assertEqual("[::1]:9100", replace(WEB, address="::1").place)


class ReadUriTests(SynchronousTestCase):
    """read_uri()."""

    def test_a_route_has_one_form(self) -> None:
        for text, expected in (
            ("Web.Example.com", "web.example.com"),
            ("web.example.com/", "web.example.com"),
            ("web.example.com:80/a/", "web.example.com/a"),
            ("/a", "/a"),
            ("/", "/"),
        ):
            self.assertEqual(expected, read_uri(text))

    def test_what_is_none_is_refused(self) -> None:
        self.assertRaises(GrammarError, read_uri, "http://web.example.com")
