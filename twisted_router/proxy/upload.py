"""The body of a request as it is sent on: checked, and framed anew (pure)."""

from __future__ import annotations

from .framing import ChunkedBody, LengthBody, encode_chunk, encode_end
from .head import CHUNKED, HeadError


class Upload:
    """Takes a body as the client sends it, gives it as the instance is to get it.

    :param length: of the body in bytes, or :data:`CHUNKED`.
    :param most_bytes: limit of its size; 0 = none.
    :param line_bytes: limit of a chunk's size line; see :class:`ChunkedBody`.
    :param trailer_bytes: limit of the trailer section; likewise.
    :raises HeadError: (413) it is going to be too large.
    :ivar received_bytes: how much there was of it, without its framing.
    :ivar done: all of it was seen.
    """

    __slots__ = ("_body", "_most_bytes", "done", "received_bytes")

    def __init__(
        self, length: int, most_bytes: int, line_bytes: int, trailer_bytes: int
    ) -> None:
        if 0 < most_bytes < length:
            raise HeadError(413, "request body too large")
        self._body: ChunkedBody | LengthBody = (
            ChunkedBody(line_bytes, trailer_bytes)
            if length == CHUNKED
            else LengthBody(length)
        )
        self._most_bytes = most_bytes
        self.received_bytes = 0
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take a part of the body: (what to send on, what follows the body).

        :raises HeadError: (400) its coding is broken, (413) it is too large.
        """
        body = self._body
        payload, rest = body.feed(data)
        self.received_bytes += len(payload)
        if 0 < self._most_bytes < self.received_bytes:
            raise HeadError(413, "request body too large")
        self.done = body.done
        if isinstance(body, ChunkedBody):
            if payload:
                payload = encode_chunk(payload)
            if body.done:
                payload += encode_end(body.trailers)
        return payload, rest
