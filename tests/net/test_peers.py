"""Tests of twisted_router.net.transport: how peers end connections."""

from __future__ import annotations

import socket
from functools import partial

from twisted.internet.error import ConnectionDone, ConnectionLost

from tests.net.loop import (
    MANY_BYTES,
    HalfRecorder,
    LoopTestCase,
    Producer,
    Recorder,
    keep_small,
    pattern,
    reset,
)


class PeerResetTests(LoopTestCase):
    """A peer that resets the connection, whatever we are doing."""

    def assert_lost(self, recorder: Recorder) -> None:
        """It is told once, and as an unclean end."""
        self.run_until(lambda: recorder.lost)
        self.turn(2)
        self.assertIs(ConnectionLost, recorder.end)
        self.assertEqual(1, recorder.events.count("lost"))

    def test_while_idle(self) -> None:
        for recorder, peer in (self.accept(), self.dial()):
            reset(peer)
            self.assert_lost(recorder)

    def test_before_a_write(self) -> None:
        recorder, peer = self.accept()
        reset(peer)
        recorder.transport.write(b"x")
        self.assert_lost(recorder)

    def test_before_a_write_to_one_whose_reading_is_paused(self) -> None:
        recorder, peer = self.accept()
        recorder.transport.pauseProducing()
        reset(peer)
        recorder.transport.write(b"x")
        self.assert_lost(recorder)

    def test_before_the_last_write(self) -> None:
        recorder, peer = self.accept()
        reset(peer)
        recorder.transport.write(b"x")
        recorder.transport.loseConnection()
        self.assert_lost(recorder)

    def test_while_something_waits(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        self.turn()
        reset(peer)
        self.assert_lost(recorder)

    def test_while_something_waits_and_reading_is_paused(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        recorder.transport.pauseProducing()
        self.turn()
        reset(peer)
        self.assert_lost(recorder)

    def test_while_closing(self) -> None:
        recorder, peer = self.accept()
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        recorder.transport.loseConnection()
        self.turn()
        reset(peer)
        self.assert_lost(recorder)

    def test_while_reading_is_paused_shows_when_it_is_resumed(self) -> None:
        recorder, peer = self.accept()
        recorder.transport.pauseProducing()
        reset(peer)
        self.turn(2)
        self.assertEqual(["made"], recorder.events)
        recorder.transport.resumeProducing()
        self.assert_lost(recorder)

    def test_after_we_closed_our_half(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        recorder.transport.loseWriteConnection()
        self.assertEqual(b"", self.receive_all(peer))
        reset(peer)
        self.assert_lost(recorder)

    def test_after_it_closed_its_half(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        peer.shutdown(socket.SHUT_WR)
        self.run_until(lambda: "read lost" in recorder.events)
        reset(peer)
        recorder.transport.write(b"x")
        self.assert_lost(recorder)

    def test_before_a_write_what_it_sent_is_read_first(self) -> None:
        recorder, peer = self.accept()
        peer.sendall(b"no!")
        reset(peer)
        recorder.transport.write(b"x")
        self.assert_lost(recorder)
        self.assertEqual(b"no!", recorder.received)

    def test_after_it_closed_in_order_is_an_orderly_end(self) -> None:
        recorder, peer = self.accept()
        peer.sendall(b"enough")
        peer.close()
        # The answer to this is a reset; what follows it breaks the pipe.
        recorder.on_data = lambda data: recorder.transport.write(b"x")
        recorder.transport.write(b"x")
        self.run_until(lambda: recorder.lost)
        self.assertEqual((b"enough", ConnectionDone), (recorder.received, recorder.end))

    def test_with_data_that_were_not_read(self) -> None:
        recorder, peer = self.accept()
        recorder.transport.write(b"never read")
        self.turn()
        peer.close()
        self.assert_lost(recorder)


class HalfCloseTests(LoopTestCase):
    """IHalfCloseableProtocol, and protocols that are not."""

    def test_a_plain_protocol_ends_with_its_peers_half(self) -> None:
        recorder, peer = self.accept(Recorder)
        peer.sendall(b"bye")
        peer.shutdown(socket.SHUT_WR)
        self.run_until(lambda: recorder.lost)
        self.assertEqual((b"bye", ConnectionDone), (recorder.received, recorder.end))
        self.assertEqual(b"", peer.recv(100))

    def test_a_half_closeable_protocol_can_still_answer(self) -> None:
        for connect in (self.accept, self.dial):
            recorder, peer = connect(HalfRecorder)
            peer.sendall(b"?")
            peer.shutdown(socket.SHUT_WR)
            self.run_until(partial(recorder.events.__contains__, "read lost"))
            self.assertEqual(b"?", recorder.received)
            recorder.transport.write(pattern(MANY_BYTES))
            recorder.transport.loseConnection()
            self.assertEqual(pattern(MANY_BYTES), self.receive_all(peer))
            self.run_until(partial(recorder.events.__contains__, "lost"))
            self.assertEqual(["made", "read lost", "lost"], recorder.events)

    def test_our_half_closes_after_what_was_written(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        recorder.transport.write(b"bye")
        recorder.transport.loseWriteConnection()
        self.turn()
        self.assertEqual((b"bye", b""), (peer.recv(100), peer.recv(100)))
        self.assertEqual(["made", "write lost"], recorder.events)
        peer.sendall(b"I see")
        self.run_until(lambda: recorder.received)

    def test_our_half_closes_after_what_waited(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        keep_small(recorder.transport)
        recorder.transport.write(pattern(MANY_BYTES))
        recorder.transport.loseWriteConnection()
        self.assertEqual(pattern(MANY_BYTES), self.receive_all(peer))
        self.assertEqual(["made", "write lost"], recorder.events)

    def test_our_half_closes_though_a_producer_was_paused(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        keep_small(recorder.transport)
        recorder.transport.registerProducer(Producer(), True)
        recorder.transport.write(pattern(MANY_BYTES))
        self.turn()
        recorder.transport.loseWriteConnection()
        self.assertEqual(pattern(MANY_BYTES), self.receive_all(peer))
        self.assertEqual(["made", "write lost"], recorder.events)

    def test_the_end_of_its_half_is_told_once(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        peer.shutdown(socket.SHUT_WR)
        self.run_until(lambda: "read lost" in recorder.events)
        recorder.transport.pauseProducing()
        recorder.transport.resumeProducing()
        self.turn(2)
        self.assertEqual(["made", "read lost"], recorder.events)

    def test_a_second_time_changes_nothing(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        recorder.transport.loseWriteConnection()
        recorder.transport.loseWriteConnection()
        self.turn(2)
        recorder.transport.loseWriteConnection()
        self.turn(2)
        self.assertEqual(["made", "write lost"], recorder.events)
        self.assertEqual(b"", peer.recv(100))

    def test_what_is_written_after_our_half_is_ignored(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        recorder.transport.loseWriteConnection()
        self.turn()
        recorder.transport.write(b"too late")
        self.turn()
        self.assertEqual(b"", self.receive_all(peer))

    def test_the_whole_ends_cleanly_after_our_half(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        recorder.transport.loseWriteConnection()
        self.turn()
        recorder.transport.loseConnection()
        self.run_until(lambda: recorder.lost)
        self.assertEqual(["made", "write lost", "lost"], recorder.events)
        self.assertIs(ConnectionDone, recorder.end)
        self.assertEqual(b"", peer.recv(100))

    def test_both_halves_close_one_after_the_other(self) -> None:
        recorder, peer = self.accept(HalfRecorder)
        recorder.transport.loseWriteConnection()
        self.assertEqual(b"", self.receive_all(peer))
        peer.close()
        self.run_until(lambda: "read lost" in recorder.events)
        recorder.transport.loseConnection()
        self.run_until(lambda: recorder.lost)
        self.assertEqual(["made", "write lost", "read lost", "lost"], recorder.events)
