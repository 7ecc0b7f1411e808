"""Our own client of Consul, on our catalog and on a real one."""

from __future__ import annotations

from tests.contracts.catalogs import ConsulCatalog, EmbeddedCatalog, Suite
from tests.services import running_reactor
from twisted_router.clients.consul import ConsulClient
from twisted_router.config.schema import ConsulConfig
from twisted_router.interfaces import CatalogError
from twisted_router.model import Instance, Status, Weights

PASSING = {"TTL": "60s", "Status": "passing"}


class ClientContract(Suite):
    """The same through our own client."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits for it
        """Have a client."""
        await super().setUp()
        self.client = ConsulClient(
            running_reactor(), ConsulConfig(address=(self.address,))
        )
        self.addCleanup(self.client.close)

    async def put_service(self) -> None:
        """Register this test's service through the client, and wait."""
        await self.client.register(
            {
                "ID": self.service_id,
                "Name": self.name,
                "Tags": ["a"],
                "Port": 80,
                "Meta": {"uris": "x.example.com"},
                "Weights": {"Passing": 2, "Warning": 1},
                "Check": PASSING,
            }
        )
        await self.synced()

    async def instances(self) -> tuple[Instance, ...]:
        """The instances of this test's service, as the client reads them."""
        answer = await self.client.health(self.name)
        return tuple(answer.data)

    async def test_an_instance_comes_back_as_it_was_registered(self) -> None:
        await self.put_service()
        agent = await self.client.agent_self()
        expected = Instance(
            service=self.name,
            id=self.service_id,
            address="127.0.0.1",
            port=80,
            node=agent["Config"]["NodeName"],
            status=Status.PASSING,
            tags=("a",),
            meta={"uris": "x.example.com"},
            weights=Weights(2, 1),
        )
        self.assertEqual((expected,), await self.instances())

    async def test_maintenance_comes_and_goes(self) -> None:
        await self.put_service()
        for enable, expected in ((True, Status.MAINTENANCE), (False, Status.PASSING)):
            await self.client.maintenance(self.service_id, enable, "why")
            await self.synced()
            (instance,) = await self.instances()
            self.assertEqual(expected, instance.status)

    async def test_maintenance_can_outlive_a_registration(self) -> None:
        await self.put_service()
        await self.client.maintenance(self.service_id, True, "why")
        moved = {"ID": self.service_id, "Name": self.name, "Port": 81}
        await self.client.register(moved, keep_checks=True)
        await self.synced()
        (instance,) = await self.instances()
        self.assertEqual((81, Status.MAINTENANCE), (instance.port, instance.status))

    async def test_the_first_reason_for_maintenance_stays(self) -> None:
        await self.put_service()
        for reason in ("first", "second"):
            await self.client.maintenance(self.service_id, True, reason)
        checks = await self.client.agent_checks()
        check = checks[f"_service_maintenance:{self.service_id}"]
        self.assertEqual("first", check["Notes"])

    async def test_maintenance_of_an_unknown_service_fails(self) -> None:
        with self.assertRaises(CatalogError) as caught:
            await self.client.maintenance("nope", True)
        self.assertEqual(404, caught.exception.status)

    async def test_names_checks_and_the_agents_own_are_listed(self) -> None:
        await self.put_service()
        self.assertEqual(["a"], (await self.client.services()).data[self.name])
        check_id = f"service:{self.service_id}"
        checks = (await self.client.checks()).data
        self.assertIn(check_id, [check["CheckID"] for check in checks])
        self.assertEqual([self.service_id], list(await self.client.agent_services()))
        self.assertEqual([check_id], list(await self.client.agent_checks()))

    async def test_several_checks_have_the_ids_that_they_are_given(self) -> None:
        checks = [
            {"CheckID": f"service:{self.service_id}{tail}", "TTL": "9h", "Status": each}
            for tail, each in (("", "passing"), (":health", "critical"))
        ]
        service = {"ID": self.service_id, "Name": self.name, "Checks": checks}
        await self.client.register(service)
        found = await self.client.agent_checks()
        self.assertEqual(
            {check["CheckID"]: check["Status"] for check in checks},
            {check_id: check["Status"] for check_id, check in found.items()},
        )

    async def test_a_reported_status_outlives_a_registration(self) -> None:
        check_id = f"service:{self.service_id}:health"
        check = {"CheckID": check_id, "TTL": "9h", "Status": "critical"}
        service = {"ID": self.service_id, "Name": self.name, "Checks": [check]}
        await self.client.register(service)
        await self.client.report(check_id, "passing", "why")
        for port in (80, 81):
            found = (await self.client.agent_checks())[check_id]
            self.assertEqual(("passing", "why"), (found["Status"], found["Output"]))
            await self.client.register(service | {"Port": port})
        found = (await self.client.agent_checks())[check_id]
        self.assertEqual("passing", found["Status"])

    async def test_a_report_on_an_unknown_check_fails_with_a_status(self) -> None:
        with self.assertRaises(CatalogError) as caught:
            await self.client.report("nope", "passing")
        self.assertIn(caught.exception.status, (404, 500))

    async def test_a_deregistered_service_is_gone(self) -> None:
        await self.put_service()
        for _ in range(2):
            await self.client.deregister(self.service_id)
        await self.synced()
        self.assertEqual((), await self.instances())

    async def test_a_change_ends_a_wait(self) -> None:
        await self.put_service()
        index = (await self.client.health(self.name)).index
        waiting = self.client.health(self.name, index, 30.0)
        await self.put(f"/v1/agent/check/warn/service:{self.service_id}")
        answer = await waiting
        self.assertGreater(answer.index, index)
        self.assertEqual([Status.WARNING], [one.status for one in answer.data])


class EmbeddedClientTests(ClientContract, EmbeddedCatalog):
    """Our client and the embedded catalog."""


class ConsulClientTests(ClientContract, ConsulCatalog):
    """Our client and a real Consul."""
