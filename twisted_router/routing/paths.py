"""The routes of one host: the longest path on whole segments, at a bounded cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model import Route


class PathIndex:
    """Immutable: finds the route of one host that a path belongs to.

    A path is one dict look-up for each depth in use under this host, from the deepest
    down. So the cost depends neither on how many routes there are, nor on how long
    the path is that a client sends.

    :ivar root: the route of ``/``, or ``None``.
    :ivar levels: routes by path; ``levels[n]`` holds those with ``n + 1`` slashes.
        Empty when there are none but ``root``.
    """

    __slots__ = ("levels", "root")

    def __init__(
        self,
        root: Route | None = None,
        levels: tuple[Mapping[bytes, Route], ...] = (),
    ) -> None:
        self.root = root
        self.levels = levels

    def find(self, path: bytes) -> Route | None:
        """The route with the longest path that is ``path`` or a parent of it."""
        levels = self.levels
        if levels:
            ends = []
            end = 0
            for _ in levels:
                end = path.find(b"/", end + 1)
                if end < 0:
                    ends.append(len(path))
                    break
                ends.append(end)
            for n in range(len(ends) - 1, -1, -1):
                route = levels[n].get(path[: ends[n]])
                if route is not None:
                    return route
        return self.root

    def get(self, path: bytes) -> Route | None:
        """The route of exactly this path."""
        if path == b"/":
            return self.root
        level = path.count(b"/") - 1
        if not 0 <= level < len(self.levels):
            return None
        return self.levels[level].get(path)

    def replaced(self, changes: Mapping[bytes, Route | None]) -> PathIndex:
        """A copy with these routes put in, or taken out where ``None`` stands."""
        root = self.root
        by_level: dict[int, dict[bytes, Route | None]] = {}
        for path, route in changes.items():
            if path == b"/":
                root = route
            else:
                by_level.setdefault(path.count(b"/") - 1, {})[path] = route
        levels = list(self.levels)
        for n, routes in by_level.items():
            levels.extend({} for _ in range(n + 1 - len(levels)))
            level = dict(levels[n])
            for path, route in routes.items():
                if route is None:
                    level.pop(path, None)
                else:
                    level[path] = route
            levels[n] = level
        while levels and not levels[-1]:
            levels.pop()
        return PathIndex(root, tuple(levels))

    def __iter__(self) -> Iterator[Route]:
        if self.root is not None:
            yield self.root
        for level in self.levels:
            yield from level.values()

    def __len__(self) -> int:
        return (self.root is not None) + sum(map(len, self.levels))
