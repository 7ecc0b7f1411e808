"""What the proxy would do with a request, and why, without sending it anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..interfaces import IRouteTables
from ..model import Route, Target
from ..routing.balance import Balancer
from ..routing.explain import Explanation, Verdict, explain
from . import errors
from .head import HeadError, HeadLimits
from .request_head import LastHopError, RequestHead, parse_request_head


class Explainer:
    """Answers "why did this request go there?".

    :param limits: of request heads, as the proxy has them.
    """

    def __init__(
        self, tables: IRouteTables, balancer: Balancer, limits: HeadLimits
    ) -> None:
        self._tables = tables
        self._balancer = balancer
        self._limits = limits

    def explain(self, method: bytes, url: bytes) -> Mapping[str, Any]:
        """Take a request apart as if it had come, and look its instances up.

        :param url: ``http://host/path``, ``host/path`` or ``/path``; a query counts
            as in a request, a fragment is dropped as clients drop it.
        :returns: what JSON can hold. ``status`` is what the proxy would answer by
            itself, 0 if an instance would.
        """
        host, target = _split(url)
        head = b"%b %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (method, target, host)
        try:
            request = parse_request_head(head, self._limits)
        except HeadError as error:
            return _refused(error.status, error.reason)
        except LastHopError as error:
            request = error.request
        table = self._tables.table
        found = explain(table, self._balancer, request.host, request.path)
        services = set(found.route.services) if found.route is not None else set()
        return {
            **self._answer(request, found),
            "request": {
                "method": request.method.decode(),
                "host": request.host.decode(),
                "path": request.path.decode(),
            },
            "steps": [
                {"rule": step.rule, "pattern": step.pattern, "route": step.uri}
                for step in found.steps
            ],
            "route": found.route.uri if found.route is not None else None,
            "demands": _demands(found.route),
            "services": sorted(services),
            "serving": [_verdict(v) for v in found.verdicts if not v.reason],
            "left_out": [_verdict(v) for v in found.verdicts if v.reason],
            "quarantined": [
                {
                    "instance": entry.instance_id,
                    "source": entry.source,
                    "text": entry.text,
                    "reason": entry.reason,
                }
                for entry in table.quarantine
                if entry.service in services
            ],
        }

    def _answer(self, request: RequestHead, found: Explanation) -> dict[str, Any]:
        page = None
        if not request.host:
            page = errors.empty_host()
        elif found.route is None:
            page = errors.unknown_route(request.host)
        elif not found.route.targets:
            page = errors.no_endpoints(request.host)
        elif self._balancer.exhausted(found.route):
            page = errors.exhausted(request.host)
        if page is None:
            return {"status": 0, "answer": "an instance answers"}
        return {"status": page.status, "answer": page.message}


def _split(url: bytes) -> tuple[bytes, bytes]:
    """Host and target of a URL, unchecked."""
    url = url.partition(b"#")[0]
    scheme, mark, rest = url.partition(b"://")
    if not mark or scheme.lower() not in (b"http", b"https"):
        rest = url
    cuts = [n for n in (rest.find(b"/"), rest.find(b"?")) if n >= 0]
    end = min(cuts, default=len(rest))
    host, target = rest[:end], rest[end:]
    return host, target if target.startswith(b"/") else b"/" + target


def _demands(route: Route | None) -> list[str]:
    """What a client has to meet before any instance is asked."""
    return list(route.gate.terms) if route is not None and route.gate else []


def _refused(status: int, reason: str) -> dict[str, Any]:
    page = errors.refused(status, reason)
    return {
        "status": page.status,
        "answer": page.message,
        "request": None,
        "steps": [],
        "route": None,
        "demands": [],
        "services": [],
        "serving": [],
        "left_out": [],
        "quarantined": [],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    state = verdict.state
    described = {
        **_described(verdict.target),
        "share": round(verdict.share, 4),
        "in_flight": state.in_flight if state is not None else 0,
        "requests": state.requests if state is not None else 0,
        "failures": state.failures if state is not None else 0,
    }
    if verdict.reason:
        described["reason"] = verdict.reason
    return described


def _described(target: Target) -> dict[str, Any]:
    instance = target.instance
    return {
        "address": f"{instance.address}:{instance.port}",
        "service": instance.service,
        "instance": instance.id,
        "node": instance.node,
        "status": instance.status,
        "weight": target.options.weight,
    }
