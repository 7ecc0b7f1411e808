"""A fast source of messages and of ways to break them, for the long run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from . import parts
from .edits import EDITS, PIECES

_T = TypeVar("_T")


class Generator:
    """Makes inputs; the same ones for the same ``rng``."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._random = rng.random

    def requests(self) -> bytes:
        """What a client sends over one connection: good, tricky or broken."""
        stream = [self.request()]
        while self._random() < 0.4:
            stream.append(self.request())
        if self._random() < 0.05:
            stream.insert(self._below(len(stream) + 1), self._one(parts.GARBAGE))
        if self._random() < 0.0005:
            # More than the router may hold of a client.
            stream *= 1 + 100_000 // (len(b"".join(stream)) + 1)
        return self._broken(b"".join(stream))

    def responses(self) -> bytes:
        """What an instance answers."""
        stream = []
        while self._random() < 0.15:
            stream.append(self._one(parts.INTERIM))
        stream.append(self.response())
        if self._random() < 0.08:
            stream.append(self._one(parts.GARBAGE))
        if self._random() < 0.05:
            stream.append(self.response())
        return self._broken(b"".join(stream))

    def chunks(self) -> bytes:
        """A chunked body, and perhaps something behind it."""
        body = self._chunked()
        if self._random() < 0.2:
            body += self._one(parts.GARBAGE)
        return self._broken(body)

    def cuts(self, size: int) -> tuple[int, ...]:
        """Where a stream of ``size`` bytes is cut; ascending, perhaps nowhere."""
        if size < 2:
            return ()
        count = 1 + self._below(min(size - 1, 6))
        below = self._below
        return tuple(sorted({1 + below(size - 1) for _ in range(count)}))

    def request(self) -> bytes:
        """One request."""
        line = b"%b %b %b" % (
            self._one(parts.METHODS),
            self._mostly(b"/%d" % self._below(99), parts.TARGETS),
            self._one(parts.VERSIONS),
        )
        fields = [b"Host: " + self._mostly(b"app.example.com", parts.HOSTS)]
        return self._message(line, fields, 0.5)

    def response(self) -> bytes:
        """One response."""
        line = self._mostly(b"HTTP/1.1", parts.VERSIONS) + b" "
        return self._message(line + self._one(parts.STATUSES), [], 0.1)

    def _message(self, line: bytes, fields: list[bytes], bodiless: float) -> bytes:
        while self._random() < 0.5:
            fields.append(self._one(parts.FIELDS))
        while self._random() < 0.2:
            fields.append(self._one(parts.CONTROL))
        body = b""
        dice = self._random()
        if dice > bodiless:
            if self._random() < 0.5:
                body = self._one(parts.BODIES)
                fields.append(b"Content-Length: %d" % len(body))
            elif self._random() < 0.9:
                body = self._chunked()
                fields.append(b"Transfer-Encoding: chunked")
            else:
                body = self._one(parts.BODIES)
        if self._random() < 0.12:
            at = self._below(len(fields) + 1)
            fields.insert(at, self._one(parts.TRICKS))
            body = body or (self._chunked() if self._random() < 0.5 else b"hello")
        if self._random() < 0.1:
            self._rng.shuffle(fields)
        return b"\r\n".join([line, *fields, b"", body])

    def _chunked(self) -> bytes:
        good = self._random() < 0.7
        body = []
        while self._random() < 0.7:
            payload = self._one(parts.BODIES) or b"x"
            if good:
                body.append(b"%x\r\n%b\r\n" % (len(payload), payload))
            else:
                size = self._mostly(b"%x" % len(payload), parts.SIZES, 0.6)
                ends = self._one(parts.LINE_ENDS), self._one(parts.LINE_ENDS)
                body.append(size + ends[0] + payload + ends[1])
        if good:
            return b"".join(body) + b"0\r\n\r\n"
        last = self._mostly(
            b"0", (b"00", b"0;a=b", b"0 ", b"", b"0x", b"000000000000000")
        )
        body += [last, self._one(parts.LINE_ENDS), self._one(parts.TRAILERS)]
        return b"".join(body) + self._one(parts.LINE_ENDS)

    def _broken(self, data: bytes) -> bytes:
        """``data`` as it is, or with a few edits."""
        if self._random() < 0.35:
            return data
        while True:
            data = self._one(EDITS)(
                data,
                self._below(len(data) + 1),
                self._below(256),
                self._one(PIECES),
            )
            if self._random() < 0.6:
                return data

    def _below(self, limit: int) -> int:
        return int(self._random() * limit)

    def _one(self, choices: Sequence[_T]) -> _T:
        return choices[int(self._random() * len(choices))]

    def _mostly(
        self, usual: bytes, others: Sequence[bytes], chance: float = 0.8
    ) -> bytes:
        return usual if self._random() < chance else self._one(others)
