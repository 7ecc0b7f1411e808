"""A client of several real agents, of which some die and come back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.trial.unittest import TestCase

from tests.services import ConsulAgent, running_reactor, wait_for
from twisted_router.clients.consul import ConsulClient
from twisted_router.config.schema import ConsulConfig


class SeveralAgentsTests(TestCase):
    """Two agents, each with a service that the other does not know."""

    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits for it
        self.first = await ConsulAgent.started(self)
        self.second = await ConsulAgent.started(self)
        for agent, name in ((self.first, "one"), (self.second, "two")):
            await agent.put("/v1/agent/service/register", {"Name": name})
        self.client = ConsulClient(
            running_reactor(),
            ConsulConfig(address=(self.first.address, self.second.address)),
        )
        self.addCleanup(self.client.close)
        await wait_for(running_reactor(), self.sees("one"), 10)

    def sees(self, name: str) -> Callable[[], Awaitable[bool]]:
        """Whether the agent that is asked now knows a service of that name."""

        async def found() -> bool:
            return name in (await self.client.services()).data

        return found

    async def test_reads_go_on_at_the_next_and_back_at_the_first(self) -> None:
        index = (await self.client.services()).index
        waiting = self.client.services(index, 30.0)
        await self.first.kill()
        self.assertIn("two", (await waiting).data)
        await self.first.start()
        await self.first.put("/v1/agent/service/register", {"Name": "back"})
        await wait_for(running_reactor(), self.sees("back"), 30)

    async def test_a_frozen_agent_is_left_in_time(self) -> None:
        """It takes connections and says nothing; so do its reads that wait."""
        waiting = self.client.services((await self.client.services()).index, 30.0)
        self.first.freeze()
        self.addCleanup(self.first.thaw)
        self.assertIn("two", (await self.client.services()).data)
        self.assertIn("two", (await waiting).data)
