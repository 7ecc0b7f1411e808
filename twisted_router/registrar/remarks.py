"""What containers' owners should know: said once, as long as it is true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from twisted.logger import Logger

from .desired import Desired
from .registration import SHORT_ID, Registration


def remarks_on(
    desired: Desired, odd: Mapping[str, str], clashing: Iterable[Registration]
) -> set[tuple[str, str]]:
    """Gather what is not as it was meant to be.

    :param odd: containers that nothing could be made of, by short id, and why.
    :param clashing: services whose ID is another's.
    :returns: (container, sentence) each.
    """
    found = {
        (f"{container.name} ({container.id[:SHORT_ID]})", note)
        for container, note in desired.notes
    }
    found |= {(container, f"not registered: {odd[container]}") for container in odd}
    found |= {
        (each.container, f"{each.id} is not registered: another has this ID")
        for each in clashing
    }
    return found


class Remarks:
    """Logs remarks, each once; what is no longer true may come again."""

    _log = Logger()

    def __init__(self) -> None:
        self._said: Set[tuple[str, str]] = frozenset()

    def say(self, remarks: Set[tuple[str, str]]) -> None:
        """Log what is new among all remarks that there are now."""
        for container, note in sorted(remarks - self._said):
            self._log.warn(
                "registrar: container {container}: {note}",
                container=container,
                note=note,
            )
        self._said = remarks
