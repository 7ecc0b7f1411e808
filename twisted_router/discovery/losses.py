"""Instances that are not listed any more, although nothing announced their end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ..interfaces import Hold
from ..model import Instance, Status

Identity = tuple[str, str, str, int]


class Why(StrEnum):
    """Why the instances that a service has lost are routed on."""

    MASS = "too many instances of the catalog are gone at once"
    SERVICE = "all instances of the service are gone at once"
    UNVERIFIED = "the catalog has not confirmed yet that the service is gone"


@dataclass(slots=True)
class Loss:
    """What one service has lost lately without a word.

    Instances that were critical, or in maintenance, when they went are not in it:
    that was announced.

    :ivar before: instances that could be used before the first of them went.
    :ivar gone: those which went and did not come back, as they were last.
    :ivar at_s: when the first one went.
    :ivar why: why they are held: routed on, as if they were listed; ``None`` if they
        are not.
    :ivar since_s: since when they are held, and ``until_s`` until when.
    :ivar asked: the catalog is being asked whether the service is gone.
    """

    before: int
    at_s: float
    gone: dict[Identity, Instance] = field(default_factory=dict)
    why: Why | None = None
    since_s: float = 0.0
    until_s: float = 0.0
    asked: bool = False

    def took(self, before: Iterable[Instance], listed: Sequence[Instance]) -> None:
        """Compare what the service had with what it has now."""
        now = {instance.identity: instance for instance in listed}
        for instance in before:
            if instance.usable and instance.identity not in now:
                self.gone[instance.identity] = instance
        for identity in self.gone.keys() & now.keys():
            # A check that was registered a moment ago is critical until it has run.
            if self.why is None or now[identity].status is not Status.CRITICAL:
                del self.gone[identity]

    def missing(self, usable: int) -> int:
        """How many of its instances nothing has taken the place of.

        :param usable: instances that the service has now.
        """
        return max(0, min(len(self.gone), self.before - usable))

    def is_made_up(self, usable: int, percent: int) -> bool:
        """Whether no more than a share of what was there is missing."""
        return usable > 0 and (self.before - usable) * 100 <= self.before * percent

    def routed(self, listed: Sequence[Instance]) -> tuple[Instance, ...]:
        """The instances to be routed: those listed, and those held."""
        if self.why is None:
            return tuple(listed)
        kept = (i for i in listed if i.identity not in self.gone)
        return (*kept, *self.gone.values())


def usable_count(instances: Iterable[Instance]) -> int:
    """How many of them requests may be sent to."""
    return sum(instance.usable for instance in instances)


class Ledger:
    """What a source says of every service, and what has vanished from that.

    :ivar facts: what it says now; services without instances are not in it.
    :ivar losses: what has vanished, by service.
    :ivar usable: instances of ``facts`` that requests may be sent to.
    """

    def __init__(self, percent: int) -> None:
        """Begin with nothing.

        :param percent: see :meth:`Loss.is_made_up`.
        """
        self._percent = percent
        self.facts: dict[str, tuple[Instance, ...]] = {}
        self.losses: dict[str, Loss] = {}
        self.usable = 0

    def expect(self, services: Mapping[str, Sequence[Instance]]) -> None:
        """Begin with these facts, as if the source had told them."""
        self.facts = {name: tuple(found) for name, found in services.items() if found}
        self.usable = sum(map(usable_count, self.facts.values()))

    def take(self, name: str, found: tuple[Instance, ...], now_s: float) -> bool:
        """Believe what the source says of a service, and count its losses.

        :returns: whether by that nothing of the service needs to be held any more.
        """
        before = self.facts.pop(name, ())
        if found:
            self.facts[name] = found
        was = usable_count(before)
        self.usable += usable_count(found) - was
        loss = self.losses.setdefault(name, Loss(was, now_s))
        loss.took(before, found)
        return self._settle(name, loss)

    def usable_of(self, name: str) -> int:
        """Instances of a service that requests may be sent to."""
        return usable_count(self.facts.get(name, ()))

    def missing(self) -> int:
        """Instances that are gone and whose places nobody has taken."""
        return sum(
            loss.missing(self.usable_of(name)) for name, loss in self.losses.items()
        )

    def is_made_up(self, name: str) -> bool:
        """Whether a service does without what it has lost."""
        return self.losses[name].is_made_up(self.usable_of(name), self._percent)

    def held(self) -> Iterator[tuple[str, Loss]]:
        """Losses that are held."""
        return (item for item in self.losses.items() if item[1].why is not None)

    def holds(self, now_s: float) -> tuple[Hold, ...]:
        """What is held, by service."""
        return tuple(
            Hold(
                name,
                len(loss.gone),
                str(loss.why),
                now_s - loss.since_s,
                max(0.0, loss.until_s - now_s),
            )
            for name, loss in sorted(self.held(), key=lambda held: held[0])
        )

    def routed(self, name: str) -> tuple[Instance, ...]:
        """The instances of a service to be routed; those held are among them."""
        found = self.facts.get(name, ())
        loss = self.losses.get(name)
        return found if loss is None else loss.routed(found)

    def forget(self, before_s: float) -> None:
        """Forget losses that are not held and of before this time."""
        for name, loss in list(self.losses.items()):
            if loss.why is None and loss.at_s < before_s:
                del self.losses[name]

    def drop_taken_addresses(self) -> set[str]:
        """Hold no instance whose address another one has got.

        :returns: services of which less is held by that.
        """
        held = list(self.held())
        if not held:
            return set()
        taken = {(i.address, i.port): i for found in self.facts.values() for i in found}
        less: set[str] = set()
        for name, loss in held:
            for identity, instance in list(loss.gone.items()):
                owner = taken.get((instance.address, instance.port))
                if owner is not None and owner.identity != identity:
                    del loss.gone[identity]
                    less.add(name)
            self._settle(name, loss)
        return less

    def _settle(self, name: str, loss: Loss) -> bool:
        """Forget a loss that was made good; whether it was held."""
        held = loss.why is not None
        if loss.gone and not (held and self.is_made_up(name)):
            return False
        del self.losses[name]
        return held
