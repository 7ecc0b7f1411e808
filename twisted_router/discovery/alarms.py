"""What is wrong with the facts, for people: counted, logged, and remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from twisted.logger import Logger

from ..interfaces import IEventLog


class Alarms:
    """Where the links between a source and the table say what a person should know.

    :param source: whose facts it is about.
    :ivar counts: how often each kind of thing was reported since the start.
    """

    _log = Logger()

    def __init__(self, events: IEventLog, source: str) -> None:
        self._events = events
        self._source = source
        self.counts: Counter[str] = Counter()

    def warn(
        self, kind: str, text: str, details: Mapping[str, Any] | None = None
    ) -> None:
        """Report something that somebody may have to act on.

        :param kind: a word; counted under it.
        :param details: as :class:`twisted_router.interfaces.Event` has them.
        """
        self._log.warn("{kind}: {text}", kind=kind, text=text)
        self._remember(kind, text, details)

    def info(
        self, kind: str, text: str, details: Mapping[str, Any] | None = None
    ) -> None:
        """Report that something is well again, or was done as it should be."""
        self._log.info("{kind}: {text}", kind=kind, text=text)
        self._remember(kind, text, details)

    def _remember(
        self, kind: str, text: str, details: Mapping[str, Any] | None
    ) -> None:
        self._events.record(kind, self._source, text, details)
        self.counts[kind] += 1
