"""Checks that a catalog runs itself, in ours and in a real Consul."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.clients.authority import Authority
from tests.contracts.catalogs import ConsulCatalog, EmbeddedCatalog, Suite
from tests.services import free_port, running_reactor, wait_for


class _Checked(Resource):
    """Answers with the status that the path says, and remembers who asked."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, tuple[str, dict[str, str], bytes]] = {}

    def render(self, request: Request) -> bytes:
        """Answer."""
        content: Any = request.content
        headers = {
            name.decode(): values[-1].decode()
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        path = request.path.decode()
        self.asked[path] = (request.method.decode(), headers, content.read())
        if path == "/moved":
            request.redirect(b"/200")
            return b""
        request.setResponseCode(int(path[1:4]))
        return b"hello\n" * (2000 if path.endswith("long") else 1)


class RunContract(Suite):
    """Checks of URLs and of addresses."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits for it
        """Have something to check."""
        await super().setUp()
        self.checked = _Checked()
        reactor = running_reactor()
        self.listening = reactor.listenTCP(0, Site(self.checked), interface="127.0.0.1")
        self.addCleanup(self.listening.stopListening)
        self.there = f"127.0.0.1:{self.listening.getHost().port}"

    async def outcomes(
        self, **checks: dict[str, Any]
    ) -> dict[str, tuple[str, str, str]]:
        """Type, status and output of checks by name, as soon as all have been run."""
        for name, fields in checks.items():
            check = {"ID": name, "Name": name, "Interval": "1s", **fields}
            await self.put("/v1/agent/check/register", check)

        async def all_run() -> dict[str, Any]:
            found: dict[str, Any] = await self.get("/v1/agent/checks")
            return found if all(one["Output"] for one in found.values()) else {}

        found = await wait_for(running_reactor(), all_run, 20)
        return {
            name: (one["Type"], one["Status"], one["Output"])
            for name, one in found.items()
        }

    async def test_the_answer_to_a_url_decides(self) -> None:
        url = f"http://{self.there}"
        nobody = f"127.0.0.1:{free_port()}"
        found = await self.outcomes(
            good={"HTTP": f"{url}/200"},
            empty={"HTTP": f"{url}/204", "Method": "HEAD"},
            many={"HTTP": f"{url}/429"},
            bad={"HTTP": f"{url}/500"},
            lost={"HTTP": f"{url}/404"},
            moved={"HTTP": f"{url}/moved"},
            refused={"HTTP": f"http://{nobody}/x"},
            odd={"HTTP": "nonsense"},
            long={"HTTP": f"{url}/200long", "OutputMaxSize": 10},
        )
        hello = "Output: hello\n"
        expected = {
            "good": ("passing", f"HTTP GET {url}/200: 200 OK {hello}"),
            "empty": ("passing", f"HTTP HEAD {url}/204: 204 No Content Output: "),
            "many": ("warning", f"HTTP GET {url}/429: 429 Unknown Status {hello}"),
            "bad": (
                "critical",
                f"HTTP GET {url}/500: 500 Internal Server Error {hello}",
            ),
            "lost": ("critical", f"HTTP GET {url}/404: 404 Not Found {hello}"),
            "moved": ("passing", f"HTTP GET {url}/moved: 200 OK {hello}"),
            "refused": (
                "critical",
                f'Get "http://{nobody}/x": dial tcp {nobody}: connect: connection '
                "refused",
            ),
            "odd": ("critical", 'Get "nonsense": unsupported protocol scheme ""'),
            "long": ("passing", f"HTTP GET {url}/200long: 200 OK Output: llo\nhello\n"),
        }
        self.assertEqual(
            {name: ("http", *outcome) for name, outcome in expected.items()}, found
        )

    async def test_a_url_is_asked_for_as_the_check_says(self) -> None:
        await self.outcomes(
            post={
                "HTTP": f"http://{self.there}/200",
                "Method": "POST",
                "Header": {"X-A": ["1"], "Host": ["h.example"]},
                "Body": "abc",
            }
        )
        method, headers, body = self.checked.asked["/200"]
        self.assertEqual(("POST", b"abc"), (method, body))
        expected = {
            "X-A": "1",
            "Host": "h.example",
            "User-Agent": "Consul Health Check",
            "Accept": "text/plain, text/*, */*",
            "Connection": "close",
        }
        self.assertEqual(expected, {name: headers.get(name) for name in expected})

    async def test_a_connection_to_an_address_decides(self) -> None:
        nobody = f"127.0.0.1:{free_port()}"
        found = await self.outcomes(
            there={"TCP": self.there}, nobody={"TCP": nobody}, odd={"TCP": "nonsense"}
        )
        odd = found.pop("odd")
        self.assertEqual(
            {
                "there": ("tcp", "passing", f"TCP connect {self.there}: Success"),
                "nobody": (
                    "tcp",
                    "critical",
                    f"dial tcp {nobody}: connect: connection refused",
                ),
            },
            found,
        )
        self.assertEqual(("tcp", "critical"), odd[:2])
        self.assertIn("dial tcp: address nonsense", odd[2])

    async def test_a_server_that_says_nothing_is_critical_after_its_time(self) -> None:
        silent = running_reactor().listenTCP(
            0, Factory.forProtocol(Protocol), interface="127.0.0.1"
        )
        self.addCleanup(silent.stopListening)
        url = f"http://127.0.0.1:{silent.getHost().port}/"
        found = await self.outcomes(silent={"HTTP": url, "Timeout": "200ms"})
        kind, status, output = found["silent"]
        self.assertEqual(("http", "critical"), (kind, status))
        self.assertIn(f'Get "{url}": context deadline exceeded', output)

    async def test_a_certificate_must_be_right_unless_that_is_skipped(self) -> None:
        certificate, key = Authority("nobody knows it").issue("127.0.0.1")
        listening = running_reactor().listenSSL(
            0,
            Site(self.checked),
            PrivateCertificate.loadPEM(certificate + key).options(),
            interface="127.0.0.1",
        )
        self.addCleanup(listening.stopListening)
        url = f"https://127.0.0.1:{listening.getHost().port}/200"
        found = await self.outcomes(
            wrong={"HTTP": url}, skipped={"HTTP": url, "TLSSkipVerify": True}
        )
        self.assertEqual("critical", found["wrong"][1])
        self.assertIn("certificate", found["wrong"][2])
        self.assertEqual("passing", found["skipped"][1])

    async def test_a_service_is_routed_by_the_checks_that_are_run(self) -> None:
        await self.register(
            Checks=[{"HTTP": f"http://{self.there}/200", "Interval": "1s"}]
        )

        async def is_passing() -> bool:
            return bool(await self.health("?passing"))

        await wait_for(running_reactor(), is_passing, 20)
        await self.listening.stopListening()

        async def is_critical() -> bool:
            return not await is_passing()

        await wait_for(running_reactor(), is_critical, 20)

    async def test_nobody_reports_to_a_check_that_is_run(self) -> None:
        await self.register(
            Check={"TCP": self.there, "Interval": "60s", "Status": "passing"}
        )
        answer = await self.ask(
            "PUT", f"/v1/agent/check/fail/service:{self.service_id}"
        )
        self.assertEqual(
            (500, f'CheckID "service:{self.service_id}" does not have associated TTL'),
            (answer.code, answer.body.decode()),
        )


class EmbeddedRunTests(RunContract, EmbeddedCatalog):
    """Checks that the embedded catalog runs."""


class ConsulRunTests(RunContract, ConsulCatalog):
    """Checks that a real Consul runs."""
