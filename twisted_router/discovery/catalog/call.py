"""A request taken apart, and what an endpoint makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .fields import Fields
from .model import RefusedError
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
class Raw:
    """An answer that is no JSON."""

    body: bytes


#: Instead of JSON: there is no such thing.
NOTHING = object()


@dataclass(frozen=True, slots=True)
class View:
    """What a read answers, asked for when it is written.

    :ivar data: makes the JSON, or :class:`Raw`, or :data:`NOTHING`.
    :ivar index: the index now, for reads that may wait; ``None`` for the others.
    :ivar fields: what ``?filter=`` may name; ``None`` where Consul ignores it.
    """

    data: Callable[[], Any]
    index: Callable[[], int] | None = None
    fields: Fields | None = None


#: Does what is asked; ``None`` is an answer without a body. Refuses with RefusedError.
Act = Callable[[Call], View | None]
