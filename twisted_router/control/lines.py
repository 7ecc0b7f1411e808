"""Lines of a stream that may have no end, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

#: Of one line, in bytes. A message with a hundred routes has about 4 KiB.
LINE_LIMIT_BYTES = 64 * 1024


class Line(NamedTuple):
    """One line.

    :ivar number: counted from 1.
    :ivar text: without its end; ``None`` if it was too long to keep.
    """

    number: int
    text: bytes | None


class Lines:
    """Cuts what comes into lines."""

    def __init__(self, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._number = 0
        self._begun = b""
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[Line]:
        """Take in the next bytes; the lines that they complete."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._add(part)
            yield self._end()
        self._add(rest)

    def finish(self) -> Iterator[Line]:
        """The stream has ended; so has its last line."""
        if self._begun or self._too_long:
            yield self._end()

    def _add(self, part: bytes) -> None:
        if self._too_long or len(self._begun) + len(part) > self._limit_bytes:
            self._begun, self._too_long = b"", True
        else:
            self._begun += part

    def _end(self) -> Line:
        self._number += 1
        line = Line(self._number, None if self._too_long else self._begun)
        self._begun, self._too_long = b"", False
        return line
