"""The two catalogs that must behave alike: ours, and a real Consul agent.

A suite is a mixin, written once, for both::

    class WritingContract(Suite): ...
    class EmbeddedWritingTests(WritingContract, EmbeddedCatalog): ...
    class ConsulWritingTests(WritingContract, ConsulCatalog): ...
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.services import (
    Answer,
    ConsulAgent,
    request,
    require_consul,
    running_reactor,
    wait_for,
)
from twisted_router.discovery.catalog.service import CatalogService

#: Makes names that no other test has used.
_NUMBERS = itertools.count(1)

#: The agent that all tests use; it goes when trial does.
_shared: list[ConsulAgent] = []


class Catalog(TestCase):
    """A test with a running catalog.

    Names of its own keep each test apart from what others left.

    :ivar url: of the catalog's API.
    :ivar address: the same as ``host:port``.
    :ivar name: for the service that the test is about.
    :ivar service_id: the ID of its first instance.
    """

    url: str
    address: str

    async def start(self) -> str:
        """Start a catalog, or find one that runs; return its ``host:port``."""
        raise NotImplementedError

    async def start_fresh(self) -> str:
        """Start one that has never known any service, for this test alone."""
        raise NotImplementedError

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits for it
        """Have a catalog."""
        self.use(await self.start())
        self.name = f"web{next(_NUMBERS)}"
        self.service_id = f"{self.name}-1"
        self.addCleanup(self._clean)

    def use(self, address: str) -> None:
        """Talk to the catalog at ``address`` from now on."""
        self.address = address
        self.url = f"http://{address}"

    async def ask(self, method: str, path: str, value: object = None) -> Answer:
        """Make a request; ``value`` goes as JSON unless it is bytes already."""
        body = value if isinstance(value, bytes) else None
        if value is not None and body is None:
            body = json.dumps(value).encode()
        return await request(method, self.url + path, body=body)

    async def get(self, path: str) -> Any:
        """Read JSON."""
        answer = await self.ask("GET", path)
        self.assertEqual(200, answer.code, answer.body)
        return answer.json()

    async def put(self, path: str, value: object = None) -> None:
        """Write, with success."""
        answer = await self.ask("PUT", path, value)
        self.assertEqual((200, b""), (answer.code, answer.body))

    async def register(self, query: str = "", **fields: Any) -> None:
        """Register this test's service and wait until it is in the catalog."""
        service = {"Name": self.name, "ID": self.service_id, **fields}
        await self.put(f"/v1/agent/service/register{query}", service)
        await self.synced()

    async def deregister(self, service_id: str) -> None:
        """Remove a service and wait until it has left the catalog."""
        await self.put(f"/v1/agent/service/deregister/{quote(service_id, safe='')}")
        await self.synced()

    async def health(self, query: str = "") -> list[Any]:
        """The instances of this test's service."""
        found: list[Any] = await self.get(
            f"/v1/health/service/{quote(self.name, safe='')}{query}"
        )
        return found

    async def check(self, check_id: str = "") -> dict[str, Any]:
        """One check, as the catalog has it; the one of this test's service if none."""
        check_id = check_id or f"service:{self.service_id}"
        found = await self.get("/v1/health/state/any")
        (check,) = [one for one in found if one["CheckID"] == check_id]
        return dict(check)

    async def synced(self) -> None:
        """Wait until the catalog has all that the agent has: Consul takes a moment."""
        await wait_for(running_reactor(), self._is_synced, 5, every_s=0.01)

    async def _is_synced(self) -> bool:
        services = await self.get("/v1/agent/services")
        checks = await self.get("/v1/agent/checks")
        return await self._catalog_services(services) == services and {
            one["CheckID"]: one["Status"]
            for one in await self.get("/v1/health/state/any")
            if one["CheckID"] != "serfHealth"
        } == {check_id: one["Status"] for check_id, one in checks.items()}

    async def _catalog_services(self, expected: dict[str, Any]) -> dict[str, Any]:
        """What the catalog has of the agent's services, in the agent's shape."""
        names = set(await self.get("/v1/catalog/services")) - {"consul"}
        found = {}
        for name in names | {one["Service"] for one in expected.values()}:
            for entry in await self.get(f"/v1/health/service/{quote(name, safe='')}"):
                service = entry["Service"]
                for key in ("Proxy", "Connect", "CreateIndex", "ModifyIndex"):
                    del service[key]
                found[service["ID"]] = {**service, "Meta": service["Meta"] or {}}
        return found

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await deferLater(running_reactor(), seconds)

    async def _clean(self) -> None:
        await self.put("/v1/agent/maintenance?enable=false")
        for service_id in await self.get("/v1/agent/services"):
            await self.deregister(service_id)
        for check_id in await self.get("/v1/agent/checks"):
            await self.put(f"/v1/agent/check/deregister/{quote(check_id, safe='')}")


# Were it a TestCase itself, trial would run it without a catalog.
if TYPE_CHECKING:
    Suite = Catalog
else:
    Suite = object


class EmbeddedCatalog(Catalog):
    """Ours, one for each test."""

    async def start(self) -> str:
        """Start one on any free port."""
        service = CatalogService(running_reactor(), port=0)
        service.startService()
        self.addCleanup(service.stopService)
        return f"127.0.0.1:{service.port}"

    start_fresh = start


class ConsulCatalog(Catalog):
    """A real agent: one for all tests, for it takes a second to start."""

    async def start(self) -> str:
        """Find the agent that runs, or start it."""
        if not _shared:
            agent = ConsulAgent(require_consul(self), Path(self.mktemp()).absolute())
            running_reactor().addSystemEventTrigger(
                "before", "shutdown", lambda: Deferred.fromCoroutine(agent.kill())
            )
            await agent.start()
            _shared.append(agent)
        return _shared[0].address

    async def start_fresh(self) -> str:
        """Start an agent that goes away with the test."""
        return (await ConsulAgent.started(self)).address
