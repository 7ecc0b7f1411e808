"""Checks, their status, and maintenance, on our catalog and on a real Consul."""

from __future__ import annotations

from tests.contracts.catalogs import ConsulCatalog, EmbeddedCatalog, Suite
from tests.services import running_reactor, wait_for

TTL = {"TTL": "60s"}
PASSING = {"TTL": "60s", "Status": "passing"}


class CheckContract(Suite):
    """Checks, their status, and maintenance."""

    @property
    def check_id(self) -> str:
        """The ID that a single check of this test's service gets."""
        return f"service:{self.service_id}"

    async def statuses(self) -> dict[str, str]:
        """The status of every check of this test's service by ID."""
        found = await self.get(f"/v1/health/checks/{self.name}")
        return {check["CheckID"]: check["Status"] for check in found}

    async def report(self, verb: str) -> None:
        """Report to the check of this test's service, and wait."""
        await self.put(f"/v1/agent/check/{verb}/{self.check_id}?note={verb}")
        await self.synced()

    async def test_a_check_begins_critical(self) -> None:
        await self.register(Check=TTL)
        self.assertEqual({self.check_id: "critical"}, await self.statuses())

    async def test_several_checks_are_numbered_unless_they_have_an_id(self) -> None:
        await self.register(
            Check=TTL,
            Checks=[{**PASSING, "CheckID": f"own-{self.service_id}"}, PASSING],
        )
        self.assertEqual(
            {
                f"service:{self.service_id}:1": "critical",
                f"own-{self.service_id}": "passing",
                f"service:{self.service_id}:3": "passing",
            },
            await self.statuses(),
        )

    async def test_reports_set_status_and_output(self) -> None:
        await self.register(Check=TTL)
        for verb, status in (
            ("pass", "passing"),
            ("warn", "warning"),
            ("fail", "critical"),
        ):
            await self.report(verb)
            check = await self.check()
            self.assertEqual((status, verb), (check["Status"], check["Output"]))

    async def test_an_update_sets_status_and_output(self) -> None:
        await self.register(Check=TTL)
        await self.put(
            f"/v1/agent/check/update/{self.check_id}",
            {"Status": "warning", "Output": "slow"},
        )
        await self.synced()
        check = await self.check()
        self.assertEqual(("warning", "slow"), (check["Status"], check["Output"]))

    async def test_only_passing_leaves_out_warning_and_critical(self) -> None:
        await self.register(Check=TTL)
        for verb, expected in (("pass", 1), ("warn", 0), ("fail", 0)):
            await self.report(verb)
            for query in ("?passing", "?passing=true", "?passing=1"):
                self.assertEqual(expected, len(await self.health(query)), verb)
        self.assertEqual(1, len(await self.health("?passing=false")))

    async def test_checks_are_listed_by_state(self) -> None:
        await self.register(Check=PASSING)
        for state, expected in (("any", 1), ("passing", 1), ("critical", 0)):
            found = await self.get(f"/v1/health/state/{state}")
            ours = [check for check in found if check["ServiceName"] == self.name]
            self.assertEqual(expected, len(ours), state)

    async def test_without_a_report_a_check_expires_and_can_come_back(self) -> None:
        await self.register(Check={"TTL": "200ms", "Status": "passing"})
        await self.report("pass")
        await wait_for(running_reactor(), self.is_critical, 5, every_s=0.02)
        self.assertEqual(
            "TTL expired (last output before timeout follows): pass",
            (await self.check())["Output"],
        )
        self.assertEqual([], await self.health("?passing"))
        await self.report("pass")
        self.assertEqual("passing", (await self.check())["Status"])

    async def is_critical(self) -> bool:
        """Whether the check of this test's service is critical in the catalog."""
        return bool((await self.check())["Status"] == "critical")

    async def test_registering_anew_keeps_the_status(self) -> None:
        await self.register(Check=TTL)
        await self.report("warn")
        await self.register(Check={**PASSING, "Notes": "new"}, Port=1)
        check = await self.check()
        self.assertEqual(
            ("warning", "warn", "new"),
            (check["Status"], check["Output"], check["Notes"]),
        )

    async def test_checks_that_are_not_named_stay_or_are_replaced(self) -> None:
        for query, expected in (
            ("", {self.check_id}),
            ("?replace-existing-checks=1", {self.check_id}),
            ("?replace-existing-checks=true", set()),
            ("?replace-existing-checks", set()),
        ):
            await self.register(Check=TTL)
            await self.register(query)
            self.assertEqual(expected, set(await self.statuses()), query)

    async def test_maintenance_is_a_critical_check(self) -> None:
        await self.register(Check=PASSING)
        await self.put(
            f"/v1/agent/service/maintenance/{self.service_id}?enable=true&reason=an%20upgrade"
        )
        await self.synced()
        check = await self.check(f"_service_maintenance:{self.service_id}")
        expected = {
            "Name": "Service Maintenance Mode",
            "Status": "critical",
            "Notes": "an upgrade",
            "Output": "",
            "ServiceID": self.service_id,
            "ServiceName": self.name,
            "Type": "maintenance",
        }
        self.assertEqual(expected, {key: check[key] for key in expected})
        self.assertEqual([], await self.health("?passing"))
        await self.put(f"/v1/agent/service/maintenance/{self.service_id}?enable=false")
        await self.synced()
        self.assertEqual({self.check_id: "passing"}, await self.statuses())

    async def test_replacing_checks_ends_maintenance(self) -> None:
        await self.register(Check=PASSING)
        await self.put(f"/v1/agent/service/maintenance/{self.service_id}?enable=true")
        await self.register("?replace-existing-checks=true", Check=PASSING)
        self.assertEqual({self.check_id: "passing"}, await self.statuses())

    async def test_maintenance_of_the_node_counts_for_every_service(self) -> None:
        await self.register(Check=PASSING)
        await self.put("/v1/agent/maintenance?enable=true&reason=why")
        await self.synced()
        (entry,) = await self.health()
        (check,) = [
            one for one in entry["Checks"] if one["CheckID"] == "_node_maintenance"
        ]
        expected = {
            "Name": "Node Maintenance Mode",
            "Status": "critical",
            "Notes": "why",
            "ServiceID": "",
            "Type": "maintenance",
        }
        self.assertEqual(expected, {key: check[key] for key in expected})
        self.assertEqual([], await self.health("?passing"))

    async def test_a_check_can_be_registered_and_removed_by_itself(self) -> None:
        await self.register()
        check_id = f"extra-{self.service_id}"
        await self.put(
            "/v1/agent/check/register",
            {"ID": check_id, "Name": "extra", "ServiceID": self.service_id, **PASSING},
        )
        await self.synced()
        self.assertEqual({check_id: "passing"}, await self.statuses())
        await self.put(f"/v1/agent/check/deregister/{check_id}")
        await self.synced()
        self.assertEqual({}, await self.statuses())

    async def test_a_check_can_be_of_the_node(self) -> None:
        await self.register()
        await self.put("/v1/agent/check/register", {"Name": "disk", **TTL})
        await self.synced()
        self.assertEqual([], await self.health("?passing"))


class EmbeddedCheckTests(CheckContract, EmbeddedCatalog):
    """Checks in the embedded catalog."""


class ConsulCheckTests(CheckContract, ConsulCatalog):
    """Checks in a real Consul."""
