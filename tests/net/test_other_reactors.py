"""The direct transports on our reactor and on Twisted's: slower, but no worse."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.pollreactor import PollReactor
from twisted.internet.selectreactor import SelectReactor
from zope.interface import implementer

from tests.net.loop import (
    MANY_BYTES,
    HalfRecorder,
    LoopTestCase,
    keep_small,
    pattern,
)
from twisted_router.net.transport import READ_BYTES


@implementer(IPushProducer)
class Echo(HalfRecorder):
    """Sends back what it gets, and reads no more than its peer does.

    :ivar pauses: how often it had to wait.
    :ivar most_unsent_bytes: the most that it held.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pauses = self.most_unsent_bytes = 0

    def connectionMade(self) -> None:
        super().connectionMade()
        keep_small(self.transport)
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)
        self.most_unsent_bytes = max(
            self.most_unsent_bytes, self.transport.unsent_bytes
        )

    def readConnectionLost(self) -> None:
        super().readConnectionLost()
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def pauseProducing(self) -> None:
        self.pauses += 1
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """ConnectionLost follows."""


class DirectTransportTests:
    """What relaying needs, for a test case with a reactor."""

    accept: Any
    assertEqual: Any
    assertIs: Any
    assertLess: Any
    assertGreater: Any
    assertRaises: Any
    dial: Any
    receive_all: Any
    run_until: Any
    turn: Any

    def test_megabytes_come_back_in_order_and_few_are_held(self) -> None:
        for connect in (self.accept, self.dial):
            echo, peer = connect(Echo)
            echoed = self.exchange(peer, pattern(MANY_BYTES))
            self.assertEqual(pattern(MANY_BYTES), echoed)
            self.assertGreater(echo.pauses, 0)
            self.assertLess(echo.most_unsent_bytes, 2 * READ_BYTES + 1)

    def exchange(self, peer: socket.socket, data: bytes) -> bytes:
        """Send ``data`` and read only when no more can be sent, so that the other side
        has to wait.
        """
        peer.setblocking(False)
        received = bytearray()
        left = memoryview(data)

        def step() -> bool:
            nonlocal left
            try:
                if left:
                    left = left[peer.send(left[:100_000]) :]
                    if not left:
                        peer.shutdown(socket.SHUT_WR)
                    return False
            except BlockingIOError:
                pass
            try:
                received.extend(peer.recv(30_000))
            except BlockingIOError:
                pass
            return len(received) == len(data)

        self.run_until(step)
        return bytes(received)

    def test_the_end_of_one_direction_is_not_that_of_the_other(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        peer.sendall(b"?")
        peer.shutdown(socket.SHUT_WR)
        self.run_until(lambda: "read lost" in recorder.events)
        recorder.transport.write(b"answer")
        recorder.transport.loseWriteConnection()
        self.assertEqual((b"?", b"answer"), (recorder.received, self.receive_all(peer)))
        recorder.transport.loseConnection()
        self.run_until(lambda: recorder.lost)
        self.assertEqual(
            (["made", "read lost", "write lost", "lost"], ConnectionDone),
            (recorder.events, recorder.end),
        )

    def test_our_half_closes_after_what_waited(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        recorder.transport.loseWriteConnection()
        recorder.transport.loseWriteConnection()
        self.assertEqual(pattern(MANY_BYTES), self.receive_all(peer))
        recorder.transport.loseWriteConnection()
        self.turn(2)
        self.assertEqual(["made", "write lost"], recorder.events)

    def test_everything_is_delivered_before_the_end(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        recorder.transport.loseConnection()
        self.assertEqual(["made"], recorder.events)
        recorder.transport.write(b"ignored")
        self.assertEqual(pattern(MANY_BYTES), self.receive_all(peer))
        self.run_until(lambda: recorder.lost)
        self.assertIs(ConnectionDone, recorder.end)

    def test_an_abort_is_a_reset(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        recorder.transport.abortConnection()
        recorder.transport.write(b"ignored")
        recorder.transport.loseWriteConnection()
        self.run_until(lambda: recorder.lost)
        self.assertIs(ConnectionAborted, recorder.end)
        self.assertRaises(ConnectionResetError, self.receive_all, peer)

    def test_nothing_happens_after_the_end(self) -> None:
        recorder, peer = self.accept()
        peer.close()
        self.run_until(lambda: recorder.lost)
        recorder.transport.write(b"ignored")
        recorder.transport.loseWriteConnection()
        recorder.transport.loseConnection()
        self.turn(2)
        self.assertEqual(["made", "lost"], recorder.events)

    def test_a_pull_producer_is_asked_until_it_has_no_more(self) -> None:
        recorder, peer = self.accept()
        transport = recorder.transport
        pieces = [b"three", b"two", b"one"]

        class Pull:
            def resumeProducing(self) -> None:
                transport.write(pieces.pop())
                if not pieces:
                    transport.unregisterProducer()
                    transport.loseConnection()

        transport.registerProducer(Pull(), False)
        self.assertEqual(b"onetwothree", self.receive_all(peer))


class LeanReactorTests(DirectTransportTests, LoopTestCase):
    """On the reactor that they are made for."""


class EPollReactorTests(DirectTransportTests, LoopTestCase):
    """On Twisted's epoll reactor."""

    make_reactor = EPollReactor


class PollReactorTests(DirectTransportTests, LoopTestCase):
    """On Twisted's poll reactor."""

    make_reactor = PollReactor


class SelectReactorTests(DirectTransportTests, LoopTestCase):
    """On Twisted's select reactor."""

    make_reactor = SelectReactor
