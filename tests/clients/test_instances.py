"""Tests of reading Consul's JSON of a service's health."""

from __future__ import annotations

import copy
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.clients.instances import read_instances
from twisted_router.model import Instance, Quarantined, Status, Weights

#: As a Consul 1.8.7 agent answers, shortened.
ENTRY: dict[str, Any] = {
    "Node": {
        "ID": "b4e3",
        "Node": "node-1",
        "Address": "10.0.0.1",
        "Datacenter": "dc1",
        "Meta": {},
    },
    "Service": {
        "ID": "web-1",
        "Service": "web",
        "Tags": ["urlprefix-a.example.com/", "v1"],
        "Address": "10.0.0.5",
        "Meta": {"uris": "b.example.com"},
        "Port": 8080,
        "Weights": {"Passing": 10, "Warning": 2},
        "EnableTagOverride": False,
    },
    "Checks": [
        {
            "Node": "node-1",
            "CheckID": "serfHealth",
            "Status": "passing",
            "ServiceID": "",
        },
        {
            "Node": "node-1",
            "CheckID": "service:web-1",
            "Status": "passing",
            "ServiceID": "web-1",
        },
    ],
}


def entry(**service: Any) -> dict[str, Any]:
    """An entry whose ``Service`` has other fields; ``None`` removes one."""
    made = copy.deepcopy(ENTRY)
    for field, value in service.items():
        if value is None:
            del made["Service"][field]
        else:
            made["Service"][field] = value
    return made


def only(made: Any) -> Instance:
    """The one instance of an entry that must be good."""
    (instance,), unusable = read_instances("web", [made])
    assert unusable == (), unusable
    return instance


class InstanceTests(SynchronousTestCase):
    """Entries that are instances."""

    def test_every_field_is_read(self) -> None:
        self.assertEqual(
            Instance(
                service="web",
                id="web-1",
                address="10.0.0.5",
                port=8080,
                node="node-1",
                status=Status.PASSING,
                tags=("urlprefix-a.example.com/", "v1"),
                meta={"uris": "b.example.com"},
                weights=Weights(10, 2),
            ),
            only(ENTRY),
        )

    def test_without_an_address_of_its_own_it_has_its_nodes(self) -> None:
        self.assertEqual("10.0.0.1", only(entry(Address="")).address)
        self.assertEqual("10.0.0.1", only(entry(Address=None)).address)

    def test_an_address_may_be_a_name_or_ipv6(self) -> None:
        for address in ("web.service.consul", "2001:db8::1", "my_host"):
            self.assertEqual(address, only(entry(Address=address)).address)

    def test_absent_or_null_lists_are_empty(self) -> None:
        """Go writes an empty list as null."""
        made = entry(Tags=None, Meta=None, Weights=None)
        made["Checks"] = None
        instance = only(made)
        self.assertEqual((), instance.tags)
        self.assertEqual({}, dict(instance.meta))
        self.assertEqual(Weights(1, 1), instance.weights)
        self.assertEqual(Status.PASSING, instance.status)
        made["Service"]["Tags"] = None
        made["Service"]["Meta"] = None
        self.assertEqual(instance, only(made))

    def test_the_order_of_the_answer_does_not_matter(self) -> None:
        entries = [entry(ID=f"web-{n}", Port=n) for n in (3, 1, 2)]
        forwards, _ = read_instances("web", entries)
        backwards, _ = read_instances("web", entries[::-1])
        self.assertEqual(["web-1", "web-2", "web-3"], [i.id for i in forwards])
        self.assertEqual(forwards, backwards)

    def test_what_instances_have_in_common_is_there_once(self) -> None:
        """A table of thousands of them stays in memory."""
        fresh = [json.loads(json.dumps(entry(ID=name))) for name in ("a", "b")]
        (a, b), _ = read_instances("web", fresh)
        for first, second in (
            (a.node, b.node),
            (a.address, b.address),
            (a.tags, b.tags),
            (a.meta, b.meta),
        ):
            self.assertIs(first, second)

    def test_what_differs_stays_different(self) -> None:
        (a, b), _ = read_instances(
            "web", [entry(ID="a"), entry(ID="b", Tags=["x"], Meta={"y": "z"})]
        )
        self.assertEqual((("x",), {"y": "z"}), (b.tags, b.meta))
        self.assertNotEqual((a.tags, a.meta), (b.tags, b.meta))

    def test_a_checks_output_does_not_matter(self) -> None:
        made = copy.deepcopy(ENTRY)
        made["Checks"][1]["Output"] = "HTTP GET: 200 OK"
        made["Checks"][1]["ModifyIndex"] = 77
        self.assertEqual(only(ENTRY), only(made))


class StatusTests(SynchronousTestCase):
    """The status of an instance is the worst of its checks."""

    def status(self, *checks: tuple[str, str, str]) -> Status:
        made = copy.deepcopy(ENTRY)
        made["Checks"] = [
            {"CheckID": check_id, "ServiceID": service_id, "Status": status}
            for check_id, service_id, status in checks
        ]
        return only(made).status

    def test_without_checks_it_passes(self) -> None:
        self.assertEqual(Status.PASSING, self.status())

    def test_a_warning_outweighs_a_pass(self) -> None:
        self.assertEqual(
            Status.WARNING,
            self.status(("a", "web-1", "warning"), ("b", "web-1", "passing")),
        )

    def test_critical_outweighs_a_warning(self) -> None:
        self.assertEqual(
            Status.CRITICAL,
            self.status(("a", "web-1", "critical"), ("b", "web-1", "warning")),
        )

    def test_a_critical_node_counts(self) -> None:
        self.assertEqual(
            Status.CRITICAL,
            self.status(("serfHealth", "", "critical"), ("b", "web-1", "passing")),
        )

    def test_maintenance_of_the_service_outweighs_all(self) -> None:
        self.assertEqual(
            Status.MAINTENANCE,
            self.status(
                ("a", "web-1", "critical"),
                ("_service_maintenance:web-1", "web-1", "critical"),
            ),
        )

    def test_maintenance_of_the_node_counts(self) -> None:
        self.assertEqual(
            Status.MAINTENANCE, self.status(("_node_maintenance", "", "critical"))
        )

    def test_a_check_of_another_instance_does_not_count(self) -> None:
        self.assertEqual(Status.PASSING, self.status(("a", "web-2", "critical")))
        self.assertEqual(
            Status.PASSING,
            self.status(("_service_maintenance:web-2", "web-2", "critical")),
        )

    def test_a_status_that_nobody_knows_is_critical(self) -> None:
        self.assertEqual(Status.CRITICAL, self.status(("a", "web-1", "odd")))
        self.assertEqual(Status.CRITICAL, self.status(("a", "web-1", "")))


class QuarantineTests(SynchronousTestCase):
    """Entries that cannot be instances."""

    def reason(self, made: Any) -> str:
        instances, (unusable,) = read_instances("web", [ENTRY, made])
        self.assertEqual((only(ENTRY),), instances)
        return unusable.reason

    def test_it_is_told_with_its_id_and_text(self) -> None:
        _, unusable = read_instances("web", [entry(ID="web-2", Port=0)])
        self.assertEqual(1, len(unusable))
        self.assertIsInstance(unusable[0], Quarantined)
        self.assertEqual("web", unusable[0].service)
        self.assertEqual("web-2", unusable[0].instance_id)
        self.assertEqual("catalog", unusable[0].source)
        self.assertEqual(
            '{"ID": "web-2", "Address": "10.0.0.5", "Port": 0, '
            '"Tags": ["urlprefix-a.example.com/", "v1"]}',
            unusable[0].text,
        )
        self.assertEqual("port 0", unusable[0].reason)

    def test_a_port_must_be_one(self) -> None:
        self.assertEqual("port 0", self.reason(entry(Port=None)))
        self.assertEqual("port -1", self.reason(entry(Port=-1)))
        self.assertEqual("port 65536", self.reason(entry(Port=65536)))
        for odd in ("8080", 80.5, True, [80]):
            self.assertEqual(
                "Service.Port is not a whole number", self.reason(entry(Port=odd))
            )

    def test_an_address_must_be_somewhere(self) -> None:
        made = entry(Address="")
        made["Node"]["Address"] = ""
        self.assertEqual(
            "no address, neither of its own nor of its node", self.reason(made)
        )

    def test_an_address_must_be_one(self) -> None:
        for odd in ("a b", "http://web", "10.0.0.1:80", "[::1]", "/run/web.sock"):
            self.assertIn("is no IP address", self.reason(entry(Address=odd)))
        self.assertEqual(
            "Service.Address is not a string", self.reason(entry(Address=10))
        )

    def test_an_id_must_be_there(self) -> None:
        self.assertEqual("no Service.ID", self.reason(entry(ID="")))
        self.assertEqual("no Service.ID", self.reason(entry(ID=None)))

    def test_json_of_another_type_is_refused_by_name(self) -> None:
        for field, odd, reason in (
            ("ID", 7, "Service.ID is not a string"),
            ("Tags", "a,b", "Service.Tags is not a list"),
            ("Tags", [1], "a tag is not a string"),
            ("Meta", [], "Service.Meta is not a JSON object"),
            ("Meta", {"uris": 1}, "Service.Meta.uris is not a string"),
            ("Weights", 3, "Service.Weights is not a JSON object"),
            (
                "Weights",
                {"Passing": "1"},
                "Service.Weights.Passing is not a whole number",
            ),
            ("Weights", {"Warning": -1}, "a negative weight"),
        ):
            self.assertEqual(reason, self.reason(entry(**{field: odd})))

    def test_anything_else_is_refused_too(self) -> None:
        for odd, reason in (
            (None, "entry is not a JSON object"),
            ("web", "entry is not a JSON object"),
            ({}, "Service is not a JSON object"),
            ({"Service": [], "Node": {}}, "Service is not a JSON object"),
            ({"Service": {"ID": "x"}}, "Node is not a JSON object"),
            ({**ENTRY, "Checks": {}}, "Checks is not a list"),
            ({**ENTRY, "Checks": [None]}, "a check is not a JSON object"),
            (
                {**ENTRY, "Checks": [{"Status": 1, "CheckID": "a"}]},
                "a check's Status is not a string",
            ),
        ):
            self.assertEqual(reason, self.reason(odd))

    def test_a_long_entry_is_cut(self) -> None:
        _, (unusable,) = read_instances("web", [entry(ID="x" * 5000, Port=0)])
        self.assertLessEqual(len(unusable.text), 200)
