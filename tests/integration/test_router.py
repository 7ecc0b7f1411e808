"""Registrations in a real Consul, made by hand, become routes of a real router."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from twisted.trial.unittest import TestCase

from tests.integration.backend import WebServer
from tests.integration.router import Router
from tests.services import ConsulAgent, request, running_reactor, wait_for

HOST = "web.example.com"
TAG = f"urlprefix-{HOST}/"


class ConsulTestCase(TestCase):
    """A router, and an agent that it reads.

    :cvar consul_config: keys of the ``consul`` section, beside the address.
    """

    timeout = 60
    consul_config: Mapping[str, str] = MappingProxyType({})

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.consul = await ConsulAgent.started(self)
        self.static = WebServer(self, b"static")
        consul = {"address": self.consul.address, **self.consul_config}
        routes = [{"uri": "static.example.com", "instances": [self.static.address]}]
        self.router = await Router.started(self, {"consul": consul, "routes": routes})
        await self.eventually(200, self.router.health)

    async def eventually(self, wanted: object, ask: Any, *of_what: str) -> None:
        """Wait until a question is answered as wanted."""

        async def answered() -> bool:
            return bool(await ask(*of_what) == wanted)

        what = f"{wanted!r} of {of_what}"
        await wait_for(running_reactor(), answered, 5, what=what, every_s=0.02)

    async def register(
        self, server: WebServer, service_id: str = "web-1", **fields: Any
    ) -> None:
        registration = {
            "Name": "web",
            "ID": service_id,
            "Address": "127.0.0.1",
            "Port": server.port,
            "Tags": [TAG],
            **fields,
        }
        await self.consul.put("/v1/agent/service/register", registration)

    async def served(self, **fields: Any) -> None:
        """Register a server and wait until its page is served."""
        await self.register(WebServer(self, b"web"), **fields)
        await self.eventually(b"web", self.router.body, HOST)


class RegistrationTests(ConsulTestCase):
    """What is PUT to the agent, as ``curl`` would, is served."""

    async def test_a_tagged_service_is_served_within_a_second(self) -> None:
        server = WebServer(self, b"web")
        self.assertEqual(404, await self.router.code(HOST))
        begun_s = running_reactor().seconds()
        await self.register(server)
        await self.eventually(b"web", self.router.body, HOST)
        self.assertLess(running_reactor().seconds() - begun_s, 1)

    async def test_two_instances_answer_in_turn(self) -> None:
        await self.register(WebServer(self, b"1"), "web-1")
        await self.eventually(b"1", self.router.body, HOST)
        await self.register(WebServer(self, b"2"), "web-2")
        await self.eventually(b"2", self.router.body, HOST)
        pages = [await self.router.body(HOST) for _ in range(10)]
        self.assertEqual([b"1", b"2"] * 5, pages)

    async def test_a_critical_instance_is_left_out(self) -> None:
        await self.register(WebServer(self, b"1"), "web-1")
        check = {"CheckID": "life", "TTL": "10m", "Status": "passing"}
        await self.register(WebServer(self, b"2"), "web-2", Check=check)
        await self.eventually(b"2", self.router.body, HOST)

        await self.consul.put("/v1/agent/check/fail/life")
        await self.instances_are(1)
        pages = {await self.router.body(HOST) for _ in range(6)}
        self.assertEqual({b"1"}, pages)

        await self.consul.put("/v1/agent/check/pass/life")
        await self.instances_are(2)
        pages = {await self.router.body(HOST) for _ in range(6)}
        self.assertEqual({b"1", b"2"}, pages)

    async def instances_are(self, count: int) -> None:
        """Wait until so many instances are in the router's table."""

        async def usable() -> int:
            routes = (await self.router.status("/routes")).json()
            return len(routes.get(HOST, []))

        await self.eventually(count, usable)

    async def test_a_service_that_is_all_critical_answers_503(self) -> None:
        check = {"CheckID": "life", "TTL": "10m", "Status": "passing"}
        await self.served(Check=check)
        await self.consul.put("/v1/agent/check/fail/life")
        await self.eventually(503, self.router.code, HOST)
        answer = await self.router.get(HOST)
        cause = answer.headers.getRawHeaders("X-Cf-RouterError")
        self.assertEqual(["no_endpoints"], cause)
        await self.consul.put("/v1/agent/check/warn/life")
        await self.eventually(200, self.router.code, HOST)

    async def test_a_service_in_maintenance_answers_503(self) -> None:
        await self.served()
        path = "/v1/agent/service/maintenance/web-1?enable="
        await self.consul.put(f"{path}true&reason=upgrade")
        await self.eventually(503, self.router.code, HOST)
        await self.consul.put(f"{path}false")
        await self.eventually(200, self.router.code, HOST)

    async def test_a_node_in_maintenance_serves_nothing(self) -> None:
        await self.served()
        await self.consul.put("/v1/agent/maintenance?enable=true")
        await self.eventually(503, self.router.code, HOST)
        await self.consul.put("/v1/agent/maintenance?enable=false")
        await self.eventually(200, self.router.code, HOST)

    async def test_a_deregistered_service_answers_404(self) -> None:
        await self.served()
        await self.consul.put("/v1/agent/service/deregister/web-1")
        await self.eventually(404, self.router.code, HOST)
        answer = await self.router.get(HOST)
        cause = answer.headers.getRawHeaders("X-Cf-RouterError")
        self.assertEqual(["unknown_route"], cause)

    async def test_changed_tags_move_a_service(self) -> None:
        await self.served()
        server = WebServer(self, b"moved")
        await self.register(server, Tags=["urlprefix-*.new.example.com/shop"])
        await self.eventually(b"moved", self.router.body, "a.new.example.com", "/shop")
        self.assertEqual(404, await self.router.code("a.new.example.com", "/shopping"))
        self.assertEqual(404, await self.router.code(HOST))

    async def test_uris_in_the_services_meta_are_routes(self) -> None:
        meta = {"uris": "a.example.com, b.example.com/path"}
        await self.register(WebServer(self, b"meta"), Tags=[], Meta=meta)
        await self.eventually(b"meta", self.router.body, "a.example.com")
        self.assertEqual(200, await self.router.code("b.example.com", "/path/x"))
        self.assertEqual(404, await self.router.code("b.example.com"))

    async def test_a_bad_tag_disables_itself_alone(self) -> None:
        await self.served(Tags=["urlprefix-no host/", TAG])
        self.assertEqual(1, (await self.router.varz())["quarantined"])

    async def test_static_routes_stand_beside_those_of_consul(self) -> None:
        await self.served()
        self.assertEqual(b"static", await self.router.body("static.example.com"))
        await self.consul.put("/v1/agent/service/deregister/web-1")
        await self.eventually(404, self.router.code, HOST)
        self.assertEqual(b"static", await self.router.body("static.example.com"))

    async def test_the_table_is_shown_to_the_operator(self) -> None:
        server = WebServer(self, b"web")
        await self.register(server)
        await self.eventually(b"web", self.router.body, HOST)
        routes = (await self.router.status("/routes")).json()
        (shown,) = routes[HOST]
        self.assertEqual(server.address, shown["address"])
        varz = await self.router.varz()
        self.assertEqual((2, 2), (varz["urls"], varz["droplets"]))

    async def test_requests_reach_the_service_with_what_it_must_know(self) -> None:
        def page(asked: Any) -> bytes:
            names = ("Host", "X-Forwarded-For", "X-Forwarded-Proto")
            return b" ".join(asked.getHeader(name.lower()).encode() for name in names)

        await self.register(WebServer(self, page))
        await self.eventually(200, self.router.code, HOST)
        answer = await request(
            "GET",
            f"{self.router.url}/path?query=1",
            headers={"Host": HOST, "X-Forwarded-For": "203.0.113.9"},
        )
        self.assertEqual(b"web.example.com 203.0.113.9, 127.0.0.1 http", answer.body)


class DomainTests(ConsulTestCase):
    """Services answer under a domain without any tag, and one answers the rest."""

    consul_config = MappingProxyType(
        {"domain": "apps.example.com", "default_service": "lobby"}
    )

    async def test_a_service_answers_its_name_under_the_domain(self) -> None:
        await self.register(WebServer(self, b"web"), Tags=[])
        await self.eventually(b"web", self.router.body, "web.apps.example.com")
        self.assertEqual(404, await self.router.code("other.apps.example.com"))

    async def test_the_default_service_answers_what_nothing_claims(self) -> None:
        await self.served()
        lobby = WebServer(self, b"lobby")
        await self.register(lobby, "lobby-1", Name="lobby", Tags=[])
        await self.eventually(b"lobby", self.router.body, "nobody.example.com")
        self.assertEqual(b"web", await self.router.body(HOST))
