"""Blocking queries: what wakes whom, on our catalog and on a real Consul 1.8.7."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred

from tests.contracts.catalogs import ConsulCatalog, EmbeddedCatalog, Suite
from tests.services import Answer, request, running_reactor

PASSING = {"TTL": "60s", "Status": "passing"}

#: Seconds until a read that was begun waits in the catalog. Consul moves some indexes
#: without waking who waits for them: who asks too late gets an answer at once.
ASLEEP_S = 0.1

#: Seconds that a change gets to wake someone whom it should not wake. Those whom it
#: should have been woken by then.
LATE_S = 0.1


def index_of(answer: Answer) -> int:
    """The index of an answer."""
    (index,) = answer.headers.getRawHeaders("x-consul-index") or ["0"]
    return int(index)


class Waiting(Suite):
    """Reads that wait."""

    async def read(self, path: str, index: int = 0, wait: str = "10s") -> Answer:
        """Read, waiting for a change after ``index`` if there is one."""
        if index:
            path += f"{'&' if '?' in path else '?'}index={index}&wait={wait}"
        answer = await request("GET", f"{self.url}/v1/{path}", timeout_s=20)
        # A key may be gone.
        self.assertIn(answer.code, (200, 404), answer.body)
        return answer

    def begin(self, path: str, index: int) -> Deferred[Answer]:
        """A read that waits; it ends with the test at the latest."""
        reading = Deferred.fromCoroutine(self.read(path, index))
        self.addCleanup(_end, reading)
        return reading

    async def wake(
        self, watches: Mapping[str, str], change: Any, expected: set[str]
    ) -> set[str]:
        """Which watches wake when ``change`` is made.

        :param watches: paths by name.
        :param change: a coroutine, not yet begun.
        :param expected: those to wait for.
        """
        woken: set[str] = set()
        waiting = {}
        for watch, path in watches.items():
            index = index_of(await self.read(path))
            waiting[watch] = self.begin(path, index)
            waiting[watch].addCallback(_note, watch, woken)
        await self.pause(ASLEEP_S)
        await change
        for watch in expected:
            await waiting[watch]
        await self.pause(LATE_S)
        return woken


class WaitingContract(Waiting):
    """Indexes, times, and the table of who is woken by what."""

    async def assert_wakes(self, change: Any, *expected: str) -> None:
        """The change wakes these watches and no others.

        ``checks`` may wake for nothing, as it does in Consul for names that have none,
        or that begin like others.
        """
        watches = {
            "health": f"health/service/{self.name}",
            "passing": f"health/service/{self.name}?passing",
            "entry": f"catalog/service/{self.name}",
            "services": "catalog/services",
            "state": "health/state/any",
            "checks": f"health/checks/{self.name}",
        }
        woken = await self.wake(watches, change, set(expected))
        self.assertEqual({"checks", *expected}, {"checks", *woken})

    # Indexes and times

    async def test_answers_say_their_index_and_that_there_is_a_leader(self) -> None:
        await self.register()
        for path in (
            f"health/service/{self.name}",
            f"health/checks/{self.name}",
            "health/state/any",
            "catalog/services",
            f"catalog/service/{self.name}",
            "catalog/nodes",
        ):
            answer = await self.read(path)
            self.assertLessEqual(1, index_of(answer), path)
            for name, expected in (("KnownLeader", "true"), ("LastContact", "0")):
                found = answer.headers.getRawHeaders(f"X-Consul-{name}")
                self.assertEqual([expected], found, path)

    async def test_an_index_of_0_or_below_the_current_one_does_not_wait(self) -> None:
        await self.register()
        path = f"health/service/{self.name}"
        current = index_of(await self.read(path))
        self.assertEqual(current, index_of(await self.read(f"{path}?index=0")))
        self.assertEqual(current, index_of(await self.read(path, current - 1)))

    async def test_the_current_index_waits_for_its_time(self) -> None:
        await self.register()
        path = f"health/service/{self.name}"
        current = index_of(await self.read(path))
        began_s = running_reactor().seconds()
        answer = await self.read(path, current, "300ms")
        took_s = running_reactor().seconds() - began_s
        self.assertEqual(current, index_of(answer))
        self.assertLessEqual(0.3, took_s)
        self.assertLess(took_s, 2.0)

    async def test_an_index_from_the_future_waits_and_is_put_right(self) -> None:
        await self.register()
        path = f"health/service/{self.name}"
        current = index_of(await self.read(path))
        began_s = running_reactor().seconds()
        answer = await self.read(path, current + 100_000, "300ms")
        self.assertLessEqual(0.3, running_reactor().seconds() - began_s)
        self.assertEqual(current, index_of(answer))

    async def test_a_woken_read_shows_what_woke_it(self) -> None:
        await self.register(Check=PASSING)
        path = f"health/service/{self.name}"
        current = index_of(await self.read(path))
        waiting = self.begin(path, current)
        await self.put(f"/v1/agent/check/fail/service:{self.service_id}")
        answer = await waiting
        self.assertLess(current, index_of(answer))
        (entry,) = answer.json()
        self.assertIn("critical", [check["Status"] for check in entry["Checks"]])

    # Who wakes: the rows of the table

    async def test_registering_the_same_wakes_only_who_watches_checks(self) -> None:
        await self.register(Check=PASSING)
        await self.assert_wakes(self.register(Check=PASSING), "state", "checks")

    async def test_registering_the_same_without_checks_wakes_nobody(self) -> None:
        await self.register(Port=80)
        await self.assert_wakes(self.register(Port=80))

    async def test_changes_of_another_service_wake_the_list_of_services(self) -> None:
        await self.register(Check=PASSING)
        other = {"Name": f"{self.name}-other", "ID": f"{self.service_id}-other"}
        await self.assert_wakes(self.register(**other), "services")
        await self.assert_wakes(self.register(**other, Port=80), "services")
        await self.assert_wakes(self.deregister(other["ID"]), "services")

    async def test_a_status_wakes_health_and_not_the_catalog(self) -> None:
        await self.register(Check=PASSING)
        await self.assert_wakes(
            self.put(f"/v1/agent/check/warn/service:{self.service_id}"),
            "health", "passing", "state", "checks",
        )  # fmt: skip

    async def test_an_expired_ttl_is_a_status(self) -> None:
        await self.register(Check={"TTL": "500ms", "Status": "passing"})
        await self.assert_wakes(self.pause(0), "health", "passing", "state", "checks")

    async def test_an_output_alone_wakes_nobody(self) -> None:
        await self.register(Check=PASSING)
        await self.assert_wakes(
            self.put(f"/v1/agent/check/pass/service:{self.service_id}?note=hello")
        )

    async def test_coming_and_going_wakes_everyone(self) -> None:
        everyone = ("health", "passing", "entry", "services", "state", "checks")
        await self.assert_wakes(self.register(Check=PASSING), *everyone)
        await self.assert_wakes(self.deregister(self.service_id), *everyone)

    async def test_coming_and_going_without_checks_wakes_all_but_theirs(self) -> None:
        they = ("health", "passing", "entry", "services")
        await self.assert_wakes(self.register(), *they)
        await self.assert_wakes(self.deregister(self.service_id), *they)

    async def test_a_second_instance_wakes_who_watches_its_name(self) -> None:
        they = ("health", "passing", "entry", "services")
        second = f"{self.name}-2"
        await self.register()
        await self.assert_wakes(self.register(ID=second), *they)
        await self.assert_wakes(self.deregister(second), *they)

    async def test_every_field_of_a_service_wakes_who_watches_it(self) -> None:
        fields: dict[str, Any] = {}
        await self.register()
        for field, value in (
            ("Port", 80),
            ("Address", "10.0.0.5"),
            ("Tags", ["a"]),
            ("Meta", {"k": "v"}),
            ("Weights", {"Passing": 2, "Warning": 1}),
        ):
            fields[field] = value
            await self.assert_wakes(
                self.register(**fields), "health", "passing", "entry", "services"
            )

    async def test_maintenance_wakes_health(self) -> None:
        await self.register(Check=PASSING)
        path = f"/v1/agent/service/maintenance/{self.service_id}"
        for enable in ("true", "false"):
            await self.assert_wakes(
                self.put(f"{path}?enable={enable}"),
                "health", "passing", "state", "checks",
            )  # fmt: skip

    async def test_maintenance_of_the_node_wakes_the_health_of_all(self) -> None:
        await self.register(Check=PASSING)
        for enable in ("true", "false"):
            await self.assert_wakes(
                self.put(f"/v1/agent/maintenance?enable={enable}"),
                "health", "passing", "state",
            )  # fmt: skip

    async def test_the_node_itself_never_changes(self) -> None:
        current = index_of(await self.read("catalog/nodes"))
        waiting = self.begin("catalog/nodes", current)
        await self.register(Check=PASSING)
        await self.pause(LATE_S)
        self.assertFalse(waiting.called)

    async def test_an_unknown_name_wakes_for_any_service_until_one_goes(self) -> None:
        self.addCleanup(self.use, self.address)
        self.use(await self.start_fresh())
        paths = ("health/service/nope", "catalog/service/nope")

        async def woken(change: Any) -> set[str]:
            waiting = {
                path: self.begin(path, index_of(await self.read(path)))
                for path in paths
            }
            await change
            await self.pause(LATE_S)
            return {path for path, reading in waiting.items() if reading.called}

        other = {"Name": "other", "ID": "other-1"}
        self.assertEqual(set(paths), await woken(self.register(Check=PASSING)))
        self.assertEqual(set(paths), await woken(self.register(**other)))
        self.assertEqual(set(paths), await woken(self.deregister("other-1")))
        self.assertEqual(set(), await woken(self.register(**other)))
        self.assertEqual(set(paths), await woken(self.deregister("other-1")))


def _note(answer: Answer, watch: str, woken: set[str]) -> Answer:
    woken.add(watch)
    return answer


def _end(reading: Deferred[Any]) -> None:
    reading.addErrback(lambda _: None)
    reading.cancel()


class EmbeddedWaitingTests(WaitingContract, EmbeddedCatalog):
    """Waiting for the embedded catalog."""


class ConsulWaitingTests(WaitingContract, ConsulCatalog):
    """Waiting for a real Consul."""
