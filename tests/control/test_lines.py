"""Lines out of pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.control.lines import Line, Lines


def cut(*pieces: bytes, limit_bytes: int = 10) -> list[Line]:
    """The lines of a stream that comes in these pieces."""
    lines = Lines(limit_bytes)
    found = [line for piece in pieces for line in lines.feed(piece)]
    return [*found, *lines.finish()]


class LinesTests(SynchronousTestCase):
    """Lines."""

    def test_lines_are_numbered_and_may_come_in_pieces(self) -> None:
        self.assertEqual(
            [Line(1, b"one"), Line(2, b""), Line(3, b"two")],
            cut(b"on", b"e\n\ntw", b"o\n"),
        )

    def test_the_last_line_needs_no_end(self) -> None:
        self.assertEqual([Line(1, b"one"), Line(2, b"two")], cut(b"one\ntwo"))

    def test_a_stream_of_nothing_has_no_lines(self) -> None:
        self.assertEqual([], cut())

    def test_a_line_that_is_too_long_is_not_kept_and_the_next_one_is(self) -> None:
        for pieces in ((b"x" * 11,), (b"x" * 6, b"x" * 5), (b"x" * 10, b"x", b"x")):
            self.assertEqual(
                [Line(1, None), Line(2, b"short")], cut(*pieces, b"\nshort\n")
            )
        self.assertEqual([Line(1, b"x" * 10)], cut(b"x" * 10 + b"\n"))

    def test_a_long_line_without_an_end_is_reported(self) -> None:
        self.assertEqual([Line(1, None)], cut(b"x" * 11))

    @given(st.lists(st.binary(max_size=20)))
    def test_pieces_do_not_matter(self, pieces: list[bytes]) -> None:
        whole = b"".join(pieces)
        self.assertEqual(cut(whole, limit_bytes=5), cut(*pieces, limit_bytes=5))
