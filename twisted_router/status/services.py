"""``/services``: how old what is known of each service is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from twisted.web.server import Request

from ..interfaces import ServiceState
from .credentials import Credentials
from .page import Page, reply_json


class ServicesPage(Page):
    """Each service that Consul has told of, the oldest facts first."""

    def __init__(
        self,
        services: Callable[[], Sequence[ServiceState]] | None,
        credentials: Credentials,
    ) -> None:
        super().__init__(credentials)
        self._services = services

    def answer(self, request: Request) -> bytes:
        """All of them."""
        states = () if self._services is None else self._services()
        oldest_first = sorted(states, key=_freshness)
        return reply_json(request, {"services": [asdict(s) for s in oldest_first]})


def _freshness(state: ServiceState) -> tuple[bool, float, str]:
    """Smaller the less sure its facts are; those never confirmed come first."""
    return (state.age_s is not None, -(state.age_s or 0.0), state.service)
