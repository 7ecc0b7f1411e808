"""Tests of twisted_router.proxy.pool."""

from __future__ import annotations

from twisted_router.config.schema import BackendsConfig

from .harness import EngineTestCase, MemoryTransport

GET = b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class ConnectionPoolTests(EngineTestCase):
    """Idle connections are few, fresh, and gone with their instance."""

    def test_the_connection_used_last_is_used_first(self) -> None:
        pairs = [self.begun() for _ in range(3)]
        for _, instance in pairs:
            instance.take()
        for _, instance in pairs:
            instance.deliver(OK)
        pairs[0][0].deliver(GET)
        self.assertTrue(pairs[2][1].take().startswith(b"GET / "))

    def test_no_more_are_kept_than_allowed(self) -> None:
        self.configure(backends=BackendsConfig(max_idle=2))
        self.serve("app", "urlprefix-app.example.com/", first=5)
        pairs = [self.begun() for _ in range(3)]
        for _, instance in pairs:
            instance.deliver(OK)
        self.assertEqual(["", "", "whole"], [pair[1].closed for pair in pairs])

    def test_connections_of_a_retired_instance_are_closed(self) -> None:
        _, instance = self.exchange()
        (state,) = self.engine.balancer.states.values()
        self.engine.pool.retire(state)
        self.assertEqual("whole", instance.closed)
        self.clock.advance(0)
        self.assertEqual([], state.idle)
        self.assertEqual(0, len(self.engine.pool))

    def test_a_request_under_way_outlives_its_retired_instance(self) -> None:
        client, instance = self.begun()
        (state,) = self.engine.balancer.states.values()
        self.tables.apply("test", {"app": []})
        self.assertTrue(state.retired)
        instance.deliver(OK)
        self.assertTrue(client.take().endswith(b"hi"))
        self.assertEqual("whole", instance.closed)

    def test_closing_idle_ones_leaves_busy_ones(self) -> None:
        busy_client, busy = self.begun()
        _, idle = self.exchange()
        self.engine.pool.close_idle()
        self.assertEqual(("", "whole"), (busy.closed, idle.closed))
        busy.deliver(OK)
        self.assertTrue(busy_client.take().endswith(b"hi"))

    def test_a_dialled_connection_that_nobody_waits_for_is_closed(self) -> None:
        client = self.client()
        client.deliver(GET)
        protocol = self.dials[0].factory.buildProtocol(None)
        client.lose()
        transport = MemoryTransport(self.clock, protocol)
        self.assertEqual("whole", transport.closed)
        self.clock.advance(0)
        self.assertEqual(0, len(self.engine.pool))
