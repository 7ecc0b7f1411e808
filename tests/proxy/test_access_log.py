"""Tests of twisted_router.proxy.access_log."""

import errno
import fcntl
import os
from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.config.schema import LoggingConfig
from twisted_router.interfaces import RouterError
from twisted_router.proxy.access_log import (
    BATCH_RECORDS,
    FLUSH_DELAY_S,
    MAX_RETRY_DELAY_S,
    MAX_TURN_RECORDS,
    MAX_WAITING_BYTES,
    MAX_WAITING_RECORDS,
    AccessLog,
)
from twisted_router.proxy.counters import Counters


class AccessLogTestCase(SynchronousTestCase):
    """A log in a file of its own, on a clock of its own."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.counters = Counters()
        self.path = Path(self.mktemp())

    def started(self, path: Path | None = None) -> AccessLog:
        """A running log, stopped after the test."""
        log = AccessLog(
            str(path or self.path), self.clock, LoggingConfig(), (), self.counters
        )
        log.startService()
        self.addCleanup(lambda: log.stopService() if log.running else None)
        return log

    def record(self, log: AccessLog, name: str, padding: int = 0) -> None:
        """Take note of a request for ``name``."""
        head = f"GET /{name} HTTP/1.1\r\nHost: h\r\nX-Padding: {'x' * padding}\r\n\r\n"
        log.record(
            head.encode(), 1700000000.0, 200, 0, 0, b"192.0.2.7:1", b"10.0.0.1:80",
            b"id", 0.25, 0.125, None, b"",
        )  # fmt: skip

    def targets(self, path: Path | None = None) -> list[str]:
        """The targets of the requests in the file, in order."""
        text = (path or self.path).read_text("ascii")
        self.assertTrue(text == "" or text.endswith("\n"))
        return [line.split('"')[1].split()[1][1:] for line in text.splitlines()]

    def spy_on_writes(self) -> list[int]:
        """Get the number of lines of each write from now on."""
        writes: list[int] = []
        write = os.write

        def spying(fd: int, data: bytes) -> int:
            writes.append(data.count(b"\n"))
            return write(fd, data)

        self.patch(os, "write", spying)
        return writes

    def fail_writes(self, code: int, allowed_bytes: int = 0) -> None:
        """Let the file take ``allowed_bytes`` more, and then fail with ``code``."""
        left = allowed_bytes
        write = os.write

        def failing(fd: int, data: bytes) -> int:
            nonlocal left
            taken = write(fd, data[:left]) if left else 0
            left -= taken
            if not taken:
                raise OSError(code, os.strerror(code))
            return taken

        self.broken = self.patch(os, "write", failing)


class BatchTests(AccessLogTestCase):
    """Requests only leave a tuple; lines are written in batches."""

    def test_a_line_is_written_a_moment_after_its_request(self) -> None:
        log = self.started()
        self.record(log, "a")
        self.record(log, "b")
        self.clock.advance(FLUSH_DELAY_S * 0.9)
        self.assertEqual([], self.targets())
        self.clock.advance(FLUSH_DELAY_S * 0.1)
        self.assertEqual(["a", "b"], self.targets())

    def test_a_full_batch_does_not_wait_but_is_not_written_by_the_request(self) -> None:
        log = self.started()
        for n in range(BATCH_RECORDS):
            self.record(log, str(n))
        self.assertEqual([], self.targets())
        self.clock.advance(0)
        self.assertEqual([str(n) for n in range(BATCH_RECORDS)], self.targets())

    def test_a_batch_is_one_write(self) -> None:
        log = self.started()
        writes = self.spy_on_writes()
        for n in range(BATCH_RECORDS):
            self.record(log, str(n))
        self.clock.advance(0)
        self.assertEqual([BATCH_RECORDS], writes)

    def test_a_long_queue_is_written_over_several_turns(self) -> None:
        log = self.started()
        writes = self.spy_on_writes()
        for n in range(MAX_TURN_RECORDS + 1):
            self.record(log, str(n))
        self.clock.advance(0)
        self.assertEqual([MAX_TURN_RECORDS, 1], writes)

    def test_long_lines_make_a_turn_shorter(self) -> None:
        log = self.started()
        writes = self.spy_on_writes()
        for _ in range(6):
            self.record(log, "x" * 60 * 1024)
        self.clock.advance(FLUSH_DELAY_S)
        self.assertEqual([5, 1], writes)

    def test_nothing_is_left_to_do_when_nothing_waits(self) -> None:
        log = self.started()
        self.record(log, "a")
        self.clock.advance(FLUSH_DELAY_S)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_stopping_writes_what_waits(self) -> None:
        log = self.started()
        for n in range(MAX_TURN_RECORDS * 2 + 1):
            self.record(log, str(n))
        log.stopService()
        self.assertEqual(MAX_TURN_RECORDS * 2 + 1, len(self.targets()))
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(0, self.counters.log_lines_dropped)

    def test_after_the_stop_a_line_is_dropped_and_counted(self) -> None:
        log = self.started()
        log.stopService()
        self.record(log, "late")
        self.assertEqual(1, self.counters.log_lines_dropped)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_it_can_be_started_again(self) -> None:
        log = self.started()
        log.stopService()
        log.startService()
        self.record(log, "again")
        log.stopService()
        self.assertEqual(["again"], self.targets())


class FileTests(AccessLogTestCase):
    """How the file is opened, and opened again."""

    def test_lines_are_appended_to_what_is_there(self) -> None:
        self.path.write_text('h - [] "GET /old HTTP/1.1" \n')
        log = self.started()
        self.record(log, "new")
        log.stopService()
        self.assertEqual(["old", "new"], self.targets())

    def test_others_cannot_read_a_new_file(self) -> None:
        self.addCleanup(os.umask, os.umask(0))
        self.started()
        self.assertEqual(0o640, self.path.stat().st_mode & 0o777)

    def test_a_file_that_cannot_be_opened_stops_the_start(self) -> None:
        missing = self.path / "not" / "there"
        with self.assertRaises(RouterError) as caught:
            self.started(missing)
        self.assertEqual(
            f"access_log.file: cannot open {missing}: No such file or directory",
            str(caught.exception),
        )

    def test_after_a_rotation_lines_go_to_the_new_file(self) -> None:
        log = self.started()
        self.record(log, "old")
        moved = self.path.with_suffix(".1")
        self.path.rename(moved)
        log.reopen()
        self.record(log, "new")
        log.stopService()
        self.assertEqual(["old"], self.targets(moved))
        self.assertEqual(["new"], self.targets())

    def test_a_rotation_that_fails_leaves_the_old_file_in_use(self) -> None:
        log = self.started()
        moved = self.path.with_suffix(".1")
        self.path.rename(moved)
        self.path.mkdir()
        with capturedLogs() as events:
            log.reopen()
        self.record(log, "still here")
        log.stopService()
        self.assertEqual(["still"], self.targets(moved))
        self.assertEqual(["Is a directory"], [event["reason"] for event in events])

    def test_reopening_does_not_leak_the_old_file(self) -> None:
        log = self.started()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            log.reopen()
        self.assertEqual(before, len(os.listdir("/proc/self/fd")))

    def test_reopening_a_stopped_log_does_nothing(self) -> None:
        log = self.started()
        log.stopService()
        self.path.unlink()
        log.reopen()
        self.assertFalse(self.path.exists())


class FailureTests(AccessLogTestCase):
    """A file that takes nothing never hurts a request."""

    def test_a_full_disk_is_logged_once_and_its_lines_come_later(self) -> None:
        log = self.started()
        self.fail_writes(errno.ENOSPC)
        with capturedLogs() as events:
            self.record(log, "a")
            self.clock.pump([0.1] * 50)
            self.record(log, "b")
            self.clock.pump([0.1] * 50)
        self.assertEqual(
            [(LogLevel.error, "No space left on device")],
            [(event["log_level"], event["reason"]) for event in events],
        )
        self.broken.restore()
        with capturedLogs() as events:
            self.clock.pump([MAX_RETRY_DELAY_S] * 2)
        self.assertEqual(["a", "b"], self.targets())
        self.assertEqual([LogLevel.info], [event["log_level"] for event in events])
        self.assertEqual(0, self.counters.log_lines_dropped)

    def test_a_second_outage_is_logged_again(self) -> None:
        log = self.started()
        for _ in range(2):
            self.fail_writes(errno.EIO)
            with capturedLogs() as events:
                self.record(log, "a")
                self.clock.advance(FLUSH_DELAY_S)
            self.assertEqual(1, len(events))
            self.broken.restore()
            self.clock.advance(MAX_RETRY_DELAY_S)

    def test_a_line_that_was_cut_is_completed(self) -> None:
        log = self.started()
        self.fail_writes(errno.ENOSPC, allowed_bytes=10)
        self.record(log, "a")
        self.record(log, "b")
        self.clock.pump([0.1] * 20)
        self.assertEqual(10, self.path.stat().st_size)
        self.broken.restore()
        self.clock.advance(MAX_RETRY_DELAY_S)
        self.assertEqual(["a", "b"], self.targets())

    def test_the_rest_of_a_cut_line_does_not_begin_a_new_file(self) -> None:
        log = self.started()
        self.fail_writes(errno.ENOSPC, allowed_bytes=10)
        self.record(log, "a")
        self.record(log, "b")
        self.clock.pump([0.1] * 20)
        self.path.unlink()
        log.reopen()
        self.broken.restore()
        log.stopService()
        self.assertEqual(["b"], self.targets())
        self.assertEqual(1, self.counters.log_lines_dropped)

    def test_a_full_queue_drops_new_lines_and_counts_them(self) -> None:
        log = self.started()
        self.fail_writes(errno.ENOSPC)
        for n in range(MAX_WAITING_RECORDS + 3):
            self.record(log, str(n))
        self.assertEqual(3, self.counters.log_lines_dropped)
        self.broken.restore()
        log.stopService()
        self.assertEqual([str(n) for n in range(MAX_WAITING_RECORDS)], self.targets())

    def test_large_heads_fill_the_queue_by_their_size(self) -> None:
        log = self.started()
        self.fail_writes(errno.ENOSPC)
        padding = 60 * 1024
        taken = MAX_WAITING_BYTES // padding
        for n in range(taken + 5):
            self.record(log, str(n), padding)
        self.assertApproximates(5, self.counters.log_lines_dropped, 1)

    def test_room_is_given_back_when_lines_are_written(self) -> None:
        log = self.started()
        for round_ in range(3):
            for n in range(MAX_WAITING_BYTES // (60 * 1024) // 2):
                self.record(log, f"{round_}-{n}", 60 * 1024)
            self.clock.pump([0, 0, 0])
        self.assertEqual(0, self.counters.log_lines_dropped)

    def test_what_cannot_be_written_at_the_stop_is_counted(self) -> None:
        log = self.started()
        self.fail_writes(errno.ENOSPC)
        for n in range(MAX_TURN_RECORDS + 1):
            self.record(log, str(n))
        log.stopService()
        self.assertEqual(MAX_TURN_RECORDS + 1, self.counters.log_lines_dropped)


class PipeTests(AccessLogTestCase):
    """A named pipe is read by someone, or by no one."""

    def setUp(self) -> None:
        super().setUp()
        os.mkfifo(self.path)

    def reader(self) -> int:
        """Begin to read the pipe."""
        return os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def test_a_pipe_that_nobody_reads_yet_does_not_stop_the_start(self) -> None:
        with capturedLogs() as events:
            log = self.started()
            self.record(log, "a")
            self.clock.pump([0.5] * 10)
        self.assertEqual(1, len(events))
        reader = self.reader()
        self.addCleanup(os.close, reader)
        self.clock.advance(MAX_RETRY_DELAY_S)
        self.assertIn(b'"GET /a HTTP/1.1"', os.read(reader, 65536))

    def test_a_slow_reader_gets_every_line_whole(self) -> None:
        reader = self.reader()
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        log = self.started()
        for n in range(200):
            self.record(log, str(n))
        received = b""
        for _ in range(100):
            self.clock.advance(0.02)
            try:
                received += os.read(reader, 4096)
            except BlockingIOError:
                break
        self.assertEqual(
            [f"/{n}" for n in range(200)],
            [line.split()[4].decode() for line in received.splitlines()],
        )

    def test_the_next_reader_begins_with_a_whole_line(self) -> None:
        reader = self.reader()
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        log = self.started()
        for n in range(40):
            self.record(log, str(n))
        self.clock.advance(FLUSH_DELAY_S)
        os.close(reader)
        self.clock.advance(0.02)
        reader = self.reader()
        self.addCleanup(os.close, reader)
        self.clock.advance(MAX_RETRY_DELAY_S)
        self.assertTrue(os.read(reader, 4096).startswith(b"h - [2023"))
        self.assertEqual(1, self.counters.log_lines_dropped)

    def test_a_reader_that_hangs_is_logged_once(self) -> None:
        reader = self.reader()
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        log = self.started()
        for n in range(100):
            self.record(log, str(n))
        with capturedLogs() as events:
            self.clock.pump([0.1] * 100)
        self.assertEqual(
            ["Resource temporarily unavailable"], [event["reason"] for event in events]
        )
