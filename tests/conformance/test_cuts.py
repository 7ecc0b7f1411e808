"""How a stream is cut into reads changes nothing: RFC 9112 2.2.

Conversations of each kind are cut once at every byte, on either side, and also into
single bytes. What both sides see, and what becomes of them, is the same each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.proxy.harness import EngineTestCase
from twisted_router.config.schema import Bytes

from .cases import HOST, OK, ask, fate_of, reply

CHUNKED = b"Transfer-Encoding: chunked"
POST = b"POST / HTTP/1.1"
HEAD = b"HEAD / HTTP/1.1"
TRACE = b"TRACE / HTTP/1.1"
LAST = b"0\r\n\r\n"
NEXT = ask(line=b"GET /next HTTP/1.1")

_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")
_CHUNK = re.compile(rb"([0-9a-f]+)\r\n")


@dataclass(frozen=True, slots=True)
class Stream:
    """What client and instance send; the instance answers when it was asked."""

    name: str
    client: bytes
    instance: bytes = OK
    instance_ends: bool = False


#: What the client sends, and what the instance does.
Pieces = tuple[tuple[bytes, ...], tuple[bytes, ...]]

REQUESTS = (
    Stream("a plain request", ask(b"Accept: */*", b"Connection: keep-alive")),
    Stream("empty lines before a request", b"\r\n\r\n" + ask()),
    Stream("requests behind each other", ask(b"A: b") + NEXT),
    Stream("a body of known length", ask(b"Content-Length: 5", line=POST) + b"hello"),
    Stream(
        "a request behind a body",
        ask(b"Content-Length: 5", line=POST) + b"\r\n\r\n!" + NEXT,
    ),
    Stream(
        "chunks with extensions and trailers",
        ask(CHUNKED, line=POST)
        + b'3;a="b";c\r\nabc\r\n00A\r\n0123456789\r\n0;d\r\nX-Sum: 1\r\nHost: x\r\n\r\n'
        + NEXT,
    ),
    Stream("an absolute target", ask(line=b"GET http://app.example.com?a HTTP/1.1")),
    Stream("a request of HTTP/1.0", ask(line=b"GET / HTTP/1.0")),
    Stream("a request answered here", ask(b"Max-Forwards: 0", line=TRACE)),
    Stream("a request without a route", ask(host=b"no.example") + NEXT),
    Stream("a bare line feed", b"GET / HTTP/1.1\r\nHost: " + HOST + b"\nA: b\r\n\r\n"),
    Stream("one in another version", b"GET / HTTP/2.0\r\nA: b\nC: d\r\n\r\n"),
    Stream("another version", ask(line=b"GET / HTTP/2.0")),
    Stream("a bare carriage return", ask(b"A: b\rC: d")),
    Stream("a folded line", ask(b"A: b\r\n c") + NEXT),
    Stream("a space before a colon", ask(b"A : b") + NEXT),
    Stream("no Host", b"GET / HTTP/1.1\r\nA: b\r\n\r\n" + NEXT),
    Stream("two Hosts", ask(b"Host: evil.example") + NEXT),
    Stream("both lengths", ask(CHUNKED, b"Content-Length: 5", line=POST) + LAST),
    Stream("an unknown coding", ask(b"Transfer-Encoding: x", line=POST) + NEXT),
    Stream("a bad chunk size", ask(CHUNKED, line=POST) + b"2\r\nhi\r\nx\r\n\r\n"),
    Stream("a bad chunk end", ask(CHUNKED, line=POST) + b"2\r\nhi!\r\n0\r\n\r\n"),
    Stream("a bad trailer", ask(CHUNKED, line=POST) + b"0\r\nA : b\r\n\r\n" + NEXT),
)
RESPONSES = (
    Stream("a plain response", NEXT, OK),
    Stream("no body", NEXT, reply(line=b"HTTP/1.1 204 No Content")),
    Stream(
        "chunks with extensions and trailers",
        NEXT,
        reply(CHUNKED) + b'3;a="b"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n',
    ),
    Stream("a body until the end", NEXT, reply(b"A: b", body=b"hello"), True),
    Stream(
        "interim responses",
        NEXT,
        b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK,
    ),
    Stream("a response to HEAD", ask(line=HEAD), reply(b"Content-Length: 9")),
    Stream("a space before a colon", NEXT, reply(b"Content-Length : 2", body=b"hi")),
    Stream("one of HTTP/1.0", NEXT, reply(line=b"HTTP/1.0 200 OK", body=b"hi"), True),
    Stream(
        "a change of protocol",
        ask(b"Upgrade: a", b"Connection: Upgrade") + b"ahead",
        reply(b"Upgrade: a", line=b"HTTP/1.1 101 Yes") + b"\r\n\r\nhello",
    ),
    Stream("a body cut off", NEXT, reply(b"Content-Length: 9", body=b"hello"), True),
    Stream("chunks cut off", NEXT, reply(CHUNKED, body=b"5\r\nhello\r\n"), True),
    Stream("a head cut off", NEXT, reply(b"A: b")[:-2], True),
    Stream("a bad chunk", NEXT, reply(CHUNKED, body=b"2\r\nhi\r\n-1\r\n\r\n")),
    Stream("two lengths", NEXT, reply(b"Content-Length: 2", b"Content-Length: 3")),
    Stream("a folded line", NEXT, reply(b"A: b\r\n c", b"Content-Length: 0")),
)
LARGE = (
    Stream("a target that is too long", ask(line=b"GET /%b HTTP/1.1" % (b"a" * 60))),
    Stream("one longer than a head", ask(line=b"GET /%b HTTP/1.1" % (b"a" * 200))),
    Stream("a large head", ask(b"A: " + b"a" * 200)),
    Stream("a large head with a bare line feed", ask(b"A:\nb", b"A: " + b"a" * 200)),
    Stream("many fields", ask(*[b"A:"] * 10)),
    Stream("a long size line", ask(CHUNKED, line=POST) + b"0;%b\r\n\r\n" % (b"a" * 20)),
    Stream(
        "a large trailer",
        ask(CHUNKED, line=POST) + b"0\r\nA: %b\r\n\r\n" % (b"a" * 20),
    ),
)


def cuts(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """``data`` in two parts, in every way; and in single bytes."""
    yield (data,)
    for position in range(1, len(data)):
        yield data[:position], data[position:]
    yield tuple(data[i : i + 1] for i in range(len(data)))


def without_cuts(data: bytes) -> list[bytes]:
    """A stream of messages, with the chunks of each body joined.

    Of a chunked body without end only the head is told: how much of it was passed on
    before it broke depends on how it came.
    """
    parts = []
    while (end := data.find(b"\r\n\r\n") + 4) >= 4:
        head, data = data[:end], data[end:]
        parts.append(head)
        length = _LENGTH.search(head)
        if b"\r\nTransfer-Encoding: chunked\r\n" in head:
            body = b""
            while (size := _CHUNK.match(data)) is not None and int(size[1], 16):
                last = size.end() + int(size[1], 16)
                body += data[size.end() : last]
                data = data[last + 2 :]
            if not data.startswith(b"0\r\n"):
                return [*parts, b"unfinished"]
            trailer = data.find(b"\r\n\r\n") + 4
            parts += [body, data[3:trailer]]
            data = data[trailer:]
        elif length is not None:
            parts.append(data[: int(length[1])])
            data = data[int(length[1]) :]
    return [*parts, data] if data else parts


class _CutTestCase(EngineTestCase):
    """Has a test for each of its ``streams``, which plays it in pieces."""

    streams: ClassVar[tuple[Stream, ...]] = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for stream in cls.streams:
            words = re.sub(r"[^A-Za-z0-9]+", "_", stream.name)
            name = f"test_9112_2_2_{words}"
            setattr(cls, name, _test(name, stream))

    def cut(self, stream: Stream) -> Iterator[Pieces]:
        """What the client sends, in pieces."""
        return ((pieces, (stream.instance,)) for pieces in cuts(stream.client))

    def assert_same(self, stream: Stream) -> None:
        """However it is cut, the outcome is that of the whole."""
        whole = self.outcome(stream, (stream.client,), (stream.instance,))
        for client, instance in self.cut(stream):
            found = self.outcome(stream, client, instance)
            self.assertEqual(whole, found, f"in pieces: {client} and {instance}")

    def outcome(
        self, stream: Stream, client: tuple[bytes, ...], instance: tuple[bytes, ...]
    ) -> tuple[Any, ...]:
        """What both sides see, and what becomes of their connections."""
        self.assemble(**self.config)
        asking = self.client()
        answering = None
        for piece in client:
            asking.deliver(piece)
            if self.dials and answering is None:
                answering = self.dials[0].succeed()
        if answering is None:
            return without_cuts(asking.take()), fate_of(asking)
        for piece in instance:
            answering.deliver(piece)
        if stream.instance_ends:
            answering.finish()
        self.clock.advance(0)
        return (
            len(self.dials),
            without_cuts(asking.take()),
            fate_of(asking),
            without_cuts(answering.take()),
            answering.lost,
        )


def _test(name: str, stream: Stream) -> Callable[[_CutTestCase], None]:
    def test(self: _CutTestCase) -> None:
        self.assert_same(stream)

    test.__name__ = test.__qualname__ = name
    return test


class RequestTests(_CutTestCase):
    """Requests are the same however they come."""

    streams = REQUESTS


class ResponseTests(_CutTestCase):
    """Responses are the same however they come."""

    streams = RESPONSES

    def cut(self, stream: Stream) -> Iterator[Pieces]:
        """What the instance sends, in pieces."""
        return (((stream.client,), pieces) for pieces in cuts(stream.instance))


class LimitTests(_CutTestCase):
    """So are refusals where a limit is met."""

    streams = LARGE
    config: ClassVar[dict[str, Any]] = {
        "max_request_target_bytes": Bytes(50),
        "max_request_header_bytes": Bytes(150),
        "max_request_headers": 10,
        "max_chunk_line_bytes": Bytes(20),
        "max_trailer_bytes": Bytes(20),
    }
