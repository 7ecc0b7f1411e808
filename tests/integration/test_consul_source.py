"""The source of facts and its client, on a real Consul agent."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from tests.discovery.support import Consumer
from tests.services import ConsulAgent, free_port, running_reactor, wait_for
from twisted_router.clients.consul import ConsulClient
from twisted_router.config.schema import ConsulConfig
from twisted_router.discovery.consul import ConsulSource
from twisted_router.interfaces import CatalogError
from twisted_router.model import Instance, Status, Weights


class ConsulTestCase(TestCase):
    """An agent of its own, and a client of it.

    :cvar durable: whether the agent knows after a restart what it knew before.
    """

    timeout = 90
    durable = False

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.reactor = running_reactor()
        self.consul = await ConsulAgent.started(self, durable=self.durable)
        self.client = self.connect(self.consul.address)

    def connect(self, address: str) -> ConsulClient:
        client = ConsulClient(self.reactor, ConsulConfig(address=(address,)))
        self.addCleanup(client.close)
        return client

    async def eventually(self, predicate: Callable[[], Any], what: str) -> None:
        await wait_for(self.reactor, predicate, 20, what=what)


class ClientTests(ConsulTestCase):
    """Every call of the client means to Consul what it should."""

    async def test_a_registration_is_read_back_as_an_instance(self) -> None:
        await self.client.register(
            {
                "Name": "web",
                "ID": "node:a/b c:80",
                "Address": "10.0.0.5",
                "Port": 8080,
                "Tags": ["v1", "urlprefix-a/"],
                "Meta": {"uris": "a.example.com"},
                "Weights": {"Passing": 10, "Warning": 2},
            }
        )
        await self.eventually(self.has("web"), "web in the catalog")
        answer = await self.client.health("web")
        self.assertEqual(
            (
                Instance(
                    service="web",
                    id="node:a/b c:80",
                    address="10.0.0.5",
                    port=8080,
                    node="test",
                    status=Status.PASSING,
                    tags=("v1", "urlprefix-a/"),
                    meta={"uris": "a.example.com"},
                    weights=Weights(10, 2),
                ),
            ),
            answer.data,
        )
        services = await self.client.services()
        self.assertEqual(["urlprefix-a/", "v1"], services.data["web"])
        self.assertIn("node:a/b c:80", await self.client.agent_services())

    def has(self, name: str) -> Callable[[], Any]:
        async def has() -> bool:
            return name in (await self.client.services()).data

        return has

    async def status_of(self, name: str) -> Status:
        (instance,) = (await self.client.health(name)).data
        assert isinstance(instance, Instance)
        return instance.status

    async def error_of(self, call: Deferred[Any]) -> CatalogError:
        try:
            await call
        except CatalogError as error:
            return error
        raise self.failureException("no error")

    async def test_maintenance_goes_on_and_off(self) -> None:
        await self.client.register({"Name": "web", "ID": "a/b c:80", "Port": 80})
        await self.eventually(self.has("web"), "web in the catalog")
        for enable, status in ((True, Status.MAINTENANCE), (False, Status.PASSING)):
            await self.client.maintenance("a/b c:80", enable, "for a & b = c")

            async def has_it(status: Status = status) -> bool:
                return await self.status_of("web") == status

            await self.eventually(has_it, status)

    async def test_an_unknown_id_matters_to_maintenance_only(self) -> None:
        await self.client.deregister("nobody:1")
        error = await self.error_of(self.client.maintenance("nobody:1", True))
        self.assertEqual(404, error.status)

    async def test_to_register_again_drops_every_check_of_before(self) -> None:
        """Maintenance mode is a check as well."""
        service: dict[str, Any] = {"Name": "web", "ID": "web-1", "Port": 80}
        check = {"CheckID": "old", "TTL": "1h", "Status": "critical"}
        await self.client.register({**service, "Checks": [check]})
        await self.client.maintenance("web-1", True)
        self.assertEqual(
            {"old", "_service_maintenance:web-1"},
            (await self.client.agent_checks()).keys(),
        )
        await self.client.register(service)
        self.assertEqual({}, await self.client.agent_checks())

    async def test_consuls_refusal_is_told_in_its_own_words(self) -> None:
        error = await self.error_of(self.client.register({"ID": "x"}))
        self.assertEqual(400, error.status)
        self.assertIn("Missing service name", str(error))

    async def test_a_read_waits_for_a_change_no_longer_than_it_should(self) -> None:
        first = await self.client.services()
        began_s = self.reactor.seconds()
        second = await self.client.services(first.index, wait_s=0.5)
        self.assertEqual(first.index, second.index)
        self.assertTrue(0.4 < self.reactor.seconds() - began_s < 2.0)

    async def test_the_agent_names_itself(self) -> None:
        about = await self.client.agent_self()
        self.assertEqual("test", about["Config"]["NodeName"])

    async def test_checks_of_the_node_are_listed(self) -> None:
        answer = await self.client.checks()
        self.assertIn("serfHealth", [check["CheckID"] for check in answer.data])

    async def test_nobody_there_is_a_catalog_error(self) -> None:
        client = self.connect(f"127.0.0.1:{free_port()}")
        error = await self.error_of(client.services())
        self.assertEqual(0, error.status)
        self.assertIn("refused", str(error))


class SourceTestCase(ConsulTestCase):
    """A source of facts about that agent, and a consumer of them.

    :cvar poll_limit: as of the source.
    """

    poll_limit = 50

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        self.consumer = Consumer()
        self.source = self.follow(self.consul.address)

    def follow(self, address: str) -> ConsulSource:
        source = ConsulSource(
            self.reactor,
            self.connect(address),
            self.consumer,
            ConsulConfig(),
            random.Random(),
            poll_limit=self.poll_limit,
        )
        source.startService()
        self.addCleanup(source.stopService)
        return source

    async def register(self, number: int = 1, **more: Any) -> None:
        await self.consul.put(
            "/v1/agent/service/register",
            {
                "Name": "web",
                "ID": f"web-{number}",
                "Port": 8000 + number,
                "Tags": ["urlprefix-web.example.com/"],
                **more,
            },
        )

    async def statuses_are(self, *statuses: Status) -> None:
        """Wait until the instances of ``web`` are known with these."""

        def they_are() -> bool:
            found = self.consumer.knows().get("web", ())
            return tuple(instance.status for instance in found) == statuses

        await self.eventually(they_are, f"web with {statuses}")


class SourceTests(SourceTestCase):
    """What happens in Consul comes to the consumer."""

    async def test_the_first_snapshot_comes_whole(self) -> None:
        await self.source.when_ready()
        self.assertEqual([("replace", "consul", {})], self.consumer.told)
        self.assertEqual("", self.source.state().error)

    async def test_instances_come_and_go(self) -> None:
        await self.register(1)
        await self.statuses_are(Status.PASSING)
        await self.register(2)
        await self.statuses_are(Status.PASSING, Status.PASSING)
        await self.consul.put("/v1/agent/service/deregister/web-1")
        await self.statuses_are(Status.PASSING)
        self.assertEqual("web-2", self.consumer.knows()["web"][0].id)
        await self.consul.put("/v1/agent/service/deregister/web-2")
        await self.statuses_are()

    async def test_a_changed_port_comes(self) -> None:
        await self.register(1)
        await self.statuses_are(Status.PASSING)
        await self.register(1, Port=9999)

        def it_is() -> bool:
            return self.consumer.knows()["web"][0].port == 9999

        await self.eventually(it_is, "the new port")

    async def test_a_check_that_flaps_comes_each_time(self) -> None:
        await self.register(Check={"CheckID": "c", "TTL": "1h", "Status": "passing"})
        await self.statuses_are(Status.PASSING)
        for verb, status in (
            ("fail", Status.CRITICAL),
            ("warn", Status.WARNING),
            ("pass", Status.PASSING),
        ):
            await self.consul.put(f"/v1/agent/check/{verb}/c")
            await self.statuses_are(status)

    async def test_maintenance_of_the_service_and_of_the_node_come(self) -> None:
        await self.register()
        await self.statuses_are(Status.PASSING)
        for path in ("service/maintenance/web-1", "maintenance"):
            await self.consul.put(f"/v1/agent/{path}?enable=true")
            await self.statuses_are(Status.MAINTENANCE)
            await self.consul.put(f"/v1/agent/{path}?enable=false")
            await self.statuses_are(Status.PASSING)

    async def test_an_agent_that_forgot_everything_is_believed_anew(self) -> None:
        """Its indexes begin again, far below those of before."""
        for number in range(1, 6):
            await self.register(number)
        await self.statuses_are(*[Status.PASSING] * 5)
        await self.consul.restart()
        await self.register(7)
        await self.statuses_are(Status.PASSING)
        self.assertEqual("web-7", self.consumer.knows()["web"][0].id)
        await self.register(8)
        await self.statuses_are(Status.PASSING, Status.PASSING)


class SweepingSourceTests(SourceTests):
    """The same when there are so many services that connections must be saved."""

    poll_limit = 0


class OutageTests(SourceTestCase):
    """The same agent goes away and comes back, with all it knew."""

    durable = True

    async def test_facts_stay_while_the_agent_is_down_and_are_right_afterwards(
        self,
    ) -> None:
        await self.register(1)
        await self.register(2)
        await self.statuses_are(Status.PASSING, Status.PASSING)
        told = len(self.consumer.told)
        events: list[LogEvent] = []
        observer = cast(ILogObserver, events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

        await self.consul.stop()
        await self.eventually(lambda: self.source.state().error, "the loss")
        self.assertEqual(told, len(self.consumer.told))
        self.assertTrue(self.source.state().ready)

        await self.consul.start()
        await self.consul.put("/v1/agent/service/deregister/web-1")
        await self.statuses_are(Status.PASSING)
        self.assertEqual("web-2", self.consumer.knows()["web"][0].id)
        await self.eventually(lambda: not self.source.state().error, "contact")
        said = [text for text in map(formatEvent, events) if "Consul" in text]
        self.assertIn("no contact with Consul: ", said[0])
        self.assertRegex(said[-1], r"contact with Consul is back after \d+\.\d s")
        self.assertEqual(2, len(said), said)


class SweepingOutageTests(OutageTests):
    """The same when there are so many services that connections must be saved."""

    poll_limit = 0


class AbsentAgentTests(ConsulTestCase):
    """An agent that comes after the source has started."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        await self.consul.stop()

    async def test_its_facts_come_when_it_does(self) -> None:
        consumer = Consumer()
        source = ConsulSource(
            self.reactor, self.client, consumer, ConsulConfig(), random.Random()
        )
        source.startService()
        self.addCleanup(source.stopService)
        await self.eventually(lambda: source.state().error, "the first failure")
        self.assertFalse(source.state().ready)
        self.assertEqual([], consumer.told)

        await self.consul.start()
        await source.when_ready()
        self.assertEqual([("replace", "consul", {})], consumer.told)
        await self.consul.put(
            "/v1/agent/service/register", {"Name": "web", "Port": 8000}
        )
        await self.eventually(lambda: "web" in consumer.knows(), "web")
