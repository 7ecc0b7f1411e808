"""A catalog of many services, and changes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.discovery.agents import Consul

#: Over how many nodes the instances are spread that stand still.
NODES = 40

#: Operations in one transaction; Consul takes 64.
_BATCH = 64


def service_name(number: int) -> str:
    """What the services are called."""
    return f"service-{number:04d}"


def host_of(service: str) -> str:
    """The host of a service's route."""
    return f"{service}.example.com"


def instance_address(number: int) -> str:
    """An address of the loopback device, another one for each number."""
    return f"127.{1 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"


def fill(consul: Consul, services: int, instances: int, port: int) -> None:
    """Put services into the catalog, on nodes without agents.

    Every instance has a check of its own, as every node has. What changes later is
    registered with the agent.
    """
    for batch in _batches(_operations(services, instances, port)):
        consul.put("/v1/txn", batch)


def _operations(services: int, instances: int, port: int) -> Iterator[dict[str, Any]]:
    for number in range(NODES):
        node = f"node-{number}"
        about = {"Node": node, "Address": f"10.0.0.{number + 1}"}
        yield {"Node": {"Verb": "set", "Node": about}}
        # Not Serf's: Consul drops nodes that have one and are not its members.
        yield _check(node, "externalNodeHealth", "External Node Status")
    placed = 0
    for number in range(services):
        for _ in range(instances):
            name, node = service_name(number), f"node-{placed % NODES}"
            about = instance(name, placed, port)
            placed += 1
            about["Service"] = about.pop("Name")
            yield {"Service": {"Verb": "set", "Node": node, "Service": about}}
            yield _check(node, f"service:{about['ID']}", "http", about["ID"])


def _check(node: str, check_id: str, name: str, service_id: str = "") -> dict[str, Any]:
    check = {
        "Node": node,
        "CheckID": check_id,
        "Name": name,
        "Status": "passing",
        "ServiceID": service_id,
        "Output": "HTTP GET http://127.0.0.1/health: 200 OK Output: ok",
    }
    return {"Check": {"Verb": "set", "Check": check}}


def _batches(operations: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch = []
    for operation in operations:
        batch.append(operation)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def instance(service: str, number: int, port: int) -> dict[str, Any]:
    """A registration; all instances of a service have the same tags."""
    return {
        "Name": service,
        "ID": f"{service}-{number}",
        "Address": instance_address(number),
        "Port": port,
        "Tags": [f"urlprefix-{host_of(service)}/", "http"],
        "Meta": {"version": "1.0"},
    }
