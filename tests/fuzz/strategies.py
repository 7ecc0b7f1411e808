"""Hypothesis strategies for cases: slower than the generator, but they shrink."""

from __future__ import annotations

from hypothesis import strategies as st

from . import parts
from .cases import CHUNKS, REQUESTS, RESPONSES, Case
from .edits import EDITS, PIECES, Edit

_bodies = st.sampled_from(parts.BODIES)
_fields = st.lists(
    st.sampled_from(parts.FIELDS)
    | st.sampled_from(parts.CONTROL)
    | st.sampled_from(parts.TRICKS),
    max_size=3,
)


def _chunk(payload: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(payload), payload)


_good_chunks = st.lists(_bodies.filter(bool).map(_chunk), max_size=2).map(b"".join)
_odd_chunks = st.builds(
    lambda size, end: size + end + b"hello\r\n",
    st.sampled_from(parts.SIZES),
    st.sampled_from(parts.LINE_ENDS),
)
_chunked = st.builds(
    lambda chunks, trailers: chunks + b"0\r\n" + trailers + b"\r\n",
    _good_chunks | _odd_chunks,
    st.sampled_from(parts.TRAILERS),
)
# A body, and the fields that say where it ends.
_framed = st.one_of(
    st.just((b"", b"")),
    st.tuples(_bodies, st.just(b"")),
    _bodies.map(lambda body: (body, b"Content-Length: %d\r\n" % len(body))),
    _chunked.map(lambda body: (body, b"Transfer-Encoding: chunked\r\n")),
)


def _message(
    line: bytes, host: bytes, fields: list[bytes], framed: tuple[bytes, bytes]
) -> bytes:
    body, framing = framed
    lines = b"".join(field + b"\r\n" for field in (line, *fields))
    return lines + host + framing + b"\r\n" + body


_requests = st.builds(
    _message,
    st.builds(
        b"%b %b %b".__mod__,
        st.tuples(
            st.sampled_from(parts.METHODS),
            st.sampled_from(parts.TARGETS),
            st.sampled_from(parts.VERSIONS),
        ),
    ),
    st.sampled_from(parts.HOSTS).map(b"Host: %b\r\n".__mod__),
    _fields,
    _framed,
)
_responses = st.builds(
    _message,
    st.sampled_from(parts.STATUSES).map(b"HTTP/1.1 ".__add__),
    st.just(b""),
    _fields,
    _framed,
)
_garbage = st.sampled_from(parts.GARBAGE) | st.binary(max_size=20)
_edits = st.lists(
    st.tuples(
        st.sampled_from(EDITS),
        st.integers(0, 500),
        st.integers(0, 255),
        st.sampled_from(PIECES) | st.binary(max_size=4),
    ),
    max_size=3,
)


def _streams(messages: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A few messages, edited."""

    def edited(stream: list[bytes], edits: list[tuple[Edit, int, int, bytes]]) -> bytes:
        data = b"".join(stream)
        for edit, at, number, piece in edits:
            data = edit(data, min(at, len(data)), number, piece)
        return data

    return st.builds(edited, st.lists(messages, min_size=1, max_size=3), _edits)


def _cases(
    kind: str, streams: st.SearchStrategy[bytes], variants: int
) -> st.SearchStrategy[Case]:
    def case(data: bytes, cuts: list[int], variant: int) -> Case:
        there = sorted({cut for cut in cuts if cut < len(data)})
        return Case(kind, data, tuple(there), variant)

    cuts = st.lists(st.integers(1, 500), max_size=5)
    return st.builds(case, streams, cuts, st.integers(0, variants - 1))


def request_cases(kind: str = REQUESTS, variants: int = 1) -> st.SearchStrategy[Case]:
    """What clients send."""
    return _cases(kind, _streams(_requests | _garbage), variants)


def response_cases(kind: str = RESPONSES, variants: int = 1) -> st.SearchStrategy[Case]:
    """What instances answer."""
    interim = st.sampled_from(parts.INTERIM)
    return _cases(kind, _streams(_responses | interim | _garbage), variants)


def chunk_cases() -> st.SearchStrategy[Case]:
    """Chunked bodies, and what stands behind them."""
    return _cases(CHUNKS, _streams(_chunked | _garbage), 1)
