"""What must hold between keys, when each of them is right by itself."""

from __future__ import annotations

from collections.abc import Mapping

from .report import Report
from .schema import Config, ConsulConfig, DockerConfig
from .template import Template, TemplateError

_TLS_KEYS = ("ca_cert", "ca_path", "client_cert", "client_key", "tls_server_name")
_OF_THE_PROXY = ("port", "host", "guard", "routes", "auth", "backends", "access_log")
_EVERY_ADDRESS = ("", "0.0.0.0", "::")


class Checks:
    """The rules between keys of one file; what breaks them is noted in ``report``.

    :param lines: lines of the keys that were given, by path.
    """

    def __init__(
        self, config: Config, lines: Mapping[str, int], report: Report
    ) -> None:
        self._config = config
        self._lines = lines
        self._report = report

    def run(self) -> None:
        """Apply every rule whose keys are all usable."""
        if self._config.proxy:
            self._sources()
            self._listeners()
        elif self._report.clean("proxy"):
            self._registrar_alone()
        if self._config.docker is not None and "consul" not in self._lines:
            self._problem(
                "docker",
                "the registrar has no Consul to register in, expected a consul "
                "section (consul: alone takes its defaults)",
            )
        if self._report.clean("status"):
            self._status_login()
        if self._config.consul and self._report.clean("consul"):
            self._client_tls("consul", self._config.consul)
            if not self._config.consul.ssl:
                self._tls_used("consul", self._config.consul, "address", "https://")
        if self._config.docker and self._report.clean("docker"):
            self._client_tls("docker", self._config.docker)
            self._tls_used("docker", self._config.docker, "endpoint", "tcp://")
            self._registrar(self._config.docker)

    def _sources(self) -> None:
        config = self._config
        if config.docker is None and config.consul is None and not config.routes:
            self._report.warn(
                1,
                "consul",
                "there is no source of routes: every request will be answered 404; "
                "add a consul section, or static routes",
            )

    def _registrar_alone(self) -> None:
        if "docker" not in self._lines:
            self._problem(
                "proxy",
                "neither a proxy nor a registrar is left, expected true, or a docker "
                "section",
            )
        for key in _OF_THE_PROXY:
            if key in self._lines:
                self._report.warn(self._line(key), key, "not used: proxy is false")

    def _listeners(self) -> None:
        keys = ("port", "host", "status.port", "status.host")
        if not all(self._report.clean(key) for key in keys):
            return
        config, status = self._config, self._config.status
        same_host = config.host == status.host or (
            config.host in _EVERY_ADDRESS or status.host in _EVERY_ADDRESS
        )
        if config.port and config.port == status.port and same_host:
            self._problem(
                "status.port",
                f"{status.port} is the proxy's port too, expected another",
            )

    def _status_login(self) -> None:
        status = self._config.status
        if status.user and not status.pass_:
            said = "there is a user but no pass, expected both or neither"
            self._problem("status.pass", said)
        elif status.pass_ and not status.user:
            said = "there is a pass but no user, expected both or neither"
            self._problem("status.user", said)

    def _registrar(self, docker: DockerConfig) -> None:
        try:
            Template(docker.tags)
        except TemplateError as error:
            self._problem("docker.tags", str(error))

        if docker.ttl_refresh and docker.ttl_refresh >= docker.ttl:
            said = "not shorter than docker.ttl, expected less: services would fail"
            self._problem("docker.ttl_refresh", said)

    def _client_tls(self, name: str, section: ConsulConfig | DockerConfig) -> None:
        if section.client_cert and not section.client_key:
            said = "missing, expected the key of client_cert"
            self._problem(f"{name}.client_key", said)
        elif section.client_key and not section.client_cert:
            said = "missing, expected the certificate of client_key"
            self._problem(f"{name}.client_cert", said)

    def _tls_used(
        self, name: str, section: ConsulConfig | DockerConfig, where: str, scheme: str
    ) -> None:
        target: str | tuple[str, ...] = getattr(section, where)
        targets = (target,) if isinstance(target, str) else target
        if any(not one or one.startswith(scheme) for one in targets):
            return
        for key in _TLS_KEYS:
            path = f"{name}.{key}"
            # One from Consul's environment may be meant for other programs.
            if getattr(section, key, "") and path in self._lines:
                said = f"not used: {name}.{where} does not begin with {scheme}"
                self._report.warn(self._line(path), path, said)

    def _problem(self, path: str, message: str) -> None:
        self._report.problem(self._line(path), path, message)

    def _line(self, path: str) -> int:
        """The line of a key, or of the nearest section around it that was given."""
        while path and path not in self._lines:
            path = path.rpartition(".")[0]
        return self._lines.get(path, 1)
