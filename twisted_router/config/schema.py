"""The shape of the configuration: one frozen value, with units and defaults.

Names follow gorouter where gorouter has one. Durations are seconds, sizes are bytes;
0 switches a limit off. The field metadata ``doc`` is the comment that
``etc/router.yml`` shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import addresses

KIB = 1024
MIB = 1024 * KIB


class Seconds(float):
    """A duration. YAML: ``30s``, ``500ms``, ``2m``, ``1h`` or a number of seconds."""


class Bytes(int):
    """A size. YAML: ``64KiB``, ``1MiB``, ``10MB`` or a number of bytes."""


class Secret(str):
    """A secret. YAML: the text itself, ``{file: PATH}`` or ``{env: NAME}``.

    Its ``repr`` never shows it, so that no log or status page does.

    :ivar file: where it was read, ``""`` if in none.
    """

    file: str

    def __new__(cls, text: str, file: str = "") -> Secret:
        """See the class."""
        secret = super().__new__(cls, text)
        secret.file = file
        return secret

    def __repr__(self) -> str:
        return "Secret('***')" if self else "Secret('')"


def _key(default: Any, doc: str, **more: Any) -> Any:
    """A key of the file: its default and its one line of comment.

    ``more`` is what the loader holds a value to: ``name`` in the file, and ``also``,
    another name it may go by there; ``minimum`` (0
    unless given) and ``maximum``; ``choices``, and ``aliases`` for them; ``check``, a
    predicate for text (of a list: each item) with ``expected`` to say what it wants;
    ``nonempty`` if the check is for empty text as well; ``required``; ``environ``, a
    variable that stands in for an absent key; ``environ_file``, one that names a file
    with it and goes before; ``one_or_more``, for a list that may be written as its one
    item.
    """
    return field(default=default, metadata={"doc": doc, **more})


_PORT = {"maximum": 65535}
_LISTEN_HOST = {
    "check": addresses.is_ip,
    "expected": "an IP address of this machine",
}


@dataclass(frozen=True, slots=True)
class StatusConfig:
    """Where the status site listens, and who may read more than /health."""

    port: int = _key(
        8082, "port of /health, /healthz, /routes and /varz; 0 = any free", **_PORT
    )
    host: str = _key("127.0.0.1", "address it listens on", **_LISTEN_HOST)
    user: str = _key("", "user of /routes and /varz; empty together with pass = open")
    pass_: Secret = _key(Secret(""), "password of /routes and /varz", name="pass")


@dataclass(frozen=True, slots=True)
class HostOwnerConfig:
    """Hosts that only some services may claim."""

    hosts: str = _key(
        "",
        "pattern of hosts: * is any text; * alone is also a route for any host",
        check=addresses.is_word,
        expected="a pattern such as *.shop.example.com",
        nonempty=True,
        required=True,
    )
    services: tuple[str, ...] = _key(
        (),
        "patterns of the names of the services that may",
        check=addresses.is_word,
        expected="a pattern such as shop-*",
        nonempty=True,
        required=True,
    )


@dataclass(frozen=True, slots=True)
class ConsulConfig:
    """Which Consul agent to ask, and what to read there."""

    address: tuple[str, ...] = _key(
        ("127.0.0.1:8500",),
        "agent: host:port, http(s)://host:port, unix:///path; or a list, best first",
        check=addresses.is_consul_address,
        expected="host:port, http(s)://host[:port] or unix:///path",
        nonempty=True,
        one_or_more=True,
        environ="CONSUL_HTTP_ADDR",
    )
    ssl: bool = _key(
        False, "speak TLS where address names no scheme", environ="CONSUL_HTTP_SSL"
    )
    token: Secret = _key(
        Secret(""),
        "ACL token: text, {env: NAME} or {file: PATH}, read again when it changes",
        environ="CONSUL_HTTP_TOKEN",
        environ_file="CONSUL_HTTP_TOKEN_FILE",
    )
    datacenter: str = _key("", "datacenter to read; empty = the agent's own")
    ca_cert: str = _key(
        "",
        "PEM file that the agent's certificate must chain to",
        environ="CONSUL_CACERT",
    )
    ca_path: str = _key(
        "", "directory of such PEM files, beside ca_cert", environ="CONSUL_CAPATH"
    )
    client_cert: str = _key(
        "", "PEM file with our certificate for the agent", environ="CONSUL_CLIENT_CERT"
    )
    client_key: str = _key(
        "", "PEM file with the key of client_cert", environ="CONSUL_CLIENT_KEY"
    )
    tls_server_name: str = _key(
        "",
        "name that the agent's certificate is for; empty = the one in address",
        check=addresses.is_address,
        expected="a host name or an IP address",
        environ="CONSUL_TLS_SERVER_NAME",
    )
    ssl_verify: bool = _key(
        True,
        "verify that certificate; false lets anybody play the agent",
        environ="CONSUL_HTTP_SSL_VERIFY",
    )
    tag_prefix: str = _key(
        "urlprefix-",
        "tags that begin so are routes (fabio)",
        check=addresses.is_word,
        expected="text without blanks, such as urlprefix-",
        nonempty=True,
    )
    domain: str = _key(
        "",
        "service NAME also answers NAME.domain; empty = off",
        check=addresses.is_name,
        expected="a domain name such as apps.example.com",
    )
    default_service: str = _key(
        "",
        "service that answers what nothing else claims",
        check=addresses.is_word,
        expected="a service name without blanks",
    )
    host_owners: tuple[HostOwnerConfig, ...] = _key(
        (),
        "hosts kept for some services; the first whose hosts match decides",
    )
    # Consul itself cuts a wait at ten minutes.
    wait: Seconds = _key(
        Seconds(55.0),
        "how long one blocking query may wait",
        minimum=1,
        maximum=600,
    )
    snapshot: str = _key(
        "",
        "file to keep the facts in, for a start while Consul is away; empty = none",
    )
    snapshot_max_age: Seconds = _key(
        Seconds(86400.0), "facts that were true longer ago are not used; 0 = any are"
    )
    reconcile_interval: Seconds = _key(
        Seconds(900.0), "how often everything is read anew and compared; 0 = never"
    )
    max_stale: Seconds = _key(
        Seconds(5.0),
        "age of an answer that will do to learn of a change; 0 = ask the leader",
    )


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """When a catalog that forgets its services is not believed at once."""

    percent: int = _key(
        50,
        "more of all instances than this, gone at once without a word, stay routed",
        maximum=100,
    )
    instances: int = _key(
        10, "a catalog of fewer instances is always believed", minimum=1
    )
    hold: Seconds = _key(
        Seconds(1800.0), "for how long they stay routed; 0 switches the guard off"
    )
    service_instances: int = _key(
        4, "all of a service, if it had as many, stay routed as well", minimum=1
    )
    service_hold: Seconds = _key(Seconds(60.0), "for how long those stay routed")


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """Which Docker engine to watch, and how to register its containers."""

    endpoint: str = _key(
        "",
        "engine: unix:///path or tcp://host:port; empty = DOCKER_HOST's, or the socket",
        check=addresses.is_docker_endpoint,
        expected="unix:///path or tcp://host:port",
    )
    ip: str = _key(
        "",
        "address to register for published ports; empty = the agent's",
        check=addresses.is_address,
        expected="an IP address or host name",
    )
    use_ip_from_label: str = _key(
        "", "label whose value is the address instead", also="useIpFromLabel"
    )
    internal: bool = _key(
        False, "register exposed ports at the container's own address, not the host's"
    )
    network: str = _key(
        "", "with internal: network whose address counts; empty = the main one"
    )
    explicit: bool = _key(False, "register only containers that give a SERVICE_NAME")
    tags: str = _key(
        "", "tags of every service, with commas; {{.Config.Image}} and the like count"
    )
    registrator_names: bool = _key(
        False, "name services as registrator does where it counts ignored ports as well"
    )
    publish_secrets: bool = _key(
        False, "publish attributes that look like passwords and keys as well"
    )
    node: str = _key("", "name of this host in service IDs; empty = Consul's node name")
    reconcile_interval: Seconds = _key(
        Seconds(30.0),
        "how often everything is compared with Docker",
        minimum=1,
        also="resync",
    )
    retry_attempts: int = _key(
        -1,
        "end if Docker or Consul stay away at the start, after more tries; -1 = never",
        minimum=-1,
    )
    retry_interval: Seconds = _key(
        Seconds(30.0), "longest wait between two tries of one that is away", minimum=1
    )
    cleanup: bool = _key(
        True, "deregister what an earlier run has registered, and runs no more"
    )
    adopt: bool = _key(
        False, "take over the services that registrator has left for these containers"
    )
    deregister: str = _key(
        "always",
        "when a container has died: always, or on-success; then failed ones stay",
        choices=("always", "on-success"),
    )
    drain: bool = _key(
        True, "maintenance mode in Consul while a container stops or is paused"
    )
    stop_timeout: Seconds = _key(
        Seconds(10.0),
        "how long stopping takes containers without --stop-timeout, at most",
    )
    healthcheck: bool = _key(
        True, "a container's HEALTHCHECK is the check of services that have no other"
    )
    only_healthy: bool = _key(
        False, "register containers with a HEALTHCHECK only while they are healthy"
    )
    ttl: Seconds = _key(
        Seconds(0.0),
        "services fail when the registrar is silent for so long, and go; 0 = never",
    )
    ttl_refresh: Seconds = _key(
        Seconds(0.0),
        "how often it says that they are there; 0 = three times in a ttl",
        also="ttl-refresh",
    )
    ca_cert: str = _key("", "PEM file for tcp:// with TLS: the engine's CA")
    client_cert: str = _key("", "PEM file for tcp:// with TLS: our certificate")
    client_key: str = _key("", "PEM file for tcp:// with TLS: its key")


@dataclass(frozen=True, slots=True)
class BackendsConfig:
    """How instances are dialled and how their connections are kept."""

    max_attempts: int = _key(
        3, "instances to try when connecting fails, at most", minimum=1
    )
    max_conns: int = _key(0, "requests in flight for each instance; 0 = no limit")
    max_idle: int = _key(256, "idle connections kept for each instance")
    idle_timeout: Seconds = _key(
        Seconds(15.0), "how long one is kept; below what backends themselves allow"
    )
    ca_cert: str = _key(
        "",
        "PEM file that certificates of proto=https must chain to; empty = the system's",
    )


@dataclass(frozen=True, slots=True)
class AuthScheme:
    """Whom a route with ``auth=NAME`` lets in."""

    type: str = _key("basic", "how clients say who they are: basic", choices=("basic",))
    file: str = _key(
        "",
        "users and their bcrypt hashes, as htpasswd -B writes them; read when changed",
        expected="the path of a file",
        nonempty=True,
        required=True,
        check=bool,
    )
    realm: str = _key(
        "",
        "what clients show their users; empty = the name of the scheme",
        check=addresses.is_ascii,
        expected="ASCII text",
    )


@dataclass(frozen=True, slots=True)
class AccessLogConfig:
    """Where the access log goes."""

    file: str = _key("", "one line a request, gorouter's format; empty = no access log")


@dataclass(frozen=True, slots=True)
class LoggingConfig:
    """How much the router says about itself (on standard output)."""

    level: str = _key(
        "info",
        "debug, info, warn, error or critical",
        choices=("debug", "info", "warn", "error", "critical"),
        aliases={
            "warning": "warn",
            "dpanic": "critical",
            "panic": "critical",
            "fatal": "critical",
        },
    )
    disable_log_forwarded_for: bool = _key(False, "x_forwarded_for stays - in the log")
    disable_log_source_ip: bool = _key(False, "the client's address stays - in the log")


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """A route that is always there."""

    uri: str = _key(
        "",
        "host or host/path; *.host for every name under it; /path for any host",
        check=addresses.is_route_uri,
        expected="host, host/path, *.host/path or /path",
        nonempty=True,
        required=True,
    )
    instances: tuple[str, ...] = _key(
        (),
        "host:port of each instance; port 80 if it has none",
        check=addresses.is_instance,
        expected="host:port, host or [IPv6]:port",
        nonempty=True,
        required=True,
    )
    strip: str = _key(
        "",
        "path prefix to remove before forwarding",
        check=addresses.is_path,
        expected="a path such as /old",
    )
    prepend: str = _key(
        "",
        "path prefix to add before forwarding",
        check=addresses.is_path,
        expected="a path such as /new",
    )
    host: str = _key(
        "",
        "Host to send: empty = as received, dst = the instance's own",
        check=addresses.is_sent_host,
        expected="dst or host[:port]",
    )


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the router can be told; see ``etc/router.yml``."""

    proxy: bool = _key(
        True, "serve requests; false = only the registrar runs, and the status site"
    )
    port: int = _key(8081, "port of the proxy (HTTP); 0 = any free one", **_PORT)
    host: str = _key(
        "", "address the proxy listens on; empty = all IPv4, :: = all", **_LISTEN_HOST
    )
    index: int = _key(0, "number of this router among several, for /varz")
    status: StatusConfig = _key(StatusConfig(), "the status site")
    consul: ConsulConfig | None = _key(None, "routes from Consul; absent = none")
    guard: GuardConfig = _key(
        GuardConfig(), "what happens when much of Consul's catalog is gone at once"
    )
    docker: DockerConfig | None = _key(None, "the registrar; absent = not run")
    routes: tuple[StaticRoute, ...] = _key((), "static routes")
    auth: tuple[tuple[str, AuthScheme], ...] = _key(
        (),
        "schemes that tags name as auth=NAME",
        check=addresses.is_scheme_name,
        expected="a name of letters, digits, '.', '_' and '-'",
        nonempty=True,
    )
    backends: BackendsConfig = _key(BackendsConfig(), "connections to instances")
    access_log: AccessLogConfig = _key(AccessLogConfig(), "the access log")
    logging: LoggingConfig = _key(LoggingConfig(), "the router's own log")
    extra_headers_to_log: tuple[str, ...] = _key(
        (),
        "request headers added to each access-log line",
        check=addresses.is_field_name,
        expected="the name of a header field",
        nonempty=True,
    )
    via: str = _key(
        "",
        "our name in a Via field of what is forwarded, both ways; empty = none added",
        check=addresses.is_field_name,
        expected="a word such as router-1",
    )

    read_header_timeout: Seconds = _key(
        Seconds(10.0), "from a request's first byte to the end of its head"
    )
    endpoint_dial_timeout: Seconds = _key(Seconds(3.0), "connecting to an instance")
    endpoint_timeout: Seconds = _key(
        Seconds(60.0), "from a request sent to the head of its response"
    )
    body_idle_timeout: Seconds = _key(
        Seconds(60.0), "a body, in either direction, that does not move"
    )
    frontend_idle_timeout: Seconds = _key(
        Seconds(90.0), "a client's connection without a request"
    )
    tunnel_idle_timeout: Seconds = _key(
        Seconds(0.0), "an upgraded connection (WebSocket) without a byte"
    )
    drain_wait: Seconds = _key(
        Seconds(0.0), "at stop: serve on, with /health 503, for this long"
    )
    drain_timeout: Seconds = _key(
        Seconds(8.0), "at stop: then let requests finish for this long"
    )
    droplet_stale_threshold: Seconds = _key(
        Seconds(120.0), "a service that Consul has not confirmed is then withdrawn"
    )
    prune_stale_droplets_interval: Seconds = _key(
        Seconds(30.0), "how often such services are looked for"
    )
    suspend_pruning_if_consul_unavailable: bool = _key(
        True, "none is withdrawn while Consul is away"
    )

    max_connections: int = _key(
        0, "client connections at once; 0 = as open files allow"
    )
    max_request_header_bytes: Bytes = _key(
        Bytes(64 * KIB), "request line and header fields together (431)"
    )
    max_request_headers: int = _key(128, "number of request header fields (431)")
    max_request_target_bytes: Bytes = _key(Bytes(16 * KIB), "the request target (414)")
    max_request_body_bytes: Bytes = _key(Bytes(0), "a request's body (413)")
    max_response_header_bytes: Bytes = _key(
        Bytes(256 * KIB), "status line and header fields of a response (502)"
    )
    max_response_headers: int = _key(256, "number of response header fields (502)")
    max_chunk_line_bytes: Bytes = _key(
        Bytes(4 * KIB), "a chunk's size line with its extensions"
    )
    max_trailer_bytes: Bytes = _key(Bytes(8 * KIB), "the trailer of a chunked body")
