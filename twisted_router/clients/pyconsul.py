"""py-consul's endpoints over our transport: every one returns a Deferred."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from consul import base
from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers

from ..interfaces import CatalogError
from .transport import Reply, Transport

#: Seconds for a whole request that does not wait for changes.
TOTAL_LIMIT_S = 10.0

_INDEX = "X-Consul-Index"

_Params = list[tuple[str, Any]]
_Callback = Callable[[Any], Any]


class Position(int):
    """An index, with what the other headers said of the answer it came with."""

    last_contact_ms: int = 0
    known_leader: bool = True

    @classmethod
    def of(cls, headers: Headers) -> Position:
        """Read the headers of a successful answer; any of them may be missing.

        An index that is missing, garbage or below 1 counts as 1: with 0 the next
        read would not wait, and the one after it would not either.
        """
        position = cls(max(1, _whole_number(headers, "X-Consul-Index")))
        position.last_contact_ms = _whole_number(headers, "X-Consul-LastContact")
        leader = headers.getRawHeaders("X-Consul-KnownLeader", ["true"])[-1]
        position.known_leader = leader.strip().lower() != "false"
        return position


def _whole_number(headers: Headers, name: str) -> int:
    text = headers.getRawHeaders(name, [""])[-1].strip()
    # Consul's are unsigned 64 bits: 20 digits at most.
    return int(text) if re.fullmatch("[0-9]{1,20}", text) else 0


class LibraryClient(base.HTTPClient):
    """py-consul's side of the transport: every method returns a Deferred.

    Names inside a path must come percent-encoded: py-consul puts them in as they
    are, and a service ID may have a slash.
    """

    def __init__(self, transport: Transport, base_url: str, token: str) -> None:
        self._transport = transport
        self._base_url = base_url
        # Here and not in py-consul, which leaves it out of some requests and puts it
        # into the URL of others.
        self._headers = {"X-Consul-Token": token} if token else {}

    def uri(self, path: str, params: _Params | None = None) -> str:
        """The URL of a request; see the class about names inside ``path``."""
        query = f"?{urlencode(params)}" if params else ""
        return self._base_url + quote(path, safe="/:%") + query

    def get(
        self,
        callback: _Callback,
        path: str,
        params: _Params | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bool = False,
    ) -> Deferred[Any]:
        """Send a GET; fire with what ``callback`` makes of the answer."""
        return self._call("GET", callback, path, params, headers)

    def put(
        self,
        callback: _Callback,
        path: str,
        params: _Params | None = None,
        data: str | bytes = "",
        headers: Mapping[str, str] | None = None,
    ) -> Deferred[Any]:
        """Send a PUT; fire with what ``callback`` makes of the answer."""
        return self._call("PUT", callback, path, params, headers, data)

    def delete(
        self,
        callback: _Callback,
        path: str,
        params: _Params | None = None,
        data: str | bytes = "",
        headers: Mapping[str, str] | None = None,
    ) -> Deferred[Any]:
        """Send a DELETE; fire with what ``callback`` makes of the answer."""
        return self._call("DELETE", callback, path, params, headers, data)

    def post(
        self,
        callback: _Callback,
        path: str,
        params: _Params | None = None,
        data: str | bytes = "",
        headers: Mapping[str, str] | None = None,
    ) -> Deferred[Any]:
        """Send a POST; fire with what ``callback`` makes of the answer."""
        return self._call("POST", callback, path, params, headers, data)

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
        callback: _Callback,
        path: str,
        params: _Params | None,
        headers: Mapping[str, str] | None,
        data: str | bytes = "",
    ) -> Deferred[Any]:
        url = self.uri(path, params)
        body = data.encode("utf-8") if isinstance(data, str) else data

        def decode(reply: Reply) -> Any:
            found = {_INDEX: Position.of(reply.headers)}
            try:
                return callback(base.Response(200, found, reply.body))
            # Whatever py-consul raises, it quotes the whole body.
            except Exception as error:
                raise self.unexpected(method, url) from error

        return self._transport.request(
            method,
            url,
            {**self._headers, **(headers or {})},
            body or None,
            _limit_s(params or []),
        ).addCallback(decode)


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

    def http_connect(self, *args: Any, **kwargs: Any) -> LibraryClient:
        """Called by py-consul: what sends its requests."""
        return self._ours
