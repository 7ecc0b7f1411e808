"""Tests of twisted_router.net.reactor."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.error import ConnectionDone

from tests.net.loop import (
    MANY_BYTES,
    CountingSocket,
    LoopTestCase,
    Producer,
    Recorder,
    Recorders,
    keep_small,
    pattern,
    reset,
)


class BoomError(Exception):
    """What the protocols of these tests raise."""


def raise_boom(*args: object) -> None:
    """Be the code that has a bug."""
    raise BoomError("boom")


class DispatchTests(LoopTestCase):
    """Events reach the transports that they are for."""

    def test_data_arrive(self) -> None:
        recorder, peer = self.accept()
        peer.sendall(b"hello")
        self.run_until(lambda: recorder.received)
        self.assertEqual(b"hello", recorder.received)

    def test_a_turn_without_events_returns(self) -> None:
        self.accept()
        self.turn(3)

    def test_delayed_calls_run(self) -> None:
        called: list[str] = []
        self.reactor.callLater(0.01, called.append, "it")
        self.run_until(lambda: called)

    def test_readable_and_writable_at_once_are_both_served(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        data = pattern(MANY_BYTES)
        recorder.transport.write(data)
        self.turn()
        peer.sendall(b"meanwhile")
        self.assertEqual(data, self.receive(peer, len(data)))
        self.assertEqual(b"meanwhile", recorder.received)

    def test_a_transport_closed_earlier_in_the_turn_is_skipped(self) -> None:
        factory = Recorders(Recorder)
        port = self.listen(factory)
        peers = [self.connect_socket(port.getHost().port) for _ in range(2)]
        self.run_until(lambda: len(factory.made) == 2)

        def end_both(data: bytes) -> None:
            for recorder in factory.made:
                if recorder.lost is None:
                    self.reactor._disconnectSelectable(
                        recorder.transport, ConnectionDone(), False
                    )

        for recorder, peer in zip(factory.made, peers, strict=True):
            recorder.on_data = end_both
            peer.sendall(b"x")
        self.run_until(lambda: factory.made[0].lost)
        self.assertEqual([0, 1], sorted(len(each.received) for each in factory.made))
        self.assertEqual(
            [["made", "lost"]] * 2, [recorder.events for recorder in factory.made]
        )

    def test_a_signal_ends_the_turn_and_nothing_else(self) -> None:
        class Interrupted:
            def poll(self, *args: object) -> list[tuple[int, int]]:
                raise InterruptedError

            def __getattr__(self, name: str) -> Any:
                return getattr(poller, name)

        poller = self.reactor._poller
        self.reactor._poller = Interrupted()
        self.turn()
        self.reactor._poller = poller


class ErrorTests(LoopTestCase):
    """What a protocol raises is logged, ends its connection, and no other."""

    def setUp(self) -> None:
        super().setUp()
        self.factory = Recorders(Recorder)
        self.port = self.listen(self.factory).getHost().port

    def connect(self) -> tuple[Recorder, Any]:
        """One more connection."""
        peer = self.connect_socket(self.port)
        count = len(self.factory.made)
        self.run_until(lambda: len(self.factory.made) > count)
        return self.factory.made[-1], peer

    def assert_others_are_served(self) -> None:
        """A connection that existed before and a new one are served."""
        pairs = (self.bystander, self.connect())
        for _, peer in pairs:
            peer.sendall(b"still there?")
        self.run_until(lambda: all(recorder.received for recorder, _ in pairs))

    def test_in_data_received(self) -> None:
        self.bystander = self.connect()
        recorder, peer = self.connect()
        recorder.on_data = raise_boom
        peer.sendall(b"x")
        self.assertEqual(b"", self.receive_all(peer))
        self.assertEqual(1, len(self.flushLoggedErrors(BoomError)))
        self.assertIs(BoomError, recorder.end)
        self.assert_others_are_served()

    def test_in_data_received_together_with_a_hang_up(self) -> None:
        self.bystander = self.connect()
        recorder, peer = self.connect()
        recorder.on_data = raise_boom
        peer.sendall(b"x")
        reset(peer)
        self.run_until(lambda: recorder.lost)
        # The inherited path: data and hang-up come as one event.
        self.assertGreaterEqual(1, len(self.flushLoggedErrors(BoomError)))
        self.assert_others_are_served()

    def test_in_connection_lost(self) -> None:
        self.bystander = self.connect()
        recorder, peer = self.connect()
        recorder.on_lost = raise_boom
        peer.close()
        self.run_until(lambda: recorder.lost)
        self.assertEqual(1, len(self.flushLoggedErrors(BoomError)))
        self.assert_others_are_served()

    def test_in_connection_lost_after_a_reset(self) -> None:
        self.bystander = self.connect()
        recorder, peer = self.connect()
        recorder.on_lost = raise_boom
        reset(peer)
        self.run_until(lambda: recorder.lost)
        self.assertEqual(1, len(self.flushLoggedErrors(BoomError)))
        self.assert_others_are_served()

    def test_in_connection_lost_after_the_last_write(self) -> None:
        self.bystander = self.connect()
        recorder, peer = self.connect()
        recorder.on_lost = raise_boom
        recorder.transport.write(b"bye")
        recorder.transport.loseConnection()
        self.assertEqual(b"bye", self.receive_all(peer))
        self.assertEqual(1, len(self.flushLoggedErrors(BoomError)))
        self.assert_others_are_served()

    def test_in_data_received_and_then_in_connection_lost(self) -> None:
        self.bystander = self.connect()
        recorder, peer = self.connect()
        recorder.on_data = recorder.on_lost = raise_boom
        peer.sendall(b"x")
        self.assertEqual(b"", self.receive_all(peer))
        self.assertEqual(2, len(self.flushLoggedErrors(BoomError)))
        self.assert_others_are_served()

    def test_in_a_producer_that_is_paused(self) -> None:
        self.bystander = self.connect()
        recorder, _ = self.connect()
        keep_small(recorder.transport)
        producer = Producer()
        producer.pauseProducing = raise_boom  # type: ignore[method-assign]  # the bug
        recorder.transport.registerProducer(producer, True)
        recorder.transport.write(pattern(MANY_BYTES))
        self.run_until(lambda: recorder.lost)
        self.assertEqual(1, len(self.flushLoggedErrors(BoomError)))
        self.assert_others_are_served()

    def test_in_a_producer_that_is_resumed(self) -> None:
        self.bystander = self.connect()
        recorder, peer = self.connect()
        keep_small(recorder.transport)
        producer = Producer()
        producer.resumeProducing = raise_boom  # type: ignore[method-assign]  # the bug
        recorder.transport.registerProducer(producer, True)
        data = pattern(MANY_BYTES)
        recorder.transport.write(data)
        self.assertEqual(data, self.receive_all(peer))
        self.assertEqual(1, len(self.flushLoggedErrors(BoomError)))
        self.assertIs(BoomError, recorder.end)
        self.assert_others_are_served()

    def test_in_what_cannot_even_be_closed(self) -> None:
        class Broken:
            flush = connectionLost = raise_boom

            def fileno(self) -> int:
                return -1

        self.bystander = self.connect()
        self.reactor.collected.append(Broken())
        self.turn()
        self.assertEqual(2, len(self.flushLoggedErrors(BoomError)))
        self.assert_others_are_served()

    def test_in_one_of_several_that_are_to_be_flushed(self) -> None:
        self.bystander = self.connect()
        recorder, _ = self.connect()
        recorder.on_lost = raise_boom
        recorder.transport.loseConnection()
        self.bystander[0].transport.write(b"mine")
        self.assertEqual(b"mine", self.receive(self.bystander[1], 4))
        self.assertEqual(1, len(self.flushLoggedErrors(BoomError)))


class CollectedWritesTests(LoopTestCase):
    """What is written in a turn goes out at its end, in one piece."""

    def counted(self) -> tuple[Any, Any, CountingSocket]:
        """A recorder, its peer, and the count of its sends."""
        recorder, peer = self.accept()
        counting = CountingSocket(recorder.transport.socket)
        recorder.transport.socket = counting
        return recorder, peer, counting

    def test_writes_of_one_event_are_one_send(self) -> None:
        recorder, peer, counting = self.counted()

        def answer(data: bytes) -> None:
            recorder.transport.write(b"a")
            recorder.transport.writeSequence([b"b", b"c"])
            recorder.transport.write(b"")
            recorder.transport.write(b"d")
            self.assertEqual([], counting.sends)

        recorder.on_data = answer
        peer.sendall(b"?")
        self.assertEqual(b"abcd", self.receive(peer, 4))
        self.assertEqual([4], counting.sends)

    def test_writes_of_delayed_calls_go_out_before_the_loop_sleeps(self) -> None:
        recorder, peer, counting = self.counted()
        self.reactor.callLater(0, recorder.transport.write, b"a")
        self.reactor.callLater(0, recorder.transport.write, b"b")
        self.reactor.runUntilCurrent()
        self.assertEqual([], counting.sends)
        peer.close()  # so that the loop wakes up at once
        self.reactor.doIteration(5)
        self.assertEqual([2], counting.sends)

    def test_the_loop_does_not_sleep_over_calls_made_while_closing(self) -> None:
        recorder, _ = self.accept()
        called: list[str] = []
        recorder.on_lost = lambda: self.reactor.callLater(0, called.append, "it")
        recorder.transport.loseConnection()
        started_s = time.monotonic()
        self.reactor.doIteration(3)
        self.reactor.runUntilCurrent()
        self.assertEqual(["it"], called)
        self.assertGreater(1, time.monotonic() - started_s)

    def test_the_loop_sleeps_for_ever_only_if_nothing_is_due(self) -> None:
        recorder, _ = self.accept()
        recorder.on_lost = lambda: self.reactor.callLater(0.01, lambda: None)
        recorder.transport.loseConnection()
        self.reactor.doIteration(None)

    def test_writes_made_while_flushing_go_out_too(self) -> None:
        first, _ = self.accept()
        second, peer = self.accept()
        first.on_lost = lambda: second.transport.write(b"first is gone")
        first.transport.loseConnection()
        self.reactor.doIteration(0)
        self.assertEqual(b"first is gone", peer.recv(100))
