"""The options of tags, from a real Consul to what clients see of a real router."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import bcrypt
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import TestCase

from tests.integration import test_router_bodies as bodies
from tests.integration.backend import Server, WebServer
from tests.integration.router import Router
from tests.integration.tls_backend import (
    ForeignWebServer,
    TlsServer,
    TlsWebServer,
    ca_file,
)
from tests.services import Answer, ConsulAgent, request, running_reactor, wait_for


def htpasswd_line(user: str, password: str) -> str:
    """What ``htpasswd -nbB`` prints, at the lowest cost."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    return f"{user}:{hashed.replace('$2b$', '$2y$')}\n"


class Plain(Protocol):
    """Answers whatever it reads as a web server without TLS would."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


class OptionsTestCase(TestCase):
    """A router that reads a Consul, knows ann, and believes one authority."""

    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.consul = await ConsulAgent.started(self)
        self.users = Path(self.mktemp()).absolute()
        self.users.write_text(htpasswd_line("ann", "secret") + "bob:{SHA}x\n")
        self.router = await Router.started(
            self,
            {
                "consul": {"address": self.consul.address},
                "auth": {"staff": {"file": str(self.users), "realm": "The staff"}},
                "backends": {"ca_cert": ca_file(self)},
            },
        )

    async def serve(self, server: Server, *tags: str, name: str = "web") -> None:
        """Register a server, and wait until the router knows the last of its hosts."""
        registration = {
            "Name": name,
            "Address": "127.0.0.1",
            "Port": server.port,
            "Tags": [f"urlprefix-{tag}" for tag in tags],
        }
        await self.consul.put("/v1/agent/service/register", registration)
        uri = tags[-1].partition(" ")[0].rstrip("/")

        async def known() -> bool:
            return uri in (await self.router.status("/routes")).json()

        await wait_for(running_reactor(), known, 10, what=uri)

    async def ask(self, host: str, path: str = "/", **fields: str) -> Answer:
        """GET with these fields."""
        headers = {"Host": host, **{k.replace("_", "-"): v for k, v in fields.items()}}
        return await request("GET", self.router.url + path, headers=headers)

    async def log_in(self, host: str, user: str, password: str) -> int:
        """How a GET of this user is answered."""
        token = b64encode(f"{user}:{password}".encode()).decode()
        return (await self.ask(host, Authorization=f"Basic {token}")).code


class GateTests(OptionsTestCase):
    """Who may ask, and who is sent elsewhere."""

    async def test_users_are_those_of_the_file(self) -> None:
        await self.serve(WebServer(self), "a.com/ auth=staff")
        answer = await self.ask("a.com")
        self.assertEqual(401, answer.code)
        self.assertEqual(200, await self.log_in("a.com", "ann", "secret"))
        self.assertEqual(200, await self.log_in("a.com", "ann", "secret"))
        self.assertEqual(401, await self.log_in("a.com", "ann", "Secret"))
        self.assertEqual(401, await self.log_in("a.com", "bob", "secret"))
        self.assertEqual(401, await self.log_in("a.com", "eve", "secret"))
        self.assertIn(f"{self.users}:2: 'bob': SHA-1", self.router.program.output)

    async def test_a_changed_file_counts_on_sighup(self) -> None:
        await self.serve(WebServer(self), "a.com/ auth=staff")
        self.assertEqual(200, await self.log_in("a.com", "ann", "secret"))
        self.users.write_text(htpasswd_line("ann", "other"))
        self.router.program.signal("HUP")

        async def refused() -> bool:
            return await self.log_in("a.com", "ann", "secret") == 401

        await wait_for(running_reactor(), refused, 4, what="the new password")
        self.assertEqual(200, await self.log_in("a.com", "ann", "other"))

    async def test_addresses_are_held_against_the_rules(self) -> None:
        server = WebServer(self)
        await self.serve(
            server, "a.com/ allow=ip:127.0.0.0/8", "b.com/ deny=ip:127.0.0.1"
        )
        self.assertEqual(200, await self.router.code("a.com"))
        self.assertEqual(403, (await self.ask("a.com", X_Forwarded_For="::2")).code)
        self.assertEqual(403, await self.router.code("b.com"))

    async def test_a_redirect_needs_no_instance(self) -> None:
        server = WebServer(self)
        await self.serve(server, "a.com/ redirect=308,https://$host$path")
        answer = await self.ask("a.com", "/x?y=1")
        self.assertEqual(308, answer.code)
        self.assertEqual(0, server.served)
        self.assertEqual(200, (await self.ask("a.com", X_Forwarded_Proto="https")).code)

    async def test_mistakes_close_their_routes_and_leave_the_others(self) -> None:
        mistakes = {
            "allow.com/ allow=10.0.0.1": 503,
            "both.com/ allow=ip:10.0.0.1 deny=ip:10.0.0.2": 503,
            "auth.com/ auth=stuff": 503,
            "alow.com/ alow=ip:10.0.0.1": 503,
            "redirect.com/ redirect=https://x": 404,
            "proto.com/ proto=gopher": 404,
            "skip.com/ tlsskipverify=true": 404,
        }
        await self.serve(WebServer(self), *mistakes, "good.com/")
        self.assertEqual(200, await self.router.code("good.com"))
        codes = {tag: await self.router.code(tag.partition("/")[0]) for tag in mistakes}
        self.assertEqual(mistakes, codes)
        entries = (await self.router.status("/routes?quarantine")).json()
        self.assertEqual(
            {f"urlprefix-{tag}" for tag in mistakes}, {it["text"] for it in entries}
        )


class TlsTests(OptionsTestCase):
    """Instances that speak TLS."""

    async def test_a_verified_instance_serves_over_one_connection(self) -> None:
        server = TlsWebServer(self, b"safe")
        await self.serve(server, "a.com/ proto=https")
        for _ in range(3):
            self.assertEqual(b"safe", await self.router.body("a.com"))
        self.assertEqual(1, server.accepted)

    async def test_one_of_another_authority_does_not(self) -> None:
        server = ForeignWebServer(self, b"unsafe")
        await self.serve(
            server, "a.com/ proto=https", "b.com/ proto=https tlsskipverify=true"
        )
        self.assertEqual(526, await self.router.code("a.com"))
        self.assertEqual(b"unsafe", await self.router.body("b.com"))
        self.assertEqual(1, server.served)

    async def test_one_without_tls_does_not_either(self) -> None:
        server = Server.of(self, Plain)
        await self.serve(server, "a.com/ proto=https")
        self.assertEqual(525, await self.router.code("a.com"))


class TlsBodyTests(bodies.SlowPeerTests):
    """Bodies of instances that speak TLS."""

    server = TlsServer
    web_server = TlsWebServer

    async def start(self, server: Server) -> None:
        consul = await ConsulAgent.started(self)
        self.router = await Router.started(
            self,
            {
                "consul": {"address": consul.address},
                "backends": {"ca_cert": ca_file(self)},
            },
        )
        registration: dict[str, Any] = {
            "Name": "app",
            "Address": "127.0.0.1",
            "Port": server.port,
            "Tags": ["urlprefix-app.example.com/ proto=https"],
        }
        await consul.put("/v1/agent/service/register", registration)

        async def known() -> bool:
            return "app" in (await self.router.status("/routes")).body.decode()

        await wait_for(running_reactor(), known, 10, what="the route")
