"""Lists in which changes of services show, compared with what they were before."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

# Note [What comes and goes between two lists]
# A check that comes and goes again between two lists (maintenance, switched on and off)
# leaves no trace in them. A read in between may have seen it. Indexes tell: an answer
# whose index is beyond that of the list which was known when it was asked for saw
# something that this list does not show. The service is read again after the next
# list.


class SeenList(Generic[_Key, _Value]):
    """One list as it was last read, and who has seen more than it shows.

    :ivar index: Consul's when it was read, 0 before.
    """

    def __init__(self) -> None:
        self.index = 0
        self._entries: Mapping[_Key, _Value] | None = None
        self._ahead: dict[str, None] = {}

    def is_now(
        self, entries: Mapping[_Key, _Value], index: int
    ) -> Iterator[tuple[_Key, _Value]]:
        """Take a newer list; go through the old and the new of what differs.

        Of the first one, nothing does.
        """
        before, self._entries, self.index = self._entries, entries, index
        if before is None:
            return
        # Thousands of values, each of many parts: they are compared only once.
        for key, old in before.items():
            if key not in entries:
                yield key, old
            elif entries[key] != old:
                yield key, old
                yield key, entries[key]
        for key, new in entries.items():
            if key not in before:
                yield key, new

    def read_saw(self, name: str, index: int, asked_at: int) -> bool:
        """Compare a service's answer with the list that was known when it was asked.

        :param asked_at: the list's index then.
        :returns: whether it has to be read again now. If not, :meth:`ahead` may name
            it after the next list.
        """
        if index <= asked_at:
            return False
        if self.index != asked_at:
            return True
        self._ahead[name] = None
        return False

    def ahead(self) -> Iterable[str]:
        """The services that reads had seen more of than the list before; only once."""
        ahead, self._ahead = self._ahead, {}
        return ahead

    def forget(self, name: str) -> None:
        """A service is gone."""
        self._ahead.pop(name, None)

    def is_behind(self, name: str) -> bool:
        """Whether a read has seen more of a service than the list shows."""
        return name in self._ahead

    def reset(self) -> None:
        """Believe nothing of it any more."""
        self.index, self._entries = 0, None
