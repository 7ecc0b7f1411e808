"""What routers and registrars rely on in Consul: one suite, on ours and the real one.

Registering and reading are here; checks, refusals, waiting and our own client are in
the modules beside this one.
"""

from __future__ import annotations

from typing import Any

from tests.contracts.catalogs import ConsulCatalog, EmbeddedCatalog, Suite


def without_indexes(value: dict[str, Any]) -> dict[str, Any]:
    """All but the two indexes, which must be numbers."""
    created, modified = value["CreateIndex"], value["ModifyIndex"]
    if not 0 <= created <= modified:
        raise AssertionError(f"indexes {created} and {modified}")
    return {
        key: one
        for key, one in value.items()
        if key not in ("CreateIndex", "ModifyIndex")
    }


class RegistrationContract(Suite):
    """A registration, and what is read of it."""

    async def node(self) -> str:
        """The name of the node."""
        agent = await self.get("/v1/agent/self")
        return str(agent["Config"]["NodeName"])

    async def register_web(self) -> None:
        await self.register(
            Tags=["b", "a"],
            Address="10.0.0.5",
            Port=80,
            Meta={"owner": "me"},
            Weights={"Passing": 3, "Warning": 2},
            Check={"TTL": "60s", "Notes": "n", "Status": "passing"},
        )

    def expected_check(self, node: str) -> dict[str, Any]:
        return {
            "Node": node,
            "CheckID": f"service:{self.service_id}",
            "Name": f"Service '{self.name}' check",
            "Status": "passing",
            "Notes": "n",
            "Output": "",
            "ServiceID": self.service_id,
            "ServiceName": self.name,
            "ServiceTags": ["b", "a"],
            "Type": "ttl",
            "Definition": {},
        }

    async def test_health_shows_a_service_its_node_and_all_checks(self) -> None:
        await self.register_web()
        node = await self.node()
        (entry,) = await self.health()
        self.assertEqual({"Node", "Service", "Checks"}, set(entry))
        self.assertEqual(
            (node, "127.0.0.1", "dc1", {"consul-network-segment": ""}),
            tuple(
                entry["Node"][key] for key in ("Node", "Address", "Datacenter", "Meta")
            ),
        )
        address = {"Address": "10.0.0.5", "Port": 80}
        self.assertEqual(
            {
                "ID": self.service_id,
                "Service": self.name,
                "Tags": ["b", "a"],
                "Address": "10.0.0.5",
                "TaggedAddresses": {"lan_ipv4": address, "wan_ipv4": address},
                "Meta": {"owner": "me"},
                "Port": 80,
                "Weights": {"Passing": 3, "Warning": 2},
                "EnableTagOverride": False,
                "Proxy": {"MeshGateway": {}, "Expose": {}},
                "Connect": {},
            },
            without_indexes(entry["Service"]),
        )
        alive = {
            "Node": node,
            "CheckID": "serfHealth",
            "Name": "Serf Health Status",
            "Status": "passing",
            "Notes": "",
            "Output": "Agent alive and reachable",
            "ServiceID": "",
            "ServiceName": "",
            "ServiceTags": [],
            "Type": "",
            "Definition": {},
        }
        self.assertEqual(
            [alive, self.expected_check(node)],
            [without_indexes(check) for check in entry["Checks"]],
        )

    async def test_the_catalog_shows_a_service_without_its_health(self) -> None:
        await self.register_web()
        (entry,) = await self.get(f"/v1/catalog/service/{self.name}")
        address = {"Address": "10.0.0.5", "Port": 80}
        expected = {
            "Node": await self.node(),
            "Address": "127.0.0.1",
            "Datacenter": "dc1",
            "NodeMeta": {"consul-network-segment": ""},
            "ServiceKind": "",
            "ServiceID": self.service_id,
            "ServiceName": self.name,
            "ServiceTags": ["b", "a"],
            "ServiceAddress": "10.0.0.5",
            "ServiceTaggedAddresses": {"lan_ipv4": address, "wan_ipv4": address},
            "ServiceWeights": {"Passing": 3, "Warning": 2},
            "ServiceMeta": {"owner": "me"},
            "ServicePort": 80,
            "ServiceEnableTagOverride": False,
            "ServiceProxy": {"MeshGateway": {}, "Expose": {}},
            "ServiceConnect": {},
        }
        entry = without_indexes(entry)
        self.assertEqual({"ID", "TaggedAddresses", *expected}, set(entry))
        self.assertEqual(expected, {key: entry[key] for key in expected})

    async def test_the_agent_shows_its_services_and_checks_by_id(self) -> None:
        await self.register_web()
        address = {"Address": "10.0.0.5", "Port": 80}
        self.assertEqual(
            {
                self.service_id: {
                    "ID": self.service_id,
                    "Service": self.name,
                    "Tags": ["b", "a"],
                    "Meta": {"owner": "me"},
                    "Port": 80,
                    "Address": "10.0.0.5",
                    "TaggedAddresses": {"lan_ipv4": address, "wan_ipv4": address},
                    "Weights": {"Passing": 3, "Warning": 2},
                    "EnableTagOverride": False,
                }
            },
            await self.get("/v1/agent/services"),
        )
        self.assertEqual(
            {
                f"service:{self.service_id}": {
                    **self.expected_check(await self.node()),
                    "CreateIndex": 0,
                    "ModifyIndex": 0,
                }
            },
            await self.get("/v1/agent/checks"),
        )

    async def test_what_a_registration_leaves_out_has_defaults(self) -> None:
        await self.register()
        (entry,) = await self.health()
        self.assertEqual(
            {
                "ID": self.service_id,
                "Service": self.name,
                "Tags": [],
                "Address": "",
                "Meta": None,
                "Port": 0,
                "Weights": {"Passing": 1, "Warning": 1},
                "EnableTagOverride": False,
                "Proxy": {"MeshGateway": {}, "Expose": {}},
                "Connect": {},
            },
            without_indexes(entry["Service"]),
        )
        self.assertEqual("127.0.0.1", entry["Node"]["Address"])

    async def test_the_agent_says_who_and_where_it_is(self) -> None:
        agent = await self.get("/v1/agent/self")
        self.assertEqual(
            ("dc1", "1.8.7"),
            (agent["Config"]["Datacenter"], agent["Config"]["Version"]),
        )
        self.assertEqual(
            (agent["Config"]["NodeName"], "127.0.0.1"),
            (agent["Member"]["Name"], agent["Member"]["Addr"]),
        )
        (node,) = await self.get("/v1/catalog/nodes")
        self.assertEqual(
            (agent["Config"]["NodeID"], agent["Config"]["NodeName"], "127.0.0.1"),
            (node["ID"], node["Node"], node["Address"]),
        )
        self.assertEqual(["dc1"], await self.get("/v1/catalog/datacenters"))
        self.assertRegex(await self.get("/v1/status/leader"), r"^127\.0\.0\.1:\d+$")

    async def test_names_are_listed_with_the_tags_of_all_instances(self) -> None:
        for number, tags in ((1, ["a", "b"]), (2, ["b", "c"])):
            await self.register(ID=f"{self.name}-{number}", Tags=tags)
        services = await self.get("/v1/catalog/services")
        self.assertEqual(["a", "b", "c"], sorted(services[self.name]))

    async def test_instances_are_filtered_by_all_tags_in_any_case(self) -> None:
        await self.register(Tags=["A", "b"])
        for query, expected in (
            ("?tag=a", 1),
            ("?tag=A&tag=B", 1),
            ("?tag=a&tag=c", 0),
            ("?tag=", 0),
        ):
            self.assertEqual(expected, len(await self.health(query)), query)

    async def test_the_same_id_under_another_name_moves(self) -> None:
        await self.register()
        await self.register(Name=f"{self.name}-moved")
        self.assertEqual([], await self.health())

    async def test_registering_anew_replaces_every_field(self) -> None:
        await self.register_web()
        await self.register()
        (entry,) = await self.health()
        service = entry["Service"]
        self.assertEqual(
            ([], "", 0, None),
            tuple(service[key] for key in ("Tags", "Address", "Port", "Meta")),
        )

    async def test_ids_and_names_may_have_any_character(self) -> None:
        self.name = f"{self.name} a/b:80"
        await self.register(ID="x/y z:80")
        self.assertEqual(
            ["x/y z:80"], [entry["Service"]["ID"] for entry in await self.health()]
        )
        await self.deregister("x/y z:80")
        self.assertEqual([], await self.health())

    async def test_an_unknown_name_has_no_instances(self) -> None:
        for path in ("health/service", "health/checks", "catalog/service"):
            self.assertEqual([], await self.get(f"/v1/{path}/{self.name}"))

    async def test_a_service_goes_with_its_checks(self) -> None:
        await self.register_web()
        await self.deregister(self.service_id)
        self.assertEqual([], await self.health())
        self.assertEqual({}, await self.get("/v1/agent/checks"))
        self.assertNotIn(self.name, await self.get("/v1/catalog/services"))

    async def test_an_unknown_service_is_gone_already(self) -> None:
        await self.put("/v1/agent/service/deregister/nope")


class EmbeddedRegistrationTests(RegistrationContract, EmbeddedCatalog):
    """A registration in the embedded catalog."""


class ConsulRegistrationTests(RegistrationContract, ConsulCatalog):
    """A registration in a real Consul."""
