"""How old the facts are, and what is done with those that nobody confirms any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from ..interfaces import IFactsConsumer, ServiceState
from ..model import Instance
from .alarms import Alarms
from .contact import Contact
from .watch import CATALOG, CHECKS, read_name

#: Seconds from one look to the next while a service is withdrawn, which shall be back
#: as soon as it is confirmed.
LOOK_AGAIN_S = 1.0

_NAMED_MAX = 50


class Freshness:
    """Whether Consul still confirms what is known of each service.

    :param ages: seconds since a service was confirmed, of those that ever were; see
        :meth:`twisted_router.discovery.consul.ConsulSource.ages`.
    """

    def __init__(
        self,
        clock: IReactorTime,
        contact: Contact,
        ages: Callable[[], Mapping[str, float]],
    ) -> None:
        self._clock = clock
        self._contact = contact
        self._ages = ages
        self._presumed_s: float | None = None

    def presume(self, age_s: float) -> None:
        """Facts of services that were never read are of so many seconds ago."""
        self._presumed_s = self._clock.seconds() - age_s

    @property
    def away(self) -> bool:
        """Whether Consul does not tell which services there are."""
        return self._contact.failing_s(CATALOG) is not None

    @property
    def list_age_s(self) -> float | None:
        """Seconds since the list of services was read; ``None`` if it never was."""
        heard_s = self._contact.heard_s(CATALOG)
        if heard_s is None:
            heard_s = self._presumed_s
        return None if heard_s is None else self._clock.seconds() - heard_s

    def ages(self, services: Iterable[str]) -> dict[str, float]:
        """Seconds since the facts of these services were confirmed.

        Services that never were are left out.
        """
        known = self._ages()
        ages = {name: known[name] for name in services if name in known}
        if self._presumed_s is not None:
            presumed_age_s = self._clock.seconds() - self._presumed_s
            ages.update(
                (name, presumed_age_s) for name in services if name not in known
            )
        return ages

    def is_doubtful(self, service: str) -> bool:
        """Whether what would confirm the facts of a service fails now."""
        contact, read = self._contact, read_name(service)
        if contact.failing_s(read) is not None:
            return True
        if contact.heard_s(read) is None:
            return self.away
        if not self._has_lists():
            return False
        lists = CHECKS.values()
        return self.away or any(contact.failing_s(each) is not None for each in lists)

    def _has_lists(self) -> bool:
        """Whether services are read when the lists of them and of checks change.

        Of few services, each is read by a blocking query of its own.
        """
        contact = self._contact
        return any(
            contact.heard_s(each) is not None or contact.failing_s(each) is not None
            for each in CHECKS.values()
        )


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

    def services(self) -> tuple[ServiceState, ...]:
        """What is known of each service, and how sure that is; by name."""
        ages = self._freshness.ages(self._facts)
        return tuple(
            ServiceState(
                name,
                len(found),
                ages.get(name),
                self._freshness.is_doubtful(name),
                name in self.withdrawn,
            )
            for name, found in sorted(self._facts.items())
        )

    def oldest_s(self) -> float | None:
        """The greatest age of any service's facts, in seconds."""
        return max(self._freshness.ages(self._facts).values(), default=None)

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
        since_s = self._clock.seconds() - self._fresh_s
        stale = [
            name
            for name, age_s in self._freshness.ages(self.doubtful()).items()
            if min(age_s, since_s) > self._threshold_s
        ]
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

    def _count(self, names: Iterable[str]) -> int:
        return sum(len(self._facts[name]) for name in names)


def _some(names: Sequence[str]) -> str:
    """Some names, for a line of the log."""
    shown = ", ".join(sorted(names)[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
