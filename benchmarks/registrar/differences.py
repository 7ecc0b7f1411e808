"""What should be in Consul, worked out once more and more simply, beside what is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.registrar.site import Site
from twisted_router.registrar.meta import CONTAINER, OWNER


def differences(site: Site) -> list[str]:
    """How the agent and its catalog differ from what Docker runs; one a line.

    For containers on the engine's bridge that publish port 80. Paused ones have to be
    in maintenance mode, all others not.
    """
    expected = {}
    for entry in site.engine.api.containers():
        service_id = site.service_id(entry["Names"][0].removeprefix("/"))
        expected[service_id] = (
            site.agent.host,
            _published_port(entry),
            entry["Id"][:12],
            entry["State"] == "paused",
        )
    node = site.consul.get(f"/v1/catalog/node/{site.node}")["Services"]
    views = {
        "agent": (site.services(), _maintained(site.consul.get("/v1/agent/checks"))),
        "catalog": (node, _maintained(_catalog_checks(site))),
    }
    return [
        f"{view}: {service_id} should be {wanted}, is {found}"
        for view, (services, maintained) in views.items()
        for service_id, wanted, found in unequal(
            expected, _places(services, maintained)
        )
    ]


def _published_port(entry: Mapping[str, Any]) -> int:
    for port in entry["Ports"]:
        if port.get("IP") == "0.0.0.0" and port["PrivatePort"] == 80:
            return int(port["PublicPort"])
    return 0


def _places(
    services: Mapping[str, Any], maintained: set[str]
) -> dict[str, tuple[str, int, str, bool]]:
    return {
        service_id: (
            service["Address"],
            service["Port"],
            service["Meta"].get(CONTAINER, ""),
            service_id in maintained,
        )
        for service_id, service in services.items()
        if OWNER in (service["Meta"] or {})
    }


def _maintained(checks: Mapping[str, Any]) -> set[str]:
    return {
        str(check["ServiceID"])
        for check_id, check in checks.items()
        if check_id.startswith("_service_maintenance:")
    }


def _catalog_checks(site: Site) -> dict[str, Any]:
    checks = site.consul.get(f"/v1/health/node/{site.node}")
    return {check["CheckID"]: check for check in checks}


def unequal(
    expected: Mapping[str, object], actual: Mapping[str, object]
) -> list[tuple[str, object, object]]:
    """What differs: the key, what it should have, and what it has."""
    return [
        (key, expected.get(key), actual.get(key))
        for key in sorted(expected.keys() | actual.keys())
        if expected.get(key) != actual.get(key)
    ]
