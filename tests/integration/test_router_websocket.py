"""WebSockets through the router, with a real client and server library."""

from __future__ import annotations

import hashlib

from twisted.trial.unittest import TestCase

from tests.integration.router import Router
from tests.integration.websocket import echo_server, visit
from tests.services import running_reactor, wait_for

HOST = "ws.example.com"


class WebSocketTests(TestCase):
    """Both ends are the library's; the router stands between them."""

    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.server = echo_server(self)
        self.router = await Router.started(
            self, {"routes": [{"uri": HOST, "instances": [self.server.address]}]}
        )
        self.visitor = await visit(self, self.router, f"{HOST}/chat?room=1")

    async def test_text_comes_back(self) -> None:
        for text in ("hello", "Grüße", ""):
            self.visitor.sendMessage(text.encode())
            self.assertEqual(text, await self.visitor.hears())

    async def test_a_megabyte_of_binary_comes_back(self) -> None:
        payload = hashlib.shake_256(b"payload").digest(1024 * 1024)
        self.visitor.sendMessage(payload, isBinary=True)
        self.assertEqual(payload, await self.visitor.hears())

    async def test_messages_without_a_pause_keep_their_order(self) -> None:
        numbers = [str(number) for number in range(1000)]
        for number in numbers:
            self.visitor.sendMessage(number.encode())
        self.assertEqual(numbers, [await self.visitor.hears() for _ in numbers])

    async def test_the_offered_subprotocol_is_agreed_upon(self) -> None:
        self.assertEqual("echo", self.visitor.websocket_protocol_in_use)

    async def test_pings_are_answered_in_both_directions(self) -> None:
        self.visitor.sendPing(b"anyone")
        self.assertEqual(("pong", b"anyone"), await self.visitor.hears())
        self.visitor.sendMessage(b"ping me")
        self.assertEqual("pong: are you there", await self.visitor.hears())

    async def test_the_client_can_close(self) -> None:
        self.visitor.sendClose(1000, "bye")
        self.assertEqual((True, 1000, "bye"), await self.visitor.end())
        await self.all_is_over()

    async def test_the_server_can_close(self) -> None:
        self.visitor.sendMessage(b"close me")
        ended = await self.visitor.end()
        self.assertEqual((True, 4001, "as you wish"), ended)
        await self.all_is_over()

    async def test_a_client_that_vanishes_ends_the_servers_connection(self) -> None:
        await self.router.varz_says(tunnels=1, in_flight=1)
        self.visitor.transport.abortConnection()
        await self.all_is_over()

    async def test_a_server_that_vanishes_ends_the_clients_connection(self) -> None:
        await self.server.close()
        clean, _, _ = await self.visitor.end()
        self.assertFalse(clean)
        await self.all_is_over()

    async def all_is_over(self) -> None:
        """No tunnel is left, at neither end."""
        await self.router.varz_says(
            tunnels=0, in_flight=0, clients=0, websocket_upgrades=1
        )
        await wait_for(running_reactor(), lambda: not self.server.open, what="its end")
