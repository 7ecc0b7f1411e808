"""How the instances of many services are kept up to date: two ways, one interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from zope.interface import Interface, implementer

from ..interfaces import Answer, CatalogError, IConsulClient
from .poll import Poll, Terms


class IWatch(Interface):
    """Keeps the instances of a set of services up to date."""

    def follow(services: Mapping[str, Sequence[str]], index: int) -> None:  # noqa: N805
        """Follow these services with these tags, and no others, from now on.

        To be called for every news of the catalog, even if it shows no difference.

        :param index: the catalog's.
        """

    def reread() -> None:
        """Believe nothing that was read: read every service again."""

    def confirmed_s(service: str) -> float | None:  # noqa: N805
        """When Consul last said that what is known of a service is so.

        In seconds on the clock of the reads, ``None`` if it never did.
        """

    def stop() -> None:
        """End at once; nothing is told any more."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what a watch reads.

    :ivar answered: takes a service's name and an answer of
        :meth:`twisted_router.interfaces.IConsulClient.health`.
    :ivar failed: takes a service's name, how many reads of it failed in a row, and
        the error of the last.
    :ivar matters: whether the health of a service's instances makes a difference to
        anybody, as far as is known.
    """

    answered: Callable[[str, Answer], None]
    failed: Callable[[str, int, CatalogError], None]
    matters: Callable[[str], bool]


#: What a :class:`twisted_router.discovery.contact.Contact` calls the poll of the
#: catalog's list of services, which every watch depends on.
CATALOG = "catalog"

#: The same for the polls of the checks that have a status, if there are any.
CHECKS = {"critical": "critical checks", "warning": "warning checks"}


def read_name(service: str) -> str:
    """What a :class:`twisted_router.discovery.contact.Contact` calls such a read."""
    return f"service {service}"


@implementer(IWatch)
class PollForEach:
    """A blocking query for each service: the quickest way, one connection each."""

    def __init__(self, terms: Terms, client: IConsulClient, listener: Listener) -> None:
        self._terms = terms
        self._client = client
        self._listener = listener
        self._polls: dict[str, Poll] = {}

    def follow(self, services: Mapping[str, Sequence[str]], index: int) -> None:
        """See :meth:`IWatch.follow`."""
        for name in self._polls.keys() - services.keys():
            self._polls.pop(name).stop()
            self._terms.contact.forget(read_name(name))
        for name in sorted(services.keys() - self._polls.keys()):
            poll = self._polls[name] = Poll(
                self._terms,
                read_name(name),
                partial(self._client.health, name),
                on_news=partial(self._listener.answered, name),
                on_failure=partial(self._listener.failed, name),
            )
            poll.start()

    def reread(self) -> None:
        """See :meth:`IWatch.reread`."""
        for poll in self._polls.values():
            poll.rewind()

    def confirmed_s(self, service: str) -> float | None:
        """See :meth:`IWatch.confirmed_s`: when its own query was last answered."""
        return self._terms.contact.heard_s(read_name(service))

    def stop(self) -> None:
        """See :meth:`IWatch.stop`."""
        for name, poll in self._polls.items():
            poll.stop()
            self._terms.contact.forget(read_name(name))
        self._polls.clear()
