"""How old the facts are, and what is done with those that nobody confirms any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from ..interfaces import IFactsConsumer
from ..model import Instance
from .alarms import Alarms
from .contact import Contact
from .watch import read_name

# The two reads that tell which services changed, as the contact knows them. Of few
# services each is read by a blocking query of its own, and there is no list of checks.
_CATALOG = "catalog"
_CHECKS = "checks"

#: Seconds from one look to the next while a service is withdrawn, which shall be back
#: as soon as it is confirmed.
LOOK_AGAIN_S = 1.0

_NAMED_MAX = 50


class Freshness:
    """When Consul has confirmed last what is known of a service.

    That is when it was read, or when the lists that would show a change were. While
    nothing changes, a blocking query is answered once in its wait.
    """

    def __init__(self, clock: IReactorTime, contact: Contact) -> None:
        self._clock = clock
        self._contact = contact
        self._presumed_s: float | None = None

    def presume(self, age_s: float) -> None:
        """Facts of services that were never read are of so many seconds ago."""
        self._presumed_s = self._clock.seconds() - age_s

    @property
    def away(self) -> bool:
        """Whether Consul does not tell which services there are."""
        return self._contact.failing_s(_CATALOG) is not None

    def age_s(self, service: str) -> float | None:
        """Seconds since the facts of a service were confirmed; ``None`` if never."""
        confirmed_s = self._confirmed_s(service)
        return None if confirmed_s is None else self._clock.seconds() - confirmed_s

    def is_doubtful(self, service: str) -> bool:
        """Whether what would confirm the facts of a service fails now."""
        contact, read = self._contact, read_name(service)
        if contact.failing_s(read) is not None:
            return True
        if contact.heard_s(read) is None:
            return self.away
        lists = (_CATALOG, _CHECKS) if self._has_lists() else ()
        return any(contact.failing_s(each) is not None for each in lists)

    def _has_lists(self) -> bool:
        contact = self._contact
        return (
            contact.heard_s(_CHECKS) is not None
            or contact.failing_s(_CHECKS) is not None
        )

    def _confirmed_s(self, service: str) -> float | None:
        contact, read = self._contact, read_name(service)
        own_s = contact.heard_s(read)
        if own_s is None:
            return self._presumed_s
        lists = [contact.heard_s(each) for each in (_CATALOG, _CHECKS)]
        known = [heard_s for heard_s in lists if heard_s is not None]
        if len(known) < len(lists):
            return own_s
        failing_s = contact.failing_s(read)
        if failing_s is not None:
            known.append(failing_s)
        return max(own_s, min(known))


@implementer(IFactsConsumer)
class Pruning:
    """Withdraws services whose facts were not confirmed for too long, as gorouter does.

    Its ``droplet_stale_threshold``, ``prune_stale_droplets_interval`` and
    ``suspend_pruning_if_nats_unavailable``, with Consul in the place of NATS: while
    Consul is away nothing is withdrawn, and when it is back everything has the whole
    threshold again. A service comes back with the facts it had as soon as Consul
    confirms them, or with those that come.

    When more than a share of all instances were to go at once, nobody goes: it is not
    the services that are stale then.

    :param threshold_s: 0 withdraws nothing, ever.
    :param percent: that share.
    """

    def __init__(
        self,
        clock: IReactorTime,
        consumer: IFactsConsumer,
        freshness: Freshness,
        source: str,
        threshold_s: float,
        interval_s: float,
        suspended_while_away: bool,
        percent: int,
        alarms: Alarms,
    ) -> None:
        self._clock = clock
        self._consumer = consumer
        self._freshness = freshness
        self._source = source
        self._threshold_s = threshold_s
        self._interval_s = interval_s
        self._suspended_while_away = suspended_while_away
        self._percent = percent
        self._alarms = alarms
        self._facts: dict[str, tuple[Instance, ...]] = {}
        self._fresh_s = float("-inf")
        self._refused = False
        self._timer: IDelayedCall | None = None
        #: Services that are withdrawn now.
        self.withdrawn: set[str] = set()

    def start(self) -> None:
        """Begin to look, every so often."""
        if self._threshold_s and self._interval_s:
            self._timer = self._clock.callLater(self._interval_s, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def doubtful(self) -> list[str]:
        """Services of which what would confirm their facts fails now."""
        return [name for name in self._facts if self._freshness.is_doubtful(name)]

    def oldest_s(self) -> float | None:
        """The greatest age of any service's facts, in seconds."""
        ages = map(self._freshness.age_s, self._facts)
        return max((age_s for age_s in ages if age_s is not None), default=None)

    def apply(self, source: str, changes: Mapping[str, Sequence[Instance]]) -> None:
        """Pass it on; what is told anew is not withdrawn any more."""
        for name, found in changes.items():
            self._remember(name, found)
        self._consumer.apply(source, changes)

    def replace(self, source: str, services: Mapping[str, Sequence[Instance]]) -> None:
        """Pass it on; nothing is withdrawn any more."""
        self._facts.clear()
        self.withdrawn.clear()
        for name, found in services.items():
            self._remember(name, found)
        self._consumer.replace(source, services)

    def _remember(self, name: str, found: Sequence[Instance]) -> None:
        self.withdrawn.discard(name)
        if found:
            self._facts[name] = tuple(found)
        else:
            self._facts.pop(name, None)

    def _look(self) -> None:
        if self._freshness.away and self._suspended_while_away:
            self._fresh_s = self._clock.seconds()
        else:
            self._confirm()
            self._prune()
        period_s = self._interval_s
        if self.withdrawn:
            period_s = min(period_s, LOOK_AGAIN_S)
        self._timer = self._clock.callLater(period_s, self._look)

    def _confirm(self) -> None:
        """Put back what is confirmed again."""
        back = [n for n in self.withdrawn if not self._freshness.is_doubtful(n)]
        if back:
            self.withdrawn.difference_update(back)
            self._alarms.info("pruning", f"confirmed again and back: {_some(back)}")
            self._consumer.apply(self._source, {n: self._facts[n] for n in back})

    def _prune(self) -> None:
        stale = [name for name in self.doubtful() if self._is_stale(name)]
        fresh = [name for name in stale if name not in self.withdrawn]
        if not fresh:
            self._refused = False
            return
        total, going = map(self._count, (self._facts, stale))
        if going * 100 > total * self._percent and not self._suspension_is_off():
            if not self._refused:
                self._refused = True
                self._alarms.warn(
                    "pruning",
                    f"{going} of {total} instances were not confirmed for "
                    f"{self._threshold_s:g} s; so many are kept",
                    {"services": sorted(stale)[:_NAMED_MAX]},
                )
            return
        self._refused = False
        self.withdrawn.update(fresh)
        self._alarms.warn(
            "pruning",
            f"not confirmed for {self._threshold_s:g} s and withdrawn: {_some(fresh)}",
            {"services": sorted(fresh)[:_NAMED_MAX]},
        )
        self._consumer.apply(self._source, dict.fromkeys(fresh, ()))

    def _suspension_is_off(self) -> bool:
        """Whether Consul is away, and no routes are preferred to old ones."""
        return self._freshness.away and not self._suspended_while_away

    def _is_stale(self, name: str) -> bool:
        age_s = self._freshness.age_s(name)
        since_s = self._clock.seconds() - self._fresh_s
        return age_s is not None and min(age_s, since_s) > self._threshold_s

    def _count(self, names: Iterable[str]) -> int:
        return sum(len(self._facts[name]) for name in names)


def _some(names: Sequence[str]) -> str:
    """Some names, for a line of the log."""
    shown = ", ".join(sorted(names)[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
