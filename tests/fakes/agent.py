"""A Consul agent as the registrar sees it: it holds services, and takes writes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionRefusedError
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer


@dataclass
class FakeConsulAgent:
    """The agent's state.

    :ivar services: what it holds, as ``/v1/agent/services`` answers.
    :ivar writes: ``register ID``, ``deregister ID``, ``maintain ID``, ``resume ID`` and
        ``STATUS CHECK-ID``, all that it has taken.
    :ivar checks: the check that each service was registered with, if it was one.
    :ivar reported: statuses of all checks of services that were registered with a list
        of them, by service ID and check ID.
    :ivar maintenance: why a service is in maintenance mode, by ID.
    :ivar keeps_maintenance: that lasts when checks are replaced; in Consul 1.8, whose
        agent this is otherwise, it does not.
    :ivar refused: IDs that it does not take, and what it says then.
    :ivar away: nobody listens at its address.
    :ivar hung: it accepts requests and answers none.
    """

    node: str = "node-1"
    address: str = "192.0.2.1"
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    reported: dict[str, dict[str, str]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    maintenance: dict[str, str] = field(default_factory=dict)
    keeps_maintenance: bool = False
    reads: int = 0
    away: bool = False
    hung: bool = False

    def lose_data(self) -> None:
        """Come back from a restart without a data directory."""
        self.services.clear()
        self.checks.clear()
        self.reported.clear()
        self.maintenance.clear()

    def register(self, payload: dict[str, Any], keep_checks: bool = False) -> None:
        """Take a service, as if somebody had sent this."""
        if payload.get("Check") or not keep_checks:
            self.checks[payload["ID"]] = payload.get("Check")
        before = self.reported.get(payload["ID"], {})
        given = {
            check["CheckID"]: before.get(
                check["CheckID"], check.get("Status", "critical")
            )
            for check in payload.get("Checks", ())
        }
        self.reported[payload["ID"]] = before | given if keep_checks else given
        if not keep_checks and not self.keeps_maintenance:
            self.maintenance.pop(payload["ID"], None)
        self.services[payload["ID"]] = {
            "ID": payload["ID"],
            "Service": payload["Name"],
            "Tags": payload.get("Tags") or [],
            "Meta": payload.get("Meta") or {},
            "Port": payload.get("Port", 0),
            "Address": payload.get("Address", ""),
            "Weights": {"Passing": 1, "Warning": 1},
            "EnableTagOverride": False,
        }

    def deregister(self, service_id: str) -> None:
        """Lose a service, and all its checks."""
        for held in (self.services, self.checks, self.reported, self.maintenance):
            held.pop(service_id, None)

    def switch(self, service_id: str, enable: bool, reason: str) -> None:
        """Turn maintenance mode on or off; the first reason stays."""
        if enable:
            self.maintenance.setdefault(service_id, reason)
        else:
            self.maintenance.pop(service_id, None)

    def checks_json(self) -> dict[str, dict[str, str]]:
        """What ``/v1/agent/checks`` answers."""
        own = {f"service:{key}": (key, "") for key in self.checks if self.checks[key]}
        modes = {
            f"_service_maintenance:{key}": (key, notes)
            for key, notes in self.maintenance.items()
        }
        listed = {
            check_id: {"CheckID": check_id, "ServiceID": service_id, "Notes": notes}
            for check_id, (service_id, notes) in (own | modes).items()
        }
        for service_id, statuses in self.reported.items():
            for check_id, status in statuses.items():
                check = {"CheckID": check_id, "ServiceID": service_id}
                listed[check_id] = {**check, "Notes": "", "Status": status}
        return listed

    def report(self, check_id: str, status: str) -> bool:
        """Take the status of a check; says whether there is such a check."""
        for statuses in self.reported.values():
            if check_id in statuses:
                statuses[check_id] = status
                return True
        return False


class AgentApi(Resource):
    """Its HTTP API, as far as the registrar asks."""

    isLeaf = True

    def __init__(self, agent: FakeConsulAgent) -> None:
        super().__init__()
        self._agent = agent

    def render_GET(self, request: Any) -> int | bytes:
        """Answer a read."""
        if self._agent.hung:
            return NOT_DONE_YET
        if request.path == b"/v1/agent/services":
            self._agent.reads += 1
            return json.dumps(self._agent.services).encode()
        if request.path == b"/v1/agent/checks":
            return json.dumps(self._agent.checks_json()).encode()
        if request.path == b"/v1/agent/self":
            config = {"NodeName": self._agent.node}
            member = {"Addr": self._agent.address}
            return json.dumps({"Config": config, "Member": member}).encode()
        request.setResponseCode(404)
        return b""

    def render_PUT(self, request: Any) -> int | bytes:
        """Take a write, or refuse it."""
        if self._agent.hung:
            return NOT_DONE_YET
        verb, _, last = request.path.decode().rpartition("/")
        verb = verb.rpartition("/")[2] if last != "register" else last
        body = request.content.read()
        payload = json.loads(body) if verb in ("register", "update") else {}
        service_id = payload.get("ID") or unquote(last)
        if service_id in self._agent.refused:
            request.setResponseCode(400)
            return self._agent.refused[service_id].encode()
        if verb == "register":
            replace = b"replace-existing-checks" in request.args
            self._agent.register(payload, keep_checks=not replace)
        elif verb == "deregister":
            self._agent.deregister(service_id)
        elif verb == "update":
            verb = payload["Status"]
            if not self._agent.report(service_id, verb):
                request.setResponseCode(500)
                return b"CheckID does not have associated TTL"
        elif service_id not in self._agent.services:
            request.setResponseCode(404)
            return b"unknown service ID"
        else:
            enable = request.args[b"enable"] == [b"true"]
            reason = request.args.get(b"reason", [b""])[0].decode()
            self._agent.switch(service_id, enable, reason)
            verb = "maintain" if enable else "resume"
        self._agent.writes.append(f"{verb} {service_id}")
        return b""


@implementer(IAgent)
class FakeAgentAgent:
    """Leads all requests of a client to a fake agent, in memory."""

    def __init__(self, agent: FakeConsulAgent) -> None:
        self._agent = agent
        self._inner = RequestTraversalAgent(AgentApi(agent))

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 - IAgent's name
    ) -> Deferred[IResponse]:
        """Make a request, unless the agent is away."""
        if self._agent.away:
            return fail(ConnectionRefusedError())
        asked: Deferred[IResponse] = self._inner.request(
            method, uri, headers, bodyProducer
        )
        return asked
