"""Two other parsers, as readers of one message: h11 and llhttp (httptools).

h11 is a strict parser in Python; llhttp is Node's, and that of many Python servers.
What the proxy passes on must mean to both what it meant to the proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import h11
import httptools

Field = tuple[bytes, bytes]

#: How a message ended for its reader: as it should, not yet, or it is no message.
WHOLE, PART, REFUSED = "whole", "part", "refused"

# Whatever is an HTTP method to llhttp, so that others can be told from broken lines.
_LLHTTP_METHODS = frozenset(
    b"GET HEAD POST PUT DELETE OPTIONS PATCH TRACE COPY LOCK MKCOL MOVE PROPFIND "
    b"PROPPATCH SEARCH UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE "
    b"M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE MKCALENDAR LINK UNLINK".split()
)

_UNLIMITED = 1 << 30

#: Bytes that h11 gets at a time. It copies what it has not read yet: if it got all,
#: thousands of messages on end would take the square of the time.
_BLOCK = 4096


@dataclass
class Reading:
    """A message as a parser understood it: names in lower case, values stripped.

    :ivar end: :data:`WHOLE`, :data:`PART` or :data:`REFUSED`.
    :ivar head_seen: its head was complete, and understood.
    :ivar rest: what follows the message; only h11 tells, unless the
        protocol changes.
    :ivar reason: why it was refused.
    """

    method: bytes = b""
    target: bytes = b""
    status: int = 0
    fields: list[Field] = field(default_factory=list)
    body: bytes = b""
    trailers: list[Field] = field(default_factory=list)
    end: str = PART
    head_seen: bool = False
    rest: bytes = b""
    reason: str = ""

    def start(self) -> tuple[bytes, bytes, int]:
        """Its first line, less the version and the reason."""
        return self.method, self.target, self.status

    def content(self) -> tuple[Any, ...]:
        """All that a recipient would act on."""
        return *self.start(), self.fields, self.body, self.trailers


def request_with_h11(data: bytes) -> Reading:
    """h11's understanding of the request that ``data`` begins with."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_UNLIMITED)
    return _read_with_h11(connection, data, over=False)


def response_with_h11(
    data: bytes, method: bytes = b"GET", over: bool = False, upgrade: bytes = b""
) -> Reading:
    """h11's understanding of a response to a request of ``method``.

    :param over: the connection ends behind ``data``.
    :param upgrade: the protocols that the request offered.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_UNLIMITED)
    fields = [(b"Host", b"a")]
    if upgrade:
        fields += [(b"Connection", b"upgrade"), (b"Upgrade", upgrade)]
    connection.send(h11.Request(method=method, target="/", headers=fields))
    connection.send(h11.EndOfMessage())
    return _read_with_h11(connection, data, over)


def _read_with_h11(connection: h11.Connection, data: bytes, over: bool) -> Reading:
    reading = Reading()
    body: list[bytes] = []
    fed = 0
    try:
        while reading.end is PART:
            event = connection.next_event()
            if event is h11.NEED_DATA and fed < len(data):
                connection.receive_data(data[fed : fed + _BLOCK])
                fed += _BLOCK
            elif event is h11.NEED_DATA and over:
                connection.receive_data(b"")
                over = False
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.Request):
                reading.method, reading.target = event.method, event.target
                reading.fields = list(event.headers)
                reading.head_seen = True
            elif isinstance(event, h11.InformationalResponse):
                reading.status = event.status_code
                reading.fields = list(event.headers)
                reading.head_seen = True
                reading.end = WHOLE
            elif isinstance(event, h11.Response):
                reading.status = event.status_code
                reading.fields = list(event.headers)
                reading.head_seen = True
            elif isinstance(event, h11.EndOfMessage):
                reading.trailers = list(event.headers)
                reading.end = WHOLE
            else:
                break
    except h11.RemoteProtocolError as error:
        reading.end = REFUSED
        reading.reason = f"h11: {error}"
    reading.body = b"".join(body)
    if reading.end is WHOLE:
        reading.rest = connection.trailing_data[0] + data[fed:]
    return reading


class _Callbacks:
    """Takes what llhttp finds of the first message; the others are only counted.

    :ivar status: asks the parser for a response's status.
    """

    def __init__(self) -> None:
        self.status: Callable[[], int] = int
        self.reading = Reading()
        self.body: list[bytes] = []
        self.messages = 0

    def on_message_begin(self) -> None:
        self.messages += 1

    def on_url(self, url: bytes) -> None:
        if self.messages == 1:
            self.reading.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.messages == 1:
            reading = self.reading
            pair = (name.lower(), value.strip(b" \t"))
            (reading.trailers if reading.head_seen else reading.fields).append(pair)

    def on_headers_complete(self) -> None:
        if self.messages == 1:
            self.reading.head_seen = True
            self.reading.status = self.status()

    def on_body(self, data: bytes) -> None:
        if self.messages == 1:
            self.body.append(data)

    def on_message_complete(self) -> None:
        self.reading.end = WHOLE


class LlhttpRequest:
    """llhttp, reading one request in any pieces, the first with the whole first line.

    It knows a fixed list of methods; for others it is told that it was POST.

    :ivar messages: how many it has seen begin.
    """

    def __init__(self) -> None:
        self._callbacks = _Callbacks()
        self._parser = httptools.HttpRequestParser(self._callbacks)
        self._method = b""

    @property
    def messages(self) -> int:
        return self._callbacks.messages

    def feed(self, data: bytes) -> Reading:
        """Read on; what is known by now."""
        reading = self._callbacks.reading
        if not self.messages:
            method = data.partition(b"\r\n")[0].partition(b" ")[0]
            if method and method not in _LLHTTP_METHODS:
                self._method = method
                data = b"POST" + data[len(method) :]
        _feed(self._parser, data, self._callbacks)
        if self.messages == 1 and reading.head_seen:
            reading.method = self._method or self._parser.get_method()
        return reading


def request_with_llhttp(data: bytes) -> Reading:
    """Llhttp's understanding of the request that ``data`` begins with."""
    return LlhttpRequest().feed(data)


def response_with_llhttp(data: bytes) -> Reading:
    """Llhttp's understanding of the response that ``data`` begins with.

    It does not know of the request, nor of the connection's end: HEAD must be dealt
    with by the caller, and a body up to that end leaves the message ``PART``.
    """
    callbacks = _Callbacks()
    parser = httptools.HttpResponseParser(callbacks)
    callbacks.status = parser.get_status_code
    _feed(parser, data, callbacks)
    return callbacks.reading


def _feed(parser: Any, data: bytes, callbacks: _Callbacks) -> None:
    reading = callbacks.reading
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade as upgrade:
        reading.rest = data[upgrade.args[0] :]
    except httptools.HttpParserError as error:
        # What came behind a whole message is another reader's business.
        if reading.end is PART:
            reading.end = REFUSED
            reading.reason = f"llhttp: {error}"
    reading.body = b"".join(callbacks.body)


def split_fields(fields: bytes) -> list[Field]:
    """Fields with their line ends, as a reader sees them."""
    lines = fields.split(b"\r\n")[:-1]
    parts = [line.partition(b":") for line in lines]
    return [(name.lower(), value.strip(b" \t")) for name, _, value in parts]
