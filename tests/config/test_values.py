"""Tests of twisted_router.config.values."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.values import (
    format_bytes,
    format_seconds,
    parse_boolean,
    parse_bytes,
    parse_integer,
    parse_seconds,
)


class IntegerTests(SynchronousTestCase):
    """Whole numbers are decimal, whatever YAML 1.1 would make of the text."""

    def test_decimal_numbers_are_read(self) -> None:
        texts = ("0", "8081", "-1", "+7")
        self.assertEqual([0, 8081, -1, 7], [parse_integer(text) for text in texts])

    def test_octal_sexagesimal_and_other_notations_are_not_numbers(self) -> None:
        for text in ("010", "0x1f", "1:30", "1_000", "1.0", "1e3", "", " 1", "٣"):
            self.assertIsNone(parse_integer(text), text)

    def test_a_number_too_long_for_python_is_refused_without_an_error(self) -> None:
        self.assertIsNone(parse_integer("9" * 5000))


class BooleanTests(SynchronousTestCase):
    """True and false, in YAML 1.1's words."""

    def test_every_word_is_read_in_any_case(self) -> None:
        self.assertEqual(
            [True, True, True, False, False, False],
            [
                parse_boolean(text)
                for text in ("true", "Yes", "ON", "false", "no", "Off")
            ],
        )

    def test_other_words_are_not_booleans(self) -> None:
        for text in ("1", "0", "y", "", "truthy"):
            self.assertIsNone(parse_boolean(text), text)


class SecondsTests(SynchronousTestCase):
    """Durations as Go writes them, or a number of seconds."""

    def test_each_unit_and_their_sums_are_read(self) -> None:
        for text, seconds in (
            ("30s", 30.0),
            ("500ms", 0.5),
            ("2m", 120.0),
            ("1h", 3600.0),
            ("1h30m", 5400.0),
            ("1.5s", 1.5),
            ("250us", 0.00025),
            ("250µs", 0.00025),
            ("100ns", 1e-7),
            ("-3s", -3.0),
        ):
            self.assertEqual(seconds, parse_seconds(text), text)

    def test_a_number_without_unit_is_seconds(self) -> None:
        texts = ("0", "600", "0.25", "-1")
        self.assertEqual(
            [0.0, 600.0, 0.25, -1.0], [parse_seconds(text) for text in texts]
        )

    def test_what_is_no_duration_is_refused(self) -> None:
        for text in ("", "s", "3 s", "3d", "1m-3s", "1e3", ".5s", "inf", "nan", "1:30"):
            self.assertIsNone(parse_seconds(text), text)

    @settings(deadline=None, max_examples=100)
    @given(st.integers(0, 10**6))
    def test_what_is_written_is_read_back_to_the_millisecond(self, count: int) -> None:
        seconds = count / 1000
        self.assertApproximates(
            seconds, parse_seconds(format_seconds(seconds)), seconds * 1e-4
        )

    def test_whole_values_are_written_as_a_person_would(self) -> None:
        self.assertEqual(
            ["0s", "500ms", "1.5s", "60s", "600s", "2h"],
            [format_seconds(value) for value in (0, 0.5, 1.5, 60, 600, 7200)],
        )


class BytesTests(SynchronousTestCase):
    """Sizes with binary and decimal units."""

    def test_each_unit_is_read(self) -> None:
        for text, size in (
            ("0", 0),
            ("4096", 4096),
            ("7B", 7),
            ("64KiB", 65536),
            ("64 KiB", 65536),
            ("64kB", 64_000),
            ("64KB", 64_000),
            ("1MiB", 1_048_576),
            ("1MB", 1_000_000),
            ("2GiB", 2 * 1024**3),
            ("1TB", 10**12),
            ("1.5KiB", 1536),
            ("-1KiB", -1024),
        ):
            self.assertEqual(size, parse_bytes(text), text)

    def test_parts_of_a_byte_and_unclear_units_are_refused(self) -> None:
        for text in (
            "1.5",
            "0.0003KB",
            "64k",
            "64K",
            "1Mb",
            "KiB",
            "",
            "1e3",
            "64  KiB",
        ):
            self.assertIsNone(parse_bytes(text), text)

    @settings(deadline=None, max_examples=100)
    @given(st.integers(0, 2**40))
    def test_what_is_written_is_read_back(self, size: int) -> None:
        self.assertEqual(size, parse_bytes(format_bytes(size)))

    def test_the_largest_unit_that_divides_is_written(self) -> None:
        self.assertEqual(
            ["0", "1000", "4KiB", "3MiB"],
            [format_bytes(value) for value in (0, 1000, 4096, 3 * 1024**2)],
        )
