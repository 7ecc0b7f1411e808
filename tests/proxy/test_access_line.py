"""Tests of twisted_router.proxy.access_line."""

import os
import re
import time
from dataclasses import replace
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.schema import LoggingConfig
from twisted_router.model import Instance
from twisted_router.proxy.access_line import LineFormat, Record, escape

HEAD = (
    b"GET /things/42?page=3 HTTP/1.1\r\n"
    b"Host: web.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux)\r\n"
    b"Accept: */*\r\n"
    b"Referer: https://web.example.com/start\r\n"
    b"\r\n"
)
PLAIN = LoggingConfig()
INSTANCE = Instance(
    "web", "web-1", "10.0.0.1", 8080, meta={"app": "a-guid", "index": "2"}
)

_QUOTED = rb'"(?:[^"\\\n]|\\.)*"'
_SHAPE = re.compile(
    rb"\S+ - \[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\] Q (?:\d+|\"-\") \d+ \d+ Q Q Q Q"
    rb" x_forwarded_for:Q x_forwarded_proto:Q vcap_request_id:Q"
    rb" response_time:\d+\.\d{6} gorouter_time:\d+\.\d{6}"
    rb" app_id:Q app_index:Q instance_id:Q x_cf_routererror:Q x_extra:Q\n".replace(
        b"Q", _QUOTED
    )
)


def record(
    head: bytes = HEAD,
    received_at_s: float = 1700000000.125,
    status: int = 200,
    peer: bytes = b"192.0.2.7:51000",
    backend: bytes = b"10.0.0.1:8080",
    request_id: bytes = b"4f1c",
    response_time_s: float = 0.25,
    backend_time_s: float = 0.125,
    instance: Instance | None = INSTANCE,
    error: bytes = b"",
    host: bytes = b"",
    forwarded_for: bytes = b"",
) -> Record:
    """A record of one ordinary request, with what the test wants different."""
    return (
        head, received_at_s, status, 17, 1024, peer, backend, request_id,
        response_time_s, backend_time_s, instance, error, host, forwarded_for,
    )  # fmt: skip


def request(*fields: bytes) -> bytes:
    """A request head with these fields."""
    return b"\r\n".join((b"GET / HTTP/1.1", *fields, b"", b""))


def line(of: Record, *extra: str, config: LoggingConfig = PLAIN) -> str:
    """The line of a record."""
    return LineFormat(config, extra).line(of).decode("ascii")


class LineTests(SynchronousTestCase):
    """Fields, their order, and what stands for those that are missing."""

    def test_who_asked_for_what_is_written_as_it_was_understood(self) -> None:
        """It is not looked for in the head again."""
        text = line(record(host=b"a.example", forwarded_for=b"192.0.2.1, 192.0.2.7"))
        self.assertTrue(text.startswith("a.example - ["), text)
        self.assertIn('x_forwarded_for:"192.0.2.1, 192.0.2.7"', text)

    def test_who_sent_it_can_be_left_out(self) -> None:
        config = LoggingConfig(disable_log_forwarded_for=True)
        text = line(record(host=b"a", forwarded_for=b"192.0.2.1"), config=config)
        self.assertIn('x_forwarded_for:"-"', text)

    def test_a_served_request_has_every_field_in_gorouters_order(self) -> None:
        self.assertEqual(
            "web.example.com - [2023-11-14T22:13:20.125000000Z]"
            ' "GET /things/42?page=3 HTTP/1.1" 200 17 1024'
            ' "https://web.example.com/start" "Mozilla/5.0 (X11; Linux)"'
            ' "192.0.2.7:51000" "10.0.0.1:8080" x_forwarded_for:"192.0.2.7"'
            ' x_forwarded_proto:"http" vcap_request_id:"4f1c"'
            " response_time:0.250000 gorouter_time:0.125000"
            ' app_id:"a-guid" app_index:"2" instance_id:"web-1" x_cf_routererror:"-"\n',
            line(record()),
        )

    def test_what_is_missing_is_a_dash(self) -> None:
        self.assertEqual(
            '- - [2023-11-14T22:13:20.125000000Z] "-" "-" 17 1024 "-" "-" "-" "-"'
            ' x_forwarded_for:"-" x_forwarded_proto:"http" vcap_request_id:"-"'
            ' response_time:0.250000 gorouter_time:0.000000 app_id:"-" app_index:"-"'
            ' instance_id:"-" x_cf_routererror:"-" x_foo:"-"\n',
            line(
                record(b"", status=0, peer=b"", backend=b"", request_id=b"",
                       instance=None),
                "X-Foo",
            ),
        )  # fmt: skip

    def test_the_second_of_the_time_follows_the_record(self) -> None:
        lines = LineFormat(LoggingConfig(), ())
        times = [
            lines.line(record(received_at_s=at_s)).split(b"[")[1].split(b"]")[0]
            for at_s in (1700000000.0, 1700000000.5, 1700000001.25, 1700000000.75)
        ]
        self.assertEqual(
            [
                b"2023-11-14T22:13:20.000000000Z",
                b"2023-11-14T22:13:20.500000000Z",
                b"2023-11-14T22:13:21.250000000Z",
                b"2023-11-14T22:13:20.750000000Z",
            ],
            times,
        )

    def test_the_time_is_utc_wherever_the_machine_stands(self) -> None:
        self.addCleanup(time.tzset)
        with mock.patch.dict(os.environ, TZ="Asia/Tokyo"):
            time.tzset()
            self.assertEqual("JST", time.tzname[0])
            self.assertIn("[2023-11-14T22:13:20.", line(record()))

    def test_the_error_is_the_last_of_gorouters_fields(self) -> None:
        self.assertTrue(
            line(record(error=b"unknown_route")).endswith(
                ' x_cf_routererror:"unknown_route"\n'
            )
        )

    def test_a_request_that_never_met_an_instance_costs_gorouter_no_time(self) -> None:
        self.assertIn(
            " response_time:0.250000 gorouter_time:0.000000 ",
            line(record(backend=b"", backend_time_s=0.0)),
        )

    def test_clock_jitter_gives_no_negative_time(self) -> None:
        self.assertIn(
            " gorouter_time:0.000000 ",
            line(record(response_time_s=0.1, backend_time_s=0.100001)),
        )

    def test_names_of_fields_match_in_any_case(self) -> None:
        head = request(b"hOsT: h", b"USER-AGENT: ua", b"referer:r")
        self.assertRegex(line(record(head)), r'^h - .* "r" "ua" "192')

    def test_space_around_a_value_is_not_part_of_it(self) -> None:
        self.assertIn(' "agent 1" ', line(record(request(b"User-Agent:\t agent 1 \t"))))

    def test_names_that_only_begin_or_end_alike_are_others(self) -> None:
        head = request(b"X-Host: a", b"Hostname: b", b"X-User-Agent: c", b"Host: d")
        self.assertRegex(line(record(head)), r'^d - .* "-" "-" "192')

    def test_of_a_repeated_field_the_first_counts(self) -> None:
        head = request(b"User-Agent: one", b"User-Agent: two")
        self.assertIn(' "one" ', line(record(head)))

    def test_a_head_may_end_without_its_empty_line(self) -> None:
        self.assertEqual(
            line(record(HEAD)), line(record(HEAD.removesuffix(b"\r\n\r\n")))
        )

    def test_an_absolute_target_names_the_host(self) -> None:
        head = b"GET http://real.example.com/a HTTP/1.1\r\nHost: other\r\n\r\n"
        self.assertTrue(
            line(record(head)).startswith("real.example.com - "), line(record(head))
        )

    def test_a_url_in_the_query_does_not(self) -> None:
        head = b"GET /?to=http://other/ HTTP/1.1\r\nHost: real\r\n\r\n"
        self.assertTrue(line(record(head)).startswith("real - "))


class ForwardedTests(SynchronousTestCase):
    """The forwarded fields are shown as the instance got them."""

    def test_the_peer_is_appended_to_all_that_the_client_sent(self) -> None:
        head = request(
            b"X-Forwarded-For: 1.1.1.1", b"x-forwarded-for: 2.2.2.2, 3.3.3.3"
        )
        self.assertIn(
            ' x_forwarded_for:"1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7" ',
            line(record(head)),
        )

    def test_an_ipv6_peer_stands_without_brackets(self) -> None:
        self.assertIn(
            ' "[2001:db8::1]:51000" "10.0.0.1:8080" x_forwarded_for:"2001:db8::1" ',
            line(record(peer=b"[2001:db8::1]:51000")),
        )

    def test_the_clients_protocol_is_kept(self) -> None:
        head = request(b"X-Forwarded-Proto: https")
        self.assertIn(' x_forwarded_proto:"https" ', line(record(head)))

    def test_an_empty_protocol_is_none(self) -> None:
        head = request(b"X-Forwarded-Proto:")
        self.assertIn(' x_forwarded_proto:"http" ', line(record(head)))

    def test_forwarded_for_can_be_left_out(self) -> None:
        config = replace(LoggingConfig(), disable_log_forwarded_for=True)
        text = line(record(request(b"X-Forwarded-For: 1.1.1.1")), config=config)
        self.assertIn(' "192.0.2.7:51000" "10.0.0.1:8080" x_forwarded_for:"-" ', text)

    def test_the_source_address_can_be_left_out(self) -> None:
        config = replace(LoggingConfig(), disable_log_source_ip=True)
        self.assertIn(
            ' "-" "10.0.0.1:8080" x_forwarded_for:"192.0.2.7" ',
            line(record(), config=config),
        )


class ExtraHeaderTests(SynchronousTestCase):
    """Further headers follow in the order of the configuration."""

    def test_names_are_lowered_and_underscored_and_each_stands_once(self) -> None:
        head = request(b"X-One: 1", b"Content-Type: text/plain")
        self.assertTrue(
            line(record(head), "Content-Type", "X-Missing", "x-one", "X-One").endswith(
                ' content_type:"text/plain" x_missing:"-" x_one:"1"\n'
            )
        )

    def test_a_name_may_hold_any_character_that_names_can(self) -> None:
        head = request(b"a%d.*^b: 1")
        self.assertTrue(line(record(head), "A%d.*^b").endswith(' a%d.*^b:"1"\n'))

    def test_a_field_that_is_logged_anyway_can_be_asked_for_again(self) -> None:
        self.assertTrue(
            line(record(), "Host").endswith(' host:"web.example.com"\n'),
        )


class InstanceTests(SynchronousTestCase):
    """What the line says of the instance."""

    def test_without_meta_only_its_id_is_known(self) -> None:
        self.assertIn(
            ' app_id:"-" app_index:"-" instance_id:"web-9" ',
            line(record(instance=Instance("web", "web-9", "10.0.0.9", 80))),
        )

    def test_each_has_its_own_names(self) -> None:
        lines = LineFormat(LoggingConfig(), ())
        other = replace(INSTANCE, id='web"2')
        texts = [lines.line(record(instance=i)) for i in (INSTANCE, other, INSTANCE)]
        self.assertEqual(
            [b'"web-1"', rb'"web\"2"', b'"web-1"'],
            [text.split(b"instance_id:")[1].split(b" ")[0] for text in texts],
        )

    def test_instances_that_come_and_go_are_not_kept_forever(self) -> None:
        lines = LineFormat(LoggingConfig(), ())
        for n in range(5000):
            lines.line(record(instance=replace(INSTANCE, id=f"web-{n}")))
        self.assertLessEqual(len(lines._instances), 4096)


class EscapeTests(SynchronousTestCase):
    """No client can end a field or a line."""

    def test_quotes_and_backslashes_are_escaped(self) -> None:
        self.assertEqual(rb"a\"b\\n", escape(b'a"b\\n'))

    def test_control_characters_are_shown_as_in_go(self) -> None:
        self.assertEqual(rb"\x00\t\n\r\x1b[0m\x7f", escape(b"\0\t\n\r\x1b[0m\x7f"))

    def test_printable_text_in_utf_8_stays(self) -> None:
        self.assertEqual(
            'né "日本"'.encode(), escape('né "日本"'.encode()).replace(b"\\", b"")
        )

    def test_bytes_that_are_not_utf_8_are_shown_in_hex(self) -> None:
        self.assertEqual(rb"n\xe9 \"\\", escape(b'n\xe9 "\\'))

    def test_separators_and_direction_marks_are_shown_by_number(self) -> None:
        self.assertEqual(rb"a\u2028b\u202ec", escape("a\u2028b\u202ec".encode()))

    def test_a_forged_field_stays_inside_its_quotes(self) -> None:
        head = request(b'User-Agent: x" "1.1.1.1:1" "', b"Host: h")
        self.assertIn(r' "x\" \"1.1.1.1:1\" \"" "192.0.2.7:51000" ', line(record(head)))

    def test_a_host_cannot_hold_a_space(self) -> None:
        head = request(b'Host: h - [x] "a"')
        self.assertTrue(
            line(record(head)).startswith(r"h\x20-\x20[x]\x20\"a\" - [2023")
        )

    @settings(max_examples=150)
    @given(
        st.lists(
            st.sampled_from((
                b"GET ", b"http://", b"\r\n", b"\n", b"\r", b"Host:", b"X-Extra:",
                b"Referer: ", b'"', b"\\", b" ", b"\0", b"\xff", "é".encode(),
                "\u2028".encode(), b"X-Forwarded-For: 1", b"x-forwarded-proto:", b"%d",
            )) | st.binary(max_size=4),
            max_size=24,
        )
    )  # fmt: skip
    def test_any_head_gives_one_line_of_the_same_shape(
        self, parts: list[bytes]
    ) -> None:
        text = LineFormat(LoggingConfig(), ("X-Extra",)).line(
            record(b"".join(parts), error=b"".join(parts))
        )
        self.assertTrue(_SHAPE.fullmatch(text), text)
