"""Points in time on the engine's clock, as Docker and we write them."""

from __future__ import annotations

from datetime import UTC, datetime


def read_moment(text: str) -> datetime | None:
    """Read what RFC 3339 makes of a moment; ``None`` for anything else.

    Docker gives nanoseconds; they are cut off to microseconds.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


def moment_of(nanoseconds: object) -> datetime | None:
    """Read nanoseconds since 1970; ``None`` for anything else. Cut off likewise."""
    if not isinstance(nanoseconds, int):
        return None
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    except (OverflowError, ValueError, OSError):
        return None
