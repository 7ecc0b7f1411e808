"""HAProxy, one thread."""

from __future__ import annotations

from benchmarks.peers.peer import Command, Setup, not_installed

# HAProxy opens no log files. It can write lines to its standard output, which is a file
# here: one write each, as one datagram each would be to a syslog daemon, but without
# the daemon's share of the load's core.
_LOG_FORMAT = (
    '%[capture.req.hdr(0)] [%tr] "%HM %[capture.req.uri] %HV" %ST %U %B '
    '"%[capture.req.hdr(1)]" "%[capture.req.hdr(2)]" %ci:%cp %si:%sp '
    "request_id:%ID response_time:%Ta upstream_time:%Tr"
)
_CONFIG = """\
global
    nbthread 1
    maxconn 8000
    log stdout format raw local0 info
defaults
    mode http
    log global
    option httplog
    option forwardfor
    http-reuse always
    timeout connect 3s
    timeout client 90s
    timeout server 60s
    timeout http-request 10s
    timeout http-keep-alive 90s
    timeout tunnel 1h
frontend front
    bind 127.0.0.1:{port} backlog 4096
    log-format '{log_format}'
    http-request capture req.hdr(Host) len 128
    http-request capture req.hdr(Referer) len 256
    http-request capture req.hdr(User-Agent) len 256
    http-request set-header X-Forwarded-Proto http
    unique-id-format %[uuid()]
    unique-id-header X-Request-Id
    default_backend back
backend back
    server one 127.0.0.1:{backend_port} pool-max-conn 256 pool-purge-delay 15s
frontend admin
    bind 127.0.0.1:{admin_port}
    stats enable
    stats uri /status
    no log
"""


class HAProxy:
    """HAProxy with the usual settings of a reverse proxy."""

    name = "haproxy"
    duties = "access log unbuffered"

    def missing(self) -> str:
        """Why it cannot be run here; empty when it can."""
        return not_installed("haproxy")

    def command(self, setup: Setup) -> Command:
        """Write its configuration and say how it is run."""
        config = setup.directory / "haproxy.cfg"
        config.write_text(
            _CONFIG.format(
                log_format=_LOG_FORMAT,
                port=setup.port,
                admin_port=setup.admin_port,
                backend_port=setup.backend_port,
            )
        )
        return Command(("haproxy", "-db", "-f", str(config)), output=setup.access_log)
