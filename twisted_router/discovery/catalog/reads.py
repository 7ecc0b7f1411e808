"""The endpoints of the catalog and of health: what can be waited for."""

from __future__ import annotations

from collections.abc import Mapping

from . import views
from .call import Act, Call, View
from .fields import CATALOG_SERVICE, CHECK, HEALTH, NODE


def _nodes(call: Call) -> View:
    store = call.store
    return View(lambda: views.catalog_nodes(store), lambda: store.indexes.nodes, NODE)


def _services(call: Call) -> View:
    store = call.store
    return View(lambda: views.catalog_services(store), lambda: store.indexes.services)


def _service(call: Call) -> View:
    store, name = call.store, call.named("Missing service name")
    tags = call.query.texts("tag")
    return View(
        lambda: views.catalog_service(store, name, tags),
        lambda: store.indexes.entry(name),
        CATALOG_SERVICE,
    )


def _health_service(call: Call) -> View:
    store, name = call.store, call.named("Missing service name")
    tags = call.query.texts("tag")
    passing = call.query.flag("passing", "Invalid value for ?passing")
    return View(
        lambda: views.health_service(store, name, tags, passing),
        lambda: store.indexes.health(name),
        HEALTH,
    )


def _health_checks(call: Call) -> View:
    store, name = call.store, call.named("Missing service name")
    return View(
        lambda: views.health_checks(store, name),
        lambda: store.indexes.checks_of(name),
        CHECK,
    )


def _health_node(call: Call) -> View:
    store, name = call.store, call.named("Missing node name")
    return View(
        lambda: views.health_node(store, name), lambda: store.indexes.checks, CHECK
    )


def _health_state(call: Call) -> View:
    store, state = call.store, call.named("Missing check state")
    return View(
        lambda: views.health_state(store, state), lambda: store.indexes.checks, CHECK
    )


def _datacenters(call: Call) -> View:
    return View(views.catalog_datacenters)


def _leader(call: Call) -> View:
    return View(lambda: views.status_leader(call.store))


#: What each path does, by method.
EXACT: dict[str, Mapping[str, Act]] = {
    "/v1/catalog/datacenters": {"GET": _datacenters},
    "/v1/catalog/nodes": {"GET": _nodes},
    "/v1/catalog/services": {"GET": _services},
    "/v1/status/leader": {"GET": _leader},
}

#: Each is followed by a name, which may have slashes.
NAMED: dict[str, Mapping[str, Act]] = {
    "/v1/catalog/service/": {"GET": _service},
    "/v1/health/service/": {"GET": _health_service},
    "/v1/health/checks/": {"GET": _health_checks},
    "/v1/health/node/": {"GET": _health_node},
    "/v1/health/state/": {"GET": _health_state},
}
