"""The parsers alone: faster than the engine, and nothing can hide a difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.proxy.readers import WHOLE, request_with_h11, request_with_llhttp
from twisted_router.proxy import request_head, response_head
from twisted_router.proxy.framing import ChunkedBody
from twisted_router.proxy.head import HeadError, HeadLimits

from .cases import Case
from .differences import dislikes_blanks
from .world import FIELDS, LINE_BYTES, TARGET_BYTES, TRAILER_BYTES, pieces, require

_LIMITS = HeadLimits(0, FIELDS, TARGET_BYTES)
_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

# Not known: refused.
Chunks = tuple[bytes, bytes, bool, bytes] | None


def read_chunks(data: bytes, cuts: tuple[int, ...]) -> Chunks:
    """Payload, what follows the body, whether it is done, and its trailers."""
    body = ChunkedBody(LINE_BYTES, TRAILER_BYTES)
    payload = rest = b""
    for piece in pieces(data, cuts):
        if body.done:
            rest += piece
            continue
        try:
            part, rest = body.feed(piece)
        except HeadError:
            return None
        payload += part
        kept = len(body._pending)
        require(kept <= TRAILER_BYTES + len(piece), "kept of chunks", kept)
    return payload, rest, body.done, body.trailers


def check_chunks(case: Case) -> int:
    """A chunked body means the same to all readers, or is refused."""
    data = case.data
    found = read_chunks(data, ())
    require(found == read_chunks(data, case.cuts), "chunks depend on cuts", found)
    if found is None:
        return 0
    payload, rest, done, _ = found
    reading = request_with_h11(_CHUNKED + data)
    end = len(data) - len(rest)
    other = request_with_llhttp(_CHUNKED + data[:end])
    for source in (reading, other):
        if done and dislikes_blanks(source, b"\n" + data):
            return 1
        require((source.end is WHOLE) == done, "done for one", source.reason, found)
        if done:
            require(source.body == payload, "another body", source, payload)
    require(not done or reading.rest == rest, "another rest", reading.rest, rest)
    return int(done)


def check_head(case: Case) -> int:
    """A head is refused in order, or read; the fast way reads it as the slow one."""
    head, is_head = case.data, bool(case.variant % 2)
    if case.kind == "request head":
        found = _outcome(request_head.parse_request_head, head, _LIMITS)
        other = _outcome(request_head.read_any_head, head, _LIMITS)
    else:
        found = _outcome(response_head.parse_response_head, head, _LIMITS, is_head)
        other = _outcome(response_head.read_any_head, head, _LIMITS, is_head)
    require(found == other, "the ways differ", found, other)
    return int("fields" in found)


def _outcome(read: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Everything that is known of a head, or why it is refused."""
    try:
        known = read(*arguments)
    except HeadError as error:
        return {"status": error.status, "reason": error.reason}
    except request_head.LastHopError:
        return {"last hop": True}
    return {name: getattr(known, name, None) for name in type(known).__slots__}
