"""Tests of one kept connection: how its answers are delimited."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.web.iweb import IResponse

from tests.clients.connecting import OK, ConnectionsTestCase
from twisted_router.clients.connection import BadAnswerError


class AnswerTests(ConnectionsTestCase):
    """How answers are delimited."""

    def says(self, *pieces: bytes) -> Deferred[IResponse]:
        asking = self.ask()
        for piece in pieces:
            self.endpoint.servers[-1].says(piece)
        return asking

    def test_an_answer_has_status_phrase_and_fields(self) -> None:
        response = self.successResultOf(
            self.says(b"HTTP/1.1 403 Not You\r\nX-A: 1\r\nX-A: 2\r\n", OK[17:])
        )
        self.assertEqual((403, b"Not You"), (response.code, response.phrase))
        self.assertEqual(["1", "2"], response.headers.getRawHeaders("x-a"))

    def test_a_length_delimits_a_body(self) -> None:
        self.assertEqual(b"hi", self.body_of(self.says(OK)))

    def test_the_pieces_in_which_it_comes_do_not_matter(self) -> None:
        asking = self.says(*(bytes([byte]) for byte in OK[:-1]))
        self.assertNoResult(asking)
        self.endpoint.servers[0].says(OK[-1:])
        self.assertEqual(b"hi", self.body_of(asking))

    def test_chunks_are_joined_and_trailers_left_out(self) -> None:
        asking = self.says(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1\r\nh\r\n1\r\ni\r\n0\r\nX-Late: 1\r\n\r\n"
        )
        response = self.successResultOf(asking)
        self.assertIsNone(response.headers.getRawHeaders("x-late"))
        self.assertEqual(b"hi", self.body_of(succeed(response)))

    def test_the_end_of_the_connection_delimits_what_nothing_else_does(self) -> None:
        asking = self.says(b"HTTP/1.0 200 OK\r\n\r\nhi")
        self.assertNoResult(asking)
        self.endpoint.servers[0].leave()
        self.assertEqual(b"hi", self.body_of(asking))

    def test_a_body_that_breaks_off_is_an_error(self) -> None:
        for framing in (b"Content-Length: 9", b"Transfer-Encoding: chunked"):
            asking = self.says(b"HTTP/1.1 200 OK\r\n", framing, b"\r\n\r\n2\r\nhi")
            self.endpoint.servers[-1].leave(ConnectionLost())
            self.failureResultOf(asking, ConnectionLost)

    def test_an_interim_answer_is_none(self) -> None:
        interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        response = self.successResultOf(self.says(interim, OK))
        self.assertEqual((200, b"OK"), (response.code, response.phrase))
        self.assertIsNone(response.headers.getRawHeaders("link"))

    def test_what_is_no_http_is_an_error_and_ends_the_connection(self) -> None:
        asking = self.says(b"SSH-2.0-OpenSSH\r\n")
        error = self.failureResultOf(asking, BadAnswerError).value
        self.assertIn("no HTTP", str(error))
        self.assertTrue(self.endpoint.servers[0].disconnecting)

    def test_an_answer_over_the_limit_is_an_error_and_ends_the_connection(self) -> None:
        self.connections = self.made(max_answer_bytes=100)
        asking = self.says(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100)
        error = self.failureResultOf(asking, BadAnswerError).value
        self.assertIn("over 100 bytes", str(error))
        self.assertTrue(self.endpoint.servers[0].disconnecting)

    def test_so_is_a_head_without_end(self) -> None:
        self.connections = self.made(max_answer_bytes=100)
        asking = self.says(b"HTTP/1.1 200 OK\r\nX-A: ", b"x" * 100)
        self.failureResultOf(asking, BadAnswerError)
