"""Tests of twisted_router.config.scalar."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.report import RefusedError
from twisted_router.config.scalar import read_scalar
from twisted_router.config.schema import Bytes, Seconds


class ReadScalarTests(SynchronousTestCase):
    """A scalar is held to its type and to what its key may be."""

    def _refusal(self, kind: type[Any], metadata: dict[str, Any], text: str) -> str:
        return str(self.assertRaises(RefusedError, read_scalar, kind, metadata, text))

    def test_no_number_is_negative_unless_its_key_says_so(self) -> None:
        for kind, text in ((int, "-1"), (Seconds, "-1s"), (Bytes, "-1KiB")):
            self.assertIn(f"got '{text}', expected", self._refusal(kind, {}, text))
        self.assertEqual(-1, read_scalar(int, {"minimum": -1}, "-1"))

    def test_both_ends_of_a_range_are_in_it(self) -> None:
        metadata = {"minimum": 1, "maximum": 3}
        self.assertEqual(
            [1, 3], [read_scalar(int, metadata, text) for text in ("1", "3")]
        )
        for text in ("0", "4"):
            self.assertEqual(
                f"got '{text}', expected a whole number, from 1 to 3",
                self._refusal(int, metadata, text),
            )

    def test_no_duration_is_longer_than_a_timer_makes_sense(self) -> None:
        self.assertEqual(87600 * 3600.0, read_scalar(Seconds, {}, "87600h"))
        self.assertIn("to 87600h", self._refusal(Seconds, {}, "87601h"))

    def test_a_boolean_is_not_a_number(self) -> None:
        self.assertIs(False, read_scalar(bool, {}, "no"))
        self.assertEqual(
            "got '1', expected true or false", self._refusal(bool, {}, "1")
        )

    def test_a_choice_is_taken_in_any_case_and_by_its_other_names(self) -> None:
        metadata = {"choices": ("info", "critical"), "aliases": {"fatal": "critical"}}
        self.assertEqual(
            ["info", "critical", "critical"],
            [
                read_scalar(str, metadata, text)
                for text in ("INFO", "fatal", "Critical")
            ],
        )
        self.assertEqual(
            "got 'loud', expected one of info, critical",
            self._refusal(str, metadata, "loud"),
        )

    def test_text_is_held_to_its_check_unless_it_is_empty(self) -> None:
        metadata = {"check": str.isdigit, "expected": "digits"}
        self.assertEqual("12", read_scalar(str, metadata, "12"))
        self.assertEqual("got 'x', expected digits", self._refusal(str, metadata, "x"))
        self.assertEqual("", read_scalar(str, metadata, ""))

    def test_empty_text_is_checked_where_it_means_nothing(self) -> None:
        metadata = {"check": str.isdigit, "expected": "digits", "nonempty": True}
        self.assertEqual("got '', expected digits", self._refusal(str, metadata, ""))

    def test_text_has_no_control_characters(self) -> None:
        self.assertEqual(
            "got 'a\\nb', expected no control characters",
            self._refusal(str, {}, "a\nb"),
        )
