"""The endpoints below ``/v1/agent/``: what is here, and changing it."""

from __future__ import annotations

from collections.abc import Mapping

from . import views
from .call import Act, Call, View
from .check_payload import read_check, read_update
from .fields import CHECK, SERVICE
from .model import CheckStatus, RefusedError
from .payload import read_registration


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


def _self(call: Call) -> View:
    return View(lambda: views.agent_self(call.store))


def _services(call: Call) -> View:
    return View(lambda: views.agent_services(call.store), fields=SERVICE)


def _checks(call: Call) -> View:
    return View(lambda: views.agent_checks(call.store), fields=CHECK)


#: What each path does, by method.
EXACT: dict[str, Mapping[str, Act]] = {
    "/v1/agent/self": {"GET": _self},
    "/v1/agent/services": {"GET": _services},
    "/v1/agent/checks": {"GET": _checks},
    "/v1/agent/maintenance": {"PUT": _node_maintenance},
    "/v1/agent/service/register": {"PUT": _register},
    "/v1/agent/check/register": {"PUT": _register_check},
}

#: Each is followed by a name, which may have slashes.
NAMED: dict[str, Mapping[str, Act]] = {
    "/v1/agent/service/deregister/": {"PUT": _deregister},
    "/v1/agent/service/maintenance/": {"PUT": _service_maintenance},
    "/v1/agent/check/deregister/": {"PUT": _deregister_check},
    "/v1/agent/check/pass/": {"PUT": _report(CheckStatus.PASSING)},
    "/v1/agent/check/warn/": {"PUT": _report(CheckStatus.WARNING)},
    "/v1/agent/check/fail/": {"PUT": _report(CheckStatus.CRITICAL)},
    "/v1/agent/check/update/": {"PUT": _update_check},
}
