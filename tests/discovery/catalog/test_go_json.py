"""JSON and durations as Go reads them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.discovery.catalog.go_json import (
    decode_json,
    duration,
    flag,
    integer,
    list_of,
    map_of,
    parse_duration,
    struct,
    text,
)
from twisted_router.discovery.catalog.model import RefusedError


class DurationTests(SynchronousTestCase):
    """parse_duration()."""

    def test_units_add_up(self) -> None:
        for given, expected_s in {
            "0": 0.0,
            "30s": 30.0,
            "500ms": 0.5,
            "1m30s": 90.0,
            "1.5h": 5400.0,
            ".5s": 0.5,
            "2.s": 2.0,
            "1us": 1e-6,
            "1µs": 1e-6,
            "7ns": 7e-9,
            "-5s": -5.0,
            "+5s": 5.0,
        }.items():
            self.assertAlmostEqual(expected_s, parse_duration(given), 12, given)

    def test_what_go_refuses_is_refused(self) -> None:
        for given in ("", "5", "s", "5x", "5 s", "1h-5m", "٣s", "9" * 400 + "h"):
            error = self.assertRaises(ValueError, parse_duration, given)
            self.assertEqual(f'time: invalid duration "{given}"', str(error))


class DecodeTests(SynchronousTestCase):
    """decode_json()."""

    def refusal(self, body: bytes) -> str:
        return str(self.assertRaises(RefusedError, decode_json, body))

    def test_an_empty_body_ends_too_early(self) -> None:
        self.assertEqual("Request decode failed: EOF", self.refusal(b" \n"))

    def test_what_is_no_json_is_refused(self) -> None:
        for body in (b"{", b"nojson", b"NaN", b"[" * 60_000, b"1" * 5_000, b"{}{}"):
            self.assertIn("Request decode failed: ", self.refusal(body))

    def test_bytes_that_are_no_utf_8_are_replaced(self) -> None:
        self.assertEqual("�", decode_json(b'"\xff"'))


class ReaderTests(SynchronousTestCase):
    """The readers of fields."""

    read = staticmethod(
        struct(
            {
                "name": text,
                "port": integer,
                "on": flag,
                "tags": list_of(text),
                "meta": map_of(text),
                "ttl": duration,
            },
            nom="name",
        )
    )

    def refusal(self, body: bytes) -> str:
        error = self.assertRaises(RefusedError, self.read, decode_json(body), "")
        self.assertEqual(400, error.status)
        return str(error).removeprefix("Request decode failed: json: ")

    def test_the_case_of_a_field_does_not_matter(self) -> None:
        self.assertEqual(
            {"name": "x", "port": 1}, self.read({"NAME": "x", "Port": 1}, "")
        )

    def test_an_alias_means_its_field(self) -> None:
        self.assertEqual({"name": "x"}, self.read({"Nom": "x"}, ""))

    def test_a_null_is_as_good_as_nothing(self) -> None:
        self.assertEqual({}, self.read({"name": None, "tags": None}, ""))

    def test_an_unknown_field_is_named_as_it_was_written(self) -> None:
        self.assertEqual('unknown field "Bogus"', self.refusal(b'{"Bogus": null}'))

    def test_a_wrong_type_is_named_with_the_field(self) -> None:
        for body, expected in {
            b'{"Port": "80"}': "string into Go struct field .Port of type int",
            b'{"Port": 80.5}': "number 80.5 into Go struct field .Port of type int",
            b'{"Port": 1e2}': "number 100.0 into Go struct field .Port of type int",
            b'{"Port": true}': "bool into Go struct field .Port of type int",
            b'{"Port": 99999999999999999999}': (
                "number into Go struct field .Port of type int"
            ),
            b'{"Name": 1}': "number into Go struct field .Name of type string",
            b'{"On": "yes"}': "string into Go struct field .On of type bool",
            b'{"Tags": [1]}': "number into Go struct field .Tags of type string",
            b'{"Tags": [null]}': "null into Go struct field .Tags of type string",
            b'{"Tags": {}}': "object into Go struct field .Tags of type []",
            b'{"Meta": []}': "array into Go struct field .Meta of type map[string]",
            b'{"TTL": true}': "bool into Go struct field .TTL of type Duration",
            b'{"TTL": 1e30}': "number 1e+30 into Go struct field .TTL of type Duration",
            b"[]": "array into Go value of type struct",
        }.items():
            self.assertEqual(f"cannot unmarshal {expected}", self.refusal(body))

    def test_a_duration_is_text_or_nanoseconds(self) -> None:
        self.assertEqual({"ttl": 1.5}, self.read({"TTL": "1.5s"}, ""))
        self.assertEqual({"ttl": 1.5}, self.read({"TTL": 1_500_000_000}, ""))

    def test_a_duration_that_is_none_is_refused_in_gos_words(self) -> None:
        self.assertEqual(
            'Request decode failed: time: invalid duration "zz"',
            self.refusal(b'{"TTL": "zz"}'),
        )
