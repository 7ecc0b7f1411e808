"""An epoll reactor for a proxy: events dispatched straight, writes sent together."""

from __future__ import annotations

import sys
from select import EPOLLIN, EPOLLOUT
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger

_log = Logger()

# Note [Why the reactor is ours]
# Twisted's EPollReactor wraps each event in a log context; for a small proxied request
# that costs as much as all other Python code on its way. This one calls ``doRead`` and
# ``doWrite`` itself for the two plain cases and leaves every other event to the
# inherited path. Errors are logged and contained here just as there.
#
# Note [Why writes wait for the end of the turn]
# A send to a peer that sleeps in epoll_wait pays for waking it. Transports of
# ``net.transport`` therefore put themselves on ``collected`` when they have something
# to send; the reactor flushes them back to back after it has dispatched all events.


class LeanEPollReactor(EPollReactor):
    """Twisted's epoll reactor with less work for each event.

    :ivar collected: transports with something to send or to close; each is flushed
        at the end of the loop turn, and before the loop sleeps.
    """

    def __init__(self) -> None:
        self.collected: list[Any] = []
        super().__init__()

    def flush_collected(self) -> None:
        """Let every waiting transport send, also those that the sending added."""
        collected = self.collected
        while collected:
            batch = collected[:]
            collected.clear()
            for transport in batch:
                try:
                    transport.flush()
                except BaseException:
                    _log.failure("a transport could not flush")
                    self._contain(transport)

    def _contain(self, transport: Any) -> None:
        """Close a transport whose protocol raised, whatever state it is in."""
        try:
            self._disconnectSelectable(transport, sys.exc_info()[1], False)
        except BaseException:
            _log.failure("a transport could not be closed")

    def doPoll(self, timeout: float | None) -> None:
        """Wait up to ``timeout`` seconds (``None``: for ever) and serve the events."""
        # Delayed calls have run just before and may have written.
        if self.collected:
            self.flush_collected()
            # What was closed by that may have scheduled calls of its own.
            due_s = self.timeout()
            if due_s is not None and (timeout is None or due_s < timeout):
                timeout = due_s
        selectables = self._selectables
        try:
            events = self._poller.poll(
                -1 if timeout is None else timeout, len(selectables) or 1
            )
        except InterruptedError:
            return
        for fd, event in events:
            selectable = selectables.get(fd)
            if selectable is None:  # an earlier event of this turn closed it
                continue
            try:
                if event == EPOLLIN:
                    why = selectable.doRead()
                elif event == EPOLLOUT:
                    why = selectable.doWrite()
                else:
                    self._dispatch(selectable, fd, event)
                    continue
            except BaseException as error:
                _log.failure("{what} raised", what=selectable)
                why = error
            if why is not None:
                self._lose(selectable, why, event == EPOLLIN)
        if self.collected:
            self.flush_collected()

    doIteration = doPoll

    def _lose(self, selectable: Any, why: BaseException, is_read: bool) -> None:
        """Disconnect; what ``connectionLost`` raises is logged and goes no further."""
        try:
            self._disconnectSelectable(selectable, why, is_read)
        except BaseException:
            _log.failure("{what} raised while it was closed", what=selectable)

    def _dispatch(self, selectable: Any, fd: int, event: int) -> None:
        """Take the inherited path: hang-ups, errors, several events at once."""
        try:
            self._doReadOrWrite(selectable, fd, event)
        except BaseException:
            _log.failure("{what} raised while it was closed", what=selectable)


def install_unless_chosen() -> bool:
    """Install the lean reactor, unless the process already has a reactor.

    :returns: whether it was installed. ``twistd --reactor`` installs its choice
        before it loads any plugin, so that choice stands.
    """
    if "twisted.internet.reactor" in sys.modules:
        return False
    installReactor(LeanEPollReactor())
    return True
