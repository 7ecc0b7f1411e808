"""Tests of twisted_router.net.transport: how we end connections."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone

from tests.net.loop import (
    MANY_BYTES,
    LoopTestCase,
    Producer,
    Recorder,
    keep_small,
    pattern,
)


class LoseConnectionTests(LoopTestCase):
    """ITransport.loseConnection: after everything that was written."""

    def test_it_closes_in_the_same_turn(self) -> None:
        recorder, peer = self.accept()
        recorder.transport.write(b"bye")
        recorder.transport.loseConnection()
        self.assertEqual(["made"], recorder.events)
        self.turn()
        self.assertIs(ConnectionDone, recorder.end)
        self.assertEqual((b"bye", b""), (peer.recv(100), peer.recv(100)))

    def test_what_the_kernel_does_not_take_is_delivered_first(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        recorder.transport.loseConnection()
        self.turn()
        self.assertEqual(["made"], recorder.events)
        self.assertEqual(pattern(MANY_BYTES), self.receive_all(peer))
        self.run_until(lambda: recorder.lost)
        self.assertIs(ConnectionDone, recorder.end)

    def test_it_counts_also_while_something_waits_already(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        self.turn()
        recorder.transport.loseConnection()
        self.assertEqual(pattern(MANY_BYTES), self.receive_all(peer))

    def test_nothing_is_read_any_more(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        recorder.transport.loseConnection()
        recorder.transport.resumeProducing()
        peer.sendall(b"too late")
        self.turn(3)
        self.assertEqual(b"", recorder.received)

    def test_what_is_written_after_it_is_ignored(self) -> None:
        recorder, peer = self.accept()
        recorder.transport.write(b"bye")
        recorder.transport.loseConnection()
        recorder.transport.write(b" and one more thing")
        self.assertEqual(b"bye", self.receive_all(peer))

    def test_what_is_written_after_the_end_is_ignored(self) -> None:
        recorder, peer = self.accept()
        transport = recorder.transport
        peer.close()
        self.run_until(lambda: recorder.lost)
        transport.write(b"x")
        transport.writeSequence([b"x", b"y"])
        transport.loseConnection()
        transport.loseWriteConnection()
        transport.abortConnection()
        self.turn(2)
        self.assertEqual(
            (["made", "lost"], 0), (recorder.events, transport.unsent_bytes)
        )

    def test_a_second_time_changes_nothing(self) -> None:
        recorder, peer = self.accept()
        recorder.transport.loseConnection()
        recorder.transport.loseConnection()
        self.assertEqual(b"", self.receive_all(peer))
        self.assertEqual(["made", "lost"], recorder.events)

    def test_it_can_be_called_when_data_arrive(self) -> None:
        recorder, peer = self.accept()

        def answer(data: bytes) -> None:
            recorder.transport.write(data)
            recorder.transport.loseConnection()

        recorder.on_data = answer
        peer.sendall(b"echo")
        self.assertEqual(b"echo", self.receive_all(peer))

    def test_closing_waits_for_a_producer_that_is_paused(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        producer = Producer()
        transport = recorder.transport
        transport.registerProducer(producer, True)
        transport.write(pattern(MANY_BYTES))
        self.turn()
        transport.loseConnection()
        self.receive(peer, MANY_BYTES)
        self.run_until(lambda: "resume" in producer.told)
        self.assertEqual(["made"], recorder.events)
        transport.write(b"the rest")
        transport.unregisterProducer()
        self.assertEqual(b"the rest", self.receive_all(peer))


class AbortConnectionTests(LoopTestCase):
    """IAbortableTransport.abortConnection: at once."""

    def assert_aborted(self, recorder: Recorder, peer: socket.socket) -> None:
        """The peer got a reset and not one byte."""
        self.run_until(lambda: recorder.lost)
        self.assertIs(ConnectionAborted, recorder.end)
        self.assertRaises(ConnectionResetError, peer.recv, 100)

    def test_the_peer_sees_a_reset(self) -> None:
        recorder, peer = self.accept()
        recorder.transport.abortConnection()
        self.assertEqual(["made"], recorder.events)
        self.assert_aborted(recorder, peer)

    def answer(self, act: Callable[[Any], None]) -> tuple[Recorder, socket.socket]:
        """A connection on which ``act`` is done with the transport as data arrive."""
        recorder, peer = self.accept()
        recorder.on_data = lambda data: act(recorder.transport)
        peer.sendall(b"?")
        return recorder, peer

    def test_what_was_collected_is_dropped(self) -> None:
        def act(transport: Any) -> None:
            transport.write(b"x")
            transport.abortConnection()

        self.assert_aborted(*self.answer(act))

    def test_what_the_kernel_did_not_take_is_dropped(self) -> None:
        recorder, _ = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        self.turn()
        recorder.transport.abortConnection()
        self.assertEqual(0, recorder.transport.unsent_bytes)
        self.run_until(lambda: recorder.lost)
        self.assertIs(ConnectionAborted, recorder.end)

    def test_nothing_that_comes_after_it_counts(self) -> None:
        def act(transport: Any) -> None:
            transport.abortConnection()
            transport.write(b"x")
            transport.loseWriteConnection()
            transport.loseConnection()
            transport.abortConnection()

        recorder, peer = self.answer(act)
        self.assert_aborted(recorder, peer)
        self.assertEqual(["made", "lost"], recorder.events)

    def test_it_overtakes_an_orderly_end(self) -> None:
        def act(transport: Any) -> None:
            transport.write(b"x")
            transport.loseConnection()
            transport.abortConnection()

        self.assert_aborted(*self.answer(act))

    def test_a_client_can_abort_too(self) -> None:
        recorder, peer = self.dial()
        recorder.transport.write(b"x")
        recorder.transport.abortConnection()
        self.assert_aborted(recorder, peer)
