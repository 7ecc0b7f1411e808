"""What the paths below ``/v1/`` do to a :class:`CatalogStore`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

from . import views
from .model import CheckStatus, RefusedError
from .payload import read_check, read_registration, read_update
from .query import Query
from .store import CatalogStore


@dataclass(frozen=True, slots=True)
class Call:
    """One request, taken apart.

    :ivar name: what the path says behind the endpoint's own part, decoded.
    """

    store: CatalogStore
    name: str
    query: Query
    body: bytes

    def named(self, refusal: str, status: int = 400) -> str:
        """Return the name.

        :raises RefusedError: it is empty; with ``refusal``.
        """
        if not self.name:
            raise RefusedError(refusal, status)
        return self.name


@dataclass(frozen=True, slots=True)
class View:
    """What a read answers, asked for when it is written.

    :ivar data: makes the JSON.
    :ivar index: the index now, for reads that may wait; ``None`` for the others.
    """

    data: Callable[[], Any]
    index: Callable[[], int] | None = None


#: Does what is asked; a write returns ``None``. Refuses with RefusedError.
Act = Callable[[Call], View | None]


class Found(NamedTuple):
    """The endpoint of a path, and the name in the path."""

    method: str
    act: Act
    name: str


def find(path: bytes) -> Found | None:
    """Look up the path of a request, still encoded: ``%2F`` is part of a name."""
    text = path.decode("utf-8", "replace")
    if text in _EXACT:
        return Found(*_EXACT[text], name="")
    for prefix, (method, act) in _NAMED.items():
        if text.startswith(prefix) or text == prefix[:-1]:
            return Found(method, act, unquote(text[len(prefix) :]))
    return None


# Agent: what is here, and changing it


def _register(call: Call) -> None:
    service, checks = read_registration(call.body)
    replace = call.query.replace_existing_checks
    call.store.register(service, checks, replace_checks=replace)


def _deregister(call: Call) -> None:
    call.store.deregister(call.named("ServiceID missing", 500))


def _maintenance(call: Call) -> tuple[bool, str]:
    """Read whether to switch on or off, and the reason."""
    if not call.query.text("enable"):
        raise RefusedError("Missing value for enable")
    refusal = f'Invalid value for enable: "{call.query.text("enable")}"'
    return call.query.flag("enable", refusal), call.query.text("reason")


def _service_maintenance(call: Call) -> None:
    service_id = call.named("Missing service ID")
    call.store.service_maintenance(service_id, *_maintenance(call))


def _node_maintenance(call: Call) -> None:
    call.store.node_maintenance(*_maintenance(call))


def _register_check(call: Call) -> None:
    call.store.register_check(read_check(call.body))


def _deregister_check(call: Call) -> None:
    call.store.deregister_check(call.named("CheckID missing", 500))


def _report(status: CheckStatus) -> Act:
    def report(call: Call) -> None:
        call.store.update_check(call.name, status, call.query.text("note"))

    return report


def _update_check(call: Call) -> None:
    call.store.update_check(call.name, *read_update(call.body))


# Catalog and health: what can be waited for


def _catalog_nodes(call: Call) -> View:
    store = call.store
    return View(lambda: views.catalog_nodes(store), lambda: store.indexes.nodes)


def _catalog_services(call: Call) -> View:
    store = call.store
    return View(lambda: views.catalog_services(store), lambda: store.indexes.services)


def _catalog_service(call: Call) -> View:
    store, name = call.store, call.named("Missing service name")
    tags = call.query.texts("tag")
    return View(
        lambda: views.catalog_service(store, name, tags),
        lambda: store.indexes.entry(name),
    )


def _health_service(call: Call) -> View:
    store, name = call.store, call.named("Missing service name")
    tags = call.query.texts("tag")
    passing = call.query.flag("passing", "Invalid value for ?passing")
    return View(
        lambda: views.health_service(store, name, tags, passing),
        lambda: store.indexes.health(name),
    )


def _health_checks(call: Call) -> View:
    store, name = call.store, call.named("Missing service name")
    return View(
        lambda: views.health_checks(store, name),
        lambda: store.indexes.checks_of(name),
    )


def _health_node(call: Call) -> View:
    store, name = call.store, call.named("Missing node name")
    return View(lambda: views.health_node(store, name), lambda: store.indexes.checks)


def _health_state(call: Call) -> View:
    store, state = call.store, call.named("Missing check state")
    return View(lambda: views.health_state(store, state), lambda: store.indexes.checks)


_EXACT: dict[str, tuple[str, Act]] = {
    "/v1/agent/self": ("GET", lambda call: View(lambda: views.agent_self(call.store))),
    "/v1/agent/services": (
        "GET",
        lambda call: View(lambda: views.agent_services(call.store)),
    ),
    "/v1/agent/checks": (
        "GET",
        lambda call: View(lambda: views.agent_checks(call.store)),
    ),
    "/v1/agent/maintenance": ("PUT", _node_maintenance),
    "/v1/agent/service/register": ("PUT", _register),
    "/v1/agent/check/register": ("PUT", _register_check),
    "/v1/catalog/nodes": ("GET", _catalog_nodes),
    "/v1/catalog/services": ("GET", _catalog_services),
    "/v1/status/leader": (
        "GET",
        lambda call: View(lambda: views.status_leader(call.store)),
    ),
}

#: Each is followed by a name, which may have slashes.
_NAMED: dict[str, tuple[str, Act]] = {
    "/v1/agent/service/deregister/": ("PUT", _deregister),
    "/v1/agent/service/maintenance/": ("PUT", _service_maintenance),
    "/v1/agent/check/deregister/": ("PUT", _deregister_check),
    "/v1/agent/check/pass/": ("PUT", _report(CheckStatus.PASSING)),
    "/v1/agent/check/warn/": ("PUT", _report(CheckStatus.WARNING)),
    "/v1/agent/check/fail/": ("PUT", _report(CheckStatus.CRITICAL)),
    "/v1/agent/check/update/": ("PUT", _update_check),
    "/v1/catalog/service/": ("GET", _catalog_service),
    "/v1/health/service/": ("GET", _health_service),
    "/v1/health/checks/": ("GET", _health_checks),
    "/v1/health/node/": ("GET", _health_node),
    "/v1/health/state/": ("GET", _health_state),
}
