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
    :ivar writes: ``register ID`` and ``deregister ID``, all that it has taken.
    :ivar checks: the check that each service was registered with.
    :ivar refused: IDs that it does not take, and what it says then.
    :ivar away: nobody listens at its address.
    :ivar hung: it accepts requests and answers none.
    """

    node: str = "node-1"
    address: str = "192.0.2.1"
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    reads: int = 0
    away: bool = False
    hung: bool = False

    def lose_data(self) -> None:
        """Come back from a restart without a data directory."""
        self.services.clear()
        self.checks.clear()

    def register(self, payload: dict[str, Any]) -> None:
        """Take a service, as if somebody had sent this."""
        self.checks[payload["ID"]] = payload.get("Check")
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
        if verb == "register":
            payload = json.loads(request.content.read())
            service_id = payload["ID"]
        else:
            service_id = unquote(last)
        if service_id in self._agent.refused:
            request.setResponseCode(400)
            return self._agent.refused[service_id].encode()
        if verb == "register":
            self._agent.register(payload)
        else:
            self._agent.services.pop(service_id, None)
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
