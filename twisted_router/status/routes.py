"""``/routes``: the routing table, in gorouter's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from twisted.internet.task import (
    Cooperator,
    SchedulerStopped,
    TaskFinished,
    TaskStopped,
)
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request

from ..model import Route, Target
from .credentials import Credentials
from .facts import StatusFacts
from .page import Page, reply, reply_json

#: Routes written as JSON between two looks at the clock: well below a millisecond.
_ROUTES_AT_A_TIME = 16


class RoutesPage(Page):
    """``{uri: [instance, ...]}`` of the current table.

    As gorouter's: instances that may get requests; a route that has none is there, with
    an empty list. ``?all`` adds the instances that health leaves out, and more of what
    is known of each. ``?quarantine`` lists the entries that could not be used, and why.

    :param cooperator: lets requests go on while a large table is written.
    """

    def __init__(
        self, facts: StatusFacts, cooperator: Cooperator, credentials: Credentials
    ) -> None:
        super().__init__(credentials)
        self._facts = facts
        self._cooperator = cooperator

    def answer(self, request: Request) -> Any:
        """Write it, a few routes at a time."""
        asked = request.uri.partition(b"?")[2].split(b"&")
        if b"quarantine" in asked:
            entries = self._facts.quarantine()
            return reply_json(request, [asdict(entry) for entry in entries])
        table = self._facts.tables.table
        parts: list[str] = []
        task = self._cooperator.cooperate(
            _write(parts, table.routes, everything=b"all" in asked)
        )

        def client_left(_: Failure) -> None:
            with suppress(TaskFinished, SchedulerStopped):  # it ended by itself
                task.stop()

        def written(_: object) -> None:
            body = "".join(parts).encode()
            request.write(reply(request, 200, "application/json", body))
            request.finish()

        def failed(failure: Failure) -> None:
            if not failure.check(TaskStopped, SchedulerStopped):
                request.processingFailed(failure)

        request.notifyFinish().addErrback(client_left)
        done = task.whenDone()
        done.addCallback(written)
        done.addErrback(failed)
        return NOT_DONE_YET


def _write(
    parts: list[str], routes: Iterable[Route], everything: bool
) -> Iterator[None]:
    """Append the JSON text to ``parts``, yielding every few routes."""
    describe = describe_target if everything else gorouter_endpoint
    separator = "{"
    for n, route in enumerate(routes, 1):
        targets = route.targets + route.unusable if everything else route.targets
        parts += (
            separator,
            json.dumps(route.uri),
            ": ",
            json.dumps([describe(target) for target in targets]),
        )
        separator = ", "
        if n % _ROUTES_AT_A_TIME == 0:
            yield
    parts.append("}" if parts else "{}")


def gorouter_endpoint(target: Target) -> dict[str, Any]:
    """An instance as gorouter lists it.

    ``ttl`` is 0: what Consul said stays true until it says otherwise. ``tags`` are the
    service's name as ``component``, which is gorouter's word, and its Meta.
    """
    instance = target.instance
    host = f"[{instance.address}]" if ":" in instance.address else instance.address
    return {
        "address": f"{host}:{instance.port}",
        "availability_zone": "",
        "protocol": "http1",
        "tls": target.options.https,
        "ttl": 0,
        "tags": {"component": instance.service, **instance.meta},
        "private_instance_id": instance.id,
    }


def describe_target(target: Target) -> dict[str, Any]:
    """An instance with all that matters for its requests."""
    options = target.options
    return {
        **gorouter_endpoint(target),
        "service": target.instance.service,
        "node": target.instance.node,
        "status": target.instance.status,
        "strip": options.strip,
        "prepend": options.prepend,
        "host": options.host,
        "weight": options.weight,
        "redirect": str(options.redirect) if options.redirect is not None else "",
        "access": str(options.access) if options.access is not None else "",
        "auth": options.auth,
        "skip_verify": options.skip_verify,
    }
