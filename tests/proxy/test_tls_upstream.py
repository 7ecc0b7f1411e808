"""Instances that are spoken to in TLS: proto=https."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.ssl import CertificateOptions

from tests.clients.authority import Authority
from twisted_router.config.schema import BackendsConfig

from .harness import EngineTestCase, MemoryTransport, field, status_of
from .tls_instance import TlsInstance, server_options

GET = b"GET / HTTP/1.1\r\nHost: b.com\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: b.com\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
)


class TlsTestCase(EngineTestCase):
    """Routes for b.com to an instance at 10.0.0.1, by tags of the test's."""

    authority = Authority("ours")
    by_address = server_options("10.0.0.1", authority)
    by_name = server_options("inner.example", authority)

    def setUp(self) -> None:
        ca = Path(self.mktemp())
        ca.write_bytes(self.authority.certificate)
        self.assemble(backends=BackendsConfig(ca_cert=str(ca)))
        self.serve("b", "urlprefix-b.com/ proto=https")

    def dialled(
        self, options: CertificateOptions | None = None, request: bytes = GET
    ) -> tuple[MemoryTransport, TlsInstance]:
        """Send a request over a new connection: (client, instance)."""
        client = self.client()
        client.deliver(request)
        return client, self.accept(options)

    def accept(self, options: CertificateOptions | None = None) -> TlsInstance:
        """Let the last dial succeed."""
        wire = self.dials[-1].succeed()
        return TlsInstance(self.clock, wire, options or self.by_address)

    def served(self, **more: Any) -> tuple[MemoryTransport, TlsInstance]:
        """Serve one whole request: (client, instance), nothing left to take."""
        client, instance = self.dialled(**more)
        instance.send(OK)
        self.assertEqual(200, status_of(client.take()))
        instance.take()
        return client, instance


class HandshakeTests(TlsTestCase):
    """Whom the router speaks to."""

    def test_an_instance_is_known_by_its_address(self) -> None:
        client, instance = self.dialled()
        self.assertTrue(instance.take().startswith(b"GET / HTTP/1.1\r\n"))
        self.assertIdentical(None, instance.server_name)
        instance.send(OK)
        self.assertEqual(200, status_of(client.take()))
        self.assert_idle()

    def test_or_by_the_name_that_is_sent_as_host(self) -> None:
        self.serve("b", "urlprefix-b.com/ proto=https host=inner.example:8443")
        _, instance = self.dialled(self.by_name)
        self.assertEqual(b"inner.example", instance.server_name)
        self.assertIn(b"\r\nHost: inner.example:8443\r\n", instance.take())

    def test_its_own_address_as_host_changes_nothing(self) -> None:
        self.serve("b", "urlprefix-b.com/ proto=https host=dst")
        _, instance = self.dialled()
        self.assertIn(b"\r\nHost: 10.0.0.1:8080\r\n", instance.take())

    def assert_refused(
        self, status: int, cause: bytes, options: CertificateOptions | None = None
    ) -> None:
        """Nothing is sent to the instance, and the client is told so."""
        client, instance = self.dialled(options)
        self.clock.advance(0)
        self.assertEqual(b"", instance.take())
        answer = client.take()
        self.assertEqual(status, status_of(answer))
        self.assertIn(cause, field(answer, b"X-Cf-RouterError") or b"")
        self.assertEqual(1, self.counters.connect_failures)
        self.assert_idle()

    def test_a_certificate_for_somebody_else_is_refused(self) -> None:
        self.assert_refused(503, b"not for 10.0.0.1", self.by_name)

    def test_an_unknown_authority_is_refused(self) -> None:
        options = server_options("10.0.0.1", Authority("foreign"))
        self.assert_refused(526, b"certificate verify failed", options)

    def test_neither_matters_with_tlsskipverify(self) -> None:
        self.serve("b", "urlprefix-b.com/ proto=https tlsskipverify=true")
        self.served(options=server_options("else.example", Authority("foreign")))

    def test_an_instance_without_tls_is_told_apart(self) -> None:
        client = self.client()
        client.deliver(GET)
        wire = self.dials[-1].succeed()
        wire.deliver(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.clock.advance(0)
        self.assertEqual(525, status_of(client.take()))
        self.assert_idle()

    def test_the_next_instance_is_tried(self) -> None:
        self.serve("b", "urlprefix-b.com/ proto=https tlsskipverify=true", count=2)
        client = self.client()
        client.deliver(GET)
        self.dials[-1].succeed().lose()
        self.assertEqual(2, len(self.dials))
        instance = self.accept()
        instance.send(OK)
        self.assertEqual(200, status_of(client.take()))

    def test_a_handshake_has_as_long_as_a_dial(self) -> None:
        client = self.client()
        client.deliver(GET)
        wire = self.dials[-1].succeed()
        self.clock.pump([1.0] * 5)
        self.assertEqual("aborted", wire.closed)
        answer = client.take()
        self.assertEqual(502, status_of(answer))
        self.assertIn(b"handshake", field(answer, b"X-Cf-RouterError") or b"")
        self.assertEqual(0, len(self.engine.pool))
        self.assert_idle()

    def test_a_client_that_leaves_ends_the_handshake(self) -> None:
        client = self.client()
        client.deliver(GET)
        wire = self.dials[-1].succeed()
        client.lose()
        TlsInstance(self.clock, wire, self.by_address)
        self.clock.pump([1.0] * 10)
        self.assertTrue(wire.lost)
        self.assertEqual(0, len(self.engine.pool))
        self.assert_idle()

    def test_a_client_that_left_before_there_was_a_connection(self) -> None:
        client = self.client()
        client.deliver(GET)
        client.lose()
        self.assertTrue(self.dials[-1].cancelled)
        wire = self.dials[-1].succeed()
        TlsInstance(self.clock, wire, self.by_address)
        self.clock.pump([1.0] * 10)
        self.assertTrue(wire.lost)
        self.assertEqual(0, len(self.engine.pool))


class PoolTests(TlsTestCase):
    """Connections are kept, and never mixed."""

    def test_a_connection_serves_the_next_request(self) -> None:
        client, instance = self.served()
        client.deliver(GET)
        self.assertTrue(instance.take().startswith(b"GET / "))
        self.assertEqual(1, len(self.dials))

    def test_other_terms_are_another_connection(self) -> None:
        self.serve(
            "b",
            "urlprefix-b.com/ proto=https",
            "urlprefix-c.com/",
            "urlprefix-d.com/ proto=https tlsskipverify=true",
            "urlprefix-e.com/ proto=https host=inner.example",
        )
        self.served()
        for number, host in enumerate((b"c.com", b"d.com", b"e.com"), 2):
            self.client().deliver(GET.replace(b"b.com", host))
            self.assertEqual(number, len(self.dials))

    def test_those_of_a_retired_instance_are_closed(self) -> None:
        _, instance = self.served()
        (state,) = (s for s in self.engine.balancer.states.values() if s.idle_tls)
        self.engine.pool.retire(state)
        instance.pump()
        self.assertEqual("whole", instance.wire.closed)
        self.clock.advance(0)
        self.assertEqual([[]], list((state.idle_tls or {}).values()))

    def test_a_kept_one_that_the_instance_has_closed_is_not_used(self) -> None:
        client, instance = self.served()
        instance.say_goodbye()
        self.clock.advance(0)
        client.deliver(GET)
        self.assertEqual(2, len(self.dials))

    def test_one_that_dies_as_it_is_used_again_is_replaced(self) -> None:
        client, instance = self.served()
        client.deliver(GET)
        instance.wire.lose()
        self.assertEqual(2, len(self.dials))
        self.accept().send(OK)
        self.assertEqual(200, status_of(client.take()))

    def test_an_instance_that_does_not_say_goodbye_is_cut_off(self) -> None:
        _, instance = self.served()
        self.engine.pool.close_idle()
        self.assertEqual("", instance.wire.closed)
        self.clock.pump([1.0] * 7)
        self.assertEqual("aborted", instance.wire.closed)
        self.assertEqual(0, len(self.engine.pool))


class BodyTests(TlsTestCase):
    """Bodies end where they end, and wait for who reads them."""

    def test_an_end_without_goodbye_is_a_cut(self) -> None:
        client, instance = self.dialled()
        instance.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of")
        instance.wire.lose()
        self.assertIn(b"half of", client.take())
        self.assertEqual("whole", client.closed)
        self.assertIn(b"endpoint_failure (response body cut off)", self.log[-1])

    def test_an_end_with_goodbye_is_the_end(self) -> None:
        client, instance = self.dialled()
        instance.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        instance.say_goodbye()
        self.clock.advance(0)
        self.assertTrue(client.take().endswith(b"all of it\r\n0\r\n\r\n"))

    def test_a_client_that_reads_slowly_stops_the_instance(self) -> None:
        client, instance = self.dialled()
        client.full = True
        instance.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + bytes(9))
        self.assertFalse(instance.wire.reading)
        client.drain()
        self.assertTrue(instance.wire.reading)

    def test_an_instance_that_reads_slowly_stops_the_client(self) -> None:
        head = b"POST / HTTP/1.1\r\nHost: b.com\r\nContent-Length: 500000\r\n\r\n"
        client, instance = self.dialled(request=head)
        instance.wire.full = True
        client.deliver(bytes(65536))
        self.assertFalse(client.reading)
        instance.wire.full = False
        instance.wire.producer.resumeProducing()
        self.assertTrue(client.reading)

    def test_a_body_goes_through_whole(self) -> None:
        head = b"POST / HTTP/1.1\r\nHost: b.com\r\nContent-Length: 300000\r\n\r\n"
        client, instance = self.dialled(request=head)
        for _ in range(6):
            client.deliver(bytes(50000))
        self.assertTrue(instance.take().endswith(b"\r\n\r\n" + bytes(300000)))
        instance.send(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")
        for _ in range(6):
            instance.send(bytes(50000))
        self.assertTrue(client.take().endswith(b"\r\n\r\n" + bytes(300000)))
        self.assert_idle()


class TunnelTests(TlsTestCase):
    """WebSocket and the like."""

    def setUp(self) -> None:
        super().setUp()
        self.client_end, self.instance = self.dialled(request=UPGRADE)
        self.instance.take()
        self.instance.send(SWITCHED)
        self.assertEqual(101, status_of(self.client_end.take()))

    def test_bytes_go_both_ways(self) -> None:
        self.client_end.deliver(b"ping")
        self.assertEqual(b"ping", self.instance.take())
        self.instance.send(b"pong")
        self.assertEqual(b"pong", self.client_end.take())

    def test_a_client_that_sends_no_more_can_still_read(self) -> None:
        self.client_end.deliver(b"last")
        self.client_end.finish()
        self.assertEqual(b"last", self.instance.take())

    def test_an_instance_that_ends_ends_the_tunnel(self) -> None:
        self.instance.say_goodbye()
        self.clock.advance(0)
        self.assertEqual("whole", self.client_end.closed)
        self.clock.advance(0)
        self.assert_idle()

    def test_a_client_that_leaves_ends_it_too(self) -> None:
        self.client_end.lose()
        self.clock.advance(0)
        self.assertEqual("aborted", self.instance.wire.closed)
        self.assert_idle()
