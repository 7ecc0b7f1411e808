"""The keys and values of the embedded catalog."""

from __future__ import annotations

from dataclasses import dataclass

from .indexes import Indexes
from .model import RefusedError
from .watchers import Watchers

#: Deleted keys whose index is remembered. Beyond them all prefixes count as changed.
_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value, and the indexes at which it came and last changed.

    :ivar flags: 64 bits that mean something to clients alone.
    """

    key: str
    value: bytes
    flags: int
    created: int
    modified: int


class KeyValues:
    """Holds values by key, as Consul's ``/v1/kv/`` does.

    Its changes count in the indexes of the whole catalog; what has not changed keeps
    its own. Writing what is there already is no change.

    :param indexes: where changes are counted.
    :param watchers: woken by every change.
    :param limit: how many keys.
    :param limit_bytes: of all keys and values together.
    """

    def __init__(
        self, indexes: Indexes, watchers: Watchers, limit: int, limit_bytes: int
    ) -> None:
        self._indexes = indexes
        self._watchers = watchers
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._entries: dict[str, Entry] = {}
        self._deleted: dict[str, int] = {}
        # Of the last change; and of the last one that may have been anywhere.
        self._last = self._floor = indexes.last
        self._index_below: dict[str, int] = {}

    def entry(self, key: str) -> Entry | None:
        """The entry of a key."""
        return self._entries.get(key)

    def below(self, prefix: str) -> list[Entry]:
        """Every entry whose key begins like this, sorted."""
        keys = sorted(key for key in self._entries if key.startswith(prefix))
        return [self._entries[key] for key in keys]

    def index(self, key: str) -> int:
        """Index of one key: of its own last change, of anyone's if it is not there."""
        entry = self._entries.get(key)
        return self._last if entry is None else entry.modified

    def index_below(self, prefix: str) -> int:
        """Index of all keys that begin like this: of anyone's if there are none."""
        if not prefix:
            return self._last
        known = self._index_below.get(prefix)
        if known is None:
            if len(self._index_below) >= _REMEMBERED:
                self._index_below.clear()
            known = self._index_below[prefix] = self._find_index_below(prefix)
        return known

    def put(self, key: str, value: bytes, flags: int, cas: int | None = None) -> bool:
        """Write a value.

        :param cas: write only if this is the index of its last change; 0 = only if
            it is not there.
        :returns: whether it was written, or there already.
        :raises RefusedError: no room.
        """
        old = self._entries.get(key)
        if cas is not None and cas != (0 if old is None else old.modified):
            return False
        if old is not None and (old.value, old.flags) == (value, flags):
            return True
        self._make_sure_it_fits(key, value, old)
        index = self._indexes.advance()
        created = index if old is None else old.created
        if old is not None:
            self._size_bytes -= _size_bytes(old)
        self._entries[key] = entry = Entry(key, value, flags, created, index)
        self._size_bytes += _size_bytes(entry)
        self._deleted.pop(key, None)
        self._changed()
        return True

    def delete(self, key: str, cas: int | None = None) -> bool:
        """Remove a key; an unknown one is no error.

        :param cas: remove only if this is the index of its last change.
        :returns: whether it is gone.
        """
        entry = self._entries.get(key)
        if entry is None:
            return True
        if cas is not None and cas != entry.modified:
            return False
        self._indexes.advance()
        self._remove(entry)
        self._changed()
        return True

    def delete_below(self, prefix: str) -> None:
        """Remove every key that begins like this."""
        entries = self.below(prefix)
        if entries:
            self._indexes.advance()
            for entry in entries:
                self._remove(entry)
            self._changed()

    def _find_index_below(self, prefix: str) -> int:
        indexes = [
            entry.modified
            for key, entry in self._entries.items()
            if key.startswith(prefix)
        ]
        indexes += [
            index for key, index in self._deleted.items() if key.startswith(prefix)
        ]
        return max([*indexes, self._floor]) if indexes else self._last

    def _make_sure_it_fits(self, key: str, value: bytes, old: Entry | None) -> None:
        if old is None and len(self._entries) >= self._limit:
            raise RefusedError(
                f"This development catalog is full: it holds {self._limit} keys", 503
            )
        grown = (
            len(key.encode()) + len(value) - (0 if old is None else _size_bytes(old))
        )
        if self._size_bytes + grown > self._limit_bytes:
            raise RefusedError(
                "This development catalog is full: it holds "
                f"{self._limit_bytes} bytes of keys and values",
                503,
            )

    def _remove(self, entry: Entry) -> None:
        del self._entries[entry.key]
        self._size_bytes -= _size_bytes(entry)
        self._deleted[entry.key] = self._indexes.last
        if len(self._deleted) > _REMEMBERED:
            self._deleted.clear()
            self._floor = self._indexes.last

    def _changed(self) -> None:
        self._last = self._indexes.last
        self._index_below.clear()
        self._watchers.wake()


def _size_bytes(entry: Entry) -> int:
    return len(entry.key.encode()) + len(entry.value)
