"""The JSON that Consul 1.8.7 shows of services, checks and the node."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ... import __version__
from .model import (
    DATACENTER,
    Check,
    CheckStatus,
    Indexed,
    Node,
    Service,
    ServiceAddress,
)
from .store import CatalogStore

#: The version of Consul whose answers these are; clients choose by it.
CONSUL_VERSION = "1.8.7"

NOTICE = (
    "The embedded catalog of twisted_router, for development and tests: in memory, "
    "one node, no cluster, no access control. Run Consul for everything else."
)

_META = {"consul-network-segment": ""}


def agent_self(store: CatalogStore) -> dict[str, Any]:
    """``agent/self``, and what this agent is in truth."""
    node = store.node
    return {
        "Config": {
            "Datacenter": DATACENTER,
            "NodeName": node.name,
            "NodeID": node.id,
            "Revision": "",
            "Server": True,
            "Version": CONSUL_VERSION,
        },
        "Member": {
            "Name": node.name,
            "Addr": node.address,
            "Port": 0,
            "Tags": {"dc": DATACENTER, "id": node.id, "role": "consul"},
            "Status": 1,
        },
        "Meta": _META,
        "EmbeddedCatalog": {"Version": __version__, "Notice": NOTICE},
    }


def status_leader(store: CatalogStore) -> str:
    """``status/leader``: never empty, for clients take that for a cluster without."""
    return f"{store.node.address}:8300"


def agent_services(store: CatalogStore) -> dict[str, Any]:
    """``agent/services``: by ID."""
    return {row.value.id: _agent_service(row.value) for row in store.services()}


def agent_checks(store: CatalogStore) -> dict[str, Any]:
    """``agent/checks``: by ID; agents know no indexes."""
    return {
        row.value.id: check(store, Indexed(row.value, created=0, modified=0))
        for row in store.checks()
    }


def catalog_datacenters() -> list[str]:
    """``catalog/datacenters``: the one."""
    return [DATACENTER]


def catalog_nodes(store: CatalogStore) -> list[Any]:
    """``catalog/nodes``: the one."""
    return [_node(store)]


def catalog_services(store: CatalogStore) -> dict[str, list[str]]:
    """``catalog/services``: the tags of all instances by name."""
    tags: dict[str, set[str]] = {}
    for row in store.services():
        tags.setdefault(row.value.name, set()).update(row.value.tags)
    return {name: sorted(tags[name]) for name in sorted(tags)}


def catalog_service(
    store: CatalogStore, name: str, wanted_tags: Collection[str]
) -> list[Any]:
    """``catalog/service/NAME``: instances whatever their health."""
    return [
        _catalog_service(store.node, row)
        for row in store.instances(name)
        if _has_tags(row.value, wanted_tags)
    ]


def health_service(
    store: CatalogStore, name: str, wanted_tags: Collection[str], only_passing: bool
) -> list[Any]:
    """``health/service/NAME``: instances with their node and all their checks.

    :param wanted_tags: an instance needs all of them, in any case of letters.
    :param only_passing: leave out instances with a check that is not passing.
    """
    node_checks = store.node_checks()
    found = []
    for row in store.instances(name):
        checks = [*node_checks, *store.service_checks(row.value.id)]
        passing = all(one.value.status is CheckStatus.PASSING for one in checks)
        if _has_tags(row.value, wanted_tags) and (passing or not only_passing):
            found.append(
                {
                    "Node": _node(store),
                    "Service": _health_service(row),
                    "Checks": [check(store, one) for one in checks],
                }
            )
    return found


def health_checks(store: CatalogStore, name: str) -> list[Any]:
    """``health/checks/NAME``: the checks of all instances, without the node's."""
    return [
        check(store, one)
        for row in store.instances(name)
        for one in store.service_checks(row.value.id)
    ]


def health_node(store: CatalogStore, node: str) -> list[Any]:
    """``health/node/NAME``: every check, if it is our node."""
    return health_state(store, "any") if node == store.node.name else []


def health_state(store: CatalogStore, state: str) -> list[Any]:
    """``health/state/STATE``: every check in that state; ``any`` for all."""
    return [
        check(store, row)
        for row in store.all_checks()
        if state in ("any", row.value.status)
    ]


def check(store: CatalogStore, row: Indexed[Check]) -> dict[str, Any]:
    """A check with the name and tags of its service."""
    one = row.value
    service = store.service(one.service_id) if one.service_id else None
    return {
        "Node": store.node.name,
        "CheckID": one.id,
        "Name": one.name,
        "Status": one.status,
        "Notes": one.notes,
        "Output": one.output,
        "ServiceID": one.service_id,
        "ServiceName": service.name if service else "",
        "ServiceTags": list(service.tags) if service else [],
        "Type": one.type,
        "Definition": {},
        "CreateIndex": row.created,
        "ModifyIndex": row.modified,
    }


def _has_tags(service: Service, wanted: Collection[str]) -> bool:
    return {tag.lower() for tag in wanted} <= {tag.lower() for tag in service.tags}


def _node(store: CatalogStore) -> dict[str, Any]:
    return {
        **_node_address(store.node),
        "Meta": _META,
        "CreateIndex": store.indexes.nodes,
        "ModifyIndex": store.indexes.nodes,
    }


def _node_address(node: Node) -> dict[str, Any]:
    return {
        "ID": node.id,
        "Node": node.name,
        "Address": node.address,
        "Datacenter": DATACENTER,
        "TaggedAddresses": {"lan": node.address, "wan": node.address},
    }


def _agent_service(service: Service) -> dict[str, Any]:
    return {
        "ID": service.id,
        "Service": service.name,
        "Tags": list(service.tags),
        "Meta": dict(service.meta or {}),
        "Port": service.port,
        "Address": service.address,
        **_tagged("TaggedAddresses", service.tagged_addresses),
        "Weights": _weights(service),
        "EnableTagOverride": service.enable_tag_override,
    }


def _health_service(row: Indexed[Service]) -> dict[str, Any]:
    return {
        **_agent_service(row.value),
        "Meta": row.value.meta,
        "Proxy": {"MeshGateway": {}, "Expose": {}},
        "Connect": {},
        "CreateIndex": row.created,
        "ModifyIndex": row.modified,
    }


def _catalog_service(node: Node, row: Indexed[Service]) -> dict[str, Any]:
    service = row.value
    return {
        **_node_address(node),
        "NodeMeta": _META,
        "ServiceKind": "",
        "ServiceID": service.id,
        "ServiceName": service.name,
        "ServiceTags": list(service.tags),
        "ServiceAddress": service.address,
        **_tagged("ServiceTaggedAddresses", service.tagged_addresses),
        "ServiceWeights": _weights(service),
        "ServiceMeta": dict(service.meta or {}),
        "ServicePort": service.port,
        "ServiceEnableTagOverride": service.enable_tag_override,
        "ServiceProxy": {"MeshGateway": {}, "Expose": {}},
        "ServiceConnect": {},
        "CreateIndex": row.created,
        "ModifyIndex": row.modified,
    }


def _weights(service: Service) -> dict[str, int]:
    return {"Passing": service.weights.passing, "Warning": service.weights.warning}


def _tagged(key: str, addresses: Mapping[str, ServiceAddress] | None) -> dict[str, Any]:
    """The field, or nothing when there are none."""
    if not addresses:
        return {}
    return {
        key: {
            tag: {"Address": one.address, "Port": one.port}
            for tag, one in sorted(addresses.items())
        }
    }
