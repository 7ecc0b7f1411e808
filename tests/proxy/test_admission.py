"""The gate of a route: addresses, users, redirects."""

from zope.interface.verify import verifyObject

from twisted_router.interfaces import IAuthenticator, Verdict

from .harness import EngineTestCase, MemoryTransport, field, status_of

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def get(path: bytes = b"/", *fields: bytes, host: bytes = b"b.com") -> bytes:
    """A request to the route under test."""
    lines = [b"GET " + path + b" HTTP/1.1", b"Host: " + host, *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


class GateTestCase(EngineTestCase):
    """Clients come from 203.0.113.9."""

    def ask(
        self, request: bytes = get(), connection: MemoryTransport | None = None
    ) -> bytes:
        """What the router answers by itself."""
        client = connection or self.client()
        client.deliver(request)
        return client.take()

    def assert_served(self, client: MemoryTransport, request: bytes = get()) -> None:
        """The request reaches the instance, and its answer the client."""
        client.deliver(request)
        instance = self.dials[-1].succeed()
        instance.deliver(OK)
        self.assertEqual(200, status_of(client.take()))
        self.assert_idle()


class AddressTests(GateTestCase):
    """allow= and deny=."""

    def test_who_is_allowed_is_served(self) -> None:
        self.serve("b", "urlprefix-b.com/ allow=ip:203.0.113.0/24")
        self.assert_served(self.client())

    def test_who_is_not_allowed_gets_403(self) -> None:
        self.serve("b", "urlprefix-b.com/ allow=ip:10.0.0.0/8")
        answer = self.ask()
        self.assertEqual(403, status_of(answer))
        self.assertEqual(b"access_denied", field(answer, b"X-Cf-RouterError"))
        self.assertEqual(b"no-cache, no-store", field(answer, b"Cache-Control"))
        self.assertEqual([], self.dials)
        self.assert_idle()

    def test_who_is_denied_gets_403(self) -> None:
        self.serve("b", "urlprefix-b.com/ deny=ip:203.0.113.9")
        self.assertEqual(403, status_of(self.ask()))

    def test_everybody_in_every_x_forwarded_for_counts(self) -> None:
        self.serve("b", "urlprefix-b.com/ deny=ip:192.0.2.1")
        for fields in (
            (b"X-Forwarded-For: 192.0.2.1",),
            (b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-For: 10.0.0.2, 192.0.2.1"),
        ):
            self.assertEqual(403, status_of(self.ask(get(b"/", *fields))))

    def test_the_connection_goes_on_after_403(self) -> None:
        self.serve("b", "urlprefix-b.com/ allow=ip:10.0.0.0/8")
        client = self.client()
        self.assertEqual(403, status_of(self.ask(connection=client)))
        self.assert_served(client, get(host=b"app.example.com"))

    def test_a_body_for_a_closed_door_is_not_waited_for(self) -> None:
        self.serve("b", "urlprefix-b.com/ allow=ip:10.0.0.0/8")
        request = b"POST / HTTP/1.1\r\nHost: b.com\r\nContent-Length: 9\r\n\r\n"
        answer = self.ask(request)
        self.assertEqual(403, status_of(answer))
        self.assertEqual(b"close", field(answer, b"Connection"))

    def test_other_routes_are_open(self) -> None:
        self.serve("b", "urlprefix-b.com/ allow=ip:10.0.0.0/8", "urlprefix-b.com/open")
        self.assert_served(self.client(), get(b"/open"))

    def test_a_rule_of_one_instance_holds_for_the_route(self) -> None:
        self.serve("b", "urlprefix-b.com/")
        self.serve("new", "urlprefix-b.com/ allow=ip:10.0.0.0/8")
        for _ in range(4):
            self.assertEqual(403, status_of(self.ask()))

    def test_a_malformed_rule_lets_nobody_in(self) -> None:
        self.serve("b", "urlprefix-b.com/ allow=ip:203.0.113.0/33", "urlprefix-b.com/")
        self.assertEqual(503, status_of(self.ask()))
        reasons = [entry.reason for entry in self.tables.table.quarantine]
        self.assertEqual(2, len(reasons))
        self.assertTrue(any(it.startswith("option allow: ") for it in reasons))


class UserTests(GateTestCase):
    """auth=NAME."""

    def setUp(self) -> None:
        super().setUp()
        self.serve("b", "urlprefix-b.com/ auth=staff")

    def test_the_fake_provides_the_interface(self) -> None:
        self.assertTrue(verifyObject(IAuthenticator, self.authenticator))

    def test_who_is_known_is_served(self) -> None:
        client = self.client()
        self.assertEqual(b"", self.ask(get(b"/", b"authorization:  Basic x "), client))
        self.assertEqual([(("staff",), b"Basic x")], self.authenticator.asked)
        self.assertEqual([], self.dials)
        self.authenticator.say(Verdict(True))
        instance = self.dials[-1].succeed()
        self.assertIn(b"\r\nauthorization:  Basic x \r\n", instance.take())
        instance.deliver(OK)
        self.assertEqual(200, status_of(client.take()))
        self.assert_idle()

    def test_who_is_not_known_gets_401_with_the_challenge(self) -> None:
        client = self.client()
        self.ask(connection=client)
        self.assertEqual([(("staff",), b"")], self.authenticator.asked)
        self.authenticator.say(Verdict(False, b'Basic realm="x"'))
        answer = client.take()
        self.assertEqual(401, status_of(answer))
        self.assertEqual(b'Basic realm="x"', field(answer, b"WWW-Authenticate"))
        self.assertEqual(b"unauthorized", field(answer, b"X-Cf-RouterError"))
        self.assertEqual([], self.dials)
        self.assert_idle()

    def test_without_a_verdict_it_is_503(self) -> None:
        client = self.client()
        self.ask(connection=client)
        self.authenticator.say(Verdict(False))
        answer = client.take()
        self.assertEqual(503, status_of(answer))
        self.assertEqual(b"1", field(answer, b"Retry-After"))

    def test_a_fault_lets_nobody_in_and_is_logged(self) -> None:
        client = self.client()
        self.ask(connection=client)
        self.authenticator.break_down(ValueError("broken"))
        self.assertEqual(503, status_of(client.take()))
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))
        self.assert_idle()

    def test_of_two_authorizations_neither_counts(self) -> None:
        fields = (b"Authorization: Basic a", b"Authorization: Basic b")
        self.ask(get(b"/", *fields))
        self.assertEqual([(("staff",), b"")], self.authenticator.asked)

    def test_a_client_that_leaves_is_not_verified_any_more(self) -> None:
        client = self.client()
        self.ask(connection=client)
        client.lose()
        self.assertEqual(1, self.authenticator.left)
        self.assertEqual([499], [entry[2] for entry in self.log])
        self.assertEqual([], self.dials)
        self.assert_idle()

    def test_the_body_waits_unread_and_then_arrives(self) -> None:
        body = bytes(200_000)
        head = b"POST / HTTP/1.1\r\nHost: b.com\r\nContent-Length: 200000\r\n\r\n"
        client = self.client()
        client.deliver(head)
        client.deliver(body[:65536])
        self.assertFalse(client.reading)
        sent = 65536
        self.authenticator.say(Verdict(True))
        instance = self.dials[-1].succeed()
        while sent < len(body):
            client.deliver(body[sent : sent + 65536])
            sent += 65536
        self.assertTrue(instance.take().endswith(b"\r\n\r\n" + body))
        instance.deliver(OK)
        self.assertEqual(200, status_of(client.take()))

    def test_requests_sent_ahead_wait_for_the_first(self) -> None:
        client = self.client()
        client.deliver(get() + get(host=b"app.example.com"))
        self.assertEqual([], self.dials)
        self.authenticator.say(Verdict(False, b"Basic"))
        self.assertEqual(401, status_of(client.take()))
        self.assertEqual(1, len(self.dials))

    def test_addresses_are_looked_at_first(self) -> None:
        self.serve("b", "urlprefix-b.com/ auth=staff deny=ip:203.0.113.9")
        self.assertEqual(403, status_of(self.ask()))
        self.assertEqual([], self.authenticator.asked)

    def test_instances_that_disagree_demand_all_schemes(self) -> None:
        self.serve("new", "urlprefix-b.com/ auth=admin")
        self.ask()
        self.assertEqual([(("admin", "staff"), b"")], self.authenticator.asked)

    def test_a_scheme_that_is_not_configured_lets_nobody_in(self) -> None:
        self.serve("b", "urlprefix-b.com/ auth=nobody")
        self.assertEqual(503, status_of(self.ask()))


class RedirectTests(GateTestCase):
    """redirect=CODE,URL."""

    def setUp(self) -> None:
        super().setUp()
        self.serve("b", "urlprefix-b.com/ redirect=301,https://$host$path")

    def test_the_router_answers_and_no_instance_is_asked(self) -> None:
        answer = self.ask(get(b"/x?y=1"))
        self.assertEqual(301, status_of(answer))
        self.assertEqual(b"https://b.com/x?y=1", field(answer, b"Location"))
        self.assertIdentical(None, field(answer, b"X-Cf-RouterError"))
        self.assertEqual([], self.dials)
        self.assertEqual([301], [entry[2] for entry in self.log])
        self.assert_idle()

    def test_the_connection_goes_on(self) -> None:
        client = self.client()
        for _ in range(2):
            self.assertEqual(301, status_of(self.ask(connection=client)))

    def test_an_answer_to_head_has_no_body(self) -> None:
        answer = self.ask(b"HEAD / HTTP/1.1\r\nHost: b.com\r\n\r\n")
        self.assertEqual(301, status_of(answer))
        self.assertTrue(answer.endswith(b"\r\n\r\n"))

    def test_who_came_by_https_already_is_served(self) -> None:
        for proto in (b"https", b"HTTPS", b"https,http"):
            client, instance = self.begun(get(b"/", b"X-Forwarded-Proto: " + proto))
            instance.deliver(OK)
            self.assertEqual(200, status_of(client.take()))

    def test_the_path_is_the_one_after_strip_and_prepend(self) -> None:
        self.serve(
            "b",
            "urlprefix-b.com/ strip=/old prepend=/new redirect=308,https://c.com$path",
        )
        answer = self.ask(get(b"/old/x?q"))
        self.assertEqual(308, status_of(answer))
        self.assertEqual(b"https://c.com/new/x?q", field(answer, b"Location"))

    def test_no_request_can_add_a_field(self) -> None:
        path = b"/%0d%0aX:1;\"<>\\^`{|}'"
        answer = self.ask(get(path))
        self.assertEqual(b"https://b.com" + path, field(answer, b"Location"))

    def test_who_may_not_ask_is_not_redirected(self) -> None:
        self.serve(
            "b",
            "urlprefix-b.com/ redirect=301,https://$host$path deny=ip:203.0.113.9",
        )
        self.assertEqual(403, status_of(self.ask()))

    def test_whose_user_is_not_known_is_not_redirected(self) -> None:
        self.serve("b", "urlprefix-b.com/ redirect=301,https://$host$path auth=staff")
        client = self.client()
        self.ask(connection=client)
        self.authenticator.say(Verdict(False, b"Basic"))
        self.assertEqual(401, status_of(client.take()))
        self.ask(connection=client)
        self.authenticator.say(Verdict(True))
        self.assertEqual(301, status_of(client.take()))

    def test_without_a_usable_instance_there_is_no_redirect(self) -> None:
        self.serve_unusable("b", "urlprefix-b.com/ redirect=301,https://$host$path")
        self.assertEqual(503, status_of(self.ask()))

    def test_a_malformed_redirect_is_quarantined_and_no_route(self) -> None:
        self.serve("b", "urlprefix-b.com/ redirect=301", "urlprefix-b.com/open")
        self.assertEqual(404, status_of(self.ask()))
        self.assert_served(self.client(), get(b"/open"))
