"""Clients and instances that come, send, block, stall and leave in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from tests.proxy.harness import MemoryTransport
from tests.proxy.readers import WHOLE, Reading, request_with_h11

from .cases import Case
from .client import PEER, REQUEST_ID, read_responses
from .requests import ANSWERS, answers, check_forwarded, compare, sources
from .world import STEP_S, Instance, Received, World, can_send, require

#: Variants are numbers below this: seeds of what happens.
VARIANTS = 1 << 32

_STEPS = 80
_REPEATABLE = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])
_TEXT = b"a" * 30
# What an orderly client sends beside the one that is fuzzed.
_PLAIN = b"".join(
    line + b" HTTP/1.1\r\nHost: app.example.com\r\n" + rest
    for line, rest in (
        (b"POST /0", b"Content-Length: 30\r\n\r\n" + _TEXT),
        (b"GET /1", b"\r\n"),
        (b"DELETE /2", b"\r\n"),
        (b"PUT /3", b"Transfer-Encoding: chunked\r\n\r\n1e\r\n%b\r\n0\r\n\r\n" % _TEXT),
        (b"HEAD /4", b"\r\n"),
        (b"POST /5", b"\r\n"),
    )
)


class _Instance(Instance):
    """An instance that answers when it is told to, perhaps before it was asked.

    :ivar waiting: what it has yet to send.
    :ivar over: whether its connection ends behind that.
    """

    def __init__(
        self,
        transport: MemoryTransport,
        received: list[Received],
        rng: random.Random,
    ) -> None:
        super().__init__(transport, self._wait, received)
        self._rng = rng
        self._request: Received | None = None
        self.waiting = b""
        self.over = False

    def _wait(self, request: Reading) -> tuple[bytes, bool]:
        return b"", False

    def hear(self, data: bytes) -> None:
        """Read what was sent, and think of an answer."""
        while data:
            request = self._request
            answered = (
                request is not None
                and not self.waiting
                and bool(request.answer)
                and not request.switched
            )
            if request is None or (answered and request.reading.end is WHOLE):
                request = self._request = Received()
                self._all_received.append(request)
            elif answered:
                # What it hears late may be the end of this request and the next one.
                rest = request_with_h11(request.data + data).rest
                request.take(data[: len(data) - len(rest)])
                data = rest
                continue
            request.take(data)
            data = b""
            self._answer_to(request)

    def _answer_to(self, request: Received) -> None:
        early = request.reading.head_seen and self._rng.random() < 0.4
        if not request.answer and (early or request.reading.end is WHOLE):
            answer = answers(self._rng.randrange(len(ANSWERS)))
            request.answer, self.over = answer(request.reading)
            if self._rng.random() < 0.05:
                request.answer = request.answer[: self._rng.randrange(1, 40)]
                self.over = True
            self.waiting = request.answer

    def drain(self) -> None:
        """Take what it was sent, and more from now on."""
        self.hear(self.transport.drain())

    def send(self) -> None:
        """Send a part of what is waiting."""
        size = self._rng.randrange(1, len(self.waiting) + 1)
        data, self.waiting = self.waiting[:size], self.waiting[size:]
        self.transport.deliver(data)
        if not self.waiting and self.over and self.can_send():
            self.transport.finish()


def _block(transport: MemoryTransport) -> None:
    """Let this end take no more."""
    transport.full = True


class _Chaos:
    """One input, and everything that happens to it."""

    def __init__(self, data: bytes, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world = World(self.rng.randrange(1, 3))
        self.instances: list[_Instance] = []
        self.clients = [self.world.connect(), self.world.connect()]
        self.data = [data, _PLAIN]
        self.to_send = list(self.data)
        self.sent = [b"", b""]
        self.left = [False, False]

    def actions(self) -> list[Callable[[], None]]:
        """What can happen now; the likelier, the more often it is there."""
        found: list[Callable[[], None]] = [self._pass_time]
        world = self.world
        world.dials[:] = [dial for dial in world.dials if not dial.cancelled]
        if world.dials:
            found += [self._accept] * 4 + [self._refuse]
        for index, client in enumerate(self.clients):
            if can_send(client):
                if self.to_send[index]:
                    found += [partial(self._send, index)] * 6
                if self.rng.random() < 0.05:
                    found.append(partial(self._finish_client, index))
            if not client.lost:
                found.append(partial(_block, client))
                found += [partial(self._drain, index)] * 2
                if self.rng.random() < 0.05:
                    found.append(partial(self._lose_client, index))
        for instance in self.instances:
            transport = instance.transport
            if transport.lost:
                continue
            if instance.waiting and instance.can_send():
                found += [instance.send] * 4
            found.append(partial(_block, transport))
            found += [instance.drain] * 2
            if self.rng.random() < 0.2:
                found.append(transport.lose)
                if instance.can_send():
                    found.append(transport.finish)
        if self.rng.random() < 0.02:
            found.append(self._change_table)
        return found

    def run(self) -> None:
        """Let it happen, and see what is left."""
        for _ in range(_STEPS):
            self.rng.choice(self.actions())()
            self.world.clock.advance(0)
            for instance in self.instances:
                if not instance.transport.full:
                    instance.hear(instance.transport.take())
            self.world.check_buffers()
        closed = [client.closed for client in self.clients]
        self.world.finish()
        received = self.world.received
        check_forwarded(received)
        self._check_repeats(received)
        for index, client in enumerate(self.clients):
            sent = self.sent[index] + client.take()
            peer = client.protocol.peer[1]
            records = [record for record in self.world.log if record[PEER] == peer]
            left = self.left[index] or not closed[index]
            read_responses(sent, records, closed[index], left)
            data = self.data[index]
            data = data[: len(data) - len(self.to_send[index])]
            for record, rest in sources(data, records):
                for request in received:
                    if request.own_id and request.own_id == record[REQUEST_ID]:
                        compare(request, rest)

    def _check_repeats(self, received: list[Received]) -> None:
        """Only what may be repeated was sent twice: RFC 9110 9.2.2."""
        seen = set()
        for request in received:
            reading = request.reading
            if request.own_id in seen:
                repeatable = reading.method in _REPEATABLE and not reading.body
                require(repeatable, "sent twice", request)
            elif request.own_id:
                seen.add(request.own_id)

    def _accept(self) -> None:
        dial = self.world.dials.pop(0)
        instance = _Instance(dial.succeed(), self.world.received, self.rng)
        self.instances.append(instance)
        self.world.instances.append(instance)

    def _refuse(self) -> None:
        self.world.dials.pop(0).fail()

    def _send(self, index: int) -> None:
        data = self.to_send[index]
        most = min(len(data), self.rng.choice((20, 200, 60_000)))
        size = self.rng.randrange(1, most + 1)
        self.to_send[index] = data[size:]
        self.clients[index].deliver(data[:size])

    def _drain(self, index: int) -> None:
        self.sent[index] += self.clients[index].drain()

    def _finish_client(self, index: int) -> None:
        self.left[index] = True
        self.clients[index].finish()

    def _lose_client(self, index: int) -> None:
        self.left[index] = True
        self.clients[index].lose()

    def _pass_time(self) -> None:
        self.world.clock.advance(self.rng.choice((0.0, 1.0, STEP_S)))

    def _change_table(self) -> None:
        self.world.serve_app(self.rng.randrange(3), self.rng.randrange(1, 4))


def check(case: Case) -> int:
    """Hold one input to all that must be true of it, whatever the order of things."""
    chaos = _Chaos(case.data, case.variant)
    chaos.run()
    require(not chaos.world.engine.clients, "clients left")
    return len(chaos.world.received)
