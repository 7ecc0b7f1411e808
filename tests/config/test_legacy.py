"""Tests of twisted_router.config.legacy."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config import BackendsConfig, load_config

from .loading import config_of, problems_of, warnings_of

_EXAMPLE = Path(__file__).with_name("gorouter_example.yml")

# gorouter's keys by what they are here; between them, all that its releases read.
_OURS = (
    "port: 8081",
    "index: 1",
    "status.port: 8080",
    "status.host: 0.0.0.0",
    "status.user:",
    "status.pass:",
    "logging.level: debug",
    "logging.disable_log_forwarded_for: true",
    "logging.disable_log_source_ip: true",
    "access_log.file: /dev/stdout",
    "extra_headers_to_log: []",
    "endpoint_timeout: 60s",
    "endpoint_dial_timeout: 5s",
    "frontend_idle_timeout: 900s",
    "read_header_timeout: 0s",
    "drain_wait: 20s",
    "drain_timeout: 900s",
    "backends.max_conns: 500",
    "backends.max_attempts: 3",
    "max_request_header_bytes: 1048576",
    "max_response_header_bytes: 0",
    "max_request_headers: 0",
    "max_response_headers: 0",
    "droplet_stale_threshold: 120s",
    "prune_stale_droplets_interval: 30s",
)
_NOT_OURS = """
    access_log.enable_streaming backends.cert_chain backends.private_key
    balancing_algorithm balancing_algorithm_az_preference ca_certs cipher_suites
    client_ca_certs client_cert_validation debug_addr disable_http
    disable_keep_alives empty_pool_response_code_503
    empty_pool_timeout enable_envelope_v1_metrics enable_http1_concurrent_read_write
    enable_http2 enable_proxy enable_ssl enable_verify_client_certificate_metadata
    endpoint_keep_alive_probe_interval force_forwarded_proto_https
    forwarded_client_cert go_max_procs healthcheck_poll_interval
    healthcheck_timeout healthcheck_user_agent hop_by_hop_headers_to_filter
    html_error_template_file http_1_endpoint_timeout http_2_endpoint_timeout
    http_rewrite isolation_segments keep_alive_100_continue_requests
    load_balancer_healthy_threshold logging.enable_attempts_details
    logging.extra_access_log_fields logging.file logging.format
    logging.loggregator_enabled logging.metron_address
    logging.redact_query_params logging.syslog logging.syslog_addr
    logging.syslog_network logging.syslog_truncate max_header_bytes max_idle_conns
    max_idle_conns_per_host max_tls_version min_tls_version nats
    nats_client_ping_interval oauth only_trust_client_ca_certs
    per_app_prometheus_http_metrics_reporting per_request_metrics_reporting
    pid_file prometheus publish_active_apps_interval
    publish_start_message_interval route_latency_metric_muzzle_duration
    route_service_timeout route_services route_services_hairpinning
    route_services_hairpinning_allowlist route_services_internal_server_port
    route_services_recommend_https route_services_secret
    route_services_secret_decrypt_only route_services_timeout routing_api
    routing_table_sharding_mode sanitize_forwarded_proto secure_cookies
    send_http_start_stop_client_event send_http_start_stop_server_event
    skip_ssl_validation ssl_port start_response_delay_interval
    status.enable_deprecated_varz_healthz_endpoints
    status.enable_nontls_health_checks status.routes status.tls
    sticky_session_cookie_names sticky_sessions_for_auth_negotiate
    tls_handshake_timeout tls_pem
    token_fetcher_expiration_buffer_time token_fetcher_max_retries
    token_fetcher_retry_interval trace_key tracing
    verify_client_certificate_metadata websocket_dial_timeout zone
""".split()


def _under(path: str, rest: str) -> str:
    """YAML of one key, given by its path."""
    section, dot, key = path.partition(".")
    return f"{section}: {{{key}: {rest}}}" if dot else f"{section}: {rest}"


class ExampleTests(SynchronousTestCase):
    """The file that gorouter comes with starts as it is."""

    def setUp(self) -> None:
        text = _EXAMPLE.read_text("utf-8")
        self.loaded = load_config(text, "gorouter.yml", {})

    def test_what_has_a_meaning_here_is_read(self) -> None:
        config = self.loaded.config
        self.assertEqual(9999, config.port)
        self.assertEqual(
            (8082, "admin", "secret"),
            (config.status.port, config.status.user, config.status.pass_),
        )
        self.assertEqual("info", config.logging.level)
        self.assertEqual(
            ("Span-Id", "Trace-Id", "Cache-Control"), config.extra_headers_to_log
        )

    def test_each_key_without_a_meaning_is_named_once_and_routes_are_missed(
        self,
    ) -> None:
        self.assertEqual(
            [
                "1: consul",
                "6: nats",
                "12: logging.file",
                "13: logging.syslog",
                "17: go_max_procs",
                "18: publish_start_message_interval",
                "21: publish_active_apps_interval",
                "22: secure_cookies",
                "23: route_service_timeout",
                "24: route_services_secret",
            ],
            [
                ":".join(warning.split(":")[1:3])
                for warning in self.loaded.warnings
                if warning.startswith("gorouter.yml:")
            ],
        )

    def test_a_warning_says_what_to_use_instead(self) -> None:
        self.assertIn(
            "gorouter.yml:6: nats: has no meaning here and is ignored: routes come "
            "from Consul; use the consul section",
            self.loaded.warnings,
        )

    def test_no_secret_of_the_file_is_told(self) -> None:
        self.assertNotIn("tWPE", "".join(self.loaded.warnings))


class KeyTests(SynchronousTestCase):
    """Every key of gorouter is known: as ours, or with a word about it."""

    def test_keys_with_the_same_meaning_are_read_without_a_warning(self) -> None:
        for line in _OURS:
            path, _, value = line.partition(":")
            text = f"{_under(path, value.strip())}\nconsul:\n"
            self.assertEqual([], warnings_of(text), line)

    def test_all_other_keys_are_named_in_one_warning_each(self) -> None:
        for path in _NOT_OURS:
            warnings = warnings_of(f"{_under(path, '1')}\nconsul:\n")
            self.assertEqual(1, len(warnings), path)
            self.assertTrue(warnings[0].startswith(f"f:1: {path}: "), warnings)

    def test_what_is_under_an_ignored_key_is_not_looked_at(self) -> None:
        text = "nats: {hosts: [{hostname: a, x: [1]}], tls_enabled: maybe}\nconsul:\n"
        self.assertEqual(1, len(warnings_of(text)))

    def test_the_same_name_elsewhere_is_still_unknown(self) -> None:
        self.assertEqual(1, len(problems_of("consul: {nats: 1}")))

    def test_levels_of_gorouter_are_read_as_ours(self) -> None:
        for name, level in (
            ("debug", "debug"),
            ("info", "info"),
            ("warn", "warn"),
            ("error", "error"),
            ("dpanic", "critical"),
            ("panic", "critical"),
            ("fatal", "critical"),
            ("FATAL", "critical"),
        ):
            text = f"logging: {{level: {name}}}\nconsul:\n"
            self.assertEqual(level, config_of(text).logging.level)
            self.assertEqual([], warnings_of(text))


class MovedTests(SynchronousTestCase):
    """What has another name here is read under that name, and said so."""

    def test_a_key_moves_into_a_section_that_is_not_there(self) -> None:
        text = "consul:\nmax_idle_conns_per_host: 100\n"
        self.assertEqual(BackendsConfig(max_idle=100), config_of(text).backends)
        self.assertEqual(
            [
                "f:2: max_idle_conns_per_host: is called backends.max_idle here, and "
                "read as that"
            ],
            warnings_of(text),
        )

    def test_a_key_moves_into_a_section_beside_other_keys(self) -> None:
        for backends in ("{max_conns: 5}", "\n  max_conns: 5"):
            text = f"consul:\nbackends: {backends}\nmax_idle_conns_per_host: 100\n"
            expected = BackendsConfig(max_idle=100, max_conns=5)
            self.assertEqual(expected, config_of(text).backends)

    def test_a_key_moves_into_a_section_without_content(self) -> None:
        text = "consul:\nbackends:\nmax_idle_conns_per_host: 100\n"
        self.assertEqual(100, config_of(text).backends.max_idle)

    def test_a_key_moves_at_the_top(self) -> None:
        text = "max_header_bytes: 16KiB\nconsul:\n"
        self.assertEqual(16384, config_of(text).max_request_header_bytes)

    def test_pruning_is_suspended_by_another_name(self) -> None:
        text = "consul:\nsuspend_pruning_if_nats_unavailable: false\n"
        self.assertFalse(config_of(text).suspend_pruning_if_consul_unavailable)
        self.assertEqual(
            [
                "f:2: suspend_pruning_if_nats_unavailable: is called "
                "suspend_pruning_if_consul_unavailable here, and read as that"
            ],
            warnings_of(text),
        )

    def test_our_own_name_wins(self) -> None:
        text = "consul:\nbackends: {max_idle: 7}\nmax_idle_conns_per_host: 100\n"
        self.assertEqual(7, config_of(text).backends.max_idle)
        self.assertEqual(
            ["f:3: max_idle_conns_per_host: is ignored: backends.max_idle is given"],
            warnings_of(text),
        )

    def test_a_bad_value_is_named_on_its_line(self) -> None:
        self.assertEqual(
            ["f:2: backends.max_idle: got 'many', expected a whole number, at least 0"],
            problems_of("consul:\nmax_idle_conns_per_host: many\n"),
        )

    def test_no_attempts_are_one_attempt(self) -> None:
        text = "backends: {max_attempts: 0}\nconsul:\n"
        self.assertEqual(1, config_of(text).backends.max_attempts)
        self.assertEqual(
            ["f:1: backends.max_attempts: 0 is read as 1, as gorouter does"],
            warnings_of(text),
        )
