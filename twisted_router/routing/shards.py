"""An immutable dict: a copy with a few changes costs what the changes cost."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

# With 100,000 keys a shard has 400, whose copy takes 5 us; the list of shards takes 1.
_COUNT = 256
#: A key is in the shard with the number ``hash(key) & SHARD_MASK``.
SHARD_MASK = _COUNT - 1

_EMPTY: tuple[dict[Any, Any], ...] = ({},) * _COUNT


class Shards(Generic[_K, _V]):
    """Maps keys to values, in a fixed number of small dicts.

    To copy one dict of 100,000 keys takes milliseconds, because the reference count of
    each key and value is touched. Here only the dicts with a changed key are copied.

    :ivar shards: the dicts; they never change. For look-ups that cannot afford a call.
    """

    __slots__ = ("_count", "shards")

    def __init__(self) -> None:
        self.shards: tuple[dict[_K, _V], ...] = _EMPTY
        self._count = 0

    def get(self, key: _K) -> _V | None:
        """The value of ``key``, or ``None``."""
        return self.shards[hash(key) & SHARD_MASK].get(key)

    def replaced(self, changes: Mapping[_K, _V | None]) -> Shards[_K, _V]:
        """A copy with these values put in, or taken out where ``None`` stands."""
        shards = list(self.shards)
        copied: set[int] = set()
        count = self._count
        for key, value in changes.items():
            n = hash(key) & SHARD_MASK
            if n not in copied:
                copied.add(n)
                shards[n] = shards[n].copy()
            shard = shards[n]
            count -= len(shard)
            if value is None:
                shard.pop(key, None)
            else:
                shard[key] = value
            count += len(shard)
        copy: Shards[_K, _V] = Shards()
        copy.shards = tuple(shards)
        copy._count = count
        return copy

    def values(self) -> Iterator[_V]:
        """All values, in no particular order."""
        for shard in self.shards:
            yield from shard.values()

    def __len__(self) -> int:
        return self._count
