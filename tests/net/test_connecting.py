"""Tests of twisted_router.net.transport: ports and connectors."""

from __future__ import annotations

import socket

from twisted.internet.error import (
    CannotListenError,
    ConnectionRefusedError,
    TimeoutError,
    UserError,
)
from twisted.internet.task import Clock

from tests.net.loop import (
    LIMIT_S,
    LOOPBACK,
    Dialling,
    LoopTestCase,
    Recorder,
    Recorders,
)
from twisted_router.net.transport import connector, listen


class ListenTests(LoopTestCase):
    """``listen`` makes ports whose connections are direct."""

    def test_port_zero_is_any_free_port(self) -> None:
        ports = {self.listen(Recorders(Recorder)).getHost().port for _ in range(3)}
        self.assertEqual((3, False), (len(ports), 0 in ports))

    def test_a_taken_port_is_an_error_at_once(self) -> None:
        taken = self.listen(Recorders(Recorder)).getHost().port
        error = self.assertRaises(
            CannotListenError,
            listen,
            self.reactor,
            taken,
            Recorders(Recorder),
            LOOPBACK,
        )
        self.assertIn(str(taken), str(error))

    def test_accepted_connections_do_not_hold_small_writes_back(self) -> None:
        recorder, _ = self.accept()
        transport = recorder.transport
        self.assertEqual(
            (True, True), (transport.getTcpNoDelay(), transport.getTcpKeepAlive())
        )

    def test_both_addresses_of_a_connection_are_known(self) -> None:
        recorder, peer = self.accept()
        host, other = recorder.transport.getHost(), recorder.transport.getPeer()
        self.assertEqual(
            (peer.getpeername(), peer.getsockname()),
            ((host.host, host.port), (other.host, other.port)),
        )

    def test_a_factory_that_wants_no_connection_gets_none(self) -> None:
        factory = Recorders(Recorder)
        factory.buildProtocol = lambda address: None  # type: ignore[method-assign,assignment,return-value]
        peer = self.connect_socket(self.listen(factory).getHost().port)
        self.assertEqual(b"", self.receive_all(peer))

    def test_a_port_that_stopped_listening_refuses(self) -> None:
        port = self.listen(Recorders(Recorder))
        number = port.getHost().port
        stopped = port.stopListening()
        self.turn(2)
        self.assertIsNone(self.successResultOf(stopped))
        self.assertRaises(OSError, self.connect_socket, number)

    def test_no_connection_is_made_up_for_all_that_come_at_once(self) -> None:
        factory = Recorders(Recorder)
        number = self.listen(factory).getHost().port
        peers = [self.connect_socket(number) for _ in range(50)]
        self.run_until(lambda: len(factory.made) == 50)
        self.assertEqual(
            {peer.getsockname()[1] for peer in peers},
            {recorder.transport.getPeer().port for recorder in factory.made},
        )


class IPv6Tests(LoopTestCase):
    """The same over IPv6, and over both."""

    if not socket.has_ipv6:
        skip = "this Python has no IPv6"

    def test_an_address_of_ipv6_can_be_listened_on_and_dialled(self) -> None:
        factory = Recorders(Recorder)
        port = self.listen(factory, "::1")
        dialling = Dialling()
        connector(self.reactor)("::1", port.getHost().port, dialling, 5)
        self.run_until(lambda: factory.made and dialling.protocol_made.events)
        dialling.protocol_made.transport.write(b"hello")
        self.run_until(lambda: factory.made[0].received)
        self.assertEqual("::1", factory.made[0].transport.getPeer().host)
        self.assertEqual("::1", dialling.protocol_made.transport.getPeer().host)

    def test_all_addresses_are_those_of_ipv4_too(self) -> None:
        factory = Recorders(Recorder)
        number = self.listen(factory, "::").getHost().port
        self.connect_socket(number, "::1")
        self.connect_socket(number, LOOPBACK)
        self.run_until(lambda: len(factory.made) == 2)
        self.assertEqual(
            {"::1", "::ffff:127.0.0.1"},
            {recorder.transport.getPeer().host for recorder in factory.made},
        )


class ConnectorTests(LoopTestCase):
    """``connector`` dials with direct transports."""

    def setUp(self) -> None:
        super().setUp()
        self.listening = socket.create_server((LOOPBACK, 0))
        self.listening.settimeout(LIMIT_S)
        self.addCleanup(self.listening.close)
        self.number = self.listening.getsockname()[1]
        self.dialling = Dialling()

    def use_clock(self) -> Clock:
        """Make the reactor's time a clock's."""
        clock = Clock()
        self.reactor.seconds = clock.seconds
        return clock

    def fill_backlog(self) -> None:
        """Let the kernel answer no more connections of the listening socket."""
        self.listening.listen(0)
        for _ in range(2):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.setblocking(False)
            sock.connect_ex((LOOPBACK, self.number))

    def test_success_makes_the_protocol(self) -> None:
        connector(self.reactor)(LOOPBACK, self.number, self.dialling, 5)
        recorder = self.dialling.protocol_made
        self.run_until(lambda: recorder.events)
        self.assertEqual(["made"], recorder.events)
        self.assertTrue(recorder.transport.getTcpNoDelay())
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_what_is_written_at_once_arrives(self) -> None:
        recorder = self.dialling.protocol_made
        recorder.connectionMade = lambda: recorder.transport.write(b"hello")  # type: ignore[method-assign]
        connector(self.reactor)(LOOPBACK, self.number, self.dialling, 5)
        self.turn()
        peer, _ = self.listening.accept()
        self.addCleanup(peer.close)
        self.assertEqual(b"hello", self.receive(peer, 5))

    def test_nobody_there_is_told(self) -> None:
        self.listening.close()
        connector(self.reactor)(LOOPBACK, self.number, self.dialling, 5)
        self.run_until(lambda: self.dialling.failed)
        assert self.dialling.failed is not None
        self.assertIs(ConnectionRefusedError, self.dialling.failed.type)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_nobody_who_answers_in_time_is_told(self) -> None:
        clock = self.use_clock()
        self.fill_backlog()
        connector(self.reactor)(LOOPBACK, self.number, self.dialling, 3)
        self.turn(2)
        clock.advance(2.9)
        self.turn(2)
        self.assertIsNone(self.dialling.failed)
        clock.advance(0.1)
        self.turn(2)
        assert self.dialling.failed is not None
        self.assertIs(TimeoutError, self.dialling.failed.type)
        self.assertEqual([], self.dialling.protocol_made.events)

    def test_a_timeout_of_zero_is_none(self) -> None:
        clock = self.use_clock()
        self.fill_backlog()
        dialled = connector(self.reactor)(LOOPBACK, self.number, self.dialling, 0)
        self.turn(2)
        clock.advance(100_000)
        self.turn(2)
        self.assertIsNone(self.dialling.failed)
        dialled.disconnect()

    def test_disconnect_gives_an_attempt_up(self) -> None:
        self.fill_backlog()
        dialled = connector(self.reactor)(LOOPBACK, self.number, self.dialling, 5)
        self.turn(2)
        dialled.disconnect()
        assert self.dialling.failed is not None
        self.assertIs(UserError, self.dialling.failed.type)
        self.turn(2)
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.assertEqual([], self.dialling.protocol_made.events)

    def test_disconnect_gives_an_attempt_up_before_it_began(self) -> None:
        connector(self.reactor)(LOOPBACK, self.number, self.dialling, 5).disconnect()
        assert self.dialling.failed is not None
        self.assertIs(UserError, self.dialling.failed.type)
        self.turn(2)
        self.assertEqual([], self.dialling.protocol_made.events)

    def test_a_reset_in_place_of_an_answer_is_told(self) -> None:
        connector(self.reactor)(LOOPBACK, self.number, self.dialling, 5)
        self.listening.close()  # resets what was not accepted
        recorder = self.dialling.protocol_made
        self.run_until(lambda: recorder.lost or self.dialling.failed)

    def test_a_factory_that_wants_no_connection_any_more_ends_it(self) -> None:
        self.dialling.buildProtocol = lambda address: None  # type: ignore[method-assign,assignment,return-value]
        connector(self.reactor)(LOOPBACK, self.number, self.dialling, 5)
        self.turn(3)
        peer, _ = self.listening.accept()
        self.addCleanup(peer.close)
        self.assertEqual(b"", self.receive_all(peer))
