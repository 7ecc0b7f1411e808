"""Statuses and texts of refusals, on our catalog and on a real Consul."""

from __future__ import annotations

from tests.contracts.catalogs import ConsulCatalog, EmbeddedCatalog, Suite


class RefusalContract(Suite):
    """Statuses and texts of refusals."""

    async def assert_refused(
        self, status: int, text: str, method: str, path: str, value: object = None
    ) -> None:
        answer = await self.ask(method, path, value)
        self.assertEqual((status, text), (answer.code, answer.body.decode()))
        (kind,) = answer.headers.getRawHeaders("content-type") or [""]
        self.assertEqual("text/plain; charset=utf-8", kind)

    async def test_registrations_are_refused_with_a_reason(self) -> None:
        decode = "Request decode failed: "
        meta = "Invalid Service Meta: Couldn't load metadata pair "
        for fields, text in (
            (b"", f"{decode}EOF"),
            ({}, "Missing service name"),
            ({"Name": "x", "Bogus": 1}, f'{decode}json: unknown field "Bogus"'),
            (
                {"Name": "x", "SocketPath": "/"},
                f'{decode}json: unknown field "SocketPath"',
            ),
            (
                {"Name": "x", "Check": {"check_id": "a"}},
                f'{decode}json: unknown field "check_id"',
            ),
            (
                {"Name": "x", "Port": "80"},
                f"{decode}json: cannot unmarshal string into Go struct field .Port of "
                "type int",
            ),
            (
                {"Name": "x", "Meta": {"bad key": "v"}},
                f"{meta}('bad key', 'v'): Key contains invalid characters",
            ),
            (
                {"Name": "x", "Meta": {"consul-x": "v"}},
                f"{meta}('consul-x', 'v'): Key prefix 'consul-' is reserved for "
                "internal use",
            ),
            ({"Name": "x", "Address": "0.0.0.0"}, "Invalid service address"),
            (
                {"Name": "x", "Weights": {"Passing": 0}},
                "Invalid Weights: Passing must be greater than 0",
            ),
            (
                {"Name": "x", "Check": {"TTL": "10s", "Status": "bad"}},
                "Status for checks must 'passing', 'warning', 'critical'",
            ),
            (
                {"Name": "x", "Check": {"TTL": "10s", "Interval": "5s"}},
                "Invalid check: Interval and TTL cannot both be specified",
            ),
            (
                {"Name": "x", "Check": {"HTTP": "http://127.0.0.1/"}},
                "Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks",
            ),
            (
                {"Name": "x", "Check": {"Name": "n"}},
                "Invalid check: TTL must be > 0 for TTL checks",
            ),
            (
                {"Name": "x", "Check": {"TTL": "zz"}},
                f'{decode}time: invalid duration "zz"',
            ),
        ):
            await self.assert_refused(
                400, text, "PUT", "/v1/agent/service/register", fields
            )

    async def test_checks_are_refused_with_a_reason(self) -> None:
        for path, fields, status, text in (
            ("check/register", {}, 400, "Missing check name"),
            (
                "check/register",
                {"Name": "n", "TTL": "1s", "ServiceID": "nope"},
                500,
                'ServiceID "nope" does not exist',
            ),
            (
                "check/register",
                {"Name": "n", "TTL": "1s", "Status": "bad"},
                400,
                "Bad check status",
            ),
            (
                "check/pass/nope",
                None,
                500,
                'CheckID "nope" does not have associated TTL',
            ),
            (
                "check/update/nope",
                {"Status": "passing"},
                500,
                'CheckID "nope" does not have associated TTL',
            ),
            (
                "check/update/nope",
                {"Status": "bad"},
                400,
                "Invalid check status: 'bad'",
            ),
        ):
            await self.assert_refused(status, text, "PUT", f"/v1/agent/{path}", fields)

    async def test_maintenance_is_refused_with_a_reason(self) -> None:
        for path, status, text in (
            ("service/maintenance/x", 400, "Missing value for enable"),
            ("service/maintenance/x?enable=zz", 400, 'Invalid value for enable: "zz"'),
            (
                "service/maintenance/nope?enable=true",
                404,
                'No service registered with ID "nope"',
            ),
            ("maintenance", 400, "Missing value for enable"),
        ):
            await self.assert_refused(status, text, "PUT", f"/v1/agent/{path}")

    async def test_reads_are_refused_with_a_reason(self) -> None:
        for path, status, text in (
            ("health/service/", 400, "Missing service name"),
            ("health/state/", 400, "Missing check state"),
            ("catalog/service/", 400, "Missing service name"),
            ("health/service/x?index=abc", 400, "Invalid index"),
            ("health/service/x?index=-1", 400, "Invalid index"),
            ("health/service/x?index=1&wait=5", 400, "Invalid wait time"),
            ("health/service/x?passing=zz", 400, "Invalid value for ?passing"),
            ("catalog/services?dc=elsewhere", 500, "No path to datacenter"),
            (
                "catalog/services?stale&consistent",
                400,
                "Cannot specify ?stale with ?consistent, conflicting semantics.",
            ),
        ):
            await self.assert_refused(status, text, "GET", f"/v1/{path}")

    async def test_another_method_is_refused_with_those_allowed(self) -> None:
        for method, path, allowed in (
            ("GET", "/v1/agent/service/register", "OPTIONS,PUT"),
            ("PUT", "/v1/catalog/services", "OPTIONS,GET"),
        ):
            answer = await self.ask(method, path)
            self.assertEqual(
                (405, [allowed]), (answer.code, answer.headers.getRawHeaders("allow"))
            )

    async def test_an_unknown_path_is_not_found(self) -> None:
        for path in ("/v1/nope", "/v1/agent/nope", "/v1/catalog/services/"):
            self.assertEqual(404, (await self.ask("GET", path)).code, path)


class EmbeddedRefusalTests(RefusalContract, EmbeddedCatalog):
    """Refusals of the embedded catalog."""


class ConsulRefusalTests(RefusalContract, ConsulCatalog):
    """Refusals of a real Consul."""
