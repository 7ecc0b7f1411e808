"""gorouter's messages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.control.messages import (
    Action,
    Message,
    MessageError,
    read_message,
)
from twisted_router.control.registration import RouteRegistration

PATTERN = RouteRegistration("", "", 0)
PLACE = {"host": "10.0.0.5", "port": 9100}
WEB = RouteRegistration("web.example.com", "10.0.0.5", 9100)


def read(line: str | bytes, pattern: RouteRegistration = PATTERN) -> Message | None:
    """Read a line that registers unless it says otherwise."""
    text = line.encode() if isinstance(line, str) else line
    return read_message(text, Action.REGISTER, pattern)


def message(pattern: RouteRegistration = PATTERN, **fields: Any) -> Message:
    """Read a message with a place and these fields."""
    found = read(json.dumps({**PLACE, **fields}), pattern)
    assert found is not None
    return found


class MessageTests(SynchronousTestCase):
    """read_message()."""

    def one(self, **fields: Any) -> RouteRegistration:
        """The one registration of a message for web.example.com."""
        found = message(uris=["web.example.com"], **fields)
        self.assertEqual((), found.notes)
        (registration,) = found.registrations
        return registration

    def assertSkipped(self, reason: str, line: str | bytes) -> None:
        error = self.assertRaises(MessageError, read, line)
        self.assertEqual(reason, str(error))

    def test_each_uri_is_a_route_to_the_instance(self) -> None:
        found = message(uris=["Web.example.com", "web.example.com/a"])
        self.assertEqual(
            Message(Action.REGISTER, (WEB, replace(WEB, uri="web.example.com/a"))),
            found,
        )

    def test_the_subject_goes_before_what_the_command_says(self) -> None:
        body = json.dumps({**PLACE, "uris": ["web.example.com"]})
        for line, expected in (
            (body, Action.REGISTER),
            (f"router.register {body}", Action.REGISTER),
            (f"  router.unregister\t{body}\r", Action.UNREGISTER),
        ):
            found = read(line)
            assert found is not None
            self.assertEqual(expected, found.action)
            self.assertEqual((WEB.id,), tuple(one.id for one in found.registrations))

    def test_other_subjects_and_empty_lines_say_nothing(self) -> None:
        for line in ("", "  ", "router.greet {}", "router.start no JSON"):
            self.assertIsNone(read(line), line)

    def test_no_uris_ask_for_nothing(self) -> None:
        nothing: tuple[list[str] | None, ...] = ([], None)
        for uris in nothing:
            self.assertEqual((), message(uris=uris).registrations)

    def test_a_uri_that_is_none_is_left_out_alone(self) -> None:
        found = message(uris=["http://x", "web.example.com", "a b"])
        self.assertEqual((WEB,), found.registrations)
        self.assertEqual(2, len(found.notes))
        self.assertEqual(
            "uri 'http://x' is left out: write host/path, without the scheme",
            found.notes[0],
        )

    def test_app_index_and_tags_are_told_on(self) -> None:
        found = self.one(
            app="web",
            private_instance_index="3",
            private_instance_id="abc",
            availability_zone="z1",
            isolation_segment="s1",
            tags={"component": "c", "app": "another"},
            endpoint_updated_at_ns=1,
            options={"loadbalancing": "round-robin"},
            unknown={"a": 1},
        )
        self.assertEqual("web", found.name)
        self.assertEqual(
            {
                "component": "c",
                "app": "web",
                "index": "3",
                "private_instance_id": "abc",
                "availability_zone": "z1",
                "isolation_segment": "s1",
            },
            found.meta,
        )

    def test_the_name_that_was_given_goes_before_the_app(self) -> None:
        (found,) = message(
            replace(PATTERN, service="mine"), uris=["web.example.com"], app="web"
        ).registrations
        self.assertEqual("mine", found.name)

    def test_tags_that_meta_cannot_have_are_left_out(self) -> None:
        tags = {"uris": "evil.example.com", "consul-x": "1", "a b": "1", "k": "x" * 513}
        found = message(uris=["web.example.com"], tags={**tags, "kept": "1"})
        self.assertEqual(4, len(found.notes))
        self.assertEqual({"kept": "1"}, found.registrations[0].meta)

    def test_meta_has_room_for_the_route(self) -> None:
        tags = {f"k{number}": "v" for number in range(70)}
        (found,) = message(uris=["web.example.com"], tags=tags).registrations
        self.assertEqual(64, len(found.full_meta))

    def test_its_ttl_is_its_own_if_that_is_shorter(self) -> None:
        for own, expected_s in ((0, 120.0), (30, 30.0), (500, 120.0), (None, 120.0)):
            found = self.one(stale_threshold_in_seconds=own)
            self.assertEqual(expected_s, found.ttl_s)

    def test_its_ttl_ends_what_would_live_for_ever(self) -> None:
        forever = replace(PATTERN, ttl_s=0.0)
        for own, expected_s in ((0, 0.0), (30, 30.0)):
            (found,) = message(
                forever, uris=["web.example.com"], stale_threshold_in_seconds=own
            ).registrations
            self.assertEqual(expected_s, found.ttl_s)

    def test_a_tls_port_goes_before_the_other(self) -> None:
        found = self.one(tls_port=9443)
        self.assertEqual((9443, True), (found.port, found.https))
        found = self.one(tls_port=0)
        self.assertEqual((9100, False), (found.port, found.https))

    def test_null_is_nothing(self) -> None:
        self.assertEqual(WEB, self.one(app=None, tags=None, tls_port=None))

    def test_what_would_be_served_less_safely_is_refused(self) -> None:
        for fields, reason in (
            (
                {"route_service_url": "https://auth.example.com"},
                "route_service_url: there are no route services here, and without its "
                "own the route is not served",
            ),
            (
                {"tls_port": 443, "server_cert_domain_san": "x"},
                "server_cert_domain_san: the name in a certificate cannot be chosen "
                "here; the instance needs one for its address",
            ),
        ):
            self.assertSkipped(reason, json.dumps({**PLACE, "uris": ["a"], **fields}))

    def test_it_can_be_taken_back_all_the_same(self) -> None:
        line = json.dumps({**PLACE, "uris": ["web.example.com"], "tags": 1})
        found = read(f"router.unregister {line}")
        assert found is not None
        self.assertEqual(WEB.id, found.registrations[0].id)

    def test_fields_of_the_wrong_type_spoil_it(self) -> None:
        for fields, reason in (
            ({"host": 5}, "host is no text"),
            ({"host": "a b"}, "host 'a b' is no name or IP address"),
            ({"host": ""}, "host '' is no name or IP address"),
            ({"port": "9100"}, "port is no whole number"),
            ({"port": True}, "port is no whole number"),
            ({"port": 1.5}, "port is no whole number"),
            ({"port": -1}, "port is none from 0 to 65535"),
            ({"port": 65536}, "port is none from 0 to 65535"),
            ({"port": 0}, "there is no port"),
            ({"uris": "a"}, "uris is no list of text"),
            ({"uris": ["a", 1]}, "uris is no list of text"),
            ({"app": 1}, "app is no text"),
            ({"tags": []}, "tags is no object"),
            ({"tags": {"a": 1}}, "tags: 'a' is no text"),
            (
                {"stale_threshold_in_seconds": -1},
                "stale_threshold_in_seconds is below 0",
            ),
            (
                {"stale_threshold_in_seconds": "1"},
                "stale_threshold_in_seconds is no whole number",
            ),
        ):
            self.assertSkipped(reason, json.dumps({**PLACE, **fields}))

    def test_what_is_no_json_is_skipped(self) -> None:
        for line, reason in (
            ("nonsense", "no JSON"),
            ("{", "no JSON"),
            ("[" * 10_000, "no JSON"),
            ("[]", "no JSON object"),
            ("router.register 5", "no JSON object"),
            (b"\xff", "no UTF-8"),
        ):
            self.assertSkipped(reason, line)

    def test_ipv6_may_have_brackets(self) -> None:
        self.assertEqual("[::1]:9100", self.one(host="[::1]").place)
        self.assertEqual("[::1]:9100", self.one(host="::1").place)

    @given(
        st.dictionaries(
            st.sampled_from(["host", "port", "tls_port", "uris", "app", "tags"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
                max_leaves=5,
            ),
        )
    )
    def test_whatever_comes_is_read_or_skipped(self, fields: dict[str, Any]) -> None:
        try:
            read(json.dumps(fields))
        except MessageError as error:
            self.assertNotEqual("", str(error))
