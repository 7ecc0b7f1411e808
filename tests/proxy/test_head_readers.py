"""Properties of twisted_router.proxy.head, held against two other parsers.

What is passed on must mean to an instance what it meant to the proxy. h11 is a strict
parser in Python, httptools is llhttp: Node's, and that of many Python servers.
"""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.proxy.heads import UNLIMITED, request_head
from tests.proxy.readers import (
    Reading,
    request_with_h11,
    request_with_llhttp,
    response_with_h11,
    split_fields,
)
from tests.proxy.strategies import fields, requests, responses
from twisted_router.proxy.forward import request_bytes, response_bytes
from twisted_router.proxy.head import CHUNKED, HeadError
from twisted_router.proxy.request_head import RequestHead, parse_request_head
from twisted_router.proxy.response_head import parse_response_head


def accepted(head: bytes) -> RequestHead | None:
    """The request, ``None`` if it is refused."""
    try:
        return parse_request_head(head, UNLIMITED)
    except HeadError:
        return None


def forwarded(request: RequestHead) -> bytes:
    """The request as an instance gets it."""
    host = request.host or b"a.example"
    return request_bytes(request, request.target, host, b"", b"10.0.0.9", b"id")


def expected_reading(request: RequestHead) -> Reading:
    """What any reader must find in the forwarded request."""
    fields = [(b"host", request.host or b"a.example"), *split_fields(request.fields)]
    before = request.forwarded_for + b", " if request.forwarded_for else b""
    fields.append((b"x-forwarded-for", before + b"10.0.0.9"))
    return Reading(request.method, request.target, 0, fields)


def is_subsequence(part: list[bytes], whole: list[bytes]) -> bool:
    """Whether all of ``part`` stand in ``whole``, in this order."""
    rest = iter(whole)
    return all(item in rest for item in part)


class RequestReadersTests(SynchronousTestCase):
    """Whatever comes, it is refused or means the same to all."""

    @settings(max_examples=75)
    @given(requests | st.binary(max_size=60))
    def test_nothing_is_raised_but_head_errors(self, head: bytes) -> None:
        request = accepted(head)
        if request is not None:
            self.assertGreaterEqual(request.length, CHUNKED)

    @settings(max_examples=100, deadline=None)
    @given(requests)
    def test_kept_fields_are_some_of_those_received_in_their_order(
        self, head: bytes
    ) -> None:
        request = accepted(head)
        if request is not None:
            self.assertTrue(
                is_subsequence(
                    request.fields.split(b"\r\n")[:-1], head.split(b"\r\n")[1:-2]
                )
            )

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.sampled_from([b"x-a", b"Cookie", b"upgrade", b"te", b"close", b"foo"]),
            min_size=1,
        ),
        st.lists(fields, max_size=6),
    )
    def test_nothing_nominated_survives(
        self, nominated: list[bytes], fields: list[bytes]
    ) -> None:
        connection = b"Connection: " + b", ".join(nominated)
        request = accepted(request_head(b"Host: a", *fields, connection, b"X-A: 1"))
        if request is not None:
            kept = {name for name, _ in split_fields(request.fields)}
            self.assertEqual(set(), kept & {name.lower() for name in nominated})

    @settings(max_examples=100)
    @given(requests)
    @example(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n")
    @example(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    def test_other_parsers_read_the_same_request(self, head: bytes) -> None:
        request = accepted(head)
        if request is None:
            return
        sent = forwarded(request)
        expected = expected_reading(request)
        for read in (request_with_h11, request_with_llhttp):
            found = read(sent)
            self.assertTrue(found.head_seen, found.reason)
            self.assertEqual(
                (expected.method, expected.target), (found.method, found.target)
            )
            # Behind these stand the fields that the proxy adds.
            count = len(expected.fields)
            self.assertEqual(expected.fields, found.fields[:count])
            names = [name for name, _ in found.fields]
            self.assertEqual(
                [request.length == CHUNKED, 1],
                [names.count(b"transfer-encoding"), names.count(b"host")],
            )
            lengths = [
                int(value) for name, value in found.fields if name == b"content-length"
            ]
            self.assertIn((request.length, lengths), self.framings(request.length))

    def framings(self, length: int) -> list[tuple[int, list[int]]]:
        """The Content-Length fields that may go with a body of this length."""
        return [(length, [length])] if length > 0 else [(length, []), (0, [0])]

    @settings(max_examples=50, deadline=None)
    @given(st.from_regex(re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"), fullmatch=True))
    def test_any_token_is_a_method(self, method: bytes) -> None:
        request = accepted(request_head(b"Host: a", line=method + b" / HTTP/1.1"))
        if method != b"CONNECT":
            assert request is not None
            self.assertEqual(method, request_with_h11(forwarded(request)).method)

    @settings(max_examples=100, deadline=None)
    @given(requests)
    def test_what_was_forwarded_is_accepted_again(self, head: bytes) -> None:
        request = accepted(head)
        if request is None:
            return
        again = accepted(forwarded(request))
        assert again is not None
        self.assertEqual(
            (request.method, request.target, request.path, request.length),
            (again.method, again.target, again.path, again.length),
        )
        self.assertEqual(request.upgrade, again.upgrade)


class ResponseReadersTests(SynchronousTestCase):
    """The same for responses."""

    @settings(max_examples=75)
    @given(responses | st.binary(max_size=60), st.booleans())
    def test_nothing_is_raised_but_head_errors(
        self, head: bytes, is_head: bool
    ) -> None:
        try:
            response = parse_response_head(head, UNLIMITED, is_head)
        except HeadError as error:
            self.assertEqual(502, error.status)
        else:
            self.assertTrue(
                is_subsequence(
                    response.fields.split(b"\r\n")[:-1], head.split(b"\r\n")[1:-2]
                )
            )

    @settings(max_examples=75)
    @given(responses, st.booleans())
    def test_h11_reads_the_same_response(self, head: bytes, is_head: bool) -> None:
        try:
            response = parse_response_head(head, UNLIMITED, is_head)
        except HeadError:
            return
        if response.status == 101:
            return
        sent = response_bytes(response, b"id", b"now", response.length < 0, b"")
        found = response_with_h11(sent, b"HEAD" if is_head else b"GET")
        expected = split_fields(response.fields)
        self.assertEqual(response.status, found.status)
        self.assertEqual(expected, found.fields[: len(expected)])
