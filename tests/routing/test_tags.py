"""Tests of twisted_router.routing.tags."""

from ipaddress import IPv4Network

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.model import AccessRule, Redirect, TargetOptions
from twisted_router.routing.tags import AccessRuleError, ParsedTag, parse_tag
from twisted_router.routing.uris import GrammarError

PREFIX = "urlprefix-"


def parse(text: str) -> ParsedTag | None:
    """Parse ``text`` after the prefix, in datacenter dc1, where staff can log in."""
    return parse_tag(PREFIX + text, PREFIX, "dc1", frozenset({"staff"}))


def options(words: str) -> TargetOptions:
    """What these options mean."""
    tag = parse(f"/ {words}")
    assert tag is not None
    return tag.options


class RouteTests(SynchronousTestCase):
    """Which routes a tag makes."""

    def test_forms_of_routes(self) -> None:
        expected = {
            "/": ("", "/"),
            "/foo": ("", "/foo"),
            "/foo/": ("", "/foo"),
            "Foo.com/Bar": ("foo.com", "/Bar"),
            "foo.com/": ("foo.com", "/"),
            "*.foo.com/": ("*.foo.com", "/"),
            "foo.com:80/x": ("foo.com", "/x"),
            "$DC.foo.com/": ("dc1.foo.com", "/"),
            "${DC}x.foo.com/$DC": ("dc1x.foo.com", "/dc1"),
            "foo.com/my%20path": ("foo.com", "/my%20path"),
            " foo.com/ ": ("foo.com", "/"),
        }
        actual = {text: parse(text) for text in expected}
        self.assertEqual({t: ParsedTag(key) for t, key in expected.items()}, actual)

    def test_blanks_around_the_whole_tag_are_trimmed(self) -> None:
        self.assertEqual(
            ParsedTag(("foo.com", "/")), parse_tag("  urlprefix-foo.com/ ", PREFIX)
        )

    def test_other_tags_are_not_about_routing(self) -> None:
        for tag in ("v1", "", "URLPREFIX-foo.com/", "x urlprefix-foo.com/"):
            self.assertIdentical(None, parse_tag(tag, PREFIX))

    def test_the_prefix_can_be_another_one(self) -> None:
        self.assertEqual(ParsedTag(("a", "/")), parse_tag("edge:a/", "edge:"))

    def test_refused_routes_say_what_to_write(self) -> None:
        expected = {
            "": "write host/path",
            "foo.com": "write urlprefix-foo.com/",
            ":1234": "TCP listeners are not supported yet",
            "10.0.0.1:1234": "write urlprefix-10.0.0.1/",
            "[::1]:1234": "write urlprefix-[::1]/",
            "foo.com:8443/x": "write foo.com without :8443",
            "$HOME.foo.com/": "$HOME is no variable",
            "$DCX.foo.com/": "$DCX is no variable",
            "foo.com/$": "$ is no variable",
            "foo.com/a?b": "'?'",
            "http://foo.com/": "without the scheme",
            "föö.com/": "xn--",
            "foo.com/\tstrip=/x": "blanks",
        }
        for text, reason in expected.items():
            error = self.assertRaises(GrammarError, parse, text)
            self.assertIn(reason, str(error), text)
            self.assertNotIsInstance(error, AccessRuleError)

    def test_the_datacenter_is_refused_while_it_is_not_known(self) -> None:
        error = self.assertRaises(
            GrammarError, parse_tag, "urlprefix-$DC.foo.com/", PREFIX
        )
        self.assertIn("not known", str(error))


class OptionTests(SynchronousTestCase):
    """What tags say of their targets."""

    def test_the_supported_options_together(self) -> None:
        self.assertEqual(
            ParsedTag(("", "/foo"), TargetOptions("/foo", "/bar", "dst", 0.25)),
            parse("/foo strip=/foo prepend=/bar host=dst weight=0.25"),
        )

    def test_extra_blanks_are_accepted(self) -> None:
        self.assertEqual(
            ParsedTag(("", "/"), TargetOptions(strip="/x", host="dst")),
            parse("/  strip=/x \t host=dst"),
        )

    def test_a_slash_at_the_end_of_a_prefix_is_dropped(self) -> None:
        self.assertEqual(
            ParsedTag(("", "/"), TargetOptions(strip="/x", prepend="")),
            parse("/ strip=/x/ prepend=/"),
        )

    def test_hosts_to_send_are_literal(self) -> None:
        for host in ("Inner.Example", "inner.example:8080", "[::1]:80", "10.0.0.1"):
            self.assertEqual(
                ParsedTag(("", "/"), TargetOptions(host=host)), parse(f"/ host={host}")
            )

    def test_weights_in_all_notations(self) -> None:
        expected = {"1": 1.0, "0.5": 0.5, ".5": 0.5, "1.": 1.0, "5e-1": 0.5}
        for text, weight in expected.items():
            self.assertEqual(
                ParsedTag(("", "/"), TargetOptions(weight=weight)),
                parse(f"/ weight={text}"),
            )

    def test_plain_http_is_what_it_is_anyway(self) -> None:
        self.assertEqual(ParsedTag(("", "/")), parse("/ proto=http"))

    def test_refused_values_name_their_option(self) -> None:
        for word in (
            "strip=x",
            "strip=/ä",
            "prepend=/a?b",
            "host=a/b",
            "host=a,b",
            "host=bücher.example",
            "weight=0",
            "weight=-0.5",
            "weight=1.5",
            "weight=half",
            "weight=nan",
            "weight=inf",
            "weight=1_0",
            "weight=1e-999",
            "redirect=301",
            "redirect=200,https://$host$path",
            "redirect=301,/path",
            "allow=10.0.0.0/8",
            "deny=ip:10.0.0.0/8,ip:x",
            "auth=b@sic",
            "proto=HTTPS",
            "proto=ftp",
            "tlsskipverify=yes",
        ):
            error = self.assertRaises(GrammarError, parse, f"/ {word}")
            self.assertIn(f"option {word.partition('=')[0]}: ", str(error), word)

    def test_options_without_value_or_given_twice_are_refused(self) -> None:
        for words, reason in (
            ("strip", "no value"),
            ("strip=", "no value"),
            ("strip=/a strip=/b", "twice"),
        ):
            error = self.assertRaises(GrammarError, parse, f"/ {words}")
            self.assertIn(reason, str(error))

    def test_an_unknown_option_is_refused_with_the_nearest_known(self) -> None:
        for word, hint in (("wieght=0.5", "weight"), ("Strip=/x", "strip")):
            error = self.assertRaises(GrammarError, parse, f"/ {word}")
            self.assertIn(f"did you mean {hint}?", str(error))

    def test_an_option_like_no_other_gets_no_hint(self) -> None:
        error = self.assertRaises(GrammarError, parse, "/ zzzzzz=1")
        self.assertEqual("unknown option 'zzzzzz'", str(error))

    def test_a_redirect_is_taken_apart(self) -> None:
        self.assertEqual(
            TargetOptions(
                strip="/x", redirect=Redirect(301, "https", "$host", "$path")
            ),
            options("strip=/x redirect=301,https://$host$path"),
        )

    def test_access_rules_of_both_kinds(self) -> None:
        network = IPv4Network("10.0.0.0/8")
        for word, allow in (("allow", True), ("deny", False)):
            self.assertEqual(
                TargetOptions(access=AccessRule(allow, (network,))),
                options(f"{word}=ip:10.0.0.0/8"),
            )

    def test_a_scheme_of_the_configuration_can_be_demanded(self) -> None:
        self.assertEqual(TargetOptions(auth="staff"), options("auth=staff"))

    def test_an_unknown_scheme_is_refused_with_the_nearest_known(self) -> None:
        for name, hint in (("stuff", ": did you mean staff?"), ("zzz", "")):
            error = self.assertRaises(GrammarError, parse, f"/ auth={name}")
            self.assertIn(f"has no scheme {name!r}{hint};", str(error))

    def test_tls_to_the_instance(self) -> None:
        for words, skip in (
            ("proto=https", False),
            ("proto=https tlsskipverify=false", False),
            ("tlsskipverify=true proto=https", True),
        ):
            self.assertEqual(
                TargetOptions(https=True, skip_verify=skip), options(words)
            )

    def test_not_to_verify_without_tls_is_a_mistake(self) -> None:
        for words in ("tlsskipverify=true", "proto=http tlsskipverify=true"):
            error = self.assertRaises(GrammarError, parse, f"/ {words}")
            self.assertIn("without proto=https", str(error))

    def test_options_of_fabio_that_are_not_built_yet_are_refused(self) -> None:
        for text, said in (
            (":1234 proto=tcp", "proto: tcp"),
            ("10.0.0.1:1234 proto=tcp", "proto: tcp"),
            ("foo.com proto=tcp", "proto: tcp"),
            ("/ proto=grpc", "proto: grpc"),
            ("/ proto=grpcs", "proto: grpcs"),
            ("/ pxyproto=true", "pxyproto"),
            ("/ register=name", "register"),
            ("/ grpcservername=name", "grpcservername"),
        ):
            error = self.assertRaises(GrammarError, parse, text)
            self.assertEqual(f"option {said} is not supported yet", str(error))


class AccessRuleTests(SynchronousTestCase):
    """Who asks for protection never gets a route without it."""

    def test_rules_that_cannot_be_used_name_the_route_to_close(self) -> None:
        for word in (
            "auth=basic",
            "allow=ip:10.0.0.0/33",
            "deny=1.2.3.4",
            "allow=ip:10.0.0.0/8 deny=ip:1.2.3.4",
            "allow=ip:10.0.0.0/8 allow=ip:1.2.3.4",
            "allow",
        ):
            error = self.assertRaises(AccessRuleError, parse, f"Foo.com/x/ {word}")
            self.assertEqual(("foo.com", "/x"), error.key)
            self.assertIn("503", str(error))

    def test_a_mistake_elsewhere_does_not_hide_the_rule(self) -> None:
        error = self.assertRaises(
            AccessRuleError, parse, "foo.com/ weight=9 auth=staff"
        )
        self.assertEqual(("foo.com", "/"), error.key)

    def test_a_misspelt_rule_is_still_a_rule(self) -> None:
        for word in ("alow=ip:10.0.0.1", "Auth=staff", "auth:staff", "dney"):
            error = self.assertRaises(AccessRuleError, parse, f"foo.com/ {word}")
            self.assertEqual(("foo.com", "/"), error.key, word)

    def test_a_rule_behind_another_blank_than_a_space_is_still_a_rule(self) -> None:
        error = self.assertRaises(AccessRuleError, parse, "foo.com/x\tauth=staff")
        self.assertEqual(("foo.com", "/x"), error.key)

    def test_a_rule_for_no_route_closes_none(self) -> None:
        error = self.assertRaises(AccessRuleError, parse, "foo.com auth=staff")
        self.assertIdentical(None, error.key)
