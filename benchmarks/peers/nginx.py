"""nginx, one worker."""

from __future__ import annotations

import os

from benchmarks.peers.peer import Command, Setup, not_installed

# proxy_request_buffering off: the router, HAProxy and Caddy stream uploads as well.
# access_log with buffer: the router collects lines as well.
_CONFIG = """\
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
    log_format full '$host - [$time_iso8601] "$request" $status $request_length '
        '$body_bytes_sent "$http_referer" "$http_user_agent" $remote_addr:$remote_port '
        '$upstream_addr x_forwarded_for:"$proxy_add_x_forwarded_for" '
        'request_id:$request_id response_time:$request_time '
        'upstream_time:$upstream_response_time';
    access_log {access_log} full buffer=64k flush=1s;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 90s;
    client_max_body_size 0;
    map $http_upgrade $connection_field {{ default upgrade; '' ''; }}
    upstream backend {{
        server 127.0.0.1:{backend_port};
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 15s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
            {buffers}
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_field;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Request-Id $request_id;
        }}
    }}
    server {{
        listen 127.0.0.1:{admin_port};
        location = /status {{ stub_status; access_log off; }}
    }}
}}
"""


_LARGE_BUFFERS = (
    "client_body_buffer_size 128k; proxy_buffer_size 16k; proxy_buffers 8 64k;"
    " proxy_busy_buffers_size 128k;"
)


class Nginx:
    """nginx with the usual settings of a reverse proxy.

    :param large_buffers: give it buffers of 64 KiB in place of its default of a page.
        They cost memory, and make a great difference to long bodies.
    """

    duties = ""

    def __init__(self, *, large_buffers: bool = False) -> None:
        self.name = "nginx-64k" if large_buffers else "nginx"
        self._large_buffers = large_buffers

    def missing(self) -> str:
        """Why it cannot be run here; empty when it can."""
        return not_installed("nginx")

    def command(self, setup: Setup) -> Command:
        """Write its configuration and say how it is run."""
        config = setup.directory / "nginx.conf"
        config.write_text(
            _CONFIG.format(
                # Or the workers could not use what is in a private directory.
                user="user root;" if os.geteuid() == 0 else "",
                directory=setup.directory,
                access_log=setup.access_log,
                port=setup.port,
                admin_port=setup.admin_port,
                backend_port=setup.backend_port,
                buffers=_LARGE_BUFFERS if self._large_buffers else "",
            )
        )
        return Command(("nginx", "-c", str(config), "-p", str(setup.directory)))
