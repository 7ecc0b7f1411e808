"""The access log: requests leave a tuple here, batches of lines go to the file."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterable

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ..config.schema import KIB, MIB, LoggingConfig
from ..interfaces import RouterError
from ..model import Instance
from .access_line import LineFormat, Record
from .counters import Counters

#: A line is in the file at most this long after its request, when the disk allows.
FLUSH_DELAY_S = 0.2
#: Records that wait before they are written without further delay.
BATCH_RECORDS = 64
#: Records formatted in one turn of the reactor, at about 5 us each.
MAX_TURN_RECORDS = 256
#: Text formatted in one turn, about: hostile heads make long lines.
MAX_TURN_BYTES = 256 * KIB
#: What may wait while the file takes nothing; beyond it lines are dropped, counted.
MAX_WAITING_RECORDS = 8192
MAX_WAITING_BYTES = 16 * MIB
#: How soon a file that did not take everything is tried again (a pipe holds 64 KiB, so
#: this allows for some 6 MB/s), and how rarely at most while it takes nothing.
MIN_RETRY_DELAY_S = 0.01
MAX_RETRY_DELAY_S = 1.0

_MODE = 0o640
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK


class AccessLog(Service):
    """Writes one line for each request; see :class:`LineFormat` for the format.

    A request pays for a tuple and two counts. Lines are formatted and written in
    batches, outside of any request. Nothing that happens to the file reaches a
    request: lines that cannot be written wait, in bounds, and then are dropped and
    counted in ``counters.log_lines_dropped``.

    :param path: a file, or a named pipe (which may have no reader at times).
    :param extra_headers: names of request headers to add to each line.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        clock: IReactorTime,
        config: LoggingConfig,
        extra_headers: Iterable[str],
        counters: Counters,
    ) -> None:
        self._path = path
        self._clock = clock
        self._counters = counters
        self._line = LineFormat(config, extra_headers).line
        self._waiting: deque[Record] = deque()
        self._waiting_bytes = 0
        self._most_records = 0  # nothing is taken in before start and after stop
        self._unwritten = b""  # lines that the file has not taken yet
        self._torn = False  # whether it took the beginning of the first of them
        self._fd = -1
        self._failing = False
        self._retry_delay_s = MIN_RETRY_DELAY_S
        self._call: IDelayedCall | None = None

    def startService(self) -> None:
        """Open the file.

        :raises RouterError: it cannot be opened. A pipe without a reader is no
            error: it is tried again.
        """
        try:
            self._fd = os.open(self._path, _FLAGS, _MODE)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise RouterError(
                    f"access_log.file: cannot open {self._path}: {error.strerror}"
                ) from error
            self._say_failed(error)
        super().startService()
        self._most_records = MAX_WAITING_RECORDS

    def stopService(self) -> None:
        """Write what waits, as far as the file takes it, and close the file."""
        super().stopService()
        self._most_records = 0
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._write_all()
        lost = len(self._waiting) + self._unwritten.count(b"\n")
        self._counters.log_lines_dropped += lost
        self._waiting.clear()
        self._waiting_bytes = 0
        self._unwritten = b""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def record(
        self,
        head: bytes,
        received_at_s: float,
        status: int,
        bytes_received: int,
        bytes_sent: int,
        peer: bytes,
        backend: bytes,
        request_id: bytes,
        response_time_s: float,
        backend_time_s: float,
        instance: Instance | None,
        error: bytes,
        host: bytes = b"",
        forwarded_for: bytes = b"",
    ) -> None:
        """Take note of one finished request. Never fails, never blocks.

        :param head: request line and fields as the client sent them; with or without
            the empty line that ends them; empty if there was none.
        :param received_at_s: wall-clock time of the request, seconds since the epoch.
        :param status: of the response; 0 when there was none.
        :param bytes_received: size of the request's body.
        :param bytes_sent: size of the response's body.
        :param peer: the client, ``1.2.3.4:5678`` or ``[::1]:5678``.
        :param backend: the instance as dialled, ``10.0.0.1:8080``; empty for none.
        :param response_time_s: from the request to the end of its response.
        :param backend_time_s: the part of it that the instance took.
        :param error: the value of ``X-Cf-RouterError``; empty for none.
        :param host: the one that was asked for; empty if the head was not understood.
            What it says of that, and of who sent it, is then written as it is.
        :param forwarded_for: X-Forwarded-For as an instance gets it.
        """
        waiting = self._waiting
        if (
            len(waiting) >= self._most_records
            or self._waiting_bytes >= MAX_WAITING_BYTES
        ):
            self._counters.log_lines_dropped += 1
            return
        waiting.append((
            head, received_at_s, status, bytes_received, bytes_sent, peer, backend,
            request_id, response_time_s, backend_time_s, instance, error, host,
            forwarded_for,
        ))  # fmt: skip
        self._waiting_bytes += len(head)
        if self._call is None:
            self._call = self._clock.callLater(FLUSH_DELAY_S, self._flush)
        elif len(waiting) == BATCH_RECORDS:
            self._call.reset(0)

    def reopen(self) -> None:
        """Go on in a new file of the same name, after the old one was moved away.

        If that one cannot be opened, the old one is kept. Lines of before the call
        are in the old file as far as it took them.
        """
        if not self.running:
            return
        self._write_all()
        try:
            fd = os.open(self._path, _FLAGS, _MODE)
        except OSError as error:
            self._log.error(
                "access log: cannot reopen {path}: {reason}; going on in the old file",
                path=self._path,
                reason=error.strerror,
            )
            return
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._drop_torn_line()
        self._log.info("access log: reopened {path}", path=self._path)

    def _flush(self) -> None:
        """Write some, and come back if there is more."""
        self._call = None
        delay_s = 0.0 if self._write_some() else self._retry_delay_s
        if self._waiting or self._unwritten:
            self._call = self._clock.callLater(delay_s, self._flush)

    def _write_all(self) -> None:
        """Write what waits, as far as the file takes it now."""
        while self._waiting or self._unwritten:
            if not self._write_some():
                break

    def _write_some(self) -> bool:
        """Write what was left over; if nothing was, format and write a turn's worth.

        :returns: whether the file took all of it.
        """
        batch = self._unwritten or self._format_some()
        try:
            if self._fd < 0:
                self._fd = os.open(self._path, _FLAGS, _MODE)
            taken = os.write(self._fd, batch)
        except OSError as error:
            self._unwritten = batch
            if error.errno == errno.EPIPE:  # who comes next has not read its beginning
                self._drop_torn_line()
            self._retry_delay_s = min(2 * self._retry_delay_s, MAX_RETRY_DELAY_S)
            full_pipe = error.errno == errno.EAGAIN
            if not full_pipe or self._retry_delay_s == MAX_RETRY_DELAY_S:
                self._say_failed(error)
            return False
        self._retry_delay_s = MIN_RETRY_DELAY_S
        self._unwritten = batch[taken:]
        self._torn = bool(self._unwritten) and batch[taken - 1 : taken] != b"\n"
        if self._failing and not self._unwritten:
            self._failing = False
            self._log.info(
                "access log: {path} takes lines again; {dropped} were dropped so far",
                path=self._path,
                dropped=self._counters.log_lines_dropped,
            )
        return not self._unwritten

    def _format_some(self) -> bytes:
        """Take a turn's worth of records out of the queue, as lines."""
        waiting, line = self._waiting, self._line
        lines: list[bytes] = []
        size = 0
        while waiting and len(lines) < MAX_TURN_RECORDS and size < MAX_TURN_BYTES:
            record = waiting.popleft()
            self._waiting_bytes -= len(record[0])
            text = line(record)
            lines.append(text)
            size += len(text)
        return b"".join(lines)

    def _drop_torn_line(self) -> None:
        """Forget the rest of a line whose beginning went elsewhere."""
        if self._torn:
            self._torn = False
            self._unwritten = self._unwritten.partition(b"\n")[2]
            self._counters.log_lines_dropped += 1

    def _say_failed(self, error: OSError) -> None:
        """Log it, once for each time that the file stops taking lines."""
        if not self._failing:
            self._failing = True
            self._log.error(
                "access log: cannot write to {path}: {reason}; new lines wait",
                path=self._path,
                reason=error.strerror,
            )
