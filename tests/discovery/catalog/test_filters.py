"""Expressions of ``?filter=``."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.catalog.expressions import ENTRY, MATCHES, UNFIT, UNREADABLE
from twisted_router.discovery.catalog.fields import CHECK, HEALTH, SERVICE
from twisted_router.discovery.catalog.filters import compile_filter, keep
from twisted_router.discovery.catalog.model import RefusedError


class FilterTests(SynchronousTestCase):
    """compile_filter() and keep()."""

    def refusal(self, text: str) -> str:
        """Why an expression is refused, without what every refusal begins with."""
        error = self.assertRaises(RefusedError, compile_filter, text, HEALTH)
        self.assertEqual(500, error.status)
        prefix = "Failed to create boolean expression evaluator: "
        self.assertEqual(prefix, str(error)[: len(prefix)])
        return str(error)[len(prefix) :]

    def test_expressions_mean_what_they_mean_to_consul(self) -> None:
        for text, expected in MATCHES.items():
            self.assertIs(expected, compile_filter(text, HEALTH)(ENTRY), text)

    def test_what_cannot_be_read_is_refused_with_its_place(self) -> None:
        for text, place in UNREADABLE.items():
            self.assertEqual(place, self.refusal(text)[: len(place)], text)

    def test_what_does_not_fit_is_refused_in_consuls_words(self) -> None:
        for text, expected in UNFIT.items():
            self.assertEqual(expected, self.refusal(text), text)

    def test_a_number_is_one_that_json_has(self) -> None:
        for number in ("080", "0x50", "1e3", "80.", "80a", "-"):
            self.assertIn("1:17 (16)", self.refusal(f"Service.Port == {number}"))

    def test_a_selector_is_written_without_gaps(self) -> None:
        for text, place in (
            ("Service. ID == a", "1:10 (9)"),
            ("Service[0] == a", "1:9 (8)"),
            ('Service.Meta["k" == a', "1:14 (13)"),
        ):
            self.assertIn(place, self.refusal(text))

    def test_regular_expressions_are_refused(self) -> None:
        for text, place in (
            ("Service.ID matches web", "1:12 (11)"),
            ("Service.ID not matches web", "1:16 (15)"),
        ):
            self.assertEqual(
                f"{place}: matches is not in this development catalog",
                self.refusal(text),
            )

    def test_depth_is_limited(self) -> None:
        for opening, closing in (("(", ")"), ("not ", "")):
            for levels, fits in ((50, True), (51, False), (20_000, False)):
                text = f"{opening * levels}Service.Port == 80{closing * levels}"
                if fits:
                    self.assertTrue(compile_filter(text, HEALTH)(ENTRY))
                else:
                    self.assertIn("more than 50 levels", self.refusal(text))

    def test_a_long_chain_is_no_depth(self) -> None:
        text = " or ".join(["Service.Port == 1"] * 1000 + ["Service.Port == 80"])
        self.assertTrue(compile_filter(text, HEALTH)(ENTRY))

    def test_null_is_read_as_go_reads_it(self) -> None:
        for text, expected in (
            ("Meta is empty", True),
            ("Meta.k == v", False),
            ("k not in Meta", True),
            ("Tags is empty", True),
            ("a in Tags", False),
            ("Port == 0", True),
            ("Weights.Passing == 0", True),
            ('Address == ""', True),
        ):
            self.assertIs(expected, compile_filter(text, SERVICE)({}), text)

    def test_lists_and_objects_keep_what_passes(self) -> None:
        one, other = {"Status": "passing"}, {"Status": "critical"}
        test = compile_filter("Status != passing", CHECK)
        self.assertEqual([other], keep([one, other], test))
        self.assertEqual({"b": other}, keep({"a": one, "b": other}, test))

    @given(
        st.lists(
            st.sampled_from(
                'Status Service.ID and or not in is empty contains == != ( ) [ ] " ` . '
                'a 1 -1 "x" `y` \\ é'.split(" ")
            ),
            max_size=12,
        ).map(" ".join)
        | st.text(max_size=20)
    )
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            compile_filter(text, HEALTH)(ENTRY)
        except RefusedError as error:
            self.assertEqual(500, error.status)
