"""Caddy, with one core for all of its threads."""

from __future__ import annotations

from benchmarks.peers.peer import Command, Setup, not_installed

_CONFIG = """\
{{
    admin 127.0.0.1:{admin_port}
    auto_https off
    log {{
        output file {directory}/caddy.log
        level WARN
    }}
    servers {{
        metrics
    }}
}}
http://:{port} {{
    bind 127.0.0.1
    log {{
        output file {access_log} {{
            roll_disabled
        }}
    }}
    reverse_proxy 127.0.0.1:{backend_port} {{
        header_up X-Request-Id {{http.request.uuid}}
        flush_interval -1
        transport http {{
            keepalive 15s
            keepalive_idle_conns_per_host 256
            compression off
        }}
    }}
}}
"""


class Caddy:
    """Caddy with the usual settings of a reverse proxy."""

    name = "caddy"
    duties = "access log unbuffered, in JSON, with all header fields"

    def missing(self) -> str:
        """Why it cannot be run here; empty when it can."""
        return not_installed("caddy")

    def command(self, setup: Setup) -> Command:
        """Write its configuration and say how it is run."""
        config = setup.directory / "Caddyfile"
        config.write_text(
            _CONFIG.format(
                directory=setup.directory,
                access_log=setup.access_log,
                port=setup.port,
                admin_port=setup.admin_port,
                backend_port=setup.backend_port,
            )
        )
        home = str(setup.directory)
        return Command(
            ("caddy", "run", "--adapter", "caddyfile", "--config", str(config)),
            env=(
                ("GOMAXPROCS", "1"),
                ("HOME", home),
                ("XDG_DATA_HOME", home),
                ("XDG_CONFIG_HOME", home),
            ),
        )
