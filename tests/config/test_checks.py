"""Tests of twisted_router.config.checks."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config import DockerConfig

from .loading import WITH_CONSUL, config_of, problems_of, warnings_of


class SourceTests(SynchronousTestCase):
    """Routes must come from somewhere, and the registrar must write somewhere."""

    def test_a_file_without_a_source_of_routes_is_warned_about(self) -> None:
        self.assertEqual(
            [
                "f:1: consul: there is no source of routes: every request will be "
                "answered 404; add a consul section, or static routes"
            ],
            warnings_of("port: 9999"),
        )

    def test_a_consul_section_or_static_routes_are_a_source(self) -> None:
        for text in (WITH_CONSUL, "routes: [{uri: a, instances: [b]}]"):
            self.assertEqual([], warnings_of(text))

    def test_a_registrar_needs_a_consul(self) -> None:
        self.assertEqual(
            [
                "f:2: docker: the registrar has no Consul to register in, expected a "
                "consul section (consul: alone takes its defaults)"
            ],
            problems_of("port: 1\ndocker:"),
        )

    def test_a_registrar_with_a_bad_consul_is_one_problem(self) -> None:
        self.assertEqual(1, len(problems_of("docker:\nconsul: 1")))


class RegistrarAloneTests(SynchronousTestCase):
    """A registrar can do without a proxy, but not both without the other."""

    def test_a_registrar_without_a_proxy(self) -> None:
        text = "proxy: false\nconsul:\ndocker:\n"
        self.assertEqual([], warnings_of(text))
        self.assertFalse(config_of(text).proxy)

    def test_there_has_to_be_something(self) -> None:
        self.assertEqual(
            [
                "f:1: proxy: neither a proxy nor a registrar is left, expected true, "
                "or a docker section"
            ],
            problems_of("proxy: false\nconsul:\n"),
        )

    def test_it_needs_a_consul_all_the_same(self) -> None:
        (problem,) = problems_of("proxy: false\ndocker:\n")
        self.assertIn("f:2: docker: the registrar has no Consul", problem)

    def test_what_only_a_proxy_heeds(self) -> None:
        text = (
            "proxy: false\nport: 80\nroutes: [{uri: a, instances: [b]}]\n"
            "consul:\ndocker:\n"
        )
        self.assertEqual(
            [f"f:{line}: {key}: not used: proxy is false"
             for line, key in ((2, "port"), (3, "routes"))],
            warnings_of(text),
        )  # fmt: skip

    def test_its_port_clashes_with_nothing(self) -> None:
        text = "proxy: false\nstatus: {port: 8081}\nconsul:\ndocker:\n"
        self.assertEqual(8081, config_of(text).status.port)


class ListenerTests(SynchronousTestCase):
    """The proxy and the status site cannot have the same port of one address."""

    def test_the_same_port_is_refused_where_addresses_overlap(self) -> None:
        for hosts in ("", "host: 127.0.0.1\n", "host: 0.0.0.0\n", "host: '::'\n"):
            text = f"port: 80\nstatus: {{port: 80}}\n{hosts}{WITH_CONSUL}"
            self.assertEqual(
                ["f:2: status.port: 80 is the proxy's port too, expected another"],
                problems_of(text),
            )

    def test_a_clash_with_a_default_is_on_the_line_that_was_given(self) -> None:
        (problem,) = problems_of("consul:\nstatus:\n  user:\nport: 8082")
        self.assertTrue(problem.startswith("f:2: status.port: 8082 is the proxy's"))

    def test_the_same_port_of_other_addresses_is_no_clash(self) -> None:
        text = f"port: 80\nhost: 10.0.0.1\nstatus: {{port: 80}}\n{WITH_CONSUL}"
        self.assertEqual(80, config_of(text).status.port)

    def test_any_free_port_is_no_clash(self) -> None:
        self.assertEqual(
            0, config_of(f"port: 0\nstatus: {{port: 0}}\n{WITH_CONSUL}").port
        )


class StatusLoginTests(SynchronousTestCase):
    """A login has a user and a password, or is not asked for."""

    def test_a_user_without_a_password_is_refused(self) -> None:
        self.assertEqual(
            ["f:2: status.pass: there is a user but no pass, expected both or neither"],
            problems_of("status:\n  pass:\n  user: me\nconsul:"),
        )

    def test_a_password_without_a_user_is_refused(self) -> None:
        self.assertEqual(
            ["f:1: status.user: there is a pass but no user, expected both or neither"],
            problems_of("status: {pass: x}\nconsul:"),
        )

    def test_a_password_that_cannot_be_read_is_one_problem(self) -> None:
        text = "status: {user: me, pass: {env: NONE}}\nconsul:"
        self.assertEqual(1, len(problems_of(text)))

    def test_both_and_neither_are_fine(self) -> None:
        for status in ("{user: me, pass: x}", "{}", "{user: , pass: }"):
            self.assertEqual([], warnings_of(f"status: {status}\nconsul:"))


class RegistrarTests(SynchronousTestCase):
    """What is wrong with the registrar's keys is said before there are containers."""

    def test_tags_that_cannot_be_filled_in_are_refused(self) -> None:
        text = WITH_CONSUL + "docker:\n  tags: 'a,{{httpGet .Name}}'\n"
        (problem,) = problems_of(text)
        self.assertIn("f:3: docker.tags: httpGet is not supported", problem)

    def test_a_ttl_must_be_refreshed_before_it_is_over(self) -> None:
        for ttl, refresh, problems in ((30, 30, 1), (0, 5, 1), (30, 10, 0), (30, 0, 0)):
            text = f"{WITH_CONSUL}docker: {{ttl: {ttl}, ttl-refresh: {refresh}}}\n"
            if problems:
                (problem,) = problems_of(text)
                self.assertIn("docker.ttl_refresh: not shorter than", problem)
            else:
                self.assertEqual([], warnings_of(text))

    def test_tags_that_can_be_filled_in_are_fine(self) -> None:
        docker = config_of(WITH_CONSUL + "docker: {tags: '{{.Name}}'}\n").docker
        self.assertEqual(DockerConfig(tags="{{.Name}}"), docker)


class ClientTlsTests(SynchronousTestCase):
    """Certificates come with their keys, and only where TLS is spoken."""

    def test_a_certificate_needs_its_key(self) -> None:
        text = (
            "consul: {address: 'https://c', client_cert: c.pem}\n"
            "docker: {endpoint: 'tcp://d:2376', client_key: k.pem}"
        )
        self.assertEqual(
            [
                "f:1: consul.client_key: missing, expected the key of client_cert",
                "f:2: docker.client_cert: missing, expected the certificate of "
                "client_key",
            ],
            problems_of(text),
        )

    def test_certificates_without_tls_are_warned_about(self) -> None:
        text = (
            "consul: {ca_cert: ca.pem}\n"
            "docker: {endpoint: 'unix:///d.sock', client_cert: c, client_key: k}"
        )
        self.assertEqual(
            [
                "f:1: consul.ca_cert: not used: consul.address does not begin with "
                "https://",
                "f:2: docker.client_cert: not used: docker.endpoint does not begin "
                "with tcp://",
                "f:2: docker.client_key: not used: docker.endpoint does not begin "
                "with tcp://",
            ],
            warnings_of(text),
        )

    def test_one_agent_with_tls_is_enough_for_them(self) -> None:
        for given in ("address: [a:1, 'https://b']", "ssl: true"):
            text = f"consul: {{ca_cert: ca.pem, {given}}}"
            self.assertEqual([], warnings_of(text))

    def test_an_endpoint_of_the_environment_may_speak_tls(self) -> None:
        self.assertEqual([], warnings_of("consul:\ndocker: {ca_cert: ca.pem}"))
