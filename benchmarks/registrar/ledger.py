"""A relay before an agent, which keeps a ledger of the requests that pass."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

#: Longer than any blocking query.
_TIMEOUT_S = 700.0


@dataclass(frozen=True, slots=True)
class Write:
    """One write that an agent took.

    :ivar verb: ``register``, ``deregister``, ``maintenance``, ``update`` ...
    :ivar subject: ID of the service or of the check.
    :ivar at_s: when its answer was there, by ``time.monotonic()``.
    """

    verb: str
    subject: str
    at_s: float


class Ledger(ThreadingHTTPServer):
    """Passes requests on to an agent, and notes what it writes.

    :ivar port: of the loopback address, where it listens.
    :ivar writes: those that the agent took, in the order of their answers.
    :ivar reads: by path, how many.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.target = host, port
        self.port: int = self.server_address[1]
        self.writes: list[Write] = []
        self.reads: Counter[str] = Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a registrar that has left."""

    def note(self, method: str, target: str, body: bytes) -> None:
        """Note a request that was answered with 200."""
        if method == "PUT":
            self.writes.append(Write(*read_write(target, body), time.monotonic()))
        else:
            self.reads[urlsplit(target).path] += 1


def read_write(target: str, body: bytes) -> tuple[str, str]:
    """Verb and subject of a write to an agent; see :class:`Write`.

    It is ``/v1/agent/service/register``, ``/v1/agent/service/VERB/ID``, or
    ``/v1/agent/check/VERB/ID``.
    """
    _, _, _, _, verb, *rest = urlsplit(target).path.split("/", 5)
    return verb, unquote(rest[0]) if rest else str(json.loads(body).get("ID"))


class _Exchange(BaseHTTPRequestHandler):
    """One connection of the registrar, with one to the agent beside it."""

    protocol_version = "HTTP/1.1"
    server: Ledger

    def setup(self) -> None:
        super().setup()
        self._agent = http.client.HTTPConnection(*self.server.target, _TIMEOUT_S)

    def finish(self) -> None:
        self._agent.close()
        super().finish()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
        try:
            self._agent.request(self.command, self.path, body, headers)
            answer = self._agent.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.close_connection = True
            return
        if answer.status == 200:
            self.server.note(self.command, self.path, body)
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = _pass_on  # noqa: N815 - their names

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""
