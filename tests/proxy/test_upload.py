"""Tests of twisted_router.proxy.upload."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.proxy.head import CHUNKED, HeadError
from twisted_router.proxy.upload import Upload


def upload(length: int, most_bytes: int = 0) -> Upload:
    """A body of ``length`` bytes, or chunked."""
    return Upload(length, most_bytes, 64, 256)


class UploadTests(SynchronousTestCase):
    """What a client sends, as an instance is to get it."""

    def test_a_body_with_a_length_is_sent_on_as_it_is(self) -> None:
        body = upload(5)
        self.assertEqual((b"abc", b""), body.feed(b"abc"))
        self.assertFalse(body.done)
        self.assertEqual((b"de", b"GET"), body.feed(b"deGET"))
        self.assertTrue(body.done)

    def test_a_chunked_body_is_framed_anew(self) -> None:
        body = upload(CHUNKED)
        self.assertEqual((b"2\r\nab\r\n", b""), body.feed(b"02;x=y\r\nab\r\n"))
        self.assertFalse(body.done)
        self.assertEqual(
            (b"1\r\nc\r\n0\r\nA: b\r\n\r\n", b"GET"),
            body.feed(b"1\r\nc\r\n0\r\nA: b\r\n\r\nGET"),
        )
        self.assertTrue(body.done)

    def test_a_part_without_content_sends_nothing(self) -> None:
        """An empty chunk would end the body."""
        self.assertEqual((b"", b""), upload(CHUNKED).feed(b"2"))

    def test_what_was_received_is_counted_without_framing(self) -> None:
        body = upload(CHUNKED)
        body.feed(b"2\r\nab\r\n0\r\n\r\n")
        self.assertEqual(2, body.received_bytes)

    def test_a_length_over_the_limit_is_refused_at_once(self) -> None:
        error = self.assertRaises(HeadError, upload, 4, 3)
        self.assertEqual(413, error.status)
        upload(3, 3)

    def test_chunks_over_the_limit_are_refused_when_they_come(self) -> None:
        body = upload(CHUNKED, 3)
        body.feed(b"3\r\nabc\r\n")
        error = self.assertRaises(HeadError, body.feed, b"1\r\nd\r\n")
        self.assertEqual(413, error.status)

    def test_a_broken_coding_is_refused(self) -> None:
        error = self.assertRaises(HeadError, upload(CHUNKED).feed, b"x\r\n")
        self.assertEqual(400, error.status)
