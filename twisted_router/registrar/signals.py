"""Which signals make a container stop, as Docker writes signals."""

from __future__ import annotations

import re
from signal import SIGINT, SIGKILL, SIGQUIT, SIGRTMAX, SIGRTMIN, SIGTERM, Signals

# What programs stop at, unless they say otherwise.
_STOPPING = frozenset({SIGTERM, SIGQUIT, SIGINT, SIGKILL})

# Docker: moby/sys/signal. Real-time signals are counted from either end.
_REAL_TIME = {"RTMIN": SIGRTMIN, "RTMAX": SIGRTMAX}
_REAL_TIME_NAME = re.compile(r"(RTM(?:IN|AX))(?:([+-])([0-9]{1,2}))?")


def signal_number(text: str) -> int | None:
    """Read a signal: ``15``, ``TERM``, ``SIGTERM``, ``SIGRTMIN+3``; in any case.

    :returns: ``None`` for anything else.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    name = text.upper().removeprefix("SIG")
    real_time = _REAL_TIME_NAME.fullmatch(name)
    if real_time is not None:
        base, sign, offset = real_time.groups(default="0")
        return _REAL_TIME[base] + int(offset) * (-1 if sign == "-" else 1)
    found = Signals.__members__.get(f"SIG{name}")
    return None if found is None else int(found)


def stops(signal: str, stop_signal: str) -> bool:
    """Whether a container that is sent ``signal`` is being stopped by it.

    :param signal: as the ``kill`` event tells it.
    :param stop_signal: the container's own, ``""`` if it has none.
    """
    number = signal_number(signal)
    if number is None:
        return False
    return number in _STOPPING or number == signal_number(stop_signal)
