"""Tests of reads: from which agent, and how old an answer may be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from treq._agentspy import agent_spy
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from zope.interface import implementer

from tests.clients.test_transport import HeadOnly
from twisted_router.clients.agents import PROBE_S
from twisted_router.clients.consul import ConsulClient
from twisted_router.clients.reading import LEADERLESS_S
from twisted_router.config.schema import ConsulConfig, Seconds, Secret
from twisted_router.interfaces import Answer, CatalogError


class ReadingTestCase(SynchronousTestCase):
    """A client whose requests the test answers."""

    config = ConsulConfig(address=("a:1", "b:1"))

    def setUp(self) -> None:
        self.clock = Clock()
        agent, self.requests = agent_spy()
        self.client = ConsulClient(self.clock, self.config, agent)

    def asked(self) -> str:
        """The last request: its URL."""
        uri: bytes = self.requests[-1].uri
        return uri.decode()

    def answer(
        self, data: Any = None, index: object = 9, status: int = 200, **more: Any
    ) -> None:
        """Answer the last request; ``more`` are X-Consul headers."""
        headers = {"Index": str(index), **more}
        self.say(
            json.dumps(data or {}).encode(),
            status,
            {
                f"X-Consul-{name.replace('__', '-').replace('_', '')}": text
                for name, text in headers.items()
            },
        )

    def say(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        fields = Headers({name: [value] for name, value in headers.items()})
        response = HeadOnly(status, fields)
        self.requests[-1].deferred.callback(response)
        response.body.dataReceived(body)
        response.body.connectionLost(Failure(ResponseDone()))

    def refuse(self) -> None:
        """Nobody listens where the last request goes."""
        self.requests[-1].deferred.errback(ConnectionRefusedError())

    def error_of(self, reading: Deferred[Answer]) -> CatalogError:
        error = self.failureResultOf(reading, CatalogError).value
        assert isinstance(error, CatalogError)
        return error


class FailoverTests(ReadingTestCase):
    """Several agents."""

    def away(self) -> Answer:
        """Read from the second agent, since the first is not there."""
        reading = self.client.services()
        self.refuse()
        self.answer({"web": []}, 50)
        return self.successResultOf(reading)

    def test_the_next_one_is_asked_when_one_cannot_be_reached(self) -> None:
        reading = self.client.services()
        self.assertEqual("http://a:1/v1/catalog/services", self.asked())
        self.refuse()
        self.assertEqual("http://b:1/v1/catalog/services", self.asked())
        self.answer({"web": []})
        self.assertEqual({"web": []}, self.successResultOf(reading).data)

    def test_it_is_asked_the_next_time_too(self) -> None:
        self.away()
        self.client.health("web")
        self.assertEqual("http://b:1/v1/health/service/web", self.asked())

    def test_so_it_is_when_one_does_not_answer_in_time(self) -> None:
        self.client.services()
        self.clock.advance(10)
        self.assertEqual("http://b:1/v1/catalog/services", self.asked())

    def test_when_none_answers_the_last_ones_error_is_told(self) -> None:
        reading = self.client.services()
        self.refuse()
        self.refuse()
        self.assertIn("at b:1", str(self.error_of(reading)))
        self.assertEqual(2, len(self.requests))

    def test_an_answer_that_is_an_error_is_an_answer(self) -> None:
        for status in (400, 403, 404, 429):
            reading = self.client.services()
            self.answer(status=status)
            self.assertEqual(status, self.error_of(reading).status)
            self.assertEqual("http://a:1/v1/catalog/services", self.asked())

    def test_an_index_is_not_for_another_agent(self) -> None:
        """Who is behind would wait for what has happened already."""
        reading = self.client.services(7, 55.0)
        self.refuse()
        self.assertEqual("http://b:1/v1/catalog/services", self.asked())
        self.answer({}, 50)
        index = self.successResultOf(reading).index
        self.client.services(index, 55.0)
        self.assertIn("http://b:1/v1/catalog/services?index=50&", self.asked())

    def test_the_first_is_asked_again_when_it_has_a_leader(self) -> None:
        index = self.away().index
        for said in (b'""\n', b'"127.0.0.1:8300"\n'):
            self.clock.advance(PROBE_S)
            self.assertEqual("http://a:1/v1/status/leader", self.asked())
            self.say(said, 200, {})
        self.client.services(index, 55.0)
        self.assertEqual("http://a:1/v1/catalog/services", self.asked())

    def test_what_is_an_agents_own_is_always_the_firsts(self) -> None:
        self.away()
        calls = self.client.agent_self, self.client.agent_services
        for call in (*calls, lambda: self.client.register({"Name": "web"})):
            reading: Deferred[Any] = call()
            self.assertIn("http://a:1/v1/agent/", self.asked())
            self.refuse()
            self.failureResultOf(reading, CatalogError)
            self.assertIn("http://a:1/v1/agent/", self.asked())

    def test_cancelling_does_not_ask_the_next(self) -> None:
        reading = self.client.services()
        reading.cancel()
        self.failureResultOf(reading, CancelledError)
        self.assertEqual(1, len(self.requests))

    def test_closing_leaves_nothing(self) -> None:
        self.away()
        self.successResultOf(self.client.close())
        self.assertEqual([], self.clock.getDelayedCalls())


class StaleTests(ReadingTestCase):
    """Answers of other servers than the leader."""

    config = ConsulConfig(address=("a:1",))

    def test_a_read_that_does_not_wait_is_the_leaders(self) -> None:
        self.client.health("web")
        self.assertEqual("http://a:1/v1/health/service/web", self.asked())

    def test_any_server_may_answer_one_that_waits(self) -> None:
        reading = self.client.services(7, 55.0)
        self.assertTrue(self.asked().endswith("&stale=1"))
        self.answer(Last_Contact="5000", Known_Leader="true")
        answer = self.successResultOf(reading)
        self.assertEqual(
            (9, 5000, False), (answer.index, answer.last_contact_ms, answer.stale)
        )

    def assert_asks_the_leader(self, **headers: Any) -> None:
        reading = self.client.services(7, 55.0)
        self.answer({"old": []}, **headers)
        self.assertEqual("http://a:1/v1/catalog/services", self.asked())
        self.answer({"new": []}, 5)
        answer = self.successResultOf(reading)
        self.assertEqual(({"new": []}, 5), (answer.data, answer.index))

    def test_one_that_is_too_old_is_asked_again_of_the_leader(self) -> None:
        self.assert_asks_the_leader(Last_Contact="5001")

    def test_so_is_one_of_a_server_without_a_leader(self) -> None:
        self.assert_asks_the_leader(Known_Leader="false")

    def test_so_is_one_that_knows_less_than_was_known(self) -> None:
        self.assert_asks_the_leader(index=6)

    def test_without_a_leader_an_old_answer_will_do_and_is_marked(self) -> None:
        reading = self.client.services(7, 55.0)
        self.answer({"old": []}, Known_Leader="false")
        self.answer(status=500)
        answer = self.successResultOf(reading)
        self.assertEqual((True, {"old": []}), (answer.stale, answer.data))

    def test_but_not_one_that_knows_less_than_was_known(self) -> None:
        reading = self.client.services(7, 55.0)
        self.answer({"old": []}, 6, Known_Leader="false")
        self.answer(status=500)
        self.assertEqual(500, self.error_of(reading).status)

    def test_so_will_one_to_a_read_that_does_not_wait(self) -> None:
        reading = self.client.health("web")
        self.say(b"No cluster leader", 500, {})
        self.assertEqual("http://a:1/v1/health/service/web?stale=1", self.asked())
        self.say(b"[]", 200, {"X-Consul-KnownLeader": "false"})
        self.assertTrue(self.successResultOf(reading).stale)

    def test_for_a_while_the_leader_is_not_asked_again(self) -> None:
        """Each question of it takes seven seconds."""
        self.client.health("web")
        self.say(b"No cluster leader", 500, {})
        self.say(b"[]", 200, {})
        reading = self.client.health("web")
        self.assertTrue(self.asked().endswith("?stale=1"))
        self.say(b"[]", 200, {"X-Consul-KnownLeader": "false"})
        self.assertTrue(self.successResultOf(reading).stale)
        self.clock.advance(LEADERLESS_S)
        self.client.health("web")
        self.assertFalse(self.asked().endswith("?stale=1"))

    def test_a_server_that_found_its_leader_meanwhile_is_not_stale(self) -> None:
        reading = self.client.health("web")
        self.say(b"rpc error making call: EOF", 500, {})
        self.say(b"[]", 200, {"X-Consul-LastContact": "20"})
        self.assertFalse(self.successResultOf(reading).stale)

    def test_a_busy_leader_is_left_alone(self) -> None:
        reading = self.client.health("web")
        self.say(b"rate limit exceeded, try again later", 429, {})
        self.assertEqual(429, self.error_of(reading).status)
        self.assertEqual(1, len(self.requests))

    def test_when_that_fails_as_well_its_error_is_told(self) -> None:
        reading = self.client.health("web")
        self.say(b"No path to datacenter", 500, {})
        self.say(b"No path to datacenter", 500, {})
        self.assertIn("No path to datacenter", str(self.error_of(reading)))


class LogTests(ReadingTestCase):
    """What an operator should know is told once."""

    config = ConsulConfig(address=("a:1",))

    def setUp(self) -> None:
        super().setUp()
        self.logged: list[str] = []

        @implementer(ILogObserver)
        def observe(event: dict[str, Any]) -> None:
            if event.get("log_namespace", "").endswith("CatalogReads"):
                self.logged.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def read_without_a_leader(self) -> None:
        reading = self.client.services(7, 55.0)
        self.answer(Known_Leader="false", Last_Contact="9000")
        if not reading.called:
            self.answer(status=500)
        self.successResultOf(reading)

    def test_that_there_is_no_leader_and_that_there_is_one_again(self) -> None:
        for _ in range(2):
            self.read_without_a_leader()
        self.clock.advance(LEADERLESS_S)
        for _ in range(2):
            self.client.services()
            self.answer()
        self.assertEqual(
            [
                "Consul has no leader that answers; what a:1 knew of it 9.0 s ago is "
                "used",
                "Consul's leader answers again",
            ],
            self.logged,
        )

    def test_that_the_token_does_not_see_all(self) -> None:
        for _ in range(2):
            self.client.services()
            self.answer(Results__Filtered__By__ACLs="true")
        self.assertEqual(1, len(self.logged))
        self.assertIn("the token's rights do not suffice", self.logged[0])


class LeaderOnlyTests(ReadingTestCase):
    """With ``max_stale`` 0."""

    config = ConsulConfig(address=("a:1",), max_stale=Seconds(0.0))

    def test_the_leader_answers_reads_that_wait(self) -> None:
        reading = self.client.services(7, 55.0)
        self.assertEqual(
            "http://a:1/v1/catalog/services?index=7&wait=55000ms", self.asked()
        )
        self.answer(status=500)
        self.assertEqual(500, self.error_of(reading).status)


class RenewalTests(ReadingTestCase):
    """A token whose file gets another one."""

    config = ConsulConfig(address=("a:1",), token=Secret("old", file="/run/token"))

    def setUp(self) -> None:
        self.content = "new"
        self.clock = Clock()
        agent, self.requests = agent_spy()
        self.client = ConsulClient(
            self.clock,
            self.config,
            agent,
            lambda path: Secret(self.content, file=path),
        )

    def token(self) -> list[str]:
        headers = self.requests[-1].headers
        assert headers is not None
        return list(headers.getRawHeaders("X-Consul-Token", []))

    def test_a_refused_request_is_made_again_with_the_other_one(self) -> None:
        reading = self.client.services()
        self.assertEqual(["old"], self.token())
        self.say(b"ACL not found", 403, {})
        self.assertEqual(["new"], self.token())
        self.answer()
        self.successResultOf(reading)

    def test_it_is_refused_for_good_when_there_is_no_other(self) -> None:
        self.content = "old"
        reading = self.client.services()
        self.say(b"ACL not found", 403, {})
        self.assertEqual(403, self.error_of(reading).status)
        self.assertEqual(1, len(self.requests))
