"""gorouter's files: which of its keys mean something else here, or nothing.

Keys with the same meaning have the same name in the schema and are not listed.
"""

from __future__ import annotations

from .report import Report
from .tree import Node

# Why a key means nothing here, with what to use instead: its keys.
_IGNORED = {
    "routes come from Consul; use the consul section": (
        "nats",
        "nats_client_ping_interval",
        "routing_api",
        "oauth",
        "token_fetcher_max_retries",
        "token_fetcher_retry_interval",
        "token_fetcher_expiration_buffer_time",
    ),
    "instances register in Consul, routers announce nothing": (
        "publish_start_message_interval",
        "publish_active_apps_interval",
    ),
    "a route's age at its first request is not measured": (
        "route_latency_metric_muzzle_duration",
    ),
    "/health answers 503 until the first routes are there": (
        "start_response_delay_interval",
        "load_balancer_healthy_threshold",
    ),
    "one process serves on one core; run one router for each": ("go_max_procs",),
    "the router sets no cookies, any instance may get any request": (
        "secure_cookies",
        "sticky_session_cookie_names",
        "sticky_sessions_for_auth_negotiate",
    ),
    "there are no route services; route to the service that should see the "
    "request first": (
        "route_service_timeout",
        "route_services_timeout",
        "route_services_secret",
        "route_services_secret_decrypt_only",
        "route_services_recommend_https",
        "route_services_hairpinning",
        "route_services_hairpinning_allowlist",
        "route_services_internal_server_port",
        "route_services",
    ),
    "every page of the status site is on status.port": (
        "status.routes",
        "status.enable_nontls_health_checks",
        "status.enable_deprecated_varz_healthz_endpoints",
    ),
    "the status site speaks plain HTTP; keep status.host on a private address": (
        "status.tls",
    ),
    "numbers are in /varz on status.port": (
        "prometheus",
        "logging.loggregator_enabled",
        "logging.metron_address",
        "per_request_metrics_reporting",
        "enable_envelope_v1_metrics",
        "send_http_start_stop_server_event",
        "send_http_start_stop_client_event",
        "per_app_prometheus_http_metrics_reporting",
    ),
    "the log goes to standard output; use twistd --logfile": ("logging.file",),
    "the log has one format": ("logging.format",),
    "the log goes to standard output; use twistd --syslog": (
        "logging.syslog",
        "logging.syslog_addr",
        "logging.syslog_network",
        "logging.syslog_truncate",
    ),
    "the access log is a file; use access_log.file": ("access_log.enable_streaming",),
    "the access log has one format; use extra_headers_to_log": (
        "logging.extra_access_log_fields",
        "logging.enable_attempts_details",
    ),
    "queries stand in the access log as they came; leave access_log.file empty if "
    "they must not": ("logging.redact_query_params",),
    "instances of a route get requests in turn": (
        "balancing_algorithm",
        "balancing_algorithm_az_preference",
        "zone",
    ),
    "headers of traces are passed on as they came": ("trace_key", "tracing"),
    "there is no debug listener; use /varz on status.port": ("debug_addr",),
    "use twistd --pidfile": ("pid_file",),
    "the proxy speaks plain HTTP/1.1 on port; put what ends TLS or the PROXY "
    "protocol before it": (
        "enable_proxy",
        "enable_ssl",
        "ssl_port",
        "disable_http",
        "enable_http2",
        "tls_pem",
        "client_ca_certs",
        "only_trust_client_ca_certs",
        "client_cert_validation",
        "enable_verify_client_certificate_metadata",
        "verify_client_certificate_metadata",
        "cipher_suites",
        "min_tls_version",
        "max_tls_version",
        "forwarded_client_cert",
    ),
    "use backends.ca_cert, a file": ("ca_certs",),
    "an instance says so in its tag, by tlsskipverify=true": ("skip_ssl_validation",),
    "instances are not shown a certificate": (
        "backends.cert_chain",
        "backends.private_key",
    ),
    "X-Forwarded-Proto cannot be set": (
        "force_forwarded_proto_https",
        "sanitize_forwarded_proto",
    ),
    "hop-by-hop headers and those that Connection names are always removed": (
        "hop_by_hop_headers_to_filter",
    ),
    "headers of responses cannot be rewritten": ("http_rewrite",),
    "every router serves all routes; give each its own consul.tag_prefix": (
        "isolation_segments",
        "routing_table_sharding_mode",
    ),
    "bodies are streamed both ways at once, in any case": (
        "enable_http1_concurrent_read_write",
        "keep_alive_100_continue_requests",
    ),
    "use endpoint_dial_timeout": (
        "websocket_dial_timeout",
        "tls_handshake_timeout",
    ),
    "use endpoint_timeout": ("http_1_endpoint_timeout", "http_2_endpoint_timeout"),
    "silent connections end by backends.idle_timeout and body_idle_timeout": (
        "endpoint_keep_alive_probe_interval",
    ),
    "ask /health on status.port": (
        "healthcheck_user_agent",
        "healthcheck_poll_interval",
        "healthcheck_timeout",
    ),
    "use backends.max_idle, 0 keeps no connections": ("disable_keep_alives",),
    "idle connections are counted for each instance; use backends.max_idle": (
        "max_idle_conns",
    ),
    "a route without usable instances always answers 503": (
        "empty_pool_response_code_503",
        "empty_pool_timeout",
    ),
    "error pages are short plain text": ("html_error_template_file",),
}
_INSTEAD = {path: why for why, paths in _IGNORED.items() for path in paths}

# What has another name here.
_MOVED = {
    "max_idle_conns_per_host": "backends.max_idle",
    "max_header_bytes": "max_request_header_bytes",
    "suspend_pruning_if_nats_unavailable": "suspend_pruning_if_consul_unavailable",
}


def translate(root: Node, report: Report) -> Node:
    """The same tree without what only gorouter understands.

    Every key taken out or moved is named in one warning, whatever is under it.
    """
    return Node(root.line, _moved(_meaningful(root, "", report), report))


def _meaningful(node: Node, prefix: str, report: Report) -> dict[str, Node]:
    assert isinstance(node.value, dict)
    kept = {}
    for key, child in node.value.items():
        path = prefix + key
        if path in _INSTEAD:
            said = f"has no meaning here and is ignored: {_INSTEAD[path]}"
            report.warn(child.line, path, said)
        elif not prefix and isinstance(child.value, dict):
            kept[key] = Node(child.line, _meaningful(child, f"{path}.", report))
        elif path == "backends.max_attempts" and child.value == "0":
            report.warn(child.line, path, "0 is read as 1, as gorouter does")
            kept[key] = Node(child.line, "1")
        else:
            kept[key] = child
    return kept


def _moved(given: dict[str, Node], report: Report) -> dict[str, Node]:
    result = dict(given)
    for old, new in _MOVED.items():
        child = result.pop(old, None)
        if child is None:
            continue
        section, _, key = new.rpartition(".")
        holder = result.get(section, Node(child.line, {})) if section else None
        inside = result if holder is None else holder.value
        if inside is None:
            inside = {}
        if not isinstance(inside, dict) or key in inside:
            report.warn(child.line, old, f"is ignored: {new} is given")
            continue
        report.warn(child.line, old, f"is called {new} here, and read as that")
        if holder is None:
            result[key] = child
        else:
            result[section] = Node(holder.line, {**inside, key: child})
    return result
