"""Where a request goes: RFC 9112 3.2 and 3.3, RFC 9110 4.2, 7.1 and 7.2."""

from __future__ import annotations

from .cases import HOST, Case, ConformanceTestCase, ask, forwarded, refused, shown


class EveryHostTestCase(ConformanceTestCase):
    """With a route for any host, so that only the grammar can refuse one."""

    def setUp(self) -> None:
        super().setUp()
        self.serve("app", "urlprefix-/")


def target_case(section: str, rule: str, target: bytes, sent: bytes) -> Case:
    """A GET for ``target`` that goes to ``sent`` of the same host."""
    return forwarded(
        section,
        rule,
        ask(line=b"GET %b HTTP/1.1" % target),
        ask(line=b"GET %b HTTP/1.1" % sent),
    )


class HostTests(EveryHostTestCase):
    """RFC 9112 3.2: exactly one Host, and a valid one."""

    cases = (
        refused(
            "9112-3.2",
            "a request without Host is refused",
            400,
            b"GET / HTTP/1.1\r\nA: b\r\n\r\n",
        ),
        refused(
            "9112-3.2",
            "also if its target names a host",
            400,
            b"GET http://app.example.com/ HTTP/1.1\r\n\r\n",
        ),
        refused("9112-3.2", "two Hosts are refused", 400, ask(b"Host: evil.example")),
        refused("9112-3.2", "also if they are the same", 400, ask(b"Host: " + HOST)),
        refused("9112-3.2", "also if the second is empty", 400, ask(b"host:")),
        refused(
            "9112-3.2",
            "also if the target names a third",
            400,
            ask(b"Host: b.example", line=b"GET http://c.example/ HTTP/1.1"),
        ),
        *(
            refused(
                "9112-3.2",
                f"the Host {shown(value)} is refused",
                400,
                ask(host=value),
            )
            for value in (
                b"a b", b"a/b", b"a?b", b"a#b", b"http://a", b"user@a", b"a@b:80",
                b"a,b", b"a.example, b.example", b"a:b", b"a:80:80", b"a:-1", b"a:+80",
                b":80", b"a:123456", b"[::1", b"::1", b"[::1]x", b"[]", b"[:::]",
                b"[1::2::3]", b"[12345::]", b"[1.2.3.4]", b"[::1%25eth0]", b"[v1.x]",
                b"a\xe9", b'"a"', b"a\\b", b"<a>", b"a%", b"a%4", b"a%zz", b"a|b",
                b"a^b", b"{a}",
            )
        ),
        *(
            forwarded(
                "9112-3.2",
                f"the Host {value.decode()} is passed on as it is",
                ask(host=value),
                ask(host=value),
            )
            for value in (
                b"a", b"A.Example", b"a.example.", b"a.example:8080", b"a.example:",
                b"127.0.0.1", b"127.0.0.1:80", b"[::1]", b"[::1]:8080",
                b"[2001:DB8::1]", b"[::ffff:192.0.2.1]", b"a_b", b"a-b~c", b"a%2d%C3b",
                b"a!$&'()*+;=b",
            )
        ),
    )  # fmt: skip


class EmptyHostTests(EveryHostTestCase):
    """RFC 9112 3.2: a request that names no host cannot be routed by one."""

    def test_9112_3_2_an_empty_host_is_refused_by_choice(self) -> None:
        """The grammar allows it; there is no authority to route by."""
        client = self.client()
        client.deliver(ask(host=b""))
        self.assertTrue(client.take().startswith(b"HTTP/1.1 400 "))
        self.assertEqual([], self.dials)

    def test_9112_3_2_so_is_http_1_0_without_host(self) -> None:
        """It may be left out there; see above."""
        client = self.client()
        client.deliver(b"GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(client.take().startswith(b"HTTP/1.1 400 "))
        self.assertEqual([], self.dials)


class OriginFormTests(ConformanceTestCase):
    """RFC 9112 3.2.1, RFC 9110 7.7: path and query are passed on untouched."""

    cases = (
        *(
            target_case("9110-7.7", f"{target.decode()} is not changed", target, target)
            for target in (
                b"/", b"/a/b", b"/a?b=c", b"/?", b"/a?", b"/a??b?", b"//a", b"/a//b/",
                b"/a/./b/../c", b"/%2e%2E/%61", b"/a;b=c,d", b"/a:b@c", b"/%zz%",
                b"/a?b=http://c/", b"/a\\b", b'/"<>^`{|}',
            )
        ),
        refused(
            "9112-3.2",
            "a fragment is no part of a target",
            400,
            ask(line=b"GET /a#b HTTP/1.1"),
        ),
        *(
            refused(
                "9112-3.2",
                f"{shown(target)} is no target",
                400,
                ask(line=b"GET " + target + b" HTTP/1.1"),
            )
            for target in (b"/\xe9", b"/a\x00b", b"/a\x7f", b"/a\tb", b"a", b"a/b",
                           b"?a", b"../a", b"\\a")
        ),
    )  # fmt: skip


class AbsoluteFormTests(ConformanceTestCase):
    """RFC 9112 3.2.2: accepted; it replaces Host; instances get the origin form."""

    cases = (
        target_case(
            "9112-3.2.2",
            "it is accepted, and sent in origin form to an origin server",
            b"http://app.example.com/a?b",
            b"/a?b",
        ),
        target_case(
            "9112-3.2.1",
            "an empty path is sent as a slash",
            b"http://app.example.com",
            b"/",
        ),
        target_case(
            "9112-3.2.1",
            "also before a query",
            b"http://app.example.com?a/b",
            b"/?a/b",
        ),
        target_case(
            "9110-4.2.3",
            "scheme and host are the same in any case",
            b"HTTP://app.example.com/",
            b"/",
        ),
        target_case(
            "9110-4.2.2",
            "https is accepted, from a balancer that has ended TLS",
            b"https://app.example.com/a",
            b"/a",
        ),
        forwarded(
            "9112-3.2.2",
            "a Host that says something else is replaced",
            ask(host=b"evil.example", line=b"GET http://app.example.com:80/ HTTP/1.1"),
            ask(host=b"app.example.com:80"),
        ),
        forwarded(
            "9112-3.2.4",
            "an OPTIONS without path and query is sent with an asterisk",
            ask(line=b"OPTIONS http://app.example.com HTTP/1.1"),
            ask(line=b"OPTIONS * HTTP/1.1"),
        ),
        forwarded(
            "9112-3.2.4",
            "but not one with a path",
            ask(line=b"OPTIONS http://app.example.com/ HTTP/1.1"),
            ask(line=b"OPTIONS / HTTP/1.1"),
        ),
        forwarded(
            "9112-3.2.4",
            "and not one with a query",
            ask(line=b"OPTIONS http://app.example.com? HTTP/1.1"),
            ask(line=b"OPTIONS /? HTTP/1.1"),
        ),
        *(
            refused(
                "9110-4.2",
                f"{target.decode()} is refused",
                400,
                ask(line=b"GET %b HTTP/1.1" % target),
            )
            for target in (
                b"http://", b"http:///a", b"http://:80/", b"http://u@app.example.com/",
                b"http://u:p@app.example.com/", b"http:/app.example.com/",
                b"http:app.example.com/", b"ftp://app.example.com/",
                b"ws://app.example.com/",
                b"http://app.example.com:x/", b"http://app.example.com%/",
                b"http://[::1/", b"http://[:::]/", b"http://a,b/",
                b"http://app.example.com\\@evil.example/", b"http://a#b",
            )
        ),
    )  # fmt: skip


class OtherFormTests(ConformanceTestCase):
    """RFC 9112 3.2.3 and 3.2.4: authority and asterisk."""

    cases = (
        refused(
            "9112-3.2.3",
            "CONNECT is refused",
            501,
            ask(line=b"CONNECT app.example.com:443 HTTP/1.1"),
        ),
        refused(
            "9112-3.2.3",
            "CONNECT to a path is malformed",
            400,
            ask(line=b"CONNECT / HTTP/1.1"),
        ),
        refused(
            "9112-3.2.3",
            "the authority form is for CONNECT only",
            400,
            ask(line=b"GET app.example.com:80 HTTP/1.1"),
        ),
        forwarded(
            "9112-3.2.4",
            "OPTIONS for the server is passed on",
            ask(line=b"OPTIONS * HTTP/1.1"),
            ask(line=b"OPTIONS * HTTP/1.1"),
        ),
        refused(
            "9112-3.2.4",
            "the asterisk form is for OPTIONS only",
            400,
            ask(line=b"GET * HTTP/1.1"),
        ),
        refused(
            "9112-3.2.4",
            "an asterisk with more is no target",
            400,
            ask(line=b"OPTIONS *x HTTP/1.1"),
        ),
    )
