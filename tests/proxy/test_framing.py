"""Tests of twisted_router.proxy.framing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import h11
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.proxy.framing import (
    Body,
    ChunkedBody,
    EndlessBody,
    LengthBody,
    encode_chunk,
    encode_end,
)
from twisted_router.proxy.head import HeadError


def feed_all(body: Body, pieces: Iterable[bytes]) -> tuple[bytes, bytes]:
    """Payload of all ``pieces``, and what follows the body."""
    payload = rest = b""
    for piece in pieces:
        if body.done:
            rest += piece
        else:
            part, rest = body.feed(piece)
            payload += part
    return payload, rest


def outcome(
    data: bytes, line_bytes: int = 0, trailer_bytes: int = 0
) -> tuple[bytes, bytes, bytes] | str | None:
    """Payload, trailers and rest of a chunked body; why it is refused; or ``None``
    if there is more to come.
    """
    body = ChunkedBody(line_bytes, trailer_bytes)
    try:
        payload, rest = body.feed(data)
    except HeadError as error:
        return error.reason
    return (payload, body.trailers, rest) if body.done else None


class LengthBodyTests(SynchronousTestCase):
    """A body of a known length."""

    def test_it_ends_after_its_bytes(self) -> None:
        body = LengthBody(5)
        self.assertEqual((b"abc", b""), body.feed(b"abc"))
        self.assertEqual((False, 2), (body.done, body.left))
        self.assertEqual((b"de", b""), body.feed(b"de"))
        self.assertEqual((True, 0), (body.done, body.left))

    def test_what_follows_is_handed_back(self) -> None:
        body = LengthBody(2)
        self.assertEqual((b"ab", b"GET"), body.feed(b"abGET"))
        self.assertTrue(body.done)

    def test_an_empty_one_is_done_before_it_begins(self) -> None:
        body = LengthBody(0)
        self.assertTrue(body.done)
        self.assertEqual((b"", b"GET"), body.feed(b"GET"))

    def test_it_has_no_trailers(self) -> None:
        self.assertEqual(b"", LengthBody(1).trailers)


class EndlessBodyTests(SynchronousTestCase):
    """A body that its connection ends."""

    def test_everything_belongs_to_it(self) -> None:
        body = EndlessBody()
        self.assertEqual((b"ab", b""), body.feed(b"ab"))
        self.assertEqual((b"0\r\n\r\n", b""), body.feed(b"0\r\n\r\n"))
        self.assertEqual((False, b""), (body.done, body.trailers))


class ChunkedGrammarTests(SynchronousTestCase):
    """RFC 9112 7.1."""

    def assert_sizes(self, expected: dict[bytes, bytes | str]) -> None:
        """A chunk with this size line holds this payload, or is refused for this."""
        found: dict[bytes, bytes | str] = {}
        for line in expected:
            result = outcome(line + b"\r\n0123456789abcdef\r\n0\r\n\r\n")
            assert result is not None, line
            found[line] = result if isinstance(result, str) else result[0]
        self.assertEqual(expected, found)

    def test_a_size_is_one_to_fifteen_hexadecimal_digits(self) -> None:
        malformed, payload = "malformed chunk size", b"0123456789abcdef"
        self.assert_sizes(
            {
                b"10": payload,
                b"000000000000010": payload,
                b"0000000000000010": malformed,
                b"10000000000000010": malformed,
                b"": malformed,
                b"0x10": malformed,
                b"+10": malformed,
                b"-10": malformed,
                b" 10": malformed,
                b"10 ": malformed,
                b"1 0": malformed,
                b"1_0": malformed,
                b"10h": malformed,
                b"10\r": malformed,
                b"10\x00": malformed,
                b"\xb2": malformed,
            }
        )

    def test_digits_may_be_upper_or_lower_case(self) -> None:
        for digit in (b"a", b"A"):
            data = digit + b"\r\n0123456789\r\n0\r\n\r\n"
            self.assertEqual((b"0123456789", b"", b""), outcome(data))

    def test_extensions_are_checked_and_dropped(self) -> None:
        malformed, payload = "malformed chunk size", b"0123456789abcdef"
        self.assert_sizes(
            {
                b"10;a": payload,
                b"10;a=b": payload,
                b"10 ; a = b\t;c": payload,
                b'10;a="b;c\\"\\\r"': malformed,
                b'10;a="b;c\\"d\\\\ \t\xe9"': payload,
                b'10;a="";b=""': payload,
                b'10;a="b': malformed,
                b'10;a=b"': malformed,
                b'10;a="b"c': malformed,
                b'10;a="\x00"': malformed,
                b"10;": malformed,
                b"10;;a": malformed,
                b"10;=b": malformed,
                b"10;a=": malformed,
                b"10;a b": malformed,
                b"10;a ": malformed,
                b"10;a=b=c": malformed,
                b"10,a": malformed,
                b"10;\xe9": malformed,
                b"10;a\n": malformed,
                b"10;a\r": malformed,
            }
        )

    def test_line_ends_are_crlf_and_stand_where_the_size_says(self) -> None:
        size, chunk = "malformed chunk size", "malformed chunk"
        expected: dict[bytes, str] = {
            b"3\nabc\r\n0\r\n\r\n": size,
            b"3\r\nabc\n0\r\n\r\n": chunk,
            b"3\r\nabcd\r\n0\r\n\r\n": chunk,
            b"3\r\nab\r\n0\r\n\r\n": chunk,
            b"3\r\nabc0\r\n\r\n": chunk,
            b"3\r\nabc\r0\r\n\r\n": chunk,
            b"3\r\nabc\r\n\r\n0\r\n\r\n": size,
        }
        self.assertEqual(expected, {data: outcome(data) for data in expected})

    def test_the_last_chunk_may_have_any_number_of_zeros(self) -> None:
        for zeros in (b"0", b"00", b"0" * 15, b"0;a=b"):
            self.assertEqual((b"", b"", b"X"), outcome(zeros + b"\r\n\r\nX"))

    def test_what_follows_is_handed_back(self) -> None:
        self.assertEqual(
            (b"abc", b"", b"\r\nGET"), outcome(b"3\r\nabc\r\n0\r\n\r\n\r\nGET")
        )

    def test_several_chunks_make_one_payload(self) -> None:
        self.assertEqual(
            (b"abcde", b"", b""), outcome(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        )

    def test_payload_is_handed_on_before_its_chunk_is_complete(self) -> None:
        body = ChunkedBody(0, 0)
        self.assertEqual((b"ab", b""), body.feed(b"5\r\nab"))
        self.assertEqual((b"cd", b""), body.feed(b"cd"))
        self.assertEqual((b"e", b""), body.feed(b"e\r"))
        self.assertFalse(body.done)


class ChunkLimitTests(SynchronousTestCase):
    """Lines and trailers end, or the body is refused."""

    def test_a_line_may_be_as_long_as_the_limit(self) -> None:
        data = b"1;abc\r\nx\r\n0\r\n\r\n"
        self.assertEqual((b"x", b"", b""), outcome(data, line_bytes=7))
        self.assertEqual("chunk line too long", outcome(data, line_bytes=6))

    def test_a_line_without_end_is_refused_at_the_limit(self) -> None:
        self.assertIsNone(outcome(b"1;abcd", line_bytes=7))
        self.assertEqual("chunk line too long", outcome(b"1;abcde", line_bytes=7))

    def test_a_trailer_may_be_as_long_as_the_limit(self) -> None:
        data = b"0\r\nA: 1\r\n\r\n"
        self.assertEqual((b"", b"A: 1\r\n", b""), outcome(data, trailer_bytes=8))
        self.assertEqual("trailer too long", outcome(data, trailer_bytes=7))

    def test_a_trailer_without_end_is_refused_at_the_limit(self) -> None:
        self.assertIsNone(outcome(b"0\r\nA: 1\r\nB", trailer_bytes=8))
        self.assertEqual(
            "trailer too long", outcome(b"0\r\nA: 1\r\nB:", trailer_bytes=8)
        )

    def test_the_limits_do_not_depend_on_how_the_bytes_arrive(self) -> None:
        data = b"1;abc\r\nx\r\n0\r\nA: 1\r\n\r\n"
        body = ChunkedBody(7, 8)
        payload, _ = feed_all(body, (data[i : i + 1] for i in range(len(data))))
        self.assertEqual((b"x", True), (payload, body.done))


class TrailerTests(SynchronousTestCase):
    """RFC 9112 7.1.2."""

    def test_fields_are_kept_but_for_those_that_are_not_allowed(self) -> None:
        data = b"0\r\nX-Sum:  1\r\nContent-Type: 5\r\nB:\r\nHOST: b\r\n\r\nGET"
        self.assertEqual((b"", b"X-Sum:  1\r\nB:\r\n", b"GET"), outcome(data))

    def test_framing_fields_are_refused(self) -> None:
        for section in (
            b"Content-Length: 5\r\n\r\n",
            b"A: 1\r\ncontent-length: 5\r\n\r\n",
            b"A:\r\nTransfer-Encoding:\r\nB: 2\r\n\r\n",
        ):
            self.assertEqual("framing in a trailer", outcome(b"0\r\n" + section))
        harmless = b"X-Content-Length: 5\r\nA: Transfer-Encoding: x\r\n"
        self.assertEqual((b"", harmless, b""), outcome(b"0\r\n" + harmless + b"\r\n"))

    def test_malformed_fields_are_refused(self) -> None:
        sections = (
            b"A : 1\r\n\r\n",
            b"A\r\n\r\n",
            b" A: 1\r\n\r\n",
            b"A: 1\r\n b\r\n\r\n",
            b"A: \x00\r\n\r\n",
            b"A: 1\nB: 2\r\n\r\n",
            b"\n",
            b"A: 1\n",
            b"A: 1\r\n\n",
            b"A: 1\rB: 2",
            b"\rA",
        )
        self.assertEqual(
            dict.fromkeys(sections, "malformed trailer"),
            {section: outcome(b"0\r\n" + section) for section in sections},
        )


SAMPLES = (
    b"5\r\nhello\r\n0\r\n\r\n",
    b'3 ; a="\\"" ;b\r\na\r\n\r\n00000A\r\n0123\r\n6789\r\n0\r\n\r\nGET / HTTP/1.1\r\n',
    b"1\r\n\n\r\n0;last\r\nX-A: 1\r\nHost: b\r\nX-B:\r\n\r\n\r\n",
)

BROKEN = (
    b"3\r\nabcd\r\n0\r\n\r\n",
    b"3\r\nabc\r\n\r\n0\r\n\r\n",
    b"3;a=\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\r\n0\r\nA : 1\r\n\r\n",
    b"3\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\r\n0\r\nA: 1\n\r\n",
    b"0\r\n\rA: 1\r\n\r\n",
)


class SplitTests(SynchronousTestCase):
    """However the bytes arrive, the result is the same."""

    def test_two_pieces_are_read_as_one(self) -> None:
        for data in SAMPLES:
            for cut in range(len(data) + 1):
                body = ChunkedBody(64, 64)
                payload, rest = feed_all(body, [data[:cut], data[cut:]])
                self.assertEqual(
                    outcome(data), (payload, body.trailers, rest), (data, cut)
                )

    def test_single_bytes_are_read_as_one_piece(self) -> None:
        for data in SAMPLES:
            body = ChunkedBody(64, 64)
            payload, rest = feed_all(body, (bytes([code]) for code in data))
            self.assertEqual(outcome(data), (payload, body.trailers, rest))

    def test_what_is_refused_is_refused_in_any_pieces(self) -> None:
        for data in BROKEN:
            for cut in range(len(data) + 1):
                body = ChunkedBody(64, 64)
                self.assertRaises(HeadError, feed_all, body, [data[:cut], data[cut:]])
                self.assertFalse(body.done, (data, cut))

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.binary(min_size=1, max_size=40), max_size=5),
        st.sampled_from([b"", b"X-Sum: 1\r\n", b"A:\r\nB: \xe9\r\n"]),
        st.binary(max_size=5),
        st.lists(st.integers(0, 260), max_size=5),
    )
    def test_what_is_encoded_comes_out_again(
        self, chunks: list[bytes], trailers: bytes, extra: bytes, cuts: list[int]
    ) -> None:
        data = b"".join(map(encode_chunk, chunks)) + encode_end(trailers)
        stream = data + extra
        ends = [0, *sorted(cut for cut in cuts if cut < len(data)), len(stream)]
        pieces = [stream[a:b] for a, b in itertools.pairwise(ends)]
        body = ChunkedBody(64, 64)
        self.assertEqual((b"".join(chunks), extra), feed_all(body, pieces))
        self.assertEqual((True, trailers), (body.done, body.trailers))

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.sampled_from([b"0", b"3", b"a", b";", b"=", b'"', b"\\", b" "])
            | st.sampled_from([b"\r\n", b"\r", b"\n", b"abc", b"A: 1", b"3\r\nabc\r\n"])
            | st.binary(max_size=2),
            max_size=12,
        ).map(b"".join)
    )
    def test_nothing_is_raised_but_head_errors(self, data: bytes) -> None:
        whole = outcome(data)
        body = ChunkedBody(0, 0)
        try:
            payload, rest = feed_all(body, (bytes([code]) for code in data))
        except HeadError:
            self.assertIsInstance(whole, str)
        else:
            split = (payload, body.trailers, rest) if body.done else None
            self.assertEqual(whole, split)


class EncodingTests(SynchronousTestCase):
    """What is sent is what others read."""

    def test_a_chunk_is_its_size_and_its_bytes(self) -> None:
        self.assertEqual(b"1a\r\n" + b"x" * 26 + b"\r\n", encode_chunk(b"x" * 26))

    def test_the_end_carries_the_trailers(self) -> None:
        self.assertEqual(b"0\r\n\r\n", encode_end(b""))
        self.assertEqual(b"0\r\nA: 1\r\n\r\n", encode_end(b"A: 1\r\n"))

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.binary(min_size=1, max_size=300), max_size=5), st.booleans())
    def test_h11_reads_what_is_encoded(
        self, chunks: list[bytes], has_trailers: bool
    ) -> None:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(map(encode_chunk, chunks))
            + encode_end(b"X-Sum: 1\r\n" if has_trailers else b"")
        )
        self.assertIsInstance(connection.next_event(), h11.Request)
        payload = b""
        event = connection.next_event()
        while isinstance(event, h11.Data):
            payload += event.data
            event = connection.next_event()
        assert isinstance(event, h11.EndOfMessage)
        self.assertEqual(
            (b"".join(chunks), [(b"x-sum", b"1")] if has_trailers else []),
            (payload, list(event.headers)),
        )
