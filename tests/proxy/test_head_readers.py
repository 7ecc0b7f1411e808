"""Properties of twisted_router.proxy.head, held against two other parsers.

What is passed on must mean to an instance what it meant to the proxy. h11 is a strict
parser in Python, httptools is llhttp: Node's, and that of many Python servers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import h11
import httptools
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.proxy.heads import UNLIMITED, request_head, response_head
from twisted_router.proxy.forward import request_bytes, response_bytes
from twisted_router.proxy.head import CHUNKED, HeadError
from twisted_router.proxy.request_head import RequestHead, parse_request_head
from twisted_router.proxy.response_head import parse_response_head

# llhttp knows a fixed list of methods.
METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH")

# Fields that a proxy acts on, each with values that are good or nearly so.
KNOWN: dict[bytes, tuple[bytes, ...]] = {
    b"Connection": (
        b"close",
        b"keep-alive",
        b"Upgrade, HTTP2-Settings",
        b"upgrade",
        b"te, x-a, ,cookie",
        b"content-length, host",
        b"a b",
    ),
    b"Content-Length": (b"0", b"5", b"005", b"5 \t", b"999999999999999999", b"5, 5"),
    b"Transfer-Encoding": (b"chunked", b" Chunked\t", b"gzip, chunked", b"identity"),
    b"Expect": (b"100-continue", b"100-Continue ", b"tea"),
    b"Upgrade": (b"websocket", b"h2c", b"h2c, WebSocket", b"foo/1, bar", b"a b"),
    b"TE": (b"trailers", b"gzip, trailers", b"gzip;q=0.5"),
    b"Keep-Alive": (b"timeout=5", b""),
    b"Proxy-Connection": (b"keep-alive",),
    b"X-Forwarded-For": (b"10.0.0.1", b"10.0.0.1, 10.0.0.2 ", b"", b"\xff"),
    b"X-Forwarded-Proto": (b"https", b" "),
    b"X-Real-IP": (b"10.0.0.1", b""),
    b"X-Request-Id": (b"id", b"a b", b""),
    b"Trailer": (b"X-A",),
    b"Date": (b"never",),
}
HOSTS = (b"a.example", b"A.example:8080", b"[::1]:80", b"a_b!$&'()*+;=%41~", b"")
TARGETS = (
    b"/",
    b"/a/b?c=d",
    b"//a//b",
    b"http://b.example:1/a?b",
    b"https://b.example",
)


def _mostly(
    usual: st.SearchStrategy[bytes], rare: st.SearchStrategy[bytes]
) -> st.SearchStrategy[bytes]:
    """``rare`` once in sixteen: heads of many parts must pass, as well as fail."""
    return st.integers(0, 15).flatmap(lambda dice: usual if dice else rare)


def _joined(parts: st.SearchStrategy[bytes], limit: int) -> st.SearchStrategy[bytes]:
    return st.lists(parts, max_size=limit).map(b"".join)


def _bytes_of(codes: list[int]) -> st.SearchStrategy[bytes]:
    return st.sampled_from([bytes([code]) for code in codes])


# Bytes that make or break a grammar are more likely than others.
_any_text = _joined(
    _bytes_of(list(b'aZ09 \t\r\n\x00\x7f\xff:,;="/?#%[]@-_')) | st.binary(max_size=1), 8
)
_visible = [*range(0x21, 0x7F)]
_value_text = _joined(_bytes_of([0x20, 0x09, *_visible, *range(0x80, 0x100)]), 8)
_target_text = _joined(_bytes_of([code for code in _visible if code != 0x23]), 8)
_host_text = _joined(_bytes_of(list(b"azAZ09._~!$&'()*+;=%-")), 8)
_name_text = st.sampled_from([b"X-A", b"x_a", b"Cookie", b"Accept", b"X!#'*|~^`"])

_names = _mostly(_name_text, _any_text)
_values = _mostly(_value_text, _any_text)
_other_fields = st.builds(b"%b:%b".__mod__, st.tuples(_names, _values))
_known_fields = st.sampled_from(sorted(KNOWN)).flatmap(
    lambda name: st.builds(
        b"%b:%b%b".__mod__,
        st.tuples(
            st.sampled_from([name, name.lower(), name.upper()]),
            st.sampled_from([b" ", b"", b" \t"]),
            _mostly(st.sampled_from(KNOWN[name]), _values),
        ),
    )
)
_hosts = st.builds(
    b"%b:%b".__mod__,
    st.tuples(
        st.sampled_from([b"Host", b"host"]),
        _mostly(st.sampled_from(HOSTS) | _host_text, _any_text),
    ),
)
_fields = _mostly(_other_fields | _known_fields, _hosts | _any_text)
_targets = _mostly(
    st.sampled_from(TARGETS)
    | _target_text.map(b"/".__add__)
    | st.builds(b"http://%b/%b".__mod__, st.tuples(_host_text, _target_text)),
    _any_text,
)
_request_lines = _mostly(
    st.builds(
        b"%b %b HTTP/1.%b".__mod__,
        st.tuples(
            st.sampled_from(METHODS), _targets, st.sampled_from([b"1", b"1", b"0"])
        ),
    ),
    st.sampled_from(
        [b"OPTIONS * HTTP/1.1", b"GET / HTTP/1.2", b"CONNECT a:1 HTTP/1.1"]
    ),
)
_status_lines = st.builds(
    b"HTTP/1.%b %d%b".__mod__,
    st.tuples(
        st.sampled_from([b"1", b"1", b"1", b"0", b"2"]),
        st.sampled_from([100, 101, 103, 200, 204, 206, 304, 404, 500, 999]),
        st.sampled_from([b"", b" "]) | _values.map(b" ".__add__),
    ),
)
requests = st.builds(
    lambda line, host, fields: request_head(host, *fields, line=line),
    _request_lines,
    _hosts,
    st.lists(_fields, max_size=4),
)
responses = st.builds(
    lambda line, fields: response_head(*fields, line=line),
    _status_lines,
    st.lists(_fields, max_size=4),
)

Field = tuple[bytes, bytes]


@dataclass
class Reading:
    """A head as a parser understood it: names in lower case, values without space."""

    method: bytes = b""
    target: bytes = b""
    status: int = 0
    fields: list[Field] = field(default_factory=list)


class _Callbacks:
    """Takes what httptools finds."""

    def __init__(self) -> None:
        self.reading = Reading()
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.reading.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.reading.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


def read_with_httptools(head: bytes) -> Reading:
    """Llhttp's understanding of a request head."""
    callbacks = _Callbacks()
    parser = httptools.HttpRequestParser(callbacks)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass
    assert callbacks.complete
    callbacks.reading.method = parser.get_method()
    return callbacks.reading


def read_with_h11(head: bytes) -> Reading:
    """h11's understanding of a request head."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    return Reading(event.method, event.target, 0, list(event.headers))


def read_response_with_h11(head: bytes, method: str) -> Reading:
    """h11's understanding of a response head, to a request of this method."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(head)
    event = connection.next_event()
    assert isinstance(event, (h11.Response, h11.InformationalResponse))
    return Reading(status=event.status_code, fields=list(event.headers))


def split_fields(fields: bytes) -> list[Field]:
    """Fields with their line ends, as a reader sees them."""
    lines = fields.split(b"\r\n")[:-1]
    parts = [line.partition(b":") for line in lines]
    return [(name.lower(), value.strip(b" \t")) for name, _, value in parts]


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

    @settings(max_examples=150, deadline=None)
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
        st.lists(_fields, max_size=6),
    )
    def test_nothing_nominated_survives(
        self, nominated: list[bytes], fields: list[bytes]
    ) -> None:
        connection = b"Connection: " + b", ".join(nominated)
        request = accepted(request_head(b"Host: a", *fields, connection, b"X-A: 1"))
        if request is not None:
            kept = {name for name, _ in split_fields(request.fields)}
            self.assertEqual(set(), kept & {name.lower() for name in nominated})

    @settings(max_examples=200, deadline=None)
    @given(requests)
    @example(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n")
    @example(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    def test_other_parsers_read_the_same_request(self, head: bytes) -> None:
        request = accepted(head)
        if request is None:
            return
        sent = forwarded(request)
        expected = expected_reading(request)
        for read in (read_with_h11, read_with_httptools):
            found = read(sent)
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
            self.assertEqual(method, read_with_h11(forwarded(request)).method)

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

    @settings(max_examples=150, deadline=None)
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

    @settings(max_examples=150, deadline=None)
    @given(responses, st.booleans())
    def test_h11_reads_the_same_response(self, head: bytes, is_head: bool) -> None:
        try:
            response = parse_response_head(head, UNLIMITED, is_head)
        except HeadError:
            return
        if response.status == 101:
            return
        sent = response_bytes(response, b"id", b"now", response.length < 0, b"")
        found = read_response_with_h11(sent, "HEAD" if is_head else "GET")
        expected = split_fields(response.fields)
        self.assertEqual(response.status, found.status)
        self.assertEqual(expected, found.fields[: len(expected)])
