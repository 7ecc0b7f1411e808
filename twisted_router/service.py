"""The router as one service: starts its parts in order, and says when it is up."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.logger import Logger

from .interfaces import RouterError

#: Allocations before the youngest generation is collected. A request leaves no cycles
#: behind, so looking for them seldom costs nothing but the pause, which stays short.
_GC_THRESHOLDS = (20_000, 20, 50)


class ClosingService(Service):
    """Closes something when it is stopped, after the services that use it."""

    def __init__(self, close: Callable[[], Deferred[Any] | None]) -> None:
        self._close = close

    def stopService(self) -> Deferred[Any] | None:
        """Close it."""
        super().stopService()
        return self._close()


class RouterService(MultiService):
    """Parent of all services of one router.

    They start in the order in which they were added, and stop one after the other in
    the opposite order: whoever is needed by another outlives it. SIGTERM stops them,
    and the process ends with status 0 then.

    :param reopen: called at SIGHUP, after log files were moved away.
    :param started: called when everything listens.
    """

    name = "router"
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        reopen: Sequence[Callable[[], None]] = (),
        started: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self._reopen = tuple(reopen)
        self._started = started
        self._terminating = False

    def privilegedStartService(self) -> None:
        """Open what only root may; a port that is taken ends the process."""
        self._or_exit(super().privilegedStartService)

    def startService(self) -> None:
        """Start all parts.

        :raises SystemExit: one of them cannot; the message says why.
        """
        raise_open_files_limit()
        keep_freed_memory()
        self._or_exit(super().startService)
        if self._reopen or not _in_a_terminal():
            # Also with nothing to reopen: a service does not die of a log rotation.
            signal.signal(signal.SIGHUP, self._hang_up)
        # After the reactor has set its own handlers, which make twistd die of the
        # signal in the end: whoever asks for a stop takes that for a failure.
        self._reactor.callWhenRunning(signal.signal, signal.SIGTERM, self._terminate)
        if self._started is not None:
            self._started()
        # What is there now stays for good: the collector need never look at it.
        gc.collect()
        hand_back_memory()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)

    def stopService(self) -> Deferred[None]:
        """Stop all parts; fires when the last one has stopped."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop_parts())

    async def _stop_parts(self) -> None:
        for part in reversed(list(self)):
            try:
                await maybeDeferred(part.stopService)
            except Exception:
                self._log.failure("{part} did not stop", part=part)

    def _or_exit(self, start: Callable[[], None]) -> None:
        try:
            start()
        except (CannotListenError, RouterError) as error:
            raise SystemExit(f"twisted_router: {error}") from error

    def _terminate(self, number: int, frame: Any) -> None:
        self._reactor.callFromThread(self._stop_reactor)

    def _stop_reactor(self) -> None:
        """Stop once: a signal while the parts are stopping changes nothing."""
        if not self._terminating:
            self._terminating = True
            self._reactor.stop()

    def _hang_up(self, number: int, frame: Any) -> None:
        self._reactor.callFromThread(self._reopen_all)

    def _reopen_all(self) -> None:
        for reopen in self._reopen:
            reopen()


def fail(reactor: Any) -> None:
    """Stop, and let the process end with status 1: whoever started it may do so again.

    Not by a signal: the first process of a container does not die of its own.
    """
    atexit.register(_leave)
    with suppress(ReactorNotRunning):
        reactor.stop()


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def raise_open_files_limit() -> None:
    """Allow as many open files as the system lets us: each request needs two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


#: Parameters of glibc's ``mallopt(3)`` and what they are set to, in bytes.
_MALLOC_OPTIONS = {
    -1: 64 * 1024 * 1024,  # M_TRIM_THRESHOLD
    -2: 1024 * 1024,  # M_TOP_PAD
    -3: 64 * 1024 * 1024,  # M_MMAP_THRESHOLD
}


def keep_freed_memory() -> None:
    """Let the allocator keep what was freed instead of handing it back at once.

    A read takes 64 KiB, and most of it is given back within microseconds. glibc then
    shrinks the heap and grows it again, a system call each: a third of the time that
    an upload of 64 KiB took. It costs 4 MiB of resident memory. Where the C library
    is another one, nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    for option, value in _MALLOC_OPTIONS.items():
        mallopt(option, value)


def hand_back_memory() -> None:
    """Give the system back what the start took and does not need any more.

    With 100,000 static routes that is 14 MiB. Where the C library is not glibc,
    nothing is done.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _in_a_terminal() -> bool:
    """Whether a person has started us, whose closing the terminal means "stop"."""
    return sys.stdin is not None and sys.stdin.isatty()
