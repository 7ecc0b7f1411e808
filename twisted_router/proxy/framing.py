"""Where bodies end: length-delimited, chunked, or with their connection (pure)."""

from __future__ import annotations

import re

from .head import TRAILER_SECTION, HeadError, allowed_trailers

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
# Groups are repeated as Note [Repeated groups] in head says.
_QUOTED = rb'"(?>(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"'
# chunk-size and extensions: RFC 9112 7.1. 15 digits stay far below 2**63.
_CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,15})"
    rb"(?>(?:[\t ]*+;[\t ]*+" + _TOKEN + rb"(?>(?:[\t ]*+=[\t ]*+(?:" + _TOKEN
    + rb"|" + _QUOTED + rb"))?))*)\r\n"
)  # fmt: skip

#: Ends a chunked body that has no trailer.
LAST_CHUNK = b"0\r\n\r\n"


def encode_chunk(payload: bytes) -> bytes:
    """``payload``, not empty, as one chunk."""
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def encode_end(trailers: bytes) -> bytes:
    """The last chunk with ``trailers``: fields with their line ends."""
    return b"0\r\n%b\r\n" % trailers if trailers else LAST_CHUNK


class LengthBody:
    """A body of a known length.

    :ivar done: all of it was seen.
    :ivar trailers: none, ever; bodies are used alike.
    """

    __slots__ = ("done", "left")

    trailers = b""

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what belongs to the body: (payload, what follows the body)."""
        size = len(data)
        if size < self.left:
            self.left -= size
            return data, b""
        left, self.left, self.done = self.left, 0, True
        return (data, b"") if size == left else (data[:left], data[left:])


class EndlessBody:
    """A body that ends with its connection."""

    __slots__ = ()

    done = False
    trailers = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Everything belongs to it."""
        return data, b""


class ChunkedBody:
    """A chunked body, decoded (RFC 9112 7.1); extensions are checked and dropped.

    :param line_bytes: limit of a chunk's size line, its line end included; 0 = none.
    :param trailer_bytes: limit of the trailer section; 0 = none.
    :ivar done: the end was seen.
    :ivar trailers: fields that may be passed on, with their line ends.
    """

    __slots__ = (
        "_left",
        "_line_bytes",
        "_pending",
        "_trailer_bytes",
        "done",
        "trailers",
    )

    # What ``_left`` says when it is not the number of bytes to come in a chunk.
    _SIZE_LINE = 0
    _LINE_END = -1
    _TRAILER = -2

    def __init__(self, line_bytes: int, trailer_bytes: int) -> None:
        self._line_bytes = line_bytes
        self._trailer_bytes = trailer_bytes
        self._left = self._SIZE_LINE
        self._pending = b""
        self.done = False
        self.trailers = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what belongs to the body: (payload, what follows the body).

        :raises HeadError: (400) the coding is broken or over a limit.
        """
        if self._pending:
            data = self._pending + data
            self._pending = b""
        payload: list[bytes] = []
        position, size = 0, len(data)
        while position < size:
            left = self._left
            if left > 0:
                part = data[position : position + left]
                payload.append(part)
                position += len(part)
                self._left = left - len(part) or self._LINE_END
            elif left == self._LINE_END:
                if data[position : position + 2] == b"\r\n":
                    position += 2
                    self._left = self._SIZE_LINE
                elif data[position:] == b"\r":
                    break
                else:
                    raise HeadError(400, "malformed chunk")
            elif left == self._SIZE_LINE:
                match = _CHUNK_LINE.match(data, position)
                if match is None:
                    self._check_part_of_line(data, position)
                    break
                if self._line_bytes and match.end() - position > self._line_bytes:
                    raise HeadError(400, "chunk line too long")
                position = match.end()
                self._left = int(match[1], 16) or self._TRAILER
            else:
                end = self._end_of_trailer(data, position)
                if end < 0:
                    break
                self.done = True
                return b"".join(payload), data[end:]
        self._pending = data[position:]
        return (payload[0] if len(payload) == 1 else b"".join(payload)), b""

    def _check_part_of_line(self, data: bytes, position: int) -> None:
        """Refuse a size line that no further bytes can make good."""
        end = data.find(b"\n", position)
        if end >= 0:
            raise HeadError(400, "malformed chunk size")
        if self._line_bytes and len(data) - position >= self._line_bytes:
            raise HeadError(400, "chunk line too long")

    def _end_of_trailer(self, data: bytes, position: int) -> int:
        """Where the trailer section ends, -1 while it is incomplete."""
        match = TRAILER_SECTION.match(data, position)
        if match is not None:
            if self._trailer_bytes and match.end() - position > self._trailer_bytes:
                raise HeadError(400, "trailer too long")
            if _FRAMING_FIELD.search(data, position, match.end()):
                raise HeadError(400, "framing in a trailer")
            self.trailers = allowed_trailers(data[position : match.end() - 2])
            return match.end()
        if data.find(b"\r\n\r\n", position) >= 0 or _BARE.search(data, position):
            raise HeadError(400, "malformed trailer")
        if self._trailer_bytes and len(data) - position >= self._trailer_bytes:
            raise HeadError(400, "trailer too long")
        return -1


# A line feed without its carriage return, or the other way round: never well-formed,
# however the data go on.
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")

# Other fields that do not belong there are dropped. These have no purpose but to make
# two readers disagree, and some refuse them.
_FRAMING_FIELD = re.compile(rb"(?<![^\n])(?i:content-length|transfer-encoding):")

Body = LengthBody | EndlessBody | ChunkedBody
