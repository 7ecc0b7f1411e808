"""Connections of twisted_router.net.transport leave nothing for the collector."""

from __future__ import annotations

import gc
import socket
from functools import partial

from tests.net.loop import LIMIT_S, LOOPBACK, Dialling, LoopTestCase, reset
from twisted_router.net.transport import connector

#: More of each than anything does just once.
COUNT = 20


class GarbageTests(LoopTestCase):
    """What ends is freed at once: there is no cycle that has to be looked for."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(gc.enable)
        self.listening = socket.create_server((LOOPBACK, 0))
        self.addCleanup(self.listening.close)
        self.number = self.listening.getsockname()[1]

    def begin(self) -> None:
        """From now on, garbage stays where it is."""
        gc.disable()
        gc.collect()

    def assert_none(self) -> None:
        """There is less of it than there were connections."""
        self.turn(3)
        self.assertLess(gc.collect(), COUNT)

    def test_accepted_connections_that_the_client_ends(self) -> None:
        self.begin()
        for end in (reset, socket.socket.close):
            for _ in range(COUNT):
                recorder, peer = self.accept()
                end(peer)
                self.run_until(partial(getattr, recorder, "lost"))
                del recorder.transport
        del recorder, peer
        self.assert_none()

    def test_accepted_connections_that_we_end(self) -> None:
        self.begin()
        for end in ("loseConnection", "abortConnection"):
            for _ in range(COUNT):
                recorder, _ = self.accept()
                getattr(recorder.transport, end)()
                self.run_until(partial(getattr, recorder, "lost"))
                del recorder.transport
        del recorder
        self.assert_none()

    def test_connections_that_we_opened(self) -> None:
        self.begin()
        for end in ("loseConnection", "abortConnection"):
            for _ in range(COUNT):
                recorder, _ = self.dial()
                getattr(recorder.transport, end)()
                self.run_until(partial(getattr, recorder, "lost"))
                del recorder.transport
        del recorder
        self.assert_none()

    def test_attempts_that_are_refused(self) -> None:
        self.listening.close()
        self.begin()
        for _ in range(COUNT):
            dialling = Dialling()
            connector(self.reactor)(LOOPBACK, self.number, dialling, LIMIT_S)
            self.run_until(partial(getattr, dialling, "failed"))
        del dialling
        self.assert_none()

    def test_attempts_that_are_given_up(self) -> None:
        for turns in (0, 1):
            with self.subTest(turns=turns):
                self.begin()
                for _ in range(COUNT):
                    dial = connector(self.reactor)
                    # Nobody answers there (RFC 5737), so it lasts.
                    dialled = dial("192.0.2.1", 80, Dialling(), LIMIT_S)
                    self.turn(turns)
                    dialled.disconnect()
                del dial, dialled
                self.assert_none()
