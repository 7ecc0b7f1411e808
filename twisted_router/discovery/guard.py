"""Holds back what looks like a catalog that lost its memory, and not like a change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from ..config.schema import GuardConfig
from ..interfaces import Answer, Hold, IFactsConsumer, IGuard
from ..model import Instance
from .alarms import Alarms
from .inquiry import Inquiry
from .losses import Ledger, Loss, Why, usable_count

#: Losses that are no further apart belong together. Blocking queries of one cause may
#: return as far apart as they wait: 55 s and a sixteenth, unless configured otherwise.
WINDOW_S = 60.0

#: Services that one alarm names; it counts the others.
_NAMED_MAX = 50

# Note [What is held]
# A token that lost its rights and an agent that lost its data read as a catalog in
# which everything was deregistered. An instance that is *reported* critical, or put
# into maintenance, is another thing: that is believed at once, and so is whatever is
# added or changed. In a catalog of fewer instances than ``guard.instances`` nothing is
# held: there, `docker-compose down` looks just the same.
#
# What vanished without a word is routed on, when
# - it is more than ``guard.percent`` of all instances, within WINDOW_S: for
#   ``guard.hold``. Then those which were let go in that time are taken back as well.
#   Services that lost no larger a share than that do without;
# - it is all that a service had, and that were at least ``guard.service_instances``:
#   for ``guard.service_hold``;
# - it is all that a smaller service had, until the catalog has confirmed it: one read
#   of the list of services. That makes the guard see in milliseconds what the blocking
#   queries of all the other services would show within a minute.
# To hold all that a service had costs little. There is no better instance to send a
# request to, only a better status to refuse it with.
#
# It ends for one instance when it is listed again, or another one is found to have
# its address; for a service, when no more than ``guard.percent`` of it is missing,
# whoever has taken their places; for all, when the time is over, or an operator
# releases it.


@implementer(IFactsConsumer, IGuard)
class Guard:
    """Stands before the consumer of one source of facts.

    :param consumer: gets the facts, with what is held among them.
    :param listing: reads the names of all services now, as
        :meth:`twisted_router.interfaces.IConsulClient.services` does.
    :param reservation: why the source may see less than there is, ``""`` for no
        reason; alarms say it.
    """

    def __init__(
        self,
        clock: IReactorTime,
        consumer: IFactsConsumer,
        config: GuardConfig,
        source: str,
        listing: Callable[[], Deferred[Answer]],
        reservation: Callable[[], str],
        alarms: Alarms,
    ) -> None:
        self._clock = clock
        self._consumer = consumer
        self._config = config
        self._reservation = reservation
        self._source = source
        self._alarms = alarms
        self._ledger = Ledger(config.percent)
        self._expected = False
        self._inquiry = Inquiry(clock, listing, self._asks, self._hears, self._doubts)
        self._timer: IDelayedCall | None = None

    @property
    def facts(self) -> Mapping[str, tuple[Instance, ...]]:
        """What the source says, without what is held. Not to be kept or changed."""
        return self._ledger.facts

    @property
    def held(self) -> int:
        """How many instances are held."""
        return sum(len(loss.gone) for _, loss in self._ledger.held())

    def holds(self) -> tuple[Hold, ...]:
        """What is held, by service."""
        return self._ledger.holds(self._clock.seconds())

    def expect(self, services: Mapping[str, Sequence[Instance]]) -> None:
        """Judge the first facts by these, which were true some time ago."""
        self._ledger.expect(services)
        self._expected = True

    def apply(self, source: str, changes: Mapping[str, Sequence[Instance]]) -> None:
        """Pass on what is added or changed; what vanished, unless it is held."""
        self._take(changes)
        self._pass_on({*changes, *self._judge(changes)})

    def replace(self, source: str, services: Mapping[str, Sequence[Instance]]) -> None:
        """The same for everything that the source says."""
        ledger = self._ledger
        gone = ledger.facts.keys() | ledger.losses.keys()
        names = sorted(gone | services.keys())
        self._take({name: services.get(name, ()) for name in names})
        self._judge(() if self._expected else names)
        self._expected = False
        everything = {name: ledger.routed(name) for name in names}
        self._consumer.replace(
            self._source, {name: found for name, found in everything.items() if found}
        )

    def release(self, service: str | None = None) -> int:
        """Let go what is held of a service, or of all; an operator's word.

        :returns: how many instances that were.
        """
        held = [name for name, _ in self._ledger.held()]
        names = [name for name in held if service is None or name == service]
        return self._let_go(names, "released by an operator")

    def stop(self) -> None:
        """Ask nothing and change nothing any more."""
        self._inquiry.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # What is held

    def _take(self, changes: Mapping[str, Sequence[Instance]]) -> None:
        now_s = self._clock.seconds()
        self._ledger.forget(before_s=now_s - WINDOW_S)
        whole = [
            name
            for name, found in changes.items()
            if self._ledger.take(name, tuple(found), now_s)
        ]
        self._say_whole(whole)

    def _judge(self, names: Iterable[str]) -> set[str]:
        """Hold what must be; the names of services of which more or less is held now.

        :param names: services to look at one by one as well.
        """
        ledger = self._ledger
        held: set[str] = set()
        missing = ledger.missing()
        if self._config.hold and ledger.usable + missing >= self._config.instances:
            if self._is_mass(missing):
                held = self._hold_all(missing)
            for name in names:
                if name in ledger.losses:
                    held |= self._hold_one(name, ledger.losses[name])
        less = ledger.drop_taken_addresses()
        self._say_whole([name for name in less if name not in ledger.losses])
        self._wait()
        return held | less

    def _is_mass(self, missing: int) -> bool:
        known = self._ledger.usable + self._ledger.missing()
        return missing * 100 > known * self._config.percent

    def _hold_all(self, missing: int) -> set[str]:
        losses = self._ledger.losses
        names = {
            name
            for name, loss in losses.items()
            if loss.why is not Why.MASS and not self._ledger.is_made_up(name)
        }
        news = not any(loss.why is Why.MASS for loss in losses.values())
        for name in names:
            self._hold(losses[name], Why.MASS, self._config.hold)
        if news:
            known = self._ledger.usable + self._ledger.missing()
            self._alarms.warn(
                "guard",
                f"{missing} of {known} instances are gone "
                f"without a word{self._because()}; they stay routed for "
                f"{self._config.hold:g} s, or until they are listed again or released",
                {
                    "missing": missing,
                    "services": sorted(names)[:_NAMED_MAX],
                    "services_count": len(names),
                },
            )
        return names

    def _hold_one(self, name: str, loss: Loss) -> set[str]:
        if loss.why is not None or self._ledger.usable_of(name):
            return set()
        config = self._config
        if config.service_hold and loss.before >= config.service_instances:
            self._hold(loss, Why.SERVICE, config.service_hold)
            self._alarms.warn(
                "guard",
                f"service {name}: all of its {loss.before} instances are gone "
                f"without a word{self._because()}; they stay routed for "
                f"{config.service_hold:g} s, or until they are listed again or "
                "released",
                {"services": [name], "missing": loss.before},
            )
        elif name not in self._ledger.facts:
            self._hold(loss, Why.UNVERIFIED, config.hold)
        else:
            return set()
        self._inquiry.ask()
        return {name}

    def _because(self) -> str:
        reservation = self._reservation()
        return f" ({reservation})" if reservation else ""

    def _hold(self, loss: Loss, why: Why, for_s: float) -> None:
        now_s = self._clock.seconds()
        if loss.why is None:
            loss.since_s = now_s
        loss.why = why
        loss.until_s = now_s + for_s

    def _say_whole(self, names: Sequence[str]) -> None:
        if names:
            self._alarms.info(
                "guard",
                f"nothing is held of {len(names)} services any more: they are whole "
                "again, or their addresses are taken",
                {"services": sorted(names)[:_NAMED_MAX]},
            )

    # Whether it is true

    def _asks(self) -> None:
        for _, loss in self._ledger.held():
            loss.asked = True

    def _doubts(self) -> bool:
        return any(loss.why is Why.UNVERIFIED for _, loss in self._ledger.held())

    def _hears(self, names: Collection[str]) -> None:
        """Which services there are: what is held of others was no mistake, or all."""
        ledger = self._ledger
        unlisted = sum(
            usable_count(found)
            for name, found in ledger.facts.items()
            if name not in names
        )
        missing = ledger.missing() + unlisted
        if self._is_mass(missing):
            self._pass_on(self._hold_all(missing))
            self._wait()
            return
        confirmed = [
            (name, loss)
            for name, loss in ledger.held()
            if loss.why is Why.UNVERIFIED and loss.asked and name not in names
        ]
        for _, loss in confirmed:
            # Kept in mind: it may turn out to have been the first of many.
            loss.why, loss.asked = None, False
        self._pass_on([name for name, _ in confirmed])
        self._wait()

    # When it ends

    def _wait(self) -> None:
        """Wake when the first hold ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ends = [loss.until_s for _, loss in self._ledger.held()]
        if ends:
            delay_s = max(0.0, min(ends) - self._clock.seconds())
            self._timer = self._clock.callLater(delay_s, self._time_is_over)

    def _time_is_over(self) -> None:
        self._timer = None
        now_s = self._clock.seconds()
        over = [name for name, loss in self._ledger.held() if loss.until_s <= now_s]
        self._let_go(over, "not listed again in time")

    def _let_go(self, names: Sequence[str], why: str) -> int:
        count = 0
        for name in names:
            count += len(self._ledger.losses.pop(name).gone)
        if names:
            self._alarms.warn(
                "guard",
                f"{count} instances of {len(names)} services are not routed any more: "
                f"{why}",
                {"services": sorted(names)[:_NAMED_MAX], "missing": count},
            )
            self._pass_on(names)
        self._wait()
        return count

    def _pass_on(self, names: Iterable[str]) -> None:
        changes = {name: self._ledger.routed(name) for name in names}
        if changes:
            self._consumer.apply(self._source, changes)
