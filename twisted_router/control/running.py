"""Working until told to stop: signals, waiting, and messages as they come."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, BinaryIO, Protocol

from .keeper import Keeper
from .lines import Line, Lines

#: What is taken from a stream at a time.
_CHUNK_BYTES = 64 * 1024


class Pause(Protocol):
    """How to wait.

    :ivar stopped: whether somebody wants us to end.
    """

    stopped: bool

    def wait(self, timeout_s: float | None, stream: BinaryIO | None) -> bool:
        """Wait for the time, for bytes, or for the wish to end.

        :param timeout_s: ``None`` = as long as it takes.
        :param stream: ``None`` if nothing is read.
        :returns: whether there is something to read.
        """


class SignalPause:
    """Waits until SIGINT or SIGTERM at most; a second one ends the process at once.

    A context manager: signals are as before when it is left.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.stopped = False
        self._before: dict[int, Any] = {}
        self._woken, self._wake = os.pipe()

    def __enter__(self) -> SignalPause:
        for number in self._SIGNALS:
            self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        os.close(self._woken)
        os.close(self._wake)

    def wait(self, timeout_s: float | None, stream: BinaryIO | None) -> bool:
        """See :meth:`Pause.wait`."""
        watched = [self._woken] if stream is None else [self._woken, stream.fileno()]
        ready, _, _ = select.select(watched, [], [], timeout_s)
        return stream is not None and stream.fileno() in ready

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True
        self._restore()
        os.write(self._wake, b"!")

    def _restore(self) -> None:
        while self._before:
            number, before = self._before.popitem()
            signal.signal(number, before)


def run(
    keeper: Keeper,
    pause: Pause,
    stream: BinaryIO | None,
    take: Callable[[Line], None],
    *,
    once: bool,
) -> None:
    """Keep routes until told to stop, or until there are none and no more will come.

    With ``once``, an agent that does not answer is not asked again.


    :param stream: lines that ``take`` makes routes of; ``None`` if there are none.
    """
    lines = Lines()
    while not pause.stopped:
        keeper.work(lambda: pause.stopped)
        if stream is None and (not len(keeper) or (once and keeper.pending)):
            return
        if not pause.wait(keeper.next_s(), stream) or pause.stopped or stream is None:
            continue
        data = os.read(stream.fileno(), _CHUNK_BYTES)
        for line in lines.feed(data) if data else lines.finish():
            take(line)
        if not data:
            stream = None
