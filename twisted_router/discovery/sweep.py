"""The instances of any number of services over a handful of connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from ..interfaces import Answer, IConsulClient
from .lists import SeenList
from .poll import Poll, Terms
from .reads import Reads
from .summaries import Summaries
from .watch import CATALOG, CHECKS, IWatch, Listener, read_name

#: Services that are read after each move of the catalog, on the chance: those that
#: changed last. Who changes one instance soon changes the next one of the same service.
SUSPECTS = 8

#: After a search among *all* services, the next one waits so many seconds for each read
#: that it took, and so many at most. A read costs this process 0.4 ms, which it has to
#: spare for requests.
SEARCH_S_PER_READ = 0.003
MAX_SEARCH_INTERVAL_S = 10.0

#: Seconds after a move of the catalog until all services were read anew at leisure,
#: whatever was found out about its cause.
LEISURE_S = 60.0

# Note [What wakes a read]
# Nothing in Consul tells which services changed, so it is found by comparing:
# - a service is new in the catalog, or its tags changed;
# - a check that is critical or warning came, went or changed, of a service or of a node
#   it is on. Passing ones say nothing that their absence would not, so the long list of
#   all checks need not be read: with 10,000 it is 5 MB, and takes 0.1 s to make;
# - its summary changed, which has the number of its instances and on which nodes they
#   are. It is made for Consul's own pages: nobody promises what is in it, so no more
#   is done with it than to compare it.
# If the catalog's index moved and none of the services read has such an index,
# something else has changed, such as the port of an instance. No list shows that, so
# all are read, those that changed last first, until the one is found. Where an agent
# does not give summaries, that is done at every move.
# All this cannot show every combination of changes that come at the same time, and
# so, some time after the catalog moved, all are read once more at leisure.


#: Node, CheckID and ServiceID.
_CheckKey = tuple[Any, Any, Any]
#: ServiceName, Status and ModifyIndex: what of a check matters; its output does not.
_CheckValue = tuple[Any, Any, Any]
_CheckList = SeenList[_CheckKey, _CheckValue]


@implementer(IWatch)
class NotifiedReads:
    """Plain reads of the services that a few lists show to have changed.

    The list of the catalog is the owner's, who calls :meth:`follow`.
    """

    def __init__(self, terms: Terms, client: IConsulClient, listener: Listener) -> None:
        self._terms = terms
        self._client = client
        self._listener = listener
        self._services: dict[str, tuple[str, ...]] = {}
        self._nodes: dict[str, frozenset[str]] = {}
        # Per service, Consul's index of its last change; and those that changed last,
        # later than the catalog that was followed first.
        self._indexes: dict[str, int] = {}
        self._latest: dict[str, None] = {}
        self._first_index = 0
        # Services whose checks changed, and whose health matters to nobody now.
        self._left_behind: dict[str, None] = {}
        # The catalog's index; the highest that a read explained, or that a search
        # among all services was begun at.
        self._catalog_index = 0
        self._explained_index = 0
        self._reads = Reads(terms, client, listener, self._known_lists, self._was_read)
        self._checks = {status: _CheckList() for status in CHECKS}
        self._polls = [
            Poll(
                terms,
                CHECKS[status],
                partial(client.checks, status=status),
                on_news=partial(self._checks_are, seen),
                on_backwards=self._mark_all,
                moves_are_news=True,
            )
            for status, seen in self._checks.items()
        ]
        self._summaries = Summaries(
            terms, client, self._summaries_differ, self._summaries_settled
        )
        self._is_latest_suspect = False
        self._search: IDelayedCall | None = None
        self._searched_until_s = 0.0
        self._leisure: IDelayedCall | None = None
        self._leisure_for_all = False
        self._following = False
        self._stopped = False

    def follow(self, services: Mapping[str, Sequence[str]], index: int) -> None:
        """See :meth:`IWatch.follow`."""
        before = self._services
        self._services = {name: tuple(tags) for name, tags in services.items()}
        gone = before.keys() - services.keys()
        for name in gone:
            self._forget(name)
        for name, tags in self._services.items():
            if before.get(name) != tags:
                self._reads.mark(name)
        if not self._following or index < self._catalog_index:
            self._first_index = index
        self._catalog_index = index
        if gone or not self._following or self._was_read_at(index):
            self._explained_index = max(self._explained_index, index)
        if not self._following:
            self._following = True
            for poll in self._polls:
                poll.start()
        else:
            self._leisure_for_all = True
            self._plan_leisure()
            self._is_latest_suspect = self._explained_index < index
        self._summaries.want(index)
        if not self._summaries.awaited:
            self._suspect_latest()
        self._reads.pump()
        self._find_cause()

    def reread(self) -> None:
        """See :meth:`IWatch.reread`."""
        self._summaries.reset()
        for poll in self._polls:
            poll.rewind()
        self._mark_all()
        self._summaries.want(self._catalog_index)

    def confirmed_s(self, service: str) -> float | None:
        """See :meth:`IWatch.confirmed_s`.

        That is when it was read or, unless it is to be read again, when the notifying
        polls were last answered: they would have shown a change.
        """
        contact = self._terms.contact
        read_s = contact.heard_s(read_name(service))
        notified_s = [contact.heard_s(read) for read in (CATALOG, *CHECKS.values())]
        if read_s is None or self._is_awaited(service) or None in notified_s:
            return read_s
        return max(read_s, min(s for s in notified_s if s is not None))

    def _is_awaited(self, service: str) -> bool:
        return (
            self._reads.awaits(service)
            or service in self._left_behind
            or any(seen.is_behind(service) for seen in self._checks.values())
        )

    def stop(self) -> None:
        """See :meth:`IWatch.stop`."""
        self._stopped = True
        self._summaries.stop()
        for poll in self._polls:
            poll.stop()
        for read in CHECKS.values():
            self._terms.contact.forget(read)
        for timer in (self._search, self._leisure):
            if timer is not None:
                timer.cancel()
        self._search = self._leisure = None
        self._reads.stop()
        for name in self._services:
            self._forget(name)
        self._services = {}

    def _forget(self, name: str) -> None:
        """Drop all that is known, planned and under way about a service."""
        self._reads.forget(name)
        self._nodes.pop(name, None)
        self._indexes.pop(name, None)
        self._latest.pop(name, None)
        self._left_behind.pop(name, None)
        for seen in self._checks.values():
            seen.forget(name)

    def _mark_all(self) -> None:
        """History is not what it was: neither are indexes."""
        self._explained_index = self._catalog_index
        self._indexes.clear()
        self._latest.clear()
        for name in self._services:
            self._reads.mark(name)
        self._reads.pump()

    # Lists of checks

    def _checks_are(self, seen: _CheckList, answer: Answer) -> None:
        entries = {_check_key(check): _check_value(check) for check in answer.data}
        for key, value in seen.is_now(entries, answer.index):
            for name in self._concerned(key, value):
                if self._listener.matters(name):
                    self._mark(name)
                else:
                    self._left_behind[name] = None
                    self._plan_leisure()
        for name in seen.ahead():
            self._mark(name)
        self._reads.pump()

    def _concerned(self, key: _CheckKey, value: _CheckValue) -> Iterable[str]:
        """The services that a check says something about."""
        service, node = value[0], key[0]
        if service:
            return (service,)
        on_node = [name for name, nodes in self._nodes.items() if node in nodes]
        return [*on_node, *self._reads.under_way]

    def _mark(self, name: str) -> None:
        if name in self._services:
            self._reads.mark(name)

    # What moves the catalog

    def _summaries_differ(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._services:
                self._reads.mark(name)
            else:
                # Consul's servers, which are nobody's route.
                self._explained_index = self._catalog_index

    def _summaries_settled(self) -> None:
        self._suspect_latest()
        self._reads.pump()
        self._find_cause()

    def _suspect_latest(self) -> None:
        # Not before the summaries: the agent would take twice as long for these.
        if self._is_latest_suspect:
            self._is_latest_suspect = False
            self._reads.suspect(reversed(self._latest))

    def _find_cause(self) -> None:
        """Search all services if nothing that was read can have moved the catalog."""
        if (
            self._catalog_index > self._explained_index
            and not self._summaries.awaited
            and self._search is None
            and self._reads.caught_up
            and not self._stopped
        ):
            delay_s = self._searched_until_s - self._terms.clock.seconds()
            if delay_s <= 0:
                self._search_all()
            else:
                self._search = self._terms.clock.callLater(delay_s, self._search_all)

    def _search_all(self) -> None:
        self._search = None
        if self._catalog_index > self._explained_index:
            self._explained_index = self._catalog_index
            self._reads.suspect(
                sorted(self._services, key=self._last_change, reverse=True)
            )
            self._reads.pump()

    def _changed_now(self, name: str) -> None:
        self._latest.pop(name, None)
        self._latest[name] = None
        if len(self._latest) > SUSPECTS:
            del self._latest[next(iter(self._latest))]

    def _was_read_at(self, index: int) -> bool:
        """Whether a read has shown what moved the catalog, before its list came."""
        return any(self._indexes[name] == index for name in self._latest)

    def _last_change(self, name: str) -> int:
        """When a service changed last, by Consul's index."""
        return self._indexes.get(name, 0)

    def _count_search(self) -> None:
        now_s = self._terms.clock.seconds()
        self._searched_until_s = min(
            max(now_s, self._searched_until_s) + SEARCH_S_PER_READ,
            now_s + MAX_SEARCH_INTERVAL_S,
        )

    def _plan_leisure(self) -> None:
        if self._leisure is None:
            self._leisure = self._terms.clock.callLater(
                LEISURE_S, self._read_at_leisure
            )

    def _read_at_leisure(self) -> None:
        self._leisure = None
        names = self._services if self._leisure_for_all else self._left_behind
        self._leisure_for_all = False
        self._reads.mark_at_leisure(names)
        self._reads.pump()

    # What the reads bring

    def _known_lists(self) -> tuple[int, ...]:
        """The indexes of the lists, for :meth:`_was_read`."""
        return tuple(seen.index for seen in self._checks.values())

    def _was_read(
        self, name: str, suspect: bool, answer: Answer, known: tuple[int, ...]
    ) -> None:
        self._nodes[name] = frozenset(instance.node for instance in answer.data)
        self._left_behind.pop(name, None)
        for seen, asked_at in zip(self._checks.values(), known, strict=True):
            if seen.read_saw(name, answer.index, asked_at):
                self._mark(name)
        if suspect and name not in self._latest:
            self._count_search()
        if answer.index >= self._catalog_index:
            # This is what moved it.
            self._explained_index = self._catalog_index
            if suspect:
                self._reads.acquit()
        if answer.index > max(self._first_index, self._indexes.get(name, 0)):
            self._changed_now(name)
        self._indexes[name] = answer.index
        self._find_cause()


def _check_key(check: Mapping[str, Any]) -> _CheckKey:
    return (check.get("Node"), check.get("CheckID"), check.get("ServiceID"))


def _check_value(check: Mapping[str, Any]) -> _CheckValue:
    return (check.get("ServiceName"), check.get("Status"), check.get("ModifyIndex"))
