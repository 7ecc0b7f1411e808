"""An instance's bytes through the engine, and what the client sees of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.proxy.harness import MemoryTransport
from tests.proxy.readers import (
    PART,
    REFUSED,
    WHOLE,
    Reading,
    response_with_h11,
    response_with_llhttp,
)

from .cases import Case
from .client import STATUS, read_responses
from .differences import clean_response_head, dislikes_blanks
from .world import STEP_S, World, can_send, pieces, require

# How the instance ends: it waits, closes its half, or is gone.
STAYS, FINISHES, BREAKS = range(3)

_END = b"Host: app.example.com\r\n\r\n"
ASKED = (
    b"GET / HTTP/1.1\r\n" + _END,
    b"HEAD / HTTP/1.1\r\n" + _END,
    b"GET / HTTP/1.0\r\n" + _END,
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n" + _END,
    b"POST / HTTP/1.1\r\nContent-Length: 2\r\n" + _END + b"hi",
    b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" + _END,
    b"GET / HTTP/1.1\r\nConnection: close\r\n" + _END,
)
#: Variants are numbers below this.
VARIANTS = 3 * len(ASKED)

_PROBE = b"GET /probe HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n"
_PROBED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nprobe"


@dataclass
class Run:
    """What became of an input.

    :ivar responses: what the client got.
    :ivar fates: how its connection and the instance's ended.
    :ivar taken: bytes of the input that were read.
    :ivar reused: whether the instance's connection served another request.
    """

    responses: list[Reading]
    statuses: list[int]
    fates: tuple[str, str]
    taken: int
    reused: bool

    def verdict(self) -> tuple[Any, ...]:
        """What may not depend on cuts. Of what was broken off, only the head."""
        return (
            [
                (
                    response.content() if response.end is WHOLE else response.fields,
                    response.status,
                    response.end,
                )
                for response in self.responses
                # A page that says why something is refused says what was seen first.
                if not _own(response)
            ],
            self.statuses,
            self.fates,
            self.reused,
        )


def _own(response: Reading) -> bool:
    """Whether it is the router's."""
    return any(name == b"x-cf-routererror" for name, _ in response.fields)


def run(world: World, data: bytes, cuts: tuple[int, ...], variant: int) -> Run:
    """Answer a request with ``data``, and then see whether others are served."""
    world.reset()
    number, ending = divmod(variant, 3)
    client = world.connect()
    client.deliver(ASKED[number])
    instance = world.accept(world.dials.pop(), lambda _: (b"", False))
    instance.take()
    transport = instance.transport
    taken = 0
    for piece in pieces(data, cuts):
        if piece and instance.can_send():
            taken += len(piece)
            transport.deliver(piece)
            world.clock.advance(0)
            world.check_buffers()
    if ending == FINISHES and instance.can_send():
        transport.finish()
    elif ending == BREAKS:
        transport.lose()
    world.clock.advance(0)
    # One that stays lets what was waited for time out, but not an idle connection.
    if world.counters.in_flight:
        for _ in range(4):
            world.clock.advance(STEP_S)
    fates = (client.closed, transport.closed)
    records = list(world.log)
    require(len(records) == 1, "not one record", records)
    responses = read_responses(client.take(), records, client.closed)
    reused = _probe(world, client, transport)
    world.finish()
    statuses = [record[STATUS] for record in records]
    return Run(responses, statuses, fates, taken, reused)


def _probe(world: World, client: MemoryTransport, instance: MemoryTransport) -> bool:
    """Send another request; whether it went over the same connection."""
    instance.take()
    client = client if can_send(client) and not client.closed else world.connect()
    world.log.clear()
    client.deliver(_PROBE)
    reused = not world.dials
    if not reused:
        instance = world.accept(world.dials.pop(), lambda _: (b"", False)).transport
    require(instance.take().startswith(b"GET /probe "), "no further request")
    instance.deliver(_PROBED)
    world.clock.advance(0)
    found = read_responses(client.take(), world.log, client.closed)
    require([b"probe"] == [response.body for response in found], "desync", found)
    return reused


def check(world: World, case: Case) -> int:
    """Hold one input to all that must be true of it; 1 if it was passed on whole."""
    whole = run(world, case.data, (), case.variant)
    _check_source(case, whole)
    if case.cuts:
        cut = run(world, case.data, case.cuts, case.variant)
        require(
            whole.verdict() == cut.verdict(), "the verdict depends on cuts", whole, cut
        )
    last = whole.responses[-1]
    return int(last.end is WHOLE and not _own(last))


def _check_source(case: Case, run: Run) -> None:
    """What the client got is what both readers find in what the instance sent."""
    number, ending = divmod(case.variant, 3)
    method = ASKED[number].partition(b" ")[0]
    offered = b"websocket" if b"Upgrade" in ASKED[number] else b""
    passed = [response for response in run.responses if not _own(response)]
    final = passed[-1] if passed and passed[-1].status >= 200 else None
    rest = case.data
    while True:
        rest = clean_response_head(rest)
        source = response_with_h11(rest, method, upgrade=offered)
        if source.end is not WHOLE or source.status >= 200 or source.status == 101:
            break
        rest = source.rest
    if source.end is PART and ending == FINISHES:
        source = response_with_h11(rest, method, over=True)
    if run.reused:
        whole = source.end is WHOLE and not source.rest
        require(whole, "reused after more or less than a response", source, rest)
    if final is None:
        return
    message = rest[: len(rest) - len(source.rest)]
    other = response_with_llhttp(message)
    for reading in (source, other):
        require(reading.head_seen, "passed on what is refused", reading.reason, final)
        require(reading.status == final.status, "another status", reading, final)
        for pair in final.fields:
            require(pair in reading.fields or pair[0] in _ADDED, "a field", pair)
    if final.end is not WHOLE:
        return
    if dislikes_blanks(source, rest):
        return
    require(source.end is WHOLE, "passed on as whole", source.reason, source, final)
    require(source.body == final.body, "another body", source, final)
    for trailer in final.trailers:
        require(trailer in source.trailers, "a trailer", trailer, source)
    if method == b"HEAD" or dislikes_blanks(other, rest):
        return
    require(other.end is not REFUSED, "passed on", other.reason, final)
    require(other.body == final.body, "another body", other, final)


_ADDED = frozenset(
    [b"x-vcap-request-id", b"date", b"transfer-encoding", b"connection", b"via"]
)
