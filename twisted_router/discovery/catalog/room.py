"""How much fits into the embedded catalog."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from .model import Check, RefusedError, Service


@dataclass(frozen=True, slots=True)
class Limits:
    """Many times what one machine runs, little enough to hold.

    :ivar checks: services' and the node's together.
    :ivar watchers: blocked queries.
    :ivar registered_bytes: of memory, of all services and checks together.
    :ivar keys_bytes: of all keys and values together.
    """

    services: int = 4096
    checks: int = 8192
    watchers: int = 256
    registered_bytes: int = 64 * 1024 * 1024
    keys: int = 4096
    keys_bytes: int = 64 * 1024 * 1024


DEFAULT_LIMITS = Limits()


class Room:
    """Weighs what was registered, and refuses what would be too much.

    The outputs of checks come on top: 4 KiB each at most.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._services: dict[str, int] = {}
        self._checks: dict[str, int] = {}
        self._bytes = 0

    def take(self, services: Sequence[Service], checks: Sequence[Check]) -> None:
        """Take in these, each in the place of the one that has its ID.

        :raises RefusedError: not all of them fit; none was taken.
        """
        new_services = {one.id: _weight_bytes(one) for one in services}
        new_checks = {one.id: _weight_bytes(one) for one in checks}
        grown = 0
        for what, there, new, limit in (
            ("services", self._services, new_services, self._limits.services),
            ("checks", self._checks, new_checks, self._limits.checks),
        ):
            if len(there) + len(new.keys() - there.keys()) > limit:
                raise _full(f"{limit} {what}")
            grown += sum(size - there.get(id_, 0) for id_, size in new.items())
        if grown > 0 and self._bytes + grown > self._limits.registered_bytes:
            raise _full(f"{self._limits.registered_bytes} bytes of services and checks")
        self._services |= new_services
        self._checks |= new_checks
        self._bytes += grown

    def leave_service(self, service_id: str) -> None:
        """Have room again for what a service took."""
        self._bytes -= self._services.pop(service_id)

    def leave_check(self, check_id: str) -> None:
        """Have room again for what a check took."""
        self._bytes -= self._checks.pop(check_id)


def _full(limit: str) -> RefusedError:
    return RefusedError(f"This development catalog is full: it holds {limit}", 503)


def _weight_bytes(value: Any) -> int:
    """Memory that a value takes, about."""
    size = sys.getsizeof(value)
    if is_dataclass(value):
        size += sum(_weight_bytes(getattr(value, one.name)) for one in fields(value))
    elif isinstance(value, Mapping):
        size += sum(_weight_bytes(part) for pair in value.items() for part in pair)
    elif isinstance(value, tuple):
        size += sum(map(_weight_bytes, value))
    return size
