"""A client's bytes through the engine, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.proxy.readers import (
    WHOLE,
    Reading,
    request_with_h11,
)

from .cases import Case
from .client import AUTHORITY, HEAD, STATUS, Record, read_responses
from .differences import (
    dislikes_blanks,
    source_request_with_llhttp,
    takes_offer_for_upgrade,
)
from .world import STEP_S, Answer, Received, World, can_send, pieces, require

# How the client ends: it waits, closes its half, or is gone.
STAYS, FINISHES, LEAVES = range(3)

ANSWERS = (
    (b"HTTP/1.1 200 OK\r\nX-Fuzz-Echo: %b\r\nContent-Length: 2\r\n\r\n", b"ok", False),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Fuzz-Echo: %b\r\n\r\n",
        b"2;a=b\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
        False,
    ),
    (b"HTTP/1.1 200 OK\r\nX-Fuzz-Echo: %b\r\n\r\n", b"all there is", True),
    (b"HTTP/1.1 204 No Content\r\nX-Fuzz-Echo: %b\r\n\r\n", b"", False),
    (
        b"HTTP/1.1 500 Oops\r\nX-Fuzz-Echo: %b\r\nContent-Length: 2\r\n\r\n",
        b"ok",
        False,
    ),
    (
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nX-Fuzz-Echo: %b\r\nContent-Length: 2\r\n\r\n",
        b"ok",
        False,
    ),
    (b"HTTP/1.0 200 OK\r\nX-Fuzz-Echo: %b\r\nContent-Length: 2\r\n\r\n", b"ok", False),
    (b"HTTP/1.1 200 OK\r\nX-Fuzz-Echo: %b\r\nContent-Length: 9\r\n\r\n", b"cut", True),
)
_SWITCHING = (
    b"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: %b\r\nX-Fuzz-Echo: %b\r\n\r\nhi"
)

#: Variants are numbers below this.
VARIANTS = 3 * len(ANSWERS)


def answers(number: int) -> Answer:
    """What instances answer."""
    head, body, over = ANSWERS[number]

    def answer(request: Reading) -> tuple[bytes, bool]:
        fields = dict(request.fields)
        request_id = fields[b"x-request-id"]
        if b"upgrade" in fields:
            return _SWITCHING % (fields[b"upgrade"], request_id), False
        if request.method == b"HEAD":
            # Its connection can be kept, and used before we close it.
            return head % request_id, False
        return head % request_id + body, over

    return answer


@dataclass
class Run:
    """What became of an input.

    :ivar received: by instances, in order.
    :ivar responses: to the client.
    :ivar fates: how the connections of client and instances ended.
    """

    received: list[Received]
    responses: list[Reading]
    records: list[Record]
    fates: list[str]

    def verdict(self) -> tuple[Any, ...]:
        """What may not depend on cuts. Of what was broken off, only the head."""
        return (
            [
                (
                    request.reading.content()
                    if request.reading.end is WHOLE
                    else (*request.reading.start(), request.reading.fields),
                    request.reading.end,
                    request.tunnel,
                )
                for request in self.received
            ],
            [(response.status, response.end) for response in self.responses],
            [record[STATUS] for record in self.records],
            self.fates,
        )


def run(world: World, data: bytes, cuts: tuple[int, ...], variant: int) -> Run:
    """Send ``data`` as one client."""
    world.reset()
    number, ending = divmod(variant, 3)
    answer = answers(number)
    client = world.connect()
    for piece in pieces(data, cuts):
        if piece and can_send(client):
            client.deliver(piece)
            world.settle(answer)
            require(client.reading or client.closed, "stopped reading for good")
    left = False
    if ending == FINISHES and can_send(client):
        client.finish()
    elif ending == LEAVES and not client.lost:
        left = True
        client.lose()
    world.settle(answer)
    for _ in range(4):
        world.clock.advance(STEP_S)
        world.settle(answer)
    require(client.lost, "a client for ever")
    fates = [client.closed, *(i.transport.closed for i in world.instances)]
    left = left or ending == FINISHES
    records = list(world.log)
    responses = read_responses(client.take(), records, client.closed, left)
    world.finish()
    return Run(world.received, responses, records, fates)


def check(world: World, case: Case) -> int:
    """Hold one input to all that must be true of it; how many were forwarded."""
    whole = run(world, case.data, (), case.variant)
    check_forwarded(whole.received)
    _check_source(case.data, whole)
    if case.cuts:
        other = run(world, case.data, case.cuts, case.variant)
        same = whole.verdict() == other.verdict()
        require(same, "the verdict depends on cuts", whole, other)
    return len(whole.received)


def check_forwarded(received: list[Received]) -> None:
    """Both readers understand alike what instances got."""
    for request in received:
        reading = request_with_h11(request.data)
        other = request.reading
        require(reading.end is other.end, "ends differ", reading, other)
        require(not reading.rest, "left over", reading.rest)
        same = reading.content() == other.content()
        require(same, "understood differently", reading, other)


def sources(data: bytes, records: list[Record]) -> Iterator[tuple[Record, bytes]]:
    """Each record of a client with what it sent from that request on.

    :param data: all that was read of it.
    """
    rest: bytes | None = data
    for record in records:
        require(rest is not None, "a request behind the last", record, data)
        assert rest is not None
        while rest.startswith(b"\r\n"):
            # Ignored before a request line (RFC 9112 2.2); not by h11.
            rest = rest[2:]
        # Of an empty line, the first half may have been waited with for too long.
        there = rest.startswith(record[HEAD]) or record[HEAD] == b"\r"
        require(there, "not where a head is", record, rest)
        yield record, rest
        reading = request_with_h11(rest)
        if dislikes_blanks(reading, rest):
            return
        rest = reading.rest if reading.end is WHOLE else None


def _check_source(data: bytes, run: Run) -> None:
    """What was forwarded is what both readers find in what the client sent."""
    received = iter(run.received)
    for record, rest in sources(data, run.records):
        if record[AUTHORITY]:
            compare(next(received), rest)


def compare(sent: Received, rest: bytes) -> None:
    """``sent`` is what both readers find at the start of ``rest``."""
    reading = request_with_h11(rest)
    other = source_request_with_llhttp(rest[: len(rest) - len(reading.rest)])
    _compare(sent, reading, other, rest)
    require(reading.rest.startswith(sent.tunnel), "tunnel", reading, sent)


def _compare(sent: Received, reading: Reading, other: Reading, data: bytes) -> None:
    """``sent`` is what its readers, h11 and llhttp, found in the client's bytes."""
    readings = [reading, other]
    if takes_offer_for_upgrade(other, sent.reading):
        readings.remove(other)
    readings = [source for source in readings if not dislikes_blanks(source, data)]
    for source in readings:
        require(
            source.head_seen, "forwarded a head that is refused", source.reason, sent
        )
        if sent.reading.end is WHOLE:
            require(
                source.end is WHOLE, "forwarded what is refused", source.reason, sent
            )
            require(source.body == sent.reading.body, "another body", source, sent)
            for trailer in sent.reading.trailers:
                require(trailer in source.trailers, "a trailer", trailer, source)
        require(source.method == sent.reading.method, "another method", source, sent)
        target = _forwarded_target(source)
        require(target == sent.reading.target, "another target", source, sent)


_ABSOLUTE = re.compile(rb"(?i:https?)://[^/?]*")


def _forwarded_target(request: Reading) -> bytes:
    """The target in origin form (RFC 9112 3.2.1), and what the routes make of it."""
    target = request.target
    absolute = _ABSOLUTE.match(target)
    if absolute is not None:
        target = target[absolute.end() :]
        if not target and request.method == b"OPTIONS":
            return b"*"  # RFC 9112 3.2.4
        if not target.startswith(b"/"):
            target = b"/" + target
    if re.match(rb"/strip(?=[/?]|$)", target):
        stripped = target.removeprefix(b"/strip")
        target = b"/pre" + (stripped if stripped.startswith(b"/") else b"/" + stripped)
    return target
