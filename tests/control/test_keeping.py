"""routerctl register and unregister, with a fake agent."""

from __future__ import annotations

import json
from pathlib import Path

from tests.control.commands import CommandTestCase
from tests.control.fakes import AWAY, FakeAgent
from twisted_router.control.registration import RouteRegistration
from twisted_router.interfaces import CatalogError

WEB = RouteRegistration("web.example.com", "10.0.0.5", 9100)
ROUTE = ("--uri", "web.example.com", "--address", "10.0.0.5:9100")


class RegisterTests(CommandTestCase):
    """register."""

    def test_a_route_is_kept_until_it_is_stopped_and_then_taken_back(self) -> None:
        result = self.invoke("register", *ROUTE)
        self.assertEqual((0, ""), (result.exit_code, result.output))
        self.assertEqual(
            ["register", "refresh", "refresh", "deregister"], self.agent.verbs()
        )
        self.assertEqual([40.0] * 3, self.pause.waits)
        self.assertEqual({}, self.agent.routes)

    def test_once_a_route_is_left_there(self) -> None:
        result = self.invoke("register", *ROUTE, "--once")
        self.assertEqual((0, ""), (result.exit_code, result.output))
        self.assertEqual({WEB.id: WEB}, self.agent.routes)
        self.assertEqual(["register"], self.agent.verbs())

    def test_options_say_the_rest(self) -> None:
        self.invoke(
            "register", *ROUTE, "--uri", "/a", "--once", "--ttl", "5m",
            "--service", "mine", "--tag-prefix", "route-",
        )  # fmt: skip
        self.assertEqual(["/a", "web.example.com"], self.agent.uris())
        for route in self.agent.routes.values():
            self.assertEqual(
                (300.0, "mine", "route-"), (route.ttl_s, route.name, route.tag_prefix)
            )

    def test_the_agent_is_found_as_consuls_own_tools_find_it(self) -> None:
        for arguments, environ, expected in (
            ((), {}, "127.0.0.1:8500"),
            ((), {"CONSUL_HTTP_ADDR": "10.0.0.1:80"}, "10.0.0.1:80"),
            (
                ("--consul", "10.0.0.2:80"),
                {"CONSUL_HTTP_ADDR": "10.0.0.1:80"},
                "10.0.0.2:80",
            ),
        ):
            self.invoke("register", *ROUTE, "--once", *arguments, environ=environ)
            assert self.config is not None
            self.assertEqual((expected,), self.config.address)

    def test_an_agent_that_is_away_is_waited_for(self) -> None:
        self.agent.error = AWAY
        result = self.invoke("register", *ROUTE)
        self.assertEqual(1, result.exit_code)
        self.assertIn(f"routerctl: {AWAY}; trying again\n", result.stderr)
        self.assertEqual(["register"] * 3 + ["deregister"], self.agent.verbs())

    def test_once_an_agent_that_is_away_is_not_waited_for(self) -> None:
        self.agent.error = AWAY
        result = self.invoke("register", *ROUTE, "--once")
        self.assertEqual(1, result.exit_code)
        self.assertEqual(["register"], self.agent.verbs())

    def test_a_refusal_is_said_and_shows_in_the_status(self) -> None:
        self.agent.error = CatalogError("Consul at test: 403", 403)
        result = self.invoke("register", *ROUTE, "--once")
        self.assertEqual(
            (1, "routerctl: web.example.com at 10.0.0.5:9100: Consul at test: 403\n"),
            (result.exit_code, result.stderr),
        )

    def test_a_wrong_command_line_is_refused(self) -> None:
        for arguments, reason in (
            ((), "give --uri and --address, or --messages"),
            (("--uri", "a"), "give --uri and --address, or --messages"),
            (("--address", "a:1"), "give --uri and --address, or --messages"),
            ((*ROUTE, "--messages", "-"), "give --uri and --address, or --messages"),
            (("--uri", "http://a"), "write host/path, without the scheme"),
            (("--address", "10.0.0.5"), "no port from 1 to 65535"),
            ((*ROUTE, "--ttl", "x"), "no duration from 1s to 24h"),
            ((*ROUTE, "--ttl", "500ms"), "no duration from 1s to 24h"),
            ((*ROUTE, "--consul", "a b"), "a b"),
            (("--messages", "nope"), "No such file"),
        ):
            result = self.invoke("register", *arguments)
            self.assertEqual(2, result.exit_code, arguments)
            self.assertIn(reason, result.stderr.replace("\n", " "))
        self.assertEqual([], self.agent.asked)


class MessagesTests(CommandTestCase):
    """register --messages."""

    def messages(self, *lines: str) -> str:
        """Path of a file with these lines."""
        path = Path(self.mktemp())
        path.write_text("\n".join(lines))
        return str(path)

    def message(self, uri: str, subject: str = "") -> str:
        body = {"host": "10.0.0.5", "port": 9100, "uris": [uri]}
        return f"{subject} {json.dumps(body)}"

    def test_routes_of_messages_are_kept(self) -> None:
        path = self.messages(self.message("a.example"), self.message("b.example"))
        result = self.invoke("register", "--messages", path)
        self.assertEqual((0, ""), (result.exit_code, result.output))
        self.assertEqual(
            ["register"] * 2 + ["refresh"] * 4 + ["deregister"] * 2,
            self.agent.verbs(),
        )

    def test_messages_take_back_what_others_registered(self) -> None:
        path = self.messages(
            self.message("a.example"),
            self.message("b.example"),
            self.message("a.example", "router.unregister"),
        )
        self.invoke("register", "--once", "--messages", path)
        self.assertEqual(["b.example"], self.agent.uris())

    def test_a_bad_line_is_named_and_skipped(self) -> None:
        path = self.messages(
            self.message("a.example"), "nonsense", "", self.message("b.example")
        )
        result = self.invoke("register", "--once", "--messages", path)
        self.assertEqual(
            (1, "routerctl: line 2: skipped: no JSON\n"),
            (result.exit_code, result.stderr),
        )
        self.assertEqual(["a.example", "b.example"], self.agent.uris())

    def test_a_long_line_is_named_and_skipped(self) -> None:
        path = self.messages("x" * 70_000, self.message("a.example"))
        result = self.invoke("register", "--once", "--messages", path)
        self.assertEqual(
            "routerctl: line 1: skipped: longer than 65536 bytes\n", result.stderr
        )
        self.assertEqual(["a.example"], self.agent.uris())

    def test_a_uri_that_is_left_out_is_named(self) -> None:
        path = self.messages(self.message("\x1b[2J"))
        result = self.invoke("register", "--once", "--messages", path)
        self.assertEqual(1, result.exit_code)
        self.assertIn("routerctl: line 1: uri '\\x1b[2J' is left out:", result.stderr)


class UnregisterTests(CommandTestCase):
    """unregister."""

    def test_a_route_is_taken_back_whoever_registered_it(self) -> None:
        FakeAgent.register(self.agent, WEB)
        result = self.invoke("unregister", *ROUTE)
        self.assertEqual((0, ""), (result.exit_code, result.output))
        self.assertEqual({}, self.agent.routes)

    def test_messages_say_what_to_take_back(self) -> None:
        FakeAgent.register(self.agent, WEB)
        path = Path(self.mktemp())
        path.write_text(
            '{"host": "10.0.0.5", "port": 9100, "uris": ["web.example.com"]}'
        )
        result = self.invoke("unregister", "--messages", str(path))
        self.assertEqual((0, {}), (result.exit_code, self.agent.routes))

    def test_an_agent_that_is_away_shows_in_the_status(self) -> None:
        self.agent.error = AWAY
        result = self.invoke("unregister", *ROUTE)
        self.assertEqual(1, result.exit_code)
        self.assertEqual(["deregister"], self.agent.verbs())
