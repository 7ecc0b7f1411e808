"""What the commands of routerctl need of the world, in memory."""

from __future__ import annotations

from types import TracebackType
from typing import BinaryIO

from twisted_router.control.registration import RouteRegistration
from twisted_router.interfaces import CatalogError

AWAY = CatalogError("Consul at test: connection refused")


class FakeAgent:
    """An agent that answers, refuses or is away.

    :ivar routes: what is registered, by ID.
    :ivar asked: what it was asked to do: a verb and a route's URI or an ID.
    :ivar error: raised by whatever it is asked; ``None`` while it answers.
    """

    def __init__(self) -> None:
        self.routes: dict[str, RouteRegistration] = {}
        self.asked: list[tuple[str, str]] = []
        self.error: CatalogError | None = None

    def register(self, registration: RouteRegistration) -> None:
        self._answer("register", registration.uri)
        self.routes[registration.id] = registration

    def refresh(self, registration: RouteRegistration) -> bool:
        self._answer("refresh", registration.uri)
        return registration.id in self.routes

    def deregister(self, service_id: str) -> None:
        self._answer("deregister", service_id)
        self.routes.pop(service_id, None)

    def uris(self) -> list[str]:
        """What is registered, sorted."""
        return sorted(one.uri for one in self.routes.values())

    def verbs(self) -> list[str]:
        """What it was asked to do since the last time."""
        verbs = [verb for verb, _ in self.asked]
        self.asked.clear()
        return verbs

    def _answer(self, verb: str, what: str) -> None:
        self.asked.append((verb, what))
        if self.error is not None:
            raise self.error


class FakePause:
    """Lets time pass at once, and stops after some waits.

    A stream is always ready to be read.

    :ivar now_s: the time.
    :ivar waits: how long each wait was.
    """

    def __init__(self, stop_after: int = 1_000) -> None:
        self.now_s = 1000.0
        self.waits: list[float | None] = []
        self.stopped = False
        self._stop_after = stop_after

    def clock(self) -> float:
        return self.now_s

    def wait(self, timeout_s: float | None, stream: BinaryIO | None) -> bool:
        if stream is not None:
            return True
        self.waits.append(timeout_s)
        self.stopped = timeout_s is None or len(self.waits) >= self._stop_after
        self.now_s += timeout_s or 0.0
        return False

    def __enter__(self) -> FakePause:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to put back."""
