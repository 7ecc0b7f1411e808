"""The state of the embedded catalog: services, checks, and who waits for a change."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime

from . import own_checks
from .indexes import Indexes
from .keys import KeyValues
from .model import (
    Check,
    CheckStatus,
    CheckType,
    Indexed,
    Node,
    RefusedError,
    Service,
)
from .room import DEFAULT_LIMITS, Limits, Room
from .rounds import CheckRounds, Run
from .timers import CheckTimers
from .watchers import Watchers

_Value = TypeVar("_Value", Service, Check)


class CatalogStore:
    """Holds what was registered, as one Consul agent on one node would.

    A change is complete when its method returns, and whoever waited for it has been
    woken: there is no agent here that tells a server later.

    :param clock: for the times of checks and the timeouts of blocked queries.
    :param run: runs a check of a URL or an address once.
    :param rng: for the moments at which checks are run first.
    """

    def __init__(
        self,
        clock: IReactorTime,
        run: Run,
        rng: random.Random,
        node: Node | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.node = node or Node()
        self.indexes = Indexes()
        self.watchers = Watchers(clock, limits.watchers)
        self.keys = KeyValues(
            self.indexes, self.watchers, limits.keys, limits.keys_bytes
        )
        self._room = Room(limits)
        self._timers = CheckTimers(clock, self._expire, self._reap)
        self._rounds = CheckRounds(clock, rng, run, self._found)
        self._services: dict[str, Indexed[Service]] = {}
        self._checks: dict[str, Indexed[Check]] = {}
        self._ids_by_name: defaultdict[str, set[str]] = defaultdict(set)
        self._checks_by_service: defaultdict[str, set[str]] = defaultdict(set)
        self._alive = Indexed(own_checks.ALIVE, created=1, modified=1)

    # Reading; every sequence is sorted by ID

    def services(self) -> list[Indexed[Service]]:
        """Every service."""
        return _sorted(self._services.values())

    def instances(self, name: str) -> list[Indexed[Service]]:
        """Every service of one name; none is no error."""
        return _sorted(self._services[id_] for id_ in self._ids_by_name.get(name, ()))

    def service(self, service_id: str) -> Service:
        """Return the service of that ID."""
        return self._services[service_id].value

    def checks(self) -> list[Indexed[Check]]:
        """Every check that was registered; not the node's own."""
        return _sorted(self._checks.values())

    def all_checks(self) -> list[Indexed[Check]]:
        """Every check, the node's own included."""
        return _sorted([*self._checks.values(), self._alive])

    def service_checks(self, service_id: str) -> list[Indexed[Check]]:
        """The checks of one service, maintenance mode included."""
        ids = self._checks_by_service.get(service_id, ())
        return _sorted(self._checks[id_] for id_ in ids)

    def node_checks(self) -> list[Indexed[Check]]:
        """The checks that count for every service, the node's own included."""
        return _sorted([*self.service_checks(""), self._alive])

    # Changing

    def register(
        self,
        service: Service,
        checks: Sequence[Check] = (),
        *,
        replace_checks: bool = False,
    ) -> None:
        """Register a service, or register it anew.

        Checks that are there already keep their status and output.

        :param checks: of this service.
        :param replace_checks: drop every other check of the service, maintenance
            mode too; without it they stay.
        :raises RefusedError: no room.
        """
        self._room.take([service], checks)
        self.indexes.advance()
        self._put_service(service)
        if replace_checks:
            named = {check.id for check in checks}
            for check_id in self._checks_by_service[service.id] - named:
                self._remove_check(check_id)
        for check in checks:
            self._put_check(check)
        self.watchers.wake()

    def deregister(self, service_id: str) -> None:
        """Remove a service and its checks; an unknown one is no error."""
        row = self._services.get(service_id)
        if row is None:
            return
        self.indexes.advance()
        for check_id in tuple(self._checks_by_service[service_id]):
            self._remove_check(check_id)
        self._room.leave_service(service_id)
        del self._services[service_id]
        del self._checks_by_service[service_id]
        self._leave_name(row.value)
        self.watchers.wake()

    def register_check(self, check: Check) -> None:
        """Register a check of a service or of the node, or register it anew.

        :raises RefusedError: no such service, or no room.
        """
        if check.service_id and check.service_id not in self._services:
            raise RefusedError(f'ServiceID "{check.service_id}" does not exist', 500)
        self._room.take([], [check])
        self.indexes.advance()
        self._put_check(check)
        self.watchers.wake()

    def deregister_check(self, check_id: str) -> None:
        """Remove a check; an unknown one is no error."""
        if check_id in self._checks:
            self.indexes.advance()
            self._remove_check(check_id)
            self.watchers.wake()

    def update_check(self, check_id: str, status: CheckStatus, output: str) -> None:
        """Take a report for a TTL check: its time begins anew.

        A new output alone wakes nobody (Consul: for five minutes).

        :raises RefusedError: there is no such TTL check.
        """
        row = self._checks.get(check_id)
        if row is None or row.value.type is not CheckType.TTL:
            raise RefusedError(
                f'CheckID "{check_id}" does not have associated TTL', 500
            )
        self._set_status(row, status, own_checks.kept_output(output))
        self._timers.reported(row.value)

    def service_maintenance(self, service_id: str, enable: bool, reason: str) -> None:
        """Turn maintenance mode of a service on or off.

        Turning on what is on changes nothing, not even the reason.

        :param reason: ``""`` for a default text.
        :raises RefusedError: there is no such service.
        """
        if service_id not in self._services:
            raise RefusedError(f'No service registered with ID "{service_id}"', 404)
        self._maintain(own_checks.service_maintenance(service_id, reason), enable)

    def node_maintenance(self, enable: bool, reason: str) -> None:
        """Turn maintenance mode of the node on or off; else as for a service."""
        self._maintain(own_checks.node_maintenance(reason), enable)

    def close(self) -> None:
        """Answer who waits, and stop the clocks of all checks."""
        self.watchers.close()
        self._timers.stop()
        self._rounds.stop()

    # How it is done; whoever calls these advances the index before, and wakes after

    def _put_service(self, service: Service) -> None:
        index = self.indexes.last
        old = self._services.get(service.id)
        if old is not None and old.value == service:
            return
        self._services[service.id] = Indexed(
            service, index if old is None else old.created, index
        )
        self._ids_by_name[service.name].add(service.id)
        self.indexes.service_changed(service.name)
        if old is not None and old.value.name != service.name:
            if self._checks_by_service[service.id]:
                # They go along.
                self.indexes.check_changed(old.value.name)
                self.indexes.check_changed(service.name)
            self._leave_name(old.value)

    def _leave_name(self, service: Service) -> None:
        """Take a service off the list of a name it has no more."""
        ids = self._ids_by_name[service.name]
        ids.discard(service.id)
        if ids:
            self.indexes.service_changed(service.name)
        else:
            del self._ids_by_name[service.name]
            self.indexes.service_gone(service.name)

    def _put_check(self, check: Check) -> None:
        index = self.indexes.last
        old = self._checks.get(check.id)
        if old is None:
            created = index
        else:
            created = old.created
            check = replace(check, status=old.value.status, output=old.value.output)
            if old.value.service_id != check.service_id:
                self._take_out(check.id)
        if old is not None and old.value == check:
            self.indexes.check_written(self._name_of(check))
        else:
            self._checks[check.id] = Indexed(check, created, index)
            self._checks_by_service[check.service_id].add(check.id)
            self._note_change(check)
        self._timers.reported(check)
        self._timers.status_set(check)
        self._rounds.begin(check)

    def _remove_check(self, check_id: str) -> None:
        self._room.leave_check(check_id)
        self._take_out(check_id)

    def _take_out(self, check_id: str) -> None:
        check = self._checks.pop(check_id).value
        self._checks_by_service[check.service_id].discard(check_id)
        self._timers.forget(check_id)
        self._rounds.forget(check_id)
        self._note_change(check)

    def _note_change(self, check: Check) -> None:
        name = self._name_of(check)
        if name:
            self.indexes.check_changed(name)
        else:
            self.indexes.node_check_changed()

    def _name_of(self, check: Check) -> str:
        """Name of the service a check is of, ``""`` for the node's."""
        return self.service(check.service_id).name if check.service_id else ""

    def _maintain(self, check: Check, enable: bool) -> None:
        if not enable:
            self.deregister_check(check.id)
        elif check.id not in self._checks:
            self.register_check(check)

    def _set_status(
        self, row: Indexed[Check], status: CheckStatus, output: str
    ) -> None:
        check = replace(row.value, status=status, output=output)
        if status is row.value.status:
            self._checks[check.id] = replace(row, value=check)
            return
        index = self.indexes.advance()
        self._checks[check.id] = Indexed(check, row.created, index)
        self._note_change(check)
        self._timers.status_set(check)
        self.watchers.wake()

    def _expire(self, check_id: str) -> None:
        row = self._checks[check_id]
        output = own_checks.expired_output(row.value.output)
        self._set_status(row, CheckStatus.CRITICAL, output)

    def _found(self, check_id: str, status: CheckStatus, output: str) -> None:
        self._set_status(self._checks[check_id], status, output)

    def _reap(self, check_id: str) -> None:
        self.deregister(self._checks[check_id].value.service_id)


def _sorted(rows: Iterable[Indexed[_Value]]) -> list[Indexed[_Value]]:
    return sorted(rows, key=lambda row: row.value.id)
