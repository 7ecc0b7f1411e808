"""Tests of twisted_router.tap: the command line, and the tree of services."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from twisted.application.service import IServiceMaker, MultiService
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_router import logs, tap
from twisted_router.config.schema import Config, Seconds
from twisted_router.single_look import look_once
from twisted_router.tap import Options, makeService, sweep_interval_s

SHIPPED = Path(__file__).parent.parent / "etc" / "router.yml"


class OptionsTests(SynchronousTestCase):
    """The command line is understood, or its faults are named."""

    def file(self, text: str) -> str:
        path = Path(self.mktemp())
        path.write_text(text)
        return str(path)

    def parse(self, *arguments: str) -> tuple[Options, str, str, int | str | None]:
        """Options, standard output, standard error, exit status if it exits."""
        out, err = StringIO(), StringIO()
        options, status = Options(), None
        with redirect_stdout(out), redirect_stderr(err):
            try:
                options.parseOptions(list(arguments))
            except SystemExit as error:
                status = error.code
        return options, out.getvalue(), err.getvalue(), status

    def test_a_file_becomes_the_configuration(self) -> None:
        options, _, _, status = self.parse("-c", self.file("port: 99\nroutes: []\n"))
        self.assertIsNone(status)
        self.assertEqual(99, options.config.port)
        self.assertFalse(options.embedded)

    def test_all_errors_are_named_and_the_exit_status_is_1(self) -> None:
        path = self.file("port: x\nindx: 3\n")
        _, _, err, status = self.parse("-c", path)
        self.assertEqual(1, status)
        self.assertIn(f"{path}:1: port:", err)
        self.assertIn(f"{path}:2: indx:", err)
        self.assertIn("index", err)
        self.assertNotIn("Traceback", err)

    def test_a_missing_file_is_an_error(self) -> None:
        _, _, err, status = self.parse("-c", "/nonexistent/router.yml")
        self.assertEqual(1, status)
        self.assertIn("/nonexistent/router.yml", err)

    def test_warnings_do_not_stop_it(self) -> None:
        _, _, err, status = self.parse("-c", self.file("go_max_procs: 8\nconsul:\n"))
        self.assertIsNone(status)
        self.assertRegex(err, r"warning: .*:1: go_max_procs:")

    def test_check_says_ok_and_exits_with_0(self) -> None:
        _, out, _, status = self.parse("--check", "-c", str(SHIPPED))
        self.assertEqual(0, status)
        self.assertEqual(f"{SHIPPED}: ok\n", out)

    def test_check_without_a_file_makes_no_sense(self) -> None:
        for flag in ("--check", "--registrar-dry-run", "--once"):
            self.assertRaises(UsageError, self.parse, flag)

    def test_the_registrar_looks_once_before_twistd_does_anything(self) -> None:
        path = self.file("consul:\ndocker:\n")
        for flags, is_dry in (
            (["--registrar-dry-run"], True),
            (["--once"], False),
            (["--once", "--registrar-dry-run"], True),
        ):
            with (
                patch.object(tap, "react", side_effect=SystemExit(0)) as react,
                patch.object(logs, "speak_plainly"),
            ):
                options, _, _, status = self.parse("-c", path, *flags)
            react.assert_called_once_with(
                look_once, (options.config, os.environ, is_dry)
            )
            self.assertEqual(0, status)

    def test_without_a_docker_section_there_is_no_registrar(self) -> None:
        path = self.file("consul:\n")
        _, _, err, status = self.parse("-c", path, "--once")
        self.assertEqual(1, status)
        self.assertEqual(
            f"{path}: there is no docker section, and so no registrar\n", err
        )

    def test_without_a_file_an_agent_that_answers_is_used(self) -> None:
        with _agent(True), patch.dict(os.environ, {"CONSUL_HTTP_ADDR": "a:1"}):
            options, out, _, _ = self.parse()
        self.assertFalse(options.embedded)
        assert options.config.consul is not None
        self.assertEqual(("a:1",), options.config.consul.address)
        self.assertIn("a:1", out)

    def test_that_agent_is_asked_as_consuls_variables_say(self) -> None:
        with _agent(True), patch.dict(os.environ, {"CONSUL_HTTP_TOKEN": "abc"}):
            options, _, _, _ = self.parse()
        assert options.config.consul is not None
        self.assertEqual("abc", options.config.consul.token)

    def test_a_variable_that_cannot_be_used_is_an_error(self) -> None:
        with _agent(True), patch.dict(os.environ, {"CONSUL_HTTP_SSL": "maybe"}):
            _, _, err, status = self.parse()
        self.assertEqual(1, status)
        self.assertIn("from the variable CONSUL_HTTP_SSL", err)

    def test_without_a_file_and_an_agent_the_catalog_is_embedded(self) -> None:
        with _agent(False):
            options, out, _, _ = self.parse()
        self.assertTrue(options.embedded)
        assert options.config.consul is not None
        self.assertRegex(options.config.consul.address[0], r"\A127\.0\.0\.1:\d+\Z")
        self.assertIn("embedded catalog", out)


@contextmanager
def _agent(answers: bool) -> Iterator[None]:
    with patch.object(tap, "agent_answers", lambda address: answers):
        yield


class MakeServiceTests(SynchronousTestCase):
    """The services are those that the configuration asks for."""

    def names(self, text: str, embedded: bool = False) -> list[str]:
        path = Path(self.mktemp())
        path.write_text(text)
        options = Options()
        with redirect_stderr(StringIO()):
            options.parseOptions(["-c", str(path)])
        options.embedded = embedded
        reactor = MemoryReactorClock()
        service = makeService(options, reactor)
        self.assertIsInstance(service, MultiService)
        self.assertEqual([], reactor.tcpServers + reactor.tcpClients)
        self.assertEqual([], reactor.getDelayedCalls())
        return [type(part).__name__ for part in service]

    def test_static_routes_need_a_proxy_and_a_status_site(self) -> None:
        self.assertEqual(
            ["StatusService", "ProxyService"],
            self.names("routes: [{uri: a.example.com, instances: ['10.0.0.1:80']}]"),
        )

    def test_who_knows_users_is_there_before_who_asks(self) -> None:
        text = (
            "auth: {staff: {file: /x}}\n"
            "routes: [{uri: a.example.com, instances: ['10.0.0.1:80']}]"
        )
        self.assertEqual(
            ["AuthService", "StatusService", "ProxyService"], self.names(text)
        )

    def test_a_consul_section_adds_a_source(self) -> None:
        self.assertEqual(
            [
                "StatusService",
                "ClosingService",
                "Keeper",
                "ConsulSource",
                "ProxyService",
            ],
            self.names("consul:"),
        )

    def test_a_docker_section_adds_the_registrar(self) -> None:
        self.assertEqual(
            [
                *("StatusService", "ClosingService", "Keeper", "ConsulSource"),
                *("RegistrarService", "ProxyService"),
            ],
            self.names("consul:\ndocker:\n"),
        )

    def test_a_registrar_alone_watches_no_routes(self) -> None:
        text = "proxy: false\nconsul:\ndocker:\n"
        more = f"auth: {{staff: {{file: /x}}}}\naccess_log: {{file: {self.mktemp()}}}\n"
        for config in (text, text + more):
            self.assertEqual(
                ["StatusService", "ClosingService", "RegistrarService"],
                self.names(config),
            )

    def test_an_access_log_comes_first(self) -> None:
        self.assertEqual(
            ["AccessLog", "StatusService", "ProxyService"],
            self.names(f"routes: []\naccess_log: {{file: {self.mktemp()}}}"),
        )

    def test_the_embedded_catalog_is_there_before_who_asks_it(self) -> None:
        self.assertEqual(
            [
                *("StatusService", "CatalogService", "ClosingService"),
                *("Keeper", "ConsulSource", "ProxyService"),
            ],
            self.names("consul: {address: '127.0.0.1:8500'}", embedded=True),
        )


class SweepIntervalTests(SynchronousTestCase):
    """Timeouts are kept with a precision that suits the shortest of them."""

    def test_a_second_is_enough_for_the_defaults(self) -> None:
        self.assertEqual(1.0, sweep_interval_s(Config()))

    def test_short_timeouts_are_looked_at_more_often(self) -> None:
        self.assertEqual(0.25, sweep_interval_s(Config(endpoint_timeout=Seconds(1))))
        self.assertEqual(0.05, sweep_interval_s(Config(endpoint_timeout=Seconds(0.1))))


class PluginTests(SynchronousTestCase):
    """twistd finds the router, and the router chooses the reactor."""

    def test_the_plugin_is_found(self) -> None:
        (maker,) = [m for m in getPlugins(IServiceMaker) if m.tapname == "router"]
        verifyObject(IServiceMaker, maker)
        self.assertIs(Options, maker.options)

    def reactor_of(self, *arguments: str) -> str:
        """The class of the reactor that ``twistd ARGUMENTS router`` runs."""
        script = (
            "import sys\n"
            "from twisted.scripts.twistd import ServerOptions\n"
            "options = ServerOptions()\n"
            "options.parseOptions(sys.argv[1:])\n"
            "from twisted.internet import reactor\n"
            "print(type(reactor).__name__)\n"
        )
        return subprocess.run(
            [sys.executable, "-c", script, *arguments, "router", "-c", str(SHIPPED)],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(SHIPPED.parent.parent)},
            text=True,
            timeout=30,
        ).stdout.split()[-1]

    def test_the_lean_reactor_is_the_default(self) -> None:
        self.assertEqual("LeanEPollReactor", self.reactor_of("-n"))

    def test_the_users_choice_stands(self) -> None:
        self.assertEqual("PollReactor", self.reactor_of("--reactor=poll", "-n"))
