"""Tests of twisted_router.first_minute."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.first_minute import (
    agent_answers,
    config_for,
    free_port,
    usual_agent,
    welcome,
)


@contextmanager
def _server(status: int, body: bytes) -> Iterator[str]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class AgentTests(SynchronousTestCase):
    """Only what answers as an agent does is taken for one."""

    def test_an_agent_answers(self) -> None:
        with _server(200, b'"127.0.0.1:8300"') as address:
            self.assertTrue(agent_answers(address))
            self.assertTrue(agent_answers(f"http://{address}"))

    def test_other_servers_are_none(self) -> None:
        for status, body in ((404, b'"x"'), (200, b"<html>"), (200, b"{}")):
            with _server(status, body) as address:
                self.assertFalse(agent_answers(address))

    def test_nobody_is_none(self) -> None:
        self.assertFalse(agent_answers(f"127.0.0.1:{free_port('127.0.0.1', 0)}"))
        self.assertFalse(agent_answers("unix:///nowhere"))

    def test_the_environment_says_where_to_look(self) -> None:
        self.assertEqual("127.0.0.1:8500", usual_agent({}))
        self.assertEqual("h:1", usual_agent({"CONSUL_HTTP_ADDR": "h:1"}))


class FreePortTests(SynchronousTestCase):
    """The wanted port is taken if nobody has it."""

    def test_a_free_port_is_itself(self) -> None:
        port = free_port("127.0.0.1", 0)
        self.assertEqual(port, free_port("127.0.0.1", port))

    def test_a_taken_port_gives_another(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assertNotIn(free_port("127.0.0.1", port), (0, port))


class WelcomeTests(SynchronousTestCase):
    """A newcomer can paste what is printed."""

    def test_the_lines_name_what_listens(self) -> None:
        text = welcome("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
        self.assertIn("curl -H 'Host: web.localhost' http://127.0.0.1:1/\n", text)
        self.assertIn("http://127.0.0.1:2/health", text)
        self.assertIn("http://127.0.0.1:3/v1/agent/service/register\n", text)
        self.assertIn('"Tags": ["urlprefix-web.localhost/"]}', text)

    def test_pasted_at_once_the_last_line_waits_for_the_first(self) -> None:
        text = welcome("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
        self.assertIn("9100 --bind 127.0.0.1 &\n", text)
        self.assertIn("\n  sleep 1; curl -H", text)

    def test_the_configuration_asks_that_catalog(self) -> None:
        consul = config_for("127.0.0.1:3").consul
        assert consul is not None
        self.assertEqual(("127.0.0.1:3",), consul.address)
