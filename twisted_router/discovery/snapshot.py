"""Keeps the facts that are routed on disk, for a start while Consul is away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from ..interfaces import IFactsConsumer
from ..model import Instance
from .alarms import Alarms
from .facts_file import (
    FactsFileError,
    Stored,
    encode_service,
    read_facts,
    touch_facts,
    write_facts,
)
from .pace import Pace

#: Seconds from one write to the next, at least. A change after a quiet time is written
#: at once.
WRITE_INTERVAL_S = 5.0

#: How often the file is told that its facts are still confirmed, in seconds.
TOUCH_INTERVAL_S = 60.0

#: How long services are encoded before requests have their turn.
_SLICE_S = 0.002

#: Runs something that waits for a disk, elsewhere.
Thread = Callable[[Callable[[], Any]], Deferred[Any]]


class DiskThread:
    """One thread, for what a disk may hold up. It ends when it has nothing to do.

    :param reactor: gets the results back.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=1, name="disk")

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        """Do it after what was asked for before; fires with its result."""
        if not self._pool.started:
            self._pool.start()
        running: Deferred[Any] = deferToThreadPool(self._reactor, self._pool, work)
        return running

    def stop(self) -> None:
        """End the thread; nothing may be under way."""
        if self._pool.started:
            self._pool.stop()


@implementer(IFactsConsumer)
class Snapshot:
    """Passes facts on, and writes them to a file, all of them, a moment later.

    Of a change only the services that it names are encoded anew, in slices between
    requests; the file is written by another thread. What is wrong with the file is
    reported, and stops nothing.

    :param path: of the file; ``<path>.new`` is used as well.
    :param origin: whose facts they are: a file with those of another is not read.
    :param max_age_s: facts that were confirmed longer ago are not read; 0 reads all.
    :param wall_s: seconds since the epoch.
    :param age_s: seconds since the origin has confirmed its facts; ``None`` if never.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        consumer: IFactsConsumer,
        path: str,
        origin: str,
        max_age_s: float,
        wall_s: Callable[[], float],
        age_s: Callable[[], float | None],
        thread: Thread,
        alarms: Alarms,
    ) -> None:
        self._clock = clock
        self._consumer = consumer
        self._path = path
        self._origin = origin
        self._max_age_s = max_age_s
        self._wall_s = wall_s
        self._age_s = age_s
        self._thread = thread
        self._alarms = alarms
        self._facts: dict[str, Sequence[Instance]] = {}
        self._lines: dict[str, bytes] = {}
        self._dirty: dict[str, None] = {}
        self._pace = Pace(clock, WRITE_INTERVAL_S, self._encode)
        self._encoding: IDelayedCall | None = None
        self._touching: IDelayedCall | None = None
        self._at_disk: Deferred[None] | None = None
        self._again = False
        self._failing = False
        # Whether there is anything whole to write, and whether it is not written yet.
        self._whole = False
        self._unwritten = False

    def load(self) -> tuple[Stored, float] | None:
        """What the file holds, and its age in seconds, if it can be used. Blocks."""
        try:
            stored = read_facts(self._path, self._origin)
        except FileNotFoundError:
            self._log.info("no snapshot yet: {path}", path=self._path)
            return None
        except FactsFileError as error:
            self._ignore(str(error))
            return None
        age_s = max(0.0, self._wall_s() - stored.confirmed_at_s)
        if self._max_age_s and age_s > self._max_age_s:
            self._ignore(f"was true {age_s:.0f} s ago, more than {self._max_age_s:g} s")
            return None
        return stored, age_s

    def start(self) -> None:
        """Begin to tell the file that its facts are still confirmed."""
        self._touching = self._clock.callLater(TOUCH_INTERVAL_S, self._touch)

    def stop(self) -> Deferred[None]:
        """Write what is not written yet; fires when the file is as it should be."""
        for timer in (self._encoding, self._touching):
            if timer is not None:
                timer.cancel()
        self._encoding = self._touching = None
        self._pace.close()
        self._again = False

        def finish(_: object) -> Deferred[None]:
            if self._whole and self._unwritten:
                while self._dirty:
                    self._encode_next()
                return self._write()
            return succeed(None)

        return (self._at_disk or succeed(None)).addCallback(finish)

    def apply(self, source: str, changes: Mapping[str, Sequence[Instance]]) -> None:
        """Pass it on, and write it soon."""
        self._consumer.apply(source, changes)
        self._mark(changes)

    def replace(self, source: str, services: Mapping[str, Sequence[Instance]]) -> None:
        """Pass it on, and write it soon."""
        self._consumer.replace(source, services)
        gone: dict[str, Sequence[Instance]] = dict.fromkeys(self._facts, ())
        self._whole = True
        self._mark({**gone, **services})

    def _ignore(self, why: str) -> None:
        self._alarms.warn("snapshot", f"{self._path} {why}; it is not used")

    def _mark(self, changes: Mapping[str, Sequence[Instance]]) -> None:
        self._facts.update(changes)
        self._dirty.update(dict.fromkeys(changes))
        self._unwritten = True
        self._pace.wake()

    # From the facts to the file

    def _encode(self) -> None:
        """Begin to write, or go on with it when the last write is done."""
        if self._at_disk is not None:
            self._again = True
        elif self._encoding is None and self._whole:
            self._encode_some()

    def _encode_some(self) -> None:
        self._encoding = None
        end_s = self._clock.seconds() + _SLICE_S
        while self._dirty:
            if self._clock.seconds() > end_s:
                self._encoding = self._clock.callLater(0, self._encode_some)
                return
            self._encode_next()
        self._write()

    def _encode_next(self) -> None:
        name, _ = self._dirty.popitem()
        found = self._facts[name]
        if found:
            self._lines[name] = encode_service(name, found)
        else:
            del self._facts[name]
            self._lines.pop(name, None)

    def _write(self) -> Deferred[None]:
        # A copy: the thread must not see changes.
        lines = [self._lines[name] for name in sorted(self._lines)]
        confirmed_at_s = self._confirmed_at_s()
        self._unwritten = False
        return self._go_to_disk(
            partial(write_facts, self._path, self._origin, lines, confirmed_at_s)
        )

    def _touch(self) -> None:
        self._touching = self._clock.callLater(TOUCH_INTERVAL_S, self._touch)
        if self._at_disk is not None or not self._whole:
            return
        if self._failing:
            self._pace.wake()
        else:
            self._go_to_disk(partial(touch_facts, self._path, self._confirmed_at_s()))

    def _confirmed_at_s(self) -> float:
        return self._wall_s() - (self._age_s() or 0.0)

    def _go_to_disk(self, work: Callable[[], Any]) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self._at_disk = done

        def over(result: object) -> None:
            self._at_disk = None
            self._say(result if isinstance(result, Failure) else None)
            if self._again:
                self._again = False
                self._pace.wake()
            done.callback(None)

        self._thread(work).addBoth(over)
        return done

    def _say(self, failure: Failure | None) -> None:
        """Report the first failure of a series, and its end."""
        if failure is None:
            if self._failing:
                self._alarms.info("snapshot", f"{self._path} is written again")
            self._failing = False
        elif not failure.check(OSError):
            self._log.failure("the snapshot", failure)
        else:
            self._unwritten = True
            if self._failing:
                return
            self._failing = True
            self._alarms.warn(
                "snapshot", f"{self._path} cannot be written: {failure.value}"
            )
