"""Tests of one bounded, translated, cancellable request."""

from __future__ import annotations

from typing import Any

from treq._agentspy import RequestRecord, agent_spy
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone, ResponseNeverReceived
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse
from zope.interface import implementer

from tests.clients.support import ScriptedApi
from twisted_router.clients.transport import Reply, Transport
from twisted_router.interfaces import CatalogError

URL = "http://10.0.0.1:8500/v1/kv/a%2Fb?token=from-the-query"


class BodyTransport:
    """What a response gives to the protocol that reads its body."""

    def __init__(self) -> None:
        self.lost = False

    def loseConnection(self) -> None:
        self.lost = True


@implementer(IResponse)
class HeadOnly:
    """A response of which only the head has come so far.

    :ivar body: the protocol that waits for the rest.
    """

    version = (b"HTTP", 1, 1)
    phrase = b"OK"
    length = UNKNOWN_LENGTH
    request = None
    previousResponse = None  # noqa: N815 - the interface's name

    def __init__(self, code: int = 200, headers: Headers | None = None) -> None:
        self.code = code
        self.headers = headers or Headers()
        self.transport = BodyTransport()
        self.body = Protocol()

    def deliverBody(self, protocol: Protocol) -> None:  # noqa: N802
        self.body = protocol
        protocol.makeConnection(self.transport)

    def setPreviousResponse(self, response: Any) -> None:  # noqa: N802
        raise AssertionError("redirects are not followed")


class ReplyTests(SynchronousTestCase):
    """A request that ends well."""

    def test_fires_with_headers_and_body(self) -> None:
        api = ScriptedApi(b"hello", headers={"X-Thing": "1"})
        transport = Transport(api.agent(), Clock(), "consul")
        reply = self.successResultOf(
            transport.request("GET", "http://consul/x", None, None, 10)
        )
        self.assertEqual(b"hello", reply.body)
        self.assertEqual(["1"], reply.headers.getRawHeaders("X-Thing"))

    def test_sends_headers_and_body(self) -> None:
        api = ScriptedApi()
        transport = Transport(api.agent(), Clock(), "consul")
        self.successResultOf(
            transport.request(
                "PUT", "http://consul/x", Headers({"X-A": ["b"]}), b"data", 10
            )
        )
        self.assertEqual("PUT", api.seen[0].method)
        self.assertEqual("b", api.seen[0].headers["x-a"])
        self.assertEqual(b"data", api.seen[0].body)

    def test_keeps_percent_encoding_as_it_is(self) -> None:
        api = ScriptedApi()
        transport = Transport(api.agent(), Clock(), "consul")
        url = "http://consul/v1/a%2Fb%20c:80/%2E%2E?q=%3D+x"
        self.successResultOf(transport.request("GET", url, None, None, 10))
        self.assertEqual("/v1/a%2Fb%20c:80/%2E%2E?q=%3D+x", api.seen[0].uri)

    def test_leaves_no_timer(self) -> None:
        clock = Clock()
        transport = Transport(ScriptedApi().agent(), clock, "consul")
        self.successResultOf(transport.request("GET", "http://c/", None, None, 10))
        self.assertEqual([], clock.getDelayedCalls())

    def test_does_not_ask_for_a_packed_answer(self) -> None:
        api = ScriptedApi()
        transport = Transport(api.agent(), Clock(), "consul")
        self.successResultOf(transport.request("GET", "http://c/", None, None, 10))
        self.assertNotIn("accept-encoding", api.seen[0].headers)

    def test_forgets_cookies(self) -> None:
        api = ScriptedApi(headers={"Set-Cookie": "a=b; Path=/"})
        transport = Transport(api.agent(), Clock(), "consul")
        for _ in range(2):
            self.successResultOf(transport.request("GET", "http://c/", None, None, 10))
        self.assertNotIn("cookie", api.seen[1].headers)


class ErrorTests(SynchronousTestCase):
    """A request that ends badly: one error, that names the request."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.requests: list[RequestRecord]
        agent, self.requests = agent_spy()
        self.transport = Transport(
            agent,
            self.clock,
            "10.0.0.1:8500",
            secret=lambda: "s3cr3t",
            max_body_bytes=10,
        )

    def ask(self) -> Deferred[Reply]:
        return self.transport.request("GET", URL, None, None, 10)

    def failure_of(self, reply: Deferred[Reply]) -> CatalogError:
        error = self.failureResultOf(reply, CatalogError).value
        assert isinstance(error, CatalogError)
        return error

    def answered(self, response: HeadOnly) -> Deferred[Reply]:
        reply = self.ask()
        self.requests[-1].deferred.callback(response)
        return reply

    def test_a_refused_connection_is_a_catalog_error_without_status(self) -> None:
        reply = self.ask()
        self.requests[0].deferred.errback(ConnectionRefusedError())
        error = self.failure_of(reply)
        self.assertEqual(0, error.status)
        self.assertEqual(
            "GET /v1/kv/a%2Fb at 10.0.0.1:8500: Connection was refused by other side",
            str(error),
        )
        self.assertIsInstance(error.__cause__, ConnectionRefusedError)

    def test_a_reset_connection_is_told_by_its_first_cause(self) -> None:
        reply = self.ask()
        self.requests[0].deferred.errback(
            ResponseNeverReceived([Failure(ConnectionLost())])
        )
        self.assertIn("lost in a non-clean fashion", str(self.failure_of(reply)))

    def test_no_answer_in_time_is_an_error_and_gives_the_request_up(self) -> None:
        reply = self.ask()
        self.clock.advance(9.99)
        self.assertNoResult(reply)
        self.clock.advance(0.01)
        self.assertIn("no answer within 10 s", str(self.failure_of(reply)))
        self.assertTrue(self.requests[0].deferred.called)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_body_that_stalls_is_given_up_in_time(self) -> None:
        response = HeadOnly()
        reply = self.answered(response)
        response.body.dataReceived(b"[")
        self.clock.advance(10)
        self.assertIn("no answer within 10 s", str(self.failure_of(reply)))
        self.assertTrue(response.transport.lost)

    def test_a_body_that_breaks_off_is_an_error(self) -> None:
        response = HeadOnly()
        reply = self.answered(response)
        response.body.dataReceived(b"[")
        response.body.connectionLost(Failure(ConnectionLost()))
        self.assertIn("lost in a non-clean fashion", str(self.failure_of(reply)))

    def test_a_body_that_ends_with_the_connection_is_whole(self) -> None:
        response = HeadOnly()
        reply = self.answered(response)
        response.body.dataReceived(b"[]")
        response.body.connectionLost(Failure(PotentialDataLoss()))
        self.assertEqual(b"[]", self.successResultOf(reply).body)

    def test_a_body_over_the_limit_is_an_error_and_closes_the_connection(self) -> None:
        response = HeadOnly()
        reply = self.answered(response)
        response.body.dataReceived(b"12345678901")
        self.assertIn("the body is over 10 bytes", str(self.failure_of(reply)))
        self.assertTrue(response.transport.lost)
        response.body.dataReceived(b"more, on its way already")
        response.body.connectionLost(Failure(ConnectionLost()))

    def test_so_it_is_when_the_whole_response_is_there_already(self) -> None:
        agent = ScriptedApi(b"12345678901").agent()
        transport = Transport(agent, self.clock, "consul", max_body_bytes=10)
        reply = transport.request("GET", "http://consul/x", None, None, 10)
        self.assertIn("the body is over 10 bytes", str(self.failure_of(reply)))

    def test_a_body_of_just_the_limit_is_fine(self) -> None:
        response = HeadOnly()
        reply = self.answered(response)
        response.body.dataReceived(b"1234567890")
        response.body.connectionLost(Failure(ResponseDone()))
        self.assertEqual(b"1234567890", self.successResultOf(reply).body)

    def test_any_status_but_200_is_an_error_with_the_first_words_said(self) -> None:
        for status in (204, 301, 400, 403, 404, 429, 500, 503):
            said = b"" if status == 204 else b"No\n cluster leader" + b"!" * 500
            api = ScriptedApi(said, status)
            transport = Transport(api.agent(), self.clock, "consul")
            reply = transport.request("GET", "http://consul/x", None, None, 10)
            error = self.failure_of(reply)
            self.assertEqual(status, error.status)
            self.assertTrue(
                str(error).startswith(f"GET /x at consul: {status}"), str(error)
            )
            self.assertLess(len(str(error)), 250)

    def test_a_redirect_is_not_followed(self) -> None:
        api = ScriptedApi(status=301, headers={"Location": "http://elsewhere/"})
        transport = Transport(api.agent(), self.clock, "consul")
        self.failure_of(transport.request("GET", "http://consul/x", None, None, 10))
        self.assertEqual(1, len(api.seen))

    def test_no_error_shows_the_query_or_the_secret(self) -> None:
        response = HeadOnly(403)
        reply = self.transport.request(
            "GET", "http://h/v1/s3cr3t?a=from-the-query", None, None, 10
        )
        self.requests[0].deferred.callback(response)
        response.body.dataReceived(b"no: s3cr3t")
        response.body.connectionLost(Failure(ResponseDone()))
        self.assertEqual(
            "GET /v1/*** at 10.0.0.1:8500: 403 no: ***", str(self.failure_of(reply))
        )


class CancelTests(SynchronousTestCase):
    """A request that its owner takes back."""

    def setUp(self) -> None:
        self.clock = Clock()
        agent, self.requests = agent_spy()
        self.transport = Transport(agent, self.clock, "consul")
        self.reply = self.transport.request("GET", URL, None, None, 10)

    def test_before_the_head_it_gives_the_request_up(self) -> None:
        self.reply.cancel()
        self.failureResultOf(self.reply, CancelledError)
        self.assertTrue(self.requests[0].deferred.called)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_the_way_in_which_the_agent_fails_does_not_show(self) -> None:
        """twisted.web wraps the cancelling in an error of its own."""
        agent, _ = agent_spy()
        inner: Deferred[Any] = Deferred(
            lambda d: d.errback(ResponseNeverReceived([Failure(CancelledError())]))
        )
        agent.request = lambda *_, **__: inner
        reply = Transport(agent, self.clock, "consul").request(
            "GET", URL, None, None, 10
        )
        reply.cancel()
        self.failureResultOf(reply, CancelledError)

    def test_in_the_body_it_closes_the_connection(self) -> None:
        response = HeadOnly()
        self.requests[0].deferred.callback(response)
        response.body.dataReceived(b"half")
        self.reply.cancel()
        self.failureResultOf(self.reply, CancelledError)
        self.assertTrue(response.transport.lost)
        self.assertEqual([], self.clock.getDelayedCalls())
