"""Filters, on our catalog and on a real Consul."""

from __future__ import annotations

from urllib.parse import quote

from tests.contracts.catalogs import ConsulCatalog, EmbeddedCatalog, Suite
from tests.discovery.catalog.expressions import MATCHES, UNFIT, UNREADABLE, WEB


class FilterContract(Suite):
    """``?filter=``."""

    async def register_web(self) -> None:
        """Register the service that the tables of expressions are about."""
        self.name, self.service_id = WEB["Service"], WEB["ID"]
        await self.register(
            **{key: WEB[key] for key in ("Tags", "Meta", "Port")}, Check={"TTL": "1h"}
        )

    async def refusal(self, expression: str) -> str:
        """What a health query with this filter is refused with."""
        path = f"/v1/health/service/web?filter={quote(expression)}"
        answer = await self.ask("GET", path)
        self.assertEqual(500, answer.code, expression)
        return answer.body.decode()

    async def test_expressions_let_the_same_pass(self) -> None:
        await self.register_web()
        for expression, passes in MATCHES.items():
            found = await self.health(f"?filter={quote(expression)}")
            self.assertEqual(passes, bool(found), expression)

    async def test_what_cannot_be_read_is_refused_at_the_same_place(self) -> None:
        for expression, place in UNREADABLE.items():
            self.assertIn(f": {place}", await self.refusal(expression), expression)

    async def test_what_does_not_fit_is_refused_in_the_same_words(self) -> None:
        for expression, reason in UNFIT.items():
            self.assertEqual(
                f"Failed to create boolean expression evaluator: {reason}",
                await self.refusal(expression),
            )

    async def test_answers_of_each_kind_are_filtered_by_their_own_fields(self) -> None:
        await self.register_web()
        for path, expression, expected in (
            ("health/state/any", "ServiceName == web", 1),
            ("health/state/any", "ServiceName == web and Status != critical", 0),
            ("health/checks/web", "Type == ttl", 1),
            ("health/checks/web", "ServiceTags is empty", 0),
            ("catalog/service/web", "ServiceMeta.k == v", 1),
            ("catalog/service/web", "ServicePort != 80", 0),
            ("catalog/nodes", "Meta is empty", 0),
            ("catalog/nodes", "Datacenter == dc1", 1),
            ("agent/services", "Service == web", 1),
            ("agent/services", "b not in Tags", 0),
            ("agent/checks", "ServiceID == `web-1`", 1),
            ("agent/checks", "Status == passing", 0),
        ):
            found = await self.get(f"/v1/{path}?filter={quote(expression)}")
            self.assertEqual(expected, len(found), (path, expression))

    async def test_the_list_of_names_takes_any_filter_and_ignores_it(self) -> None:
        await self.register_web()
        self.assertIn("web", await self.get("/v1/catalog/services?filter=Bogus"))


class EmbeddedFilterTests(FilterContract, EmbeddedCatalog):
    """Filters of the embedded catalog."""


class ConsulFilterTests(FilterContract, ConsulCatalog):
    """Filters of a real Consul."""
