"""How the router's own log looks, and how much of it there is."""

from __future__ import annotations

import sys
from io import TextIOBase
from typing import Any, TextIO, cast

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    globalLogBeginner,
)
from twisted.python.logfile import LogFile
from zope.interface import implementer

#: Twisted itself speaks of its start and of each port it opens at level info.
_TWISTED_LEAST = LogLevel.warn


def choose(level: str, logfile: str | None) -> str:
    """Say what :func:`observer` makes from now on.

    :param level: least level that is logged, a name of
        :class:`twisted.logger.LogLevel`.
    :param logfile: as ``twistd --logfile``: a path, or ``-`` or ``None`` for standard
        output. Files are rotated as twistd does it.
    :returns: the name of :func:`observer`, for twistd's ``logger`` option: that option
        takes the name of a function and nothing else, so the choice has to stay here.
    """
    _chosen.update(level=level, logfile=logfile)
    return f"{__name__}.{observer.__name__}"


_chosen: dict[str, str | None] = {"level": "info", "logfile": None}


def observer() -> ILogObserver:
    """Make the observer that was chosen: one line for each event."""
    least = LogLevel.lookupByName(_chosen["level"])
    predicate = LogLevelFilterPredicate(defaultLogLevel=max(least, _TWISTED_LEAST))
    if least == LogLevel.debug:
        predicate = LogLevelFilterPredicate(defaultLogLevel=least)
    predicate.setLogLevelForNamespace("twisted_router", least)
    logfile = _chosen["logfile"]
    stream: Any = sys.stdout
    if logfile and logfile != "-":
        stream = LogFile.fromFullPath(logfile)
    return FilteringLogObserver(
        FileLogObserver(cast(TextIO, _Flushing(stream)), format_event), [predicate]
    )


def format_event(event: LogEvent) -> str | None:
    """One event as text: time, level, part of the router, message, traceback."""
    text = eventAsText(event, includeTimestamp=True, includeSystem=False)
    if not text.strip():
        return None
    level = event.get("log_level", LogLevel.info)
    namespace = str(event.get("log_namespace", "-")).removeprefix("twisted_router.")
    stamp, _, message = text.partition(" ")
    return f"{stamp} {level.name:<5} {namespace}: {message.rstrip()}\n"


def speak_plainly() -> None:
    """Log the messages alone from now on, for a command that ends soon.

    Those from level info on go to standard output, warnings and worse to standard
    error.
    """
    globalLogBeginner.beginLoggingTo([PlainObserver()], redirectStandardIO=False)


@implementer(ILogObserver)
class PlainObserver:
    """Writes the messages that are ours, or warnings."""

    def __call__(self, event: LogEvent) -> None:
        """Write one, with its traceback if it has one."""
        level = event.get("log_level", LogLevel.info)
        ours = str(event.get("log_namespace")).startswith("twisted_router")
        if level < (LogLevel.info if ours else _TWISTED_LEAST):
            return
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        if level < LogLevel.warn:
            sys.stdout.write(f"{text}\n")
        else:
            sys.stderr.write(f"{level.name}: {text}\n")


class _Flushing(TextIOBase):
    """A stream that never keeps a line back: the last ones matter the most."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str, /) -> int:
        self._stream.write(text)
        self._stream.flush()
        return len(text)

    def flush(self) -> None:
        self._stream.flush()
