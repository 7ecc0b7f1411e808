"""py-consul's endpoints over our transport: every one returns a Deferred."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from consul import base
from consul.callback import CB
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from ..interfaces import CatalogError
from .token import Token
from .transport import Reply, Transport

#: No part of the API, but its pages are made of it in every version.
SUMMARIES = "/v1/internal/ui/services"

#: Seconds for a whole request that does not wait for changes.
TOTAL_LIMIT_S = 10.0

# Consul's are unsigned 64 bits: 20 digits at most.
_NUMBER = re.compile("[0-9]{1,20}")

_Params = list[tuple[str, Any]]
_Callback = Callable[[Any], Any]


class Position(int):
    """An index, with what the other headers said of the answer it came with.

    :ivar agent: who gave it.
    """

    last_contact_ms: int = 0
    known_leader: bool = True
    filtered_by_acls: bool = False
    agent: object = None

    @classmethod
    def of(cls, headers: Headers, agent: object) -> Position:
        """Read the headers of a successful answer; any of them may be missing.

        An index that is missing, garbage or below 1 counts as 1: with 0 the next
        read would not wait, and the one after it would not either.
        """
        said = {
            name.lower(): values[-1].strip()
            for name, values in headers.getAllRawHeaders()
        }
        position = cls(max(1, _whole_number(said.get(b"x-consul-index"))))
        position.last_contact_ms = _whole_number(said.get(b"x-consul-lastcontact"))
        leader = said.get(b"x-consul-knownleader", b"true")
        position.known_leader = leader.lower() != b"false"
        # Since Consul 1.11.
        filtered = said.get(b"x-consul-results-filtered-by-acls", b"")
        position.filtered_by_acls = filtered.lower() == b"true"
        position.agent = agent
        return position


def _whole_number(text: bytes | None) -> int:
    digits = (text or b"").decode("latin-1")
    return int(digits) if _NUMBER.fullmatch(digits) else 0


class LibraryClient(base.HTTPClient):
    """py-consul's side of the transport: every method returns a Deferred.

    It fires with the whole :class:`Reply`. The callbacks that py-consul hands over
    are left aside: they quote whole bodies in what they raise, and decode slowly.

    Names inside a path must come percent-encoded: py-consul puts them in as they
    are, and a service ID may have a slash.

    :param always: parameters that every request has.
    """

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        token: Token,
        always: Sequence[tuple[str, Any]] = (),
    ) -> None:
        self._transport = transport
        self._base_url = base_url
        # Here and not in py-consul, which leaves it out of some requests and puts it
        # into the URL of others.
        self._token = token
        self._always = list(always)

    def uri(self, path: str, params: _Params | None = None) -> str:
        """The URL of a request; see the class about names inside ``path``."""
        params = [*(params or ()), *self._always]
        query = f"?{urlencode(params)}" if params else ""
        return self._base_url + quote(path, safe="/:%") + query

    def get(
        self,
        callback: _Callback,
        path: str,
        params: _Params | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bool = False,
    ) -> Deferred[Reply]:
        """Send a GET; fire with the answer."""
        return self._call("GET", path, params, headers)

    def put(
        self,
        callback: _Callback,
        path: str,
        params: _Params | None = None,
        data: str | bytes = "",
        headers: Mapping[str, str] | None = None,
    ) -> Deferred[Reply]:
        """Send a PUT; fire with the answer."""
        return self._call("PUT", path, params, headers, data)

    def delete(
        self,
        callback: _Callback,
        path: str,
        params: _Params | None = None,
        data: str | bytes = "",
        headers: Mapping[str, str] | None = None,
    ) -> Deferred[Reply]:
        """Send a DELETE; fire with the answer."""
        return self._call("DELETE", path, params, headers, data)

    def post(
        self,
        callback: _Callback,
        path: str,
        params: _Params | None = None,
        data: str | bytes = "",
        headers: Mapping[str, str] | None = None,
    ) -> Deferred[Reply]:
        """Send a POST; fire with the answer."""
        return self._call("POST", path, params, headers, data)

    def close(self) -> None:
        """Nothing to do: the connections are the client's, which closes them."""

    def unexpected(self, method: str, url: str) -> CatalogError:
        """An answer of status 200 that is not what Consul documents."""
        return self._transport.error(
            method, url, "the answer is not the JSON that Consul documents", 200
        )

    def _call(
        self,
        method: str,
        path: str,
        params: _Params | None,
        headers: Mapping[str, str] | None,
        data: str | bytes = "",
    ) -> Deferred[Reply]:
        body = data.encode("utf-8") if isinstance(data, str) else data
        self._token.renew()
        asking = self._ask(method, path, params, headers, body)
        if not self._token.is_renewable:
            return asking

        def refused(failure: Failure) -> Deferred[Reply]:
            error = failure.value
            is_refused = isinstance(error, CatalogError) and error.status == 403
            if is_refused and self._token.reread():
                return self._ask(method, path, params, headers, body)
            failure.raiseException()

        return asking.addErrback(refused)

    def _ask(
        self,
        method: str,
        path: str,
        params: _Params | None,
        headers: Mapping[str, str] | None,
        body: bytes,
    ) -> Deferred[Reply]:
        fields = self._token.headers
        if headers:
            fields = fields.copy()
            for name, value in headers.items():
                fields.setRawHeaders(name, [value])
        return self._transport.request(
            method, self.uri(path, params), fields, body or None, _limit_s(params or [])
        )


def _limit_s(params: _Params) -> float:
    """Seconds that a request may take: what it asks Consul to wait comes on top.

    Consul adds up to a sixteenth of the wait, so that not all clients wake at once.
    """
    wait = dict(params).get("wait")
    wait_s = int(wait.removesuffix("ms")) / 1000 if wait else 0.0
    return wait_s + wait_s / 16 + TOTAL_LIMIT_S


class Library(base.Consul):
    """py-consul's endpoints over our transport, whatever the environment says."""

    def __init__(self, http: LibraryClient, datacenter: str) -> None:
        self._ours = http
        # With a host given, CONSUL_HTTP_ADDR and the like are not read.
        super().__init__("localhost", 8500, scheme="http", verify=True)
        self.dc = datacenter or None
        self.token = None  # CONSUL_HTTP_TOKEN is read always

    def summaries(self, index: int = 0, wait: str = "") -> Deferred[Any]:
        """Read what Consul's own pages list of services; py-consul does not know it.

        :param index: wait for a change of it, for as long as ``wait`` says.
        """
        params = [("dc", self.dc)] if self.dc else []
        if index:
            params += [("index", str(int(index))), ("wait", wait)]
        return self._ours.get(CB.json(index=True), SUMMARIES, params)

    def http_connect(self, *args: Any, **kwargs: Any) -> LibraryClient:
        """Called by py-consul: what sends its requests."""
        return self._ours
