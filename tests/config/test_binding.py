"""Tests of twisted_router.config.binding."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config import (
    Bytes,
    Config,
    ConsulConfig,
    DockerConfig,
    Seconds,
    StaticRoute,
    binding,
)
from twisted_router.config.schema import AuthScheme

from .loading import WITH_CONSUL, config_of, load, problems_of

_ENVIRON = {
    "CONSUL_HTTP_ADDR": "https://consul:8501",
    "CONSUL_HTTP_TOKEN": "abc",
    "CONSUL_CACERT": "/etc/ca.pem",
}


class BindTests(SynchronousTestCase):
    """What the file gives is typed; what it does not give keeps its default."""

    def test_absent_keys_keep_their_defaults(self) -> None:
        self.assertEqual(Config(consul=ConsulConfig()), config_of(WITH_CONSUL))

    def test_every_kind_of_value_gets_its_type(self) -> None:
        config = config_of(
            "port: 9999\n"
            "drain_wait: 1m\n"
            "max_trailer_bytes: 16KiB\n"
            "logging: {disable_log_source_ip: true}\n"
            "extra_headers_to_log: [X-Trace, b3]\n"
            "docker: {ip: 10.0.0.1}\n" + WITH_CONSUL
        )
        self.assertEqual(9999, config.port)
        self.assertIsInstance(config.drain_wait, Seconds)
        self.assertEqual(60.0, config.drain_wait)
        self.assertIsInstance(config.max_trailer_bytes, Bytes)
        self.assertEqual(16384, config.max_trailer_bytes)
        self.assertIs(True, config.logging.disable_log_source_ip)
        self.assertEqual(("X-Trace", "b3"), config.extra_headers_to_log)
        self.assertEqual(DockerConfig(ip="10.0.0.1"), config.docker)

    def test_text_may_look_like_a_number(self) -> None:
        text = "status: {user: 007, pass: 0123}\n" + WITH_CONSUL
        status = config_of(text).status
        self.assertEqual(("007", "0123"), (status.user, status.pass_))

    def test_a_section_without_content_is_that_section_with_its_defaults(self) -> None:
        for text in ("consul:", "consul: {}", "consul: ~"):
            self.assertEqual(Config(consul=ConsulConfig()), config_of(text), text)

    def test_a_key_without_content_keeps_its_default(self) -> None:
        text = "port:\nstatus:\nroutes:\nbackends: {max_idle: }\nconsul: {address: }"
        self.assertEqual(Config(consul=ConsulConfig()), config_of(text))

    def test_static_routes_are_read(self) -> None:
        text = (
            "routes:\n"
            "  - uri: example.com/old\n"
            "    instances: [10.0.0.5:8080, '[::1]:80', web]\n"
            "    strip: /old\n"
            "    host: dst\n"
        )
        route = StaticRoute(
            uri="example.com/old",
            instances=("10.0.0.5:8080", "[::1]:80", "web"),
            strip="/old",
            host="dst",
        )
        self.assertEqual((route,), config_of(text).routes)


class OtherNameTests(SynchronousTestCase):
    """A key may go by the name that another program gives it."""

    def test_the_other_name_is_as_good(self) -> None:
        docker = config_of("docker: {resync: 60}\n" + WITH_CONSUL).docker
        self.assertEqual(DockerConfig(reconcile_interval=Seconds(60.0)), docker)

    def test_a_bad_value_is_named_by_the_usual_name_on_its_own_line(self) -> None:
        (problem,) = problems_of("docker:\n  resync: 0\n" + WITH_CONSUL)
        self.assertIn("f:2: docker.reconcile_interval: got", problem)

    def test_both_names_at_once_are_refused(self) -> None:
        for first, second in (
            ("resync", "reconcile_interval"),
            ("reconcile_interval", "resync"),
        ):
            text = f"docker:\n  {first}: 60\n  {second}: 30\n" + WITH_CONSUL
            (problem,) = problems_of(text)
            expected = f"f:3: docker.{second}: {first} says so too, expected one"
            self.assertIn(expected, problem)


class ProblemTests(SynchronousTestCase):
    """Every problem names file, line and key, what was found and what was expected."""

    def test_all_problems_are_told_at_once_in_the_order_of_the_file(self) -> None:
        text = (
            "prot: 80\n"
            "port: 99999\n"
            "consul:\n"
            "  adress: consul:8500\n"
            "  wait: 3d\n"
            "backends: 4\n"
            "routes:\n"
            "  - instances: [':1', 'web:80']\n"
        )
        self.assertEqual(
            [
                "f:1: prot: unknown key; did you mean port?",
                "f:2: port: got '99999', expected a whole number, from 0 to 65535",
                "f:4: consul.adress: unknown key; did you mean consul.address?",
                "f:5: consul.wait: got '3d', expected a duration such as 30s, 500ms, "
                "2m or 1h30m, from 1s to 600s",
                "f:6: backends: got '4', expected a section: lines of key: value",
                "f:8: routes[0].uri: missing, expected host, host/path, *.host/path "
                "or /path",
                "f:8: routes[0].instances[0]: got ':1', expected host:port, host or "
                "[IPv6]:port",
            ],
            problems_of(text),
        )

    def test_a_value_of_another_shape_is_named_by_its_shape(self) -> None:
        self.assertEqual(
            [
                "f:1: port: got a list, expected a whole number, from 0 to 65535",
                "f:2: host: got a mapping, expected an IP address of this machine",
                "f:3: routes: got a mapping, expected a list: sections",
                "f:4: extra_headers_to_log: got 'X', expected a list: the name of a "
                "header field",
                "f:5: status: got a list, expected a section: lines of key: value",
            ],
            problems_of(
                "port: [1]\nhost: {a: b}\nroutes: {}\nextra_headers_to_log: X\n"
                "status: [1]\n"
            ),
        )

    def test_an_item_without_content_is_a_problem(self) -> None:
        self.assertEqual(
            [
                "f:2: extra_headers_to_log[0]: got nothing, expected the name of a "
                "header field",
                "f:4: routes[0]: got nothing, expected a section: lines of key: value",
            ],
            problems_of("extra_headers_to_log:\n  -\nroutes:\n  -\n"),
        )

    def test_a_static_route_needs_a_uri_and_instances(self) -> None:
        self.assertEqual(
            [
                "f:2: routes[0].uri: got '', expected host, host/path, *.host/path or "
                "/path",
                "f:2: routes[0].instances: got an empty list, expected host:port, host "
                "or [IPv6]:port",
                "f:3: routes[1].instances: missing, expected host:port, host or "
                "[IPv6]:port",
            ],
            problems_of("routes:\n  - {uri: '', instances: []}\n  - {uri: a}\n"),
        )

    def test_an_odd_key_is_shown_on_one_line(self) -> None:
        self.assertEqual(
            ["f:1: 'a\\nb': unknown key"], problems_of('"a\\nb": 1\nconsul:\n')
        )

    def test_lists_of_aliases_cannot_stand_for_a_huge_file(self) -> None:
        self.patch(binding, "MAX_VALUES", 1000)
        lines = [
            "extra_headers_to_log: &names [" + "b3, " * 90 + "]",
            "routes: [&route {uri: a, instances: *names}, " + "*route, " * 90 + "]",
        ]
        self.assertEqual(
            ["f:1: aliases stand for more than 1000 values, expected fewer"],
            problems_of("\n".join(lines)),
        )


class EnvironmentTests(SynchronousTestCase):
    """Consul's own variables stand in for keys that a consul section leaves out."""

    def test_they_stand_in_for_absent_keys(self) -> None:
        consul = config_of("consul:", _ENVIRON).consul
        assert consul is not None
        self.assertEqual(
            (("https://consul:8501",), "abc", "/etc/ca.pem"),
            (consul.address, consul.token, consul.ca_cert),
        )

    def test_the_file_wins(self) -> None:
        consul = config_of("consul: {address: here:1}", _ENVIRON).consul
        assert consul is not None
        self.assertEqual(("here:1",), consul.address)

    def test_one_or_several_agents(self) -> None:
        for text, expected in (("a:1", ("a:1",)), ("[a:1, b:2]", ("a:1", "b:2"))):
            consul = config_of(f"consul: {{address: {text}}}").consul
            assert consul is not None
            self.assertEqual(expected, consul.address)

    def test_no_agent_at_all_is_refused(self) -> None:
        expected = "host:port, http(s)://host[:port] or unix:///path"
        for text, got in (("[]", "an empty list"), ("['']", "''"), ("''", "''")):
            (problem,) = problems_of(f"consul: {{address: {text}}}")
            self.assertIn(f"got {got}, expected {expected}", problem)

    def test_a_tokens_file_goes_before_a_token(self) -> None:
        """As in Consul's own tools; and a key before both."""
        environ = {"CONSUL_HTTP_TOKEN": "a", "CONSUL_HTTP_TOKEN_FILE": "/t"}
        for text, expected, file in (
            ("consul:", "b", "/t"),
            ("consul: {token: c}", "c", ""),
        ):
            consul = load(text, environ, {"/t": "b\n"}).config.consul
            assert consul is not None
            self.assertEqual((expected, file), (consul.token, consul.token.file))

    def test_a_tokens_file_that_is_not_there_is_named_with_its_variable(self) -> None:
        (problem,) = problems_of("consul:", {"CONSUL_HTTP_TOKEN_FILE": "/t"}, {})
        self.assertIn("consul.token: from the variable CONSUL_HTTP_TOKEN_FILE", problem)
        self.assertIn("'/t'", problem)

    def test_switches_are_read_as_go_reads_them(self) -> None:
        for text, expected in (("1", True), ("T", True), ("true", True), ("0", False)):
            consul = config_of("consul:", {"CONSUL_HTTP_SSL": text}).consul
            assert consul is not None
            self.assertEqual(expected, consul.ssl)

    def test_everything_of_tls_has_a_variable(self) -> None:
        consul = config_of(
            "consul:",
            {
                "CONSUL_CAPATH": "/ca",
                "CONSUL_TLS_SERVER_NAME": "server.dc1.consul",
                "CONSUL_HTTP_SSL_VERIFY": "false",
            },
        ).consul
        assert consul is not None
        self.assertEqual(
            ("/ca", "server.dc1.consul", False),
            (consul.ca_path, consul.tls_server_name, consul.ssl_verify),
        )

    def test_they_make_no_section_by_themselves(self) -> None:
        text = "routes: [{uri: a, instances: [b]}]"
        self.assertIsNone(config_of(text, _ENVIRON).consul)

    def test_an_empty_one_is_as_if_absent(self) -> None:
        consul = config_of("consul:", {"CONSUL_HTTP_ADDR": ""}).consul
        self.assertEqual(ConsulConfig(), consul)

    def test_a_bad_one_is_named_in_the_problem(self) -> None:
        self.assertEqual(
            [
                "f:2: consul.address: from the variable CONSUL_HTTP_ADDR: got 'x', "
                "expected host:port, http(s)://host[:port] or unix:///path"
            ],
            problems_of("port: 1\nconsul:", {"CONSUL_HTTP_ADDR": "x"}),
        )


class NamesTests(SynchronousTestCase):
    """Sections under names that the file itself gives."""

    def test_each_name_has_its_section(self) -> None:
        text = (
            "consul:\nauth:\n  staff: {file: /a}\n"
            "  b.c-1: {type: Basic, file: /b, realm: B}\n"
        )
        self.assertEqual(
            (
                ("staff", AuthScheme(file="/a")),
                ("b.c-1", AuthScheme(file="/b", realm="B")),
            ),
            config_of(text).auth,
        )

    def test_no_names_are_no_sections(self) -> None:
        for text in ("auth:", "auth: {}"):
            self.assertEqual((), config_of(f"consul:\n{text}").auth)

    def test_what_is_wrong_is_named_by_its_place(self) -> None:
        text = (
            "consul:\nauth:\n  a b: {file: /a}\n  c: {type: digest}\n"
            "  d: {file: /d, real: D}\n  e: {file: '', realm: é}\n  f:\n"
        )
        self.assertEqual(
            [
                "f:3: auth.'a b': got 'a b', expected a name of letters, digits, '.', "
                "'_' and '-'",
                "f:4: auth.c.type: got 'digest', expected one of basic",
                "f:4: auth.c.file: missing, expected the path of a file",
                "f:5: auth.d.real: unknown key; did you mean auth.d.realm?",
                "f:6: auth.e.file: got '', expected the path of a file",
                "f:6: auth.e.realm: got 'é', expected ASCII text",
                "f:7: auth.f: got nothing, expected a section: lines of key: value",
            ],
            problems_of(text),
        )

    def test_a_list_has_no_names(self) -> None:
        self.assertEqual(
            ["f:2: auth: got a list, expected lines of NAME: and a section"],
            problems_of("consul:\nauth: [{file: /a}]"),
        )
