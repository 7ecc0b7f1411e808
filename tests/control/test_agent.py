"""A Consul agent, asked through py-consul and requests."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

import requests
from twisted.trial.unittest import SynchronousTestCase

from tests.control.web import FakeWeb
from twisted_router.config import ConfigError, ConsulConfig, Secret
from twisted_router.control.agent import ConsulRouteAgent, consul_config
from twisted_router.control.registration import RouteRegistration
from twisted_router.interfaces import CatalogError

WEB = RouteRegistration(
    "web.example.com", "10.0.0.5", 9100, meta={"app": "web"}, service="web"
)
CHECK = f"/v1/agent/check/pass/service:{quote(WEB.id, safe=':')}"


class ConsulRouteAgentTests(SynchronousTestCase):
    """ConsulRouteAgent."""

    def setUp(self) -> None:
        self.web = FakeWeb()
        self.agent = self.agent_of(ConsulConfig(token=Secret("t0k3n")))

    def agent_of(self, config: ConsulConfig) -> ConsulRouteAgent:
        return ConsulRouteAgent(config, self.web.session)

    def urls(self) -> list[str]:
        return [str(one.url).partition("?")[0] for one in self.web.asked]

    def test_a_route_is_registered_and_passing(self) -> None:
        self.agent.register(WEB)
        base = "http://127.0.0.1:8500"
        self.assertEqual(
            [f"{base}/v1/agent/service/register", base + CHECK], self.urls()
        )
        body = json.loads(self.web.asked[0].body or b"")
        self.assertEqual(
            {
                "name": "web",
                "id": WEB.id,
                "address": "10.0.0.5",
                "port": 9100,
                "meta": {"app": "web", "uris": "web.example.com"},
                "checks": [WEB.check],
            },
            body,
        )

    def test_without_a_ttl_nothing_is_reported(self) -> None:
        self.agent.register(replace(WEB, ttl_s=0.0))
        self.assertEqual(1, len(self.web.asked))
        self.assertNotIn("checks", json.loads(self.web.asked[0].body or b""))

    def test_a_refresh_says_whether_the_route_is_known(self) -> None:
        self.assertTrue(self.agent.refresh(WEB))
        for answer in (
            (404, b"Unknown check ID"),
            (500, b'CheckID "x" does not have associated TTL'),
        ):
            self.web.answers["PUT", CHECK] = answer
            self.assertFalse(self.agent.refresh(WEB))

    def test_a_route_is_taken_back_known_or_not(self) -> None:
        path = f"/v1/agent/service/deregister/{quote(WEB.id, safe=':')}"
        for status in (200, 404):
            self.web.answers["PUT", path] = (status, b"")
            self.agent.deregister(WEB.id)
        self.assertEqual([f"http://127.0.0.1:8500{path}"] * 2, self.urls())

    def test_every_request_has_the_token_and_a_limit(self) -> None:
        self.agent.register(WEB)
        self.agent.deregister(WEB.id)
        for request in self.web.asked:
            self.assertEqual("t0k3n", request.headers["X-Consul-Token"])
            self.assertNotIn("t0k3n", str(request.url))
        self.assertEqual([10.0] * 3, self.web.timeouts)

    def test_errors_have_a_status_and_one_line(self) -> None:
        path = "/v1/agent/service/register"
        for answer, status, text in (
            ((400, b"Invalid\nservice"), 400, "400 Invalid service"),
            ((403, b"Permission denied"), 403, "Permission denied"),
            ((429, b"slow down"), 429, "429 slow down"),
            ((404, b""), 404, "404 on a registration"),
            ((500, b"No cluster leader"), 500, "500 No cluster leader"),
        ):
            self.web.answers["PUT", path] = answer
            error = self.assertRaises(CatalogError, self.agent.register, WEB)
            self.assertEqual(
                (status, f"Consul at 127.0.0.1:8500: {text}"),
                (error.status, str(error)),
            )

    def test_an_agent_that_is_not_there_has_no_status(self) -> None:
        for cause, text in (
            (requests.ConnectionError("[Errno 111] refused"), "connection refused"),
            (requests.ConnectionError("no such name"), "cannot connect"),
            (requests.ReadTimeout("x"), "no answer within 10 s"),
        ):
            self.web.error = cause
            error = self.assertRaises(CatalogError, self.agent.refresh, WEB)
            self.assertEqual(
                (0, f"Consul at 127.0.0.1:8500: {text}"), (error.status, str(error))
            )

    def test_the_first_of_several_agents_is_asked(self) -> None:
        for address, ssl, expected in (
            ("10.0.0.1:8501", False, "http://10.0.0.1:8501"),
            ("10.0.0.1", True, "https://10.0.0.1:8500"),
            ("https://consul.test:8501/", False, "https://consul.test:8501"),
            ("http://[::1]:8500", True, "http://[::1]:8500"),
        ):
            config = ConsulConfig(address=(address, "10.0.0.2:8500"), ssl=ssl)
            self.agent_of(config).deregister("x")
            self.assertEqual(
                f"{expected}/v1/agent/service/deregister/x", self.urls()[-1]
            )

    def test_what_a_blocking_client_cannot_do_is_refused(self) -> None:
        for config in (
            ConsulConfig(address=("unix:///run/consul.sock",)),
            ConsulConfig(tls_server_name="consul.test"),
        ):
            self.assertRaises(ValueError, self.agent_of, config)


class ConsulConfigTests(SynchronousTestCase):
    """consul_config()."""

    def test_consuls_own_variables_count(self) -> None:
        found = consul_config(
            "", {"CONSUL_HTTP_ADDR": "10.0.0.1:80", "CONSUL_HTTP_TOKEN": "t"}
        )
        self.assertEqual((("10.0.0.1:80",), "t"), (found.address, found.token))

    def test_an_address_that_is_given_goes_before(self) -> None:
        found = consul_config("10.0.0.2:80", {"CONSUL_HTTP_ADDR": "10.0.0.1:80"})
        self.assertEqual(("10.0.0.2:80",), found.address)

    def test_what_is_none_is_refused(self) -> None:
        for address in ("a b", "'", "ftp://x", "x\n- y"):
            self.assertRaises(ConfigError, consul_config, address, {})
