"""twisted.web's own reverse proxy. As a program: ``PORT BACKEND_PORT ACCESS_LOG``."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.peers.peer import Command, Setup


class TwistedWeb:
    """``twisted.web.proxy.ReverseProxyResource``, as its documentation shows it."""

    name = "twisted-web"
    duties = (
        "no X-Forwarded-For, no request id, no metrics, no kept backend connections"
    )

    def missing(self) -> str:
        """Why it cannot be run here; empty when it can."""
        return ""

    def command(self, setup: Setup) -> Command:
        """Write its configuration and say how it is run."""
        ports = str(setup.port), str(setup.backend_port)
        module = "benchmarks.peers.twisted_web"
        return Command((sys.executable, "-m", module, *ports, str(setup.access_log)))


def main(port: int, backend_port: int, access_log: str) -> None:
    """Serve until the process is ended."""
    from twisted.application import strports
    from twisted.internet import reactor
    from twisted.web.proxy import ReverseProxyResource
    from twisted.web.server import Site

    class OneLogSite(Site):
        """Goes on in one file, where Site would begin a new one for each megabyte."""

        def _openLogFile(self, path: str | bytes) -> Any:  # noqa: N802 - Twisted's
            return open(path, "a", buffering=1, encoding="utf-8")

    resource = ReverseProxyResource("127.0.0.1", backend_port, b"")
    site = OneLogSite(resource, logPath=access_log.encode())
    endpoint = f"tcp:{port}:interface=127.0.0.1:backlog=4096"
    strports.service(endpoint, site, reactor=reactor).startService()
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
