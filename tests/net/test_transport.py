"""Tests of twisted_router.net.transport: what goes out and what comes in."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    IPushProducer,
    ITCPTransport,
)
from zope.interface.verify import verifyObject

from tests.net.loop import (
    MANY_BYTES,
    CountingSocket,
    LoopTestCase,
    Producer,
    keep_small,
    pattern,
    reset,
)
from twisted_router.net.transport import READ_BYTES


class FullAtFirst(CountingSocket):
    """A socket that does not take what it is given first."""

    def send(self, data: bytes) -> int:
        """Take it from the second time on."""
        if self.sends:
            return super().send(data)
        self.sends.append(0)
        raise BlockingIOError


class WriteTests(LoopTestCase):
    """What is written arrives, all of it and in order."""

    def test_it_provides_what_twisteds_transports_provide(self) -> None:
        for recorder in (self.accept()[0], self.dial()[0]):
            for interface in (
                ITCPTransport,
                IConsumer,
                IPushProducer,
                IHalfCloseableDescriptor,
            ):
                self.assertTrue(verifyObject(interface, recorder.transport))

    def test_both_ends_of_a_connection_can_write(self) -> None:
        for recorder, peer in (self.accept(), self.dial()):
            recorder.transport.write(b"hello")
            self.assertEqual(b"hello", self.receive(peer, 5))

    def test_more_than_the_kernel_takes_arrives_in_order(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        data = pattern(MANY_BYTES)
        for start in range(0, len(data), 100_000):
            recorder.transport.write(data[start : start + 100_000])
            if start % 700_000 == 0:
                self.turn()
        self.assertEqual(data, self.receive(peer, len(data)))

    def test_writes_behind_a_full_buffer_wait_their_turn(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        self.turn()
        for piece in (b"one", b"two", b"three"):
            recorder.transport.write(piece)
            self.turn()
        received = self.receive(peer, MANY_BYTES + 11)
        self.assertEqual(pattern(MANY_BYTES) + b"onetwothree", received)

    def test_a_kernel_that_takes_nothing_is_asked_again_when_it_can(self) -> None:
        recorder, peer = self.accept()
        recorder.transport.socket = FullAtFirst(recorder.transport.socket)
        recorder.transport.write(b"hello")
        self.assertEqual(b"hello", self.receive(peer, 5))

    def test_what_is_written_behind_a_buffer_that_goes_out_whole_follows_it(
        self,
    ) -> None:
        recorder, peer = self.accept()
        transport = recorder.transport
        # What waits is not joined to a buffer of this size.
        transport.SEND_LIMIT = 5
        transport.socket = FullAtFirst(transport.socket)
        transport.write(b"hello")
        transport.flush()
        transport.write(b"world")
        self.assertEqual(b"helloworld", self.receive(peer, 10))

    def test_unsent_bytes_are_those_that_the_kernel_has_not_taken(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        transport = recorder.transport
        self.assertEqual(0, transport.unsent_bytes)
        transport.write(pattern(MANY_BYTES))
        self.assertEqual(MANY_BYTES, transport.unsent_bytes)
        self.turn()
        unsent = transport.unsent_bytes
        self.assertTrue(0 < unsent < MANY_BYTES, unsent)
        transport.write(b"more")
        self.assertEqual(unsent + 4, transport.unsent_bytes)
        self.receive(peer, MANY_BYTES + 4)
        self.assertEqual(0, transport.unsent_bytes)


class ReadTests(LoopTestCase):
    """What a peer sends, at the protocol's pace."""

    def test_nothing_is_read_while_reading_is_paused(self) -> None:
        recorder, peer = self.accept()
        recorder.transport.pauseProducing()
        peer.sendall(b"hello")
        self.turn(3)
        self.assertEqual(b"", recorder.received)
        recorder.transport.resumeProducing()
        self.run_until(lambda: recorder.received)
        self.assertEqual(b"hello", recorder.received)

    def test_one_event_is_one_read_of_a_bounded_size(self) -> None:
        recorder, peer = self.accept()
        sizes: list[int] = []
        recorder.on_data = lambda data: sizes.append(len(data))
        recorder.transport.pauseProducing()
        peer.setblocking(False)
        sent = 0
        while sent <= READ_BYTES:
            sent += peer.send(bytes(READ_BYTES))
        recorder.transport.resumeProducing()
        self.run_until(lambda: sum(sizes) == sent)
        self.assertEqual(READ_BYTES, max(sizes))

    def test_a_wake_without_data_is_harmless(self) -> None:
        recorder, _ = self.accept()
        self.assertIsNone(recorder.transport.doRead())


class ProducerTests(LoopTestCase):
    """IConsumer: who writes is paused while something waits."""

    def consume(self, streaming: bool = True) -> tuple[Any, socket.socket, Producer]:
        """A transport with a producer, and its peer."""
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        producer = Producer()
        recorder.transport.registerProducer(producer, streaming)
        return recorder.transport, peer, producer

    def test_it_is_left_alone_while_the_kernel_takes_everything(self) -> None:
        transport, peer, producer = self.consume()
        transport.write(b"hello")
        self.receive(peer, 5)
        self.assertEqual([], producer.told)

    def test_it_is_paused_when_something_waits_and_resumed_when_nothing_does(
        self,
    ) -> None:
        transport, peer, producer = self.consume()
        transport.write(pattern(MANY_BYTES))
        self.turn(3)
        self.assertEqual(["pause"], producer.told)
        self.receive(peer, MANY_BYTES - 1)
        self.run_until(lambda: len(producer.told) > 1)
        self.assertEqual(
            (["pause", "resume"], 0), (producer.told, transport.unsent_bytes)
        )

    def test_it_is_paused_again_if_it_writes_all_the_same(self) -> None:
        transport, _, producer = self.consume()
        transport.write(pattern(MANY_BYTES))
        self.turn()
        transport.write(b"more")
        self.turn()
        self.assertEqual(["pause", "pause"], producer.told)

    def test_one_that_comes_while_something_waits_is_paused_when_it_writes(
        self,
    ) -> None:
        transport, _, first = self.consume()
        transport.write(pattern(MANY_BYTES))
        self.turn()
        transport.unregisterProducer()
        second = Producer()
        transport.registerProducer(second, True)
        transport.write(b"more")
        self.turn()
        self.assertEqual((["pause"], ["pause"]), (first.told, second.told))

    def test_it_is_stopped_when_the_connection_is_lost(self) -> None:
        _, peer, producer = self.consume()
        reset(peer)
        self.run_until(lambda: producer.told)
        self.assertEqual(["stop"], producer.told)

    def test_a_pull_producer_is_asked_until_it_has_no_more(self) -> None:
        recorder, peer = self.accept()
        transport = recorder.transport
        pieces = [b"three", b"two", b"one"]

        class Pull(Producer):
            def resumeProducing(self) -> None:
                transport.write(pieces.pop())
                if not pieces:
                    transport.unregisterProducer()
                    transport.loseConnection()

        transport.registerProducer(Pull(), False)
        self.assertEqual(b"onetwothree", self.receive_all(peer))

    def test_closing_waits_for_a_pull_producer(self) -> None:
        recorder, peer = self.accept()
        transport = recorder.transport
        pieces = [b"three", b"two", b"one"]

        class Pull(Producer):
            def resumeProducing(self) -> None:
                transport.write(pieces.pop())
                if not pieces:
                    transport.unregisterProducer()

        transport.registerProducer(Pull(), False)
        transport.loseConnection()
        self.assertEqual(b"onetwothree", self.receive_all(peer))
