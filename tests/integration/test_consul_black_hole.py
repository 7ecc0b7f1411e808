"""Blocking queries whose packets are lost: nobody answers, and nobody hangs up."""

from __future__ import annotations

import random

from twisted.internet.task import deferLater

from tests.discovery.support import Consumer
from tests.integration.relay import Relay
from tests.integration.test_consul_source import ConsulTestCase
from twisted_router.config.schema import ConsulConfig, Seconds
from twisted_router.discovery.consul import ConsulSource


class BlackHoleTests(ConsulTestCase):
    """A source that reaches its agent through a relay."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        port = int(self.consul.address.rpartition(":")[2])
        self.relay = Relay(self, port)
        self.consumer = Consumer()
        self.source = ConsulSource(
            self.reactor,
            self.connect(self.relay.address),
            self.consumer,
            ConsulConfig(wait=Seconds(1)),
            random.Random(),
        )
        self.source.startService()
        self.addCleanup(self.source.stopService)

    async def register(self, number: int) -> None:
        await self.consul.put(
            "/v1/agent/service/register",
            {"Name": "web", "ID": f"web-{number}", "Port": 8000 + number},
        )

    async def knows(self, count: int) -> None:
        def does() -> bool:
            return len(self.consumer.knows().get("web", ())) == count

        await self.eventually(does, f"{count} instances")

    async def test_they_are_dropped_and_made_again(self) -> None:
        await self.register(1)
        await self.knows(1)
        # Until both queries wait for a change.
        await deferLater(self.reactor, 0.3)
        self.relay.lose()
        await self.register(2)
        began_s = self.reactor.seconds()
        await self.knows(2)
        # No change came through the hole: it took as long as a query may.
        self.assertGreater(self.reactor.seconds() - began_s, 5)
        await self.eventually(lambda: not self.source.state().error, "contact")
