"""Tests of the Consul client: what it asks, and what it makes of the answers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any
from unittest import mock

from treq._agentspy import agent_spy
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.clients.support import ScriptedApi, Seen
from tests.clients.test_instances import ENTRY, entry
from twisted_router.clients.consul import ConsulClient
from twisted_router.clients.pyconsul import LibraryClient
from twisted_router.clients.token import Token
from twisted_router.clients.transport import Transport
from twisted_router.config.schema import ConsulConfig, Secret
from twisted_router.interfaces import Answer, CatalogError, IConsulClient

#: Headers as an agent sends them.
HEADERS = {
    "X-Consul-Index": "42",
    "X-Consul-Knownleader": "true",
    "X-Consul-Lastcontact": "0",
}


class ConsulTestCase(SynchronousTestCase):
    """A client whose requests go to a scripted server."""

    config = ConsulConfig()

    def setUp(self) -> None:
        self.clock = Clock()
        self.api = ScriptedApi(headers=HEADERS)
        self.client = ConsulClient(self.clock, self.config, self.api.agent())

    def says(self, data: Any, status: int = 200) -> None:
        self.api.body = json.dumps(data).encode()
        self.api.status = status

    @property
    def asked(self) -> Seen:
        return self.api.seen[-1]

    def error_of(self, result: Deferred[Any]) -> CatalogError:
        error = self.failureResultOf(result, CatalogError).value
        assert isinstance(error, CatalogError)
        return error


class ReadTests(ConsulTestCase):
    """What each read asks for and returns."""

    def test_it_provides_its_interface(self) -> None:
        verifyObject(IConsulClient, self.client)

    def test_services_are_named_with_sorted_tags(self) -> None:
        self.says({"web": ["v1", "a"], "consul": [], "db": None})
        answer = self.successResultOf(self.client.services())
        self.assertEqual(
            Answer(42, {"web": ["a", "v1"], "consul": [], "db": []}), answer
        )
        self.assertEqual("/v1/catalog/services", self.asked.uri)

    def test_health_is_read_into_instances(self) -> None:
        self.says([ENTRY, entry(ID="web-2", Port=0)])
        answer = self.successResultOf(self.client.health("web"))
        self.assertEqual(["web-1"], [instance.id for instance in answer.data])
        self.assertEqual(["web-2"], [bad.instance_id for bad in answer.quarantined])
        self.assertEqual("/v1/health/service/web", self.asked.uri)

    def test_checks_come_as_they_are(self) -> None:
        self.says([{"CheckID": "serfHealth"}])
        answer = self.successResultOf(self.client.checks())
        self.assertEqual([{"CheckID": "serfHealth"}], answer.data)
        self.assertEqual("/v1/health/state/any", self.asked.uri)

    def test_checks_of_one_status_alone(self) -> None:
        self.says([])
        self.successResultOf(self.client.checks(status="critical"))
        self.assertEqual("/v1/health/state/critical", self.asked.uri)

    def test_summaries_are_told_by_name_and_come_as_they_are(self) -> None:
        web, db = {"Name": "web", "InstanceCount": 2}, {"Name": "db"}
        self.says([web, db])
        answer = self.successResultOf(self.client.summaries())
        self.assertEqual({"web": [web], "db": [db]}, answer.data)
        self.assertEqual("/v1/internal/ui/services", self.asked.uri)

    def test_summaries_can_be_waited_for(self) -> None:
        self.says([])
        self.successResultOf(self.client.summaries(7, 55.0))
        self.assertEqual(
            "/v1/internal/ui/services?index=7&wait=55000ms&stale=1", self.asked.uri
        )

    def test_the_agent_speaks_of_itself(self) -> None:
        self.says({"Config": {"NodeName": "n1"}})
        self.assertEqual(
            {"Config": {"NodeName": "n1"}},
            self.successResultOf(self.client.agent_self()),
        )
        self.assertEqual("/v1/agent/self", self.asked.uri)

    def test_the_agents_own_services_and_checks(self) -> None:
        self.says({"web-1": {"Service": "web"}})
        for read, path in (
            (self.client.agent_services, "/v1/agent/services"),
            (self.client.agent_checks, "/v1/agent/checks"),
        ):
            self.assertEqual(
                {"web-1": {"Service": "web"}}, self.successResultOf(read())
            )
            self.assertEqual(path, self.asked.uri)

    def test_an_index_makes_a_read_wait(self) -> None:
        self.says({})
        self.successResultOf(self.client.services(7, 55.0))
        self.assertEqual(
            "/v1/catalog/services?index=7&wait=55000ms&stale=1", self.asked.uri
        )
        self.says([])
        self.successResultOf(self.client.health("web", 7, 0.5))
        self.assertEqual(
            "/v1/health/service/web?index=7&wait=500ms&stale=1", self.asked.uri
        )
        self.successResultOf(self.client.checks(7, 55.0))
        self.assertEqual(
            "/v1/health/state/any?index=7&wait=55000ms&stale=1", self.asked.uri
        )

    def test_a_wait_of_zero_is_not_consuls_default(self) -> None:
        """To Consul, ``wait=0`` means five minutes."""
        self.says({})
        self.successResultOf(self.client.services(7, 0.0))
        self.assertEqual(
            "/v1/catalog/services?index=7&wait=1ms&stale=1", self.asked.uri
        )

    def test_a_name_is_one_segment_whatever_it_holds(self) -> None:
        self.says([])
        self.successResultOf(self.client.health("a/b c:80%?"))
        self.assertEqual("/v1/health/service/a%2Fb%20c%3A80%25%3F", self.asked.uri)

    def test_a_name_that_no_encoding_has_is_harmless(self) -> None:
        """JSON can say half of a surrogate pair."""
        self.says([])
        self.successResultOf(self.client.health("a\ud800"))
        self.assertEqual("/v1/health/service/a%3F", self.asked.uri)


class HeaderTests(ConsulTestCase):
    """What the headers of an answer say."""

    def answer(self, **headers: str) -> Answer:
        self.says({})
        self.api.headers = {
            "X-Consul-" + name.replace("_", ""): value
            for name, value in headers.items()
        }
        return self.successResultOf(self.client.services())

    def test_missing_headers_are_no_error(self) -> None:
        """Newer agents that answer from a stream leave some out."""
        self.assertEqual(Answer(1, {}, 0, True), self.answer())

    def test_an_index_below_1_or_unreadable_is_1(self) -> None:
        for odd in ("0", "-5", "garbage", "", "1e3", "9" * 21, "٣"):
            self.assertEqual(1, self.answer(Index=odd).index)

    def test_an_index_may_have_64_bits(self) -> None:
        self.assertEqual(2**64 - 1, self.answer(Index=str(2**64 - 1)).index)

    def test_staleness_is_told(self) -> None:
        answer = self.answer(Index="5", Last_Contact="120", Known_Leader="false")
        self.assertEqual(Answer(5, {}, 120, False), answer)

    def test_what_acls_left_out_is_told(self) -> None:
        for said, expected in (("true", True), ("false", False), ("", False)):
            answer = self.answer(**{"Results-Filtered-By-ACLs": said})
            self.assertEqual(expected, answer.filtered_by_acls)


class VersionTests(ConsulTestCase):
    """Answers as Consul's versions give them, none of which is a surprise."""

    def answered(self, headers: dict[str, str]) -> Answer:
        self.says([ENTRY])
        self.api.headers = {"Content-Type": "application/json", **headers}
        return self.successResultOf(self.client.health("web"))

    def test_every_version_is_understood(self) -> None:
        for version, headers, index in (
            (
                "1.8, leader",
                {**HEADERS, "X-Consul-Effective-Consistency": "leader"},
                42,
            ),
            (
                "1.10, streaming",
                {"X-Consul-Index": "42", "X-Consul-Query-Backend": "streaming"},
                42,
            ),
            (
                "1.11, ACLs",
                {
                    **HEADERS,
                    "X-Consul-Default-Acl-Policy": "deny",
                    "X-Consul-Results-Filtered-By-Acls": "true",
                },
                42,
            ),
            ("cached", {"Age": "12", "X-Cache": "HIT", **HEADERS}, 42),
            ("behind a proxy that drops headers", {}, 1),
            ("restored", {**HEADERS, "X-Consul-Index": "0"}, 1),
        ):
            with self.subTest(version):
                answer = self.answered(headers)
                self.assertEqual(index, answer.index)
                self.assertEqual(["web-1"], [one.id for one in answer.data])
                self.assertFalse(answer.stale)

    def test_fields_that_are_new_do_not_matter(self) -> None:
        new = {**ENTRY, "PeerName": "", "Locality": {"Region": "r"}}
        self.says([{**new, "Service": {**ENTRY["Service"], "Ports": [{"Port": 1}]}}])
        answer = self.successResultOf(self.client.health("web"))
        self.assertEqual(["web-1"], [one.id for one in answer.data])

    def test_every_no_is_told_with_its_status(self) -> None:
        for status, said in (
            (403, "Permission denied: token with AccessorID '...' lacks permission"),
            (403, "ACL not found"),
            (429, "Your IP is issuing too many concurrent connections"),
            (429, "rate limit exceeded, try again later or against a different server"),
            (503, "rate limit exceeded, try again later"),
            (500, "No cluster leader"),
            (500, "rpc error making call: EOF"),
        ):
            self.api.body, self.api.status = said.encode(), status
            error = self.error_of(self.client.health("web"))
            self.assertEqual(status, error.status)
            self.assertIn(said, str(error))


class WriteTests(ConsulTestCase):
    """What each write sends."""

    def test_register_sends_the_payload_as_it_is(self) -> None:
        payload = {"Name": "web", "ID": "h:web:80", "Check": {"TTL": "30s"}}
        self.successResultOf(self.client.register(payload))
        self.assertEqual("PUT", self.asked.method)
        self.assertEqual(
            "/v1/agent/service/register?replace-existing-checks=true", self.asked.uri
        )
        self.assertEqual(payload, json.loads(self.asked.body))

    def test_register_can_keep_the_checks_that_are_there(self) -> None:
        self.successResultOf(self.client.register({"Name": "web"}, keep_checks=True))
        self.assertEqual("/v1/agent/service/register", self.asked.uri)

    def test_deregister_names_the_id_as_one_segment(self) -> None:
        self.successResultOf(self.client.deregister("host:a/b c:80"))
        self.assertEqual("PUT", self.asked.method)
        self.assertEqual(
            "/v1/agent/service/deregister/host%3Aa%2Fb%20c%3A80", self.asked.uri
        )

    def test_to_deregister_an_unknown_id_is_no_error(self) -> None:
        self.api.status = 404
        self.successResultOf(self.client.deregister("gone"))

    def test_to_deregister_can_fail_otherwise(self) -> None:
        self.api.status = 403
        self.assertEqual(403, self.error_of(self.client.deregister("x")).status)

    def test_maintenance_is_switched_on_with_its_reason(self) -> None:
        self.successResultOf(self.client.maintenance("h:w:80", True, "a & b"))
        self.assertEqual("PUT", self.asked.method)
        self.assertEqual(
            "/v1/agent/service/maintenance/h%3Aw%3A80?enable=true&reason=a+%26+b",
            self.asked.uri,
        )

    def test_maintenance_is_switched_off(self) -> None:
        self.successResultOf(self.client.maintenance("w", False))
        self.assertEqual("/v1/agent/service/maintenance/w?enable=false", self.asked.uri)

    def test_a_status_is_reported_with_its_reason(self) -> None:
        self.successResultOf(self.client.report("service:h:w:80", "critical", "a & b"))
        self.assertEqual("/v1/agent/check/update/service%3Ah%3Aw%3A80", self.asked.uri)
        self.assertEqual(
            {"Status": "critical", "Output": "a & b"}, json.loads(self.asked.body)
        )

    def test_maintenance_of_an_unknown_id_fails_with_404(self) -> None:
        self.api.status = 404
        self.assertEqual(404, self.error_of(self.client.maintenance("x", True)).status)


class BadAnswerTests(ConsulTestCase):
    """Answers that are not what Consul documents."""

    def test_what_is_not_json_is_an_error_that_does_not_quote_it(self) -> None:
        self.api.body = b"<html>proxy login</html>"
        error = self.error_of(self.client.services())
        self.assertEqual(200, error.status)
        self.assertEqual(
            "GET /v1/catalog/services at 127.0.0.1:8500: "
            "the answer is not the JSON that Consul documents",
            str(error),
        )

    def test_half_a_character_in_one_tag_does_not_spoil_the_rest(self) -> None:
        self.says({"bad": ["\ud800"], "web": ["a"]})
        answer = self.successResultOf(self.client.services())
        self.assertEqual({"bad": ["\ud800"], "web": ["a"]}, answer.data)

    def test_json_nested_without_end_is_an_error(self) -> None:
        self.api.body = b"[" * 200_000
        self.error_of(self.client.services())

    def test_json_of_another_shape_is_an_error(self) -> None:
        client = self.client
        for read, odd in (
            (client.services, []),
            (client.services, None),
            (client.services, {"web": "tag"}),
            (client.services, {"web": [1]}),
            (lambda: client.health("web"), {}),
            (lambda: client.health("web"), None),
            (client.checks, {}),
            (client.checks, ["check"]),
            (client.agent_self, []),
            (client.agent_services, [1]),
            (client.agent_services, {"web-1": None}),
            (client.agent_checks, {"c": 1}),
        ):
            self.says(odd)
            error = self.error_of(read())
            self.assertIn("not the JSON that Consul documents", str(error))
            self.assertEqual(200, error.status)

    def test_consuls_own_words_are_in_the_error(self) -> None:
        self.api.body = b"No cluster leader"
        self.api.status = 500
        error = self.error_of(self.client.health("web"))
        self.assertEqual(500, error.status)
        self.assertEqual(
            "GET /v1/health/service/web at 127.0.0.1:8500: 500 No cluster leader",
            str(error),
        )


class LimitTests(SynchronousTestCase):
    """How long a request may take."""

    def setUp(self) -> None:
        self.clock = Clock()
        agent, self.requests = agent_spy()
        self.client = ConsulClient(self.clock, ConsulConfig(), agent)

    def assert_limit(self, limit_s: float, result: Deferred[Any]) -> None:
        self.clock.advance(limit_s - 0.01)
        self.assertNoResult(result)
        self.clock.advance(0.02)
        self.failureResultOf(result, CatalogError)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_plain_request_has_ten_seconds(self) -> None:
        self.assert_limit(10.0, self.client.services())
        self.assert_limit(10.0, self.client.register({"Name": "web"}))

    def test_a_blocking_read_has_what_consul_may_wait_on_top(self) -> None:
        self.assert_limit(48 + 3 + 10, self.client.services(5, 48.0))

    def test_cancelling_leaves_nothing(self) -> None:
        reading = self.client.services(5, 55.0)
        reading.cancel()
        self.failureResultOf(reading, CancelledError)
        self.assertTrue(self.requests[0].deferred.called)
        self.assertEqual([], self.clock.getDelayedCalls())


class TokenTests(ConsulTestCase):
    """The ACL token."""

    config = ConsulConfig(token=Secret("s3cr3t"), datacenter="dc 2")

    def test_every_request_has_it_in_a_header_and_none_in_its_url(self) -> None:
        client = self.client
        self.says({})
        calls: list[Callable[[], Deferred[Any]]] = [
            client.services,
            client.agent_self,
            client.agent_services,
            client.agent_checks,
            lambda: client.register({"Name": "web"}),
            lambda: client.deregister("x"),
            lambda: client.maintenance("x", True),
            lambda: client.report("x", "passing"),
        ]
        for call in calls:
            self.successResultOf(call())
            self.assertEqual("s3cr3t", self.asked.headers["x-consul-token"])
            self.assertNotIn("s3cr3t", self.asked.uri)

    def test_no_error_shows_it(self) -> None:
        self.api.body = b"unknown token s3cr3t"
        self.api.status = 403
        self.assertNotIn("s3cr3t", str(self.error_of(self.client.services())))

    def test_reads_of_the_catalog_name_the_datacenter(self) -> None:
        self.says({})
        self.successResultOf(self.client.services())
        self.assertEqual("/v1/catalog/services?dc=dc+2", self.asked.uri)
        self.says([])
        self.successResultOf(self.client.health("web"))
        self.assertEqual("/v1/health/service/web?dc=dc+2", self.asked.uri)
        self.successResultOf(self.client.checks())
        self.assertEqual("/v1/health/state/any?dc=dc+2", self.asked.uri)


class EnvironmentTests(SynchronousTestCase):
    """What py-consul would take from the environment."""

    def test_nothing_of_it_counts(self) -> None:
        api = ScriptedApi(b"{}")
        environ = {
            "CONSUL_HTTP_ADDR": "https://elsewhere:1",
            "CONSUL_HTTP_TOKEN": "from-the-environment",
            "CONSUL_HTTP_SSL": "true",
        }
        with mock.patch.dict(os.environ, environ):
            client = ConsulClient(
                Clock(), ConsulConfig(address=("10.0.0.1:85",)), api.agent()
            )
        self.successResultOf(client.services())
        self.assertEqual("10.0.0.1:85", api.seen[0].headers["host"])
        self.assertNotIn("x-consul-token", api.seen[0].headers)


class LibraryClientTests(SynchronousTestCase):
    """The methods of py-consul's HTTP client that our own client has no use for."""

    def test_they_send_what_their_names_say(self) -> None:
        api = ScriptedApi(b"true")
        transport = Transport(api.agent(), Clock(), "consul")
        token = Token(Secret(""), Secret, Clock())
        library = LibraryClient(transport, "http://consul:8500", token)
        for send, method in ((library.delete, "DELETE"), (library.post, "POST")):
            sent = send(lambda response: response.body, "/v1/x", [("a", 1)], "data")
            self.assertEqual(b"true", self.successResultOf(sent).body)
            seen = api.seen[-1]
            self.assertEqual((method, "/v1/x?a=1"), (seen.method, seen.uri))
            self.assertEqual(b"data", seen.body)
