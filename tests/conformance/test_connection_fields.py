"""Fields for one connection only: RFC 9110 7.6.1, 7.8 and 10.1.4."""

from __future__ import annotations

from .cases import (
    CLOSED,
    EOF,
    KEPT,
    Case,
    Client,
    ConformanceTestCase,
    Gets,
    Instance,
    Page,
    Sees,
    ask,
    forwarded,
    refused,
    relayed,
    reply,
    shown,
)

# Never passed on, in either direction, nominated or not.
HOP_BY_HOP = (
    b"Keep-Alive: timeout=5",
    b"Proxy-Connection: keep-alive",
    b"Proxy-Authenticate: Basic",
    b"Proxy-Authorization: Basic eDp5",
    b"TE: gzip",
    b"Upgrade: websocket",
)
LENGTH = b"Content-Length: 0"


class ConnectionTests(ConformanceTestCase):
    """RFC 9110 7.6.1: Connection, and what it names, end here."""

    cases = (
        *(
            forwarded(
                "9110-7.6.1",
                f"request, {field.decode()} is removed",
                ask(b"A: 1", field, b"B: 2"),
                ask(b"A: 1", b"B: 2"),
            )
            for field in HOP_BY_HOP
        ),
        *(
            relayed(
                "9110-7.6.1",
                f"response, {field.decode()} is removed",
                reply(b"A: 1", field, LENGTH),
                reply(b"A: 1", LENGTH),
            )
            for field in HOP_BY_HOP
        ),
        *(
            forwarded(
                "9110-7.6.1",
                f"request, what {shown(connection)} names is removed",
                ask(b"Foo: 1", b"Connection: " + connection, b"fOO: 2", b"Fool: 3"),
                ask(b"Fool: 3"),
            )
            for connection in (
                b"foo", b"FOO", b" Foo ", b"a, foo", b"foo,a", b",,foo,,", b"\tfoo\t,",
                b"keep-alive, foo",
            )
        ),
        forwarded(
            "9110-7.6.1",
            "request, several Connection fields are one list",
            ask(b"Connection: a", b"A: 1", b"connection: b", b"B: 2", b"C: 3"),
            ask(b"C: 3"),
        ),
        forwarded(
            "9110-5.6.1.2",
            "request, empty elements are ignored",
            ask(b"Connection: , ,", b"A: 1"),
            ask(b"A: 1"),
        ),
        forwarded(
            "9110-7.6.1",
            "request, an empty Connection names nothing",
            ask(b"Connection:", b"A: 1"),
            ask(b"A: 1"),
        ),
        relayed(
            "9110-7.6.1",
            "response, what Connection names is removed",
            reply(b"Foo: 1", b"Connection: foo", LENGTH, b"Connection: bar", b"Bar: 2"),
            reply(LENGTH),
        ),
        *(
            forwarded(
                "9110-7.6.1",
                f"request, {field.decode()} is not for one connection, and stays",
                ask(b"Connection: " + field.partition(b":")[0], field),
                ask(field),
            )
            for field in (
                b"Via: 1.1 front", b"Forwarded: for=192.0.2.1", b"Date: never",
                b"Expect: else", LENGTH,
            )
        ),
        forwarded(
            "9110-7.6.1",
            "request, nor can Host be taken away",
            ask(b"Connection: Host"),
            ask(),
        ),
        *(
            refused(
                "9110-7.6.1",
                f"the option {shown(value)} is no token",
                400,
                ask(b"Connection: " + value),
            )
            for value in (b"a b", b"a;b", b'"a"', b"a/b", b"\xe9", b"close keep-alive")
        ),
        relayed(
            "9110-7.6.1",
            "response, an option that is no token is refused",
            reply(b"Connection: a b", LENGTH),
            Page(502),
            KEPT,
            CLOSED,
        ),
    )  # fmt: skip


class TrailersTests(ConformanceTestCase):
    """RFC 9110 10.1.4, RFC 9112 7.4: TE speaks for one connection."""

    cases = (
        forwarded(
            "9112-7.4",
            "that trailers are understood is passed on, and nominated",
            ask(b"TE: trailers", b"Connection: TE"),
            ask(b"TE: trailers", b"Connection: TE"),
        ),
        forwarded(
            "9110-10.1.4",
            "of all that is accepted, only that",
            ask(b"TE: gzip;q=0.5, Trailers", b"Connection: te"),
            ask(b"TE: trailers", b"Connection: TE"),
        ),
        forwarded(
            "9110-10.1.4",
            "what is not nominated is not passed on",
            ask(b"TE: trailers"),
            ask(),
        ),
        forwarded(
            "9110-10.1.4",
            "codings that the router does not decode are not asked for",
            ask(b"TE: gzip", b"Connection: TE"),
            ask(),
        ),
    )


def offer(upgrade: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """A request that offers to change the protocol."""
    return ask(b"Upgrade: " + upgrade, b"Connection: Upgrade", *fields, body=body)


def offered(upgrade: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """The same, as an instance sees it."""
    return ask(*fields, b"Connection: Upgrade", b"Upgrade: " + upgrade, body=body)


def switch(upgrade: bytes) -> bytes:
    """A response that changes the protocol."""
    line = b"HTTP/1.1 101 Switching Protocols"
    return reply(b"Connection: Upgrade", b"Upgrade: " + upgrade, line=line)


SWITCH = switch(b"websocket")
PLAIN = reply(b"Content-Length: 2", body=b"hi")


class UpgradeTests(ConformanceTestCase):
    """RFC 9110 7.8: what was offered, on 101, and nothing else."""

    cases = (
        Case(
            "9110-7.8",
            "after 101 bytes go both ways until both have ended",
            (
                Client(offer(b"websocket")),
                Sees(offered(b"websocket")),
                Instance(SWITCH + b"\x81\x02hi"),
                Gets(SWITCH + b"\x81\x02hi"),
                Client(b"GET / HTTP/1.1\r\n\r\n"),
                Sees(b"GET / HTTP/1.1\r\n\r\n"),
                Client(EOF),
                Instance(b"HTTP/1.1 200 OK\r\n\r\n"),
                Gets(b"HTTP/1.1 200 OK\r\n\r\n"),
                Instance(EOF),
            ),
            CLOSED,
            CLOSED,
        ),
        Case(
            "9110-7.8",
            "what the client sends ahead waits for the 101",
            (
                Client(offer(b"websocket") + b"\x81\x00"),
                Sees(offered(b"websocket")),
                Instance(SWITCH),
                Sees(b"\x81\x00"),
                Instance(EOF),
                Client(EOF),
                Gets(SWITCH),
            ),
            CLOSED,
            CLOSED,
        ),
        Case(
            "9110-7.8",
            "an offer that is not taken leaves HTTP as it is",
            (
                Client(offer(b"websocket") + ask(line=b"GET /2 HTTP/1.1")),
                Sees(offered(b"websocket")),
                Instance(PLAIN),
                Gets(PLAIN),
                Sees(ask(line=b"GET /2 HTTP/1.1")),
                Instance(PLAIN),
                Gets(PLAIN),
            ),
        ),
        *(
            Case(
                "9110-7.8",
                f"a 101 {how} is refused",
                (Client(request), Instance(answer), Gets(Page(502))),
                KEPT if b"1.1" in request[:20] else CLOSED,
                CLOSED,
            )
            for how, request, answer in (
                ("without an offer", ask(), SWITCH),
                ("to another protocol", offer(b"websocket"), switch(b"other")),
                ("to one more", offer(b"a"), switch(b"a, b")),
                ("to another version", offer(b"a/1"), switch(b"a/2")),
                ("without a protocol", offer(b"a"), reply(line=b"HTTP/1.1 101 No")),
                ("with an empty one", offer(b"a"), switch(b"")),
                ("to what was not offered on", offer(b"h2c"), switch(b"h2c")),
                ("without nomination", ask(b"Upgrade: websocket"), SWITCH),
                (
                    "to a client of HTTP/1.0",
                    ask(
                        b"Upgrade: websocket",
                        b"Connection: Upgrade",
                        line=b"GET / HTTP/1.0",
                    ),
                    SWITCH,
                ),
            )
        ),
        Case(
            "9110-7.8",
            "of several offers the instance may choose, in any case of letters",
            (
                Client(offer(b"a/1, WebSocket")),
                Sees(offered(b"a/1, WebSocket")),
                Instance(switch(b"websocket")),
                Gets(switch(b"websocket")),
                Instance(EOF),
                Client(EOF),
            ),
            CLOSED,
            CLOSED,
        ),
        forwarded(
            "9110-7.8",
            "an offer that is not nominated is not passed on",
            ask(b"Upgrade: websocket", b"Connection: keep-alive"),
            ask(),
        ),
        forwarded(
            "9110-7.8",
            "an offer of HTTP/1.0 is ignored",
            ask(b"Upgrade: a", b"Connection: Upgrade", line=b"GET / HTTP/1.0"),
            ask(),
            CLOSED,
        ),
        *(
            forwarded(
                "9110-7.8",
                f"{protocol.decode()} is not offered on, it would hide requests",
                offer(protocol),
                ask(),
            )
            for protocol in (b"h2c", b"H2C-14", b"HTTP/2.0", b"http/3", b"TLS/1.0")
        ),
        forwarded(
            "9110-7.8",
            "others of the same offer are",
            offer(b"h2c, websocket, TLS/1.2"),
            offered(b"websocket"),
        ),
        forwarded(
            "9110-7.8",
            "a request with a body is not upgraded",
            offer(b"a", b"Content-Length: 2", body=b"hi"),
            ask(b"Content-Length: 2", body=b"hi"),
        ),
        *(
            refused(
                "9110-7.8", f"{shown(protocol)} is no protocol", 400, offer(protocol)
            )
            for protocol in (b"a b", b"a/b/c", b"/a", b"a/", b"a;b", b'"a"')
        ),
        relayed(
            "9110-7.8",
            "426 says which protocols would do",
            reply(
                b"Upgrade: websocket, h2c",
                b"Connection: Upgrade",
                LENGTH,
                line=b"HTTP/1.1 426 Upgrade Required",
            ),
            reply(
                LENGTH,
                b"Connection: Upgrade",
                b"Upgrade: websocket",
                line=b"HTTP/1.1 426 Upgrade Required",
            ),
        ),
        relayed(
            "9110-7.8",
            "no other response does",
            reply(b"Upgrade: websocket", b"Connection: Upgrade", LENGTH),
            reply(LENGTH),
        ),
    )
