"""Authentication as a whole: files, hashing aside, what is remembered."""

import os
from base64 import b64encode
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_router.auth import service
from twisted_router.auth.service import LOOK_INTERVAL_S, WAITING_MAX, AuthService
from twisted_router.auth.verified import REMEMBERED_S
from twisted_router.config.schema import AuthScheme
from twisted_router.interfaces import IAuthenticator, Verdict

from .hashing import SlowHashing

HASH = b"$2y$05$" + b"a" * 53
OTHER_HASH = b"$2y$05$" + b"b" * 53
GRANTED = Verdict(True)
REFUSED = Verdict(False, b'Basic realm="staff", charset="UTF-8"')
NOT_NOW = Verdict(False)


def basic(user: bytes = b"ann", password: bytes = b"secret") -> bytes:
    return b"Basic " + b64encode(user + b":" + password)


class AuthServiceTestCase(SynchronousTestCase):
    """A service with the schemes ``staff``, where ann is in, and ``admin``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.hashing = SlowHashing()
        folder = Path(self.mktemp())
        folder.mkdir()
        self.written = 0
        self.staff = folder / "staff"
        self.admin = folder / "admin"
        self.write(self.staff, b"ann:" + HASH)
        self.write(self.admin, b"ann:" + OTHER_HASH)
        self.service = AuthService(
            {
                "staff": AuthScheme(file=str(self.staff)),
                "admin": AuthScheme(file=str(self.admin), realm="Admins"),
            },
            self.clock,
            self.hashing.run,
            b"k" * 32,
            1,
            self.hashing.stop,
        )

    def write(self, path: Path, data: bytes) -> None:
        """Replace a file, and be seen to have done so on any file system."""
        path.write_bytes(data)
        self.written += 1
        os.utime(path, ns=(self.written, self.written))

    def start(self) -> None:
        self.service.startService()

    def check(self, authorization: bytes = b"", *schemes: str) -> Deferred[Verdict]:
        return self.service.check(schemes or ("staff",), authorization)

    def log_in(self, authorization: bytes = basic()) -> None:
        """Be verified once."""
        asked = self.check(authorization)
        self.hashing.finish(True)
        self.assertEqual(GRANTED, self.successResultOf(asked))


class CheckTests(AuthServiceTestCase):
    """Who is let in."""

    def setUp(self) -> None:
        super().setUp()
        self.start()

    def test_it_provides_its_interface(self) -> None:
        self.assertTrue(verifyObject(IAuthenticator, self.service))

    def test_who_says_nothing_is_asked(self) -> None:
        for value in (b"", b"Bearer x", b"Basic !"):
            self.assertEqual(REFUSED, self.successResultOf(self.check(value)))

    def test_the_right_password_is_verified_aside(self) -> None:
        asked = self.check(basic())
        self.assertNoResult(asked)
        self.assertEqual([(b"secret", HASH)], self.hashing.asked)
        self.hashing.finish(True)
        self.assertEqual(GRANTED, self.successResultOf(asked))

    def test_a_wrong_password_is_refused(self) -> None:
        asked = self.check(basic())
        self.hashing.finish(False)
        self.assertEqual(REFUSED, self.successResultOf(asked))

    def test_an_unknown_user_takes_as_long_and_is_refused(self) -> None:
        asked = self.check(basic(b"eve"))
        ((password, hashed),) = self.hashing.asked
        self.assertEqual((b"secret", HASH[4:7]), (password, hashed[4:7]))
        # Even if that password were right by chance.
        self.hashing.finish(True)
        self.assertEqual(REFUSED, self.successResultOf(asked))

    def test_who_was_right_is_not_hashed_again_for_a_while(self) -> None:
        self.log_in()
        self.assertEqual(GRANTED, self.successResultOf(self.check(basic())))
        self.clock.advance(REMEMBERED_S)
        self.assertNoResult(self.check(basic()))

    def test_another_password_is(self) -> None:
        self.log_in()
        self.assertNoResult(self.check(basic(password=b"guess")))

    def test_bcrypt_knows_the_first_72_bytes(self) -> None:
        self.check(basic(password=b"p" * 73))
        self.assertEqual([(b"p" * 72, HASH)], self.hashing.asked)

    def test_who_is_asked_for_two_schemes_must_pass_both(self) -> None:
        for admin, verdict in (
            (True, GRANTED),
            (False, Verdict(False, b'Basic realm="Admins", charset="UTF-8"')),
        ):
            asked = self.check(basic(password=b"%d" % admin), "staff", "admin")
            self.hashing.finish(True)
            self.assertEqual([(b"%d" % admin, OTHER_HASH)], self.hashing.asked)
            self.hashing.finish(admin)
            self.assertEqual(verdict, self.successResultOf(asked))

    def test_an_unknown_scheme_lets_nobody_in(self) -> None:
        asked = self.check(basic(), "nobody's")
        self.assertEqual(NOT_NOW, self.successResultOf(asked))

    def test_when_too_many_wait_there_is_no_verdict(self) -> None:
        for n in range(WAITING_MAX + 1):
            self.assertNoResult(self.check(basic(password=b"%d" % n)))
        self.assertEqual(NOT_NOW, self.successResultOf(self.check(basic())))

    def test_who_leaves_is_not_hashed(self) -> None:
        self.check(basic(b"bob"))
        left = self.check(basic())
        left.cancel()
        self.hashing.finish(False)
        self.assertEqual([], self.hashing.asked)

    def test_a_hash_that_cannot_be_computed_is_logged_and_no_verdict(self) -> None:
        asked = self.check(basic())
        self.hashing.break_down(ValueError("broken"))
        self.assertEqual(NOT_NOW, self.successResultOf(asked))
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))

    def test_at_stop_who_waits_gets_no_verdict_and_hashing_ends(self) -> None:
        asked = self.check(basic())
        self.service.stopService()
        self.assertEqual(NOT_NOW, self.successResultOf(asked))
        self.assertTrue(self.hashing.stopped)
        self.assertEqual([], self.clock.getDelayedCalls())


class FileTests(AuthServiceTestCase):
    """Files are read again when they change."""

    def warnings(self, *calls: object) -> list[str]:
        """What is warned of while the service starts."""
        with capturedLogs() as events:
            self.start()
        return [
            event["log_format"].format(**event)
            for event in events
            if event["log_level"] is LogLevel.warn
        ]

    def test_a_file_that_is_not_there_is_no_obstacle_to_the_others(self) -> None:
        self.staff.unlink()
        (line,) = self.warnings()
        self.assertEqual(
            f"auth staff: cannot read {self.staff}: No such file or directory; "
            "nobody is let in",
            line,
        )
        self.assertEqual(NOT_NOW, self.successResultOf(self.check(basic())))
        self.assertNoResult(self.check(basic(), "admin"))

    def test_it_is_read_when_it_comes(self) -> None:
        self.staff.unlink()
        self.start()
        self.write(self.staff, b"ann:" + HASH)
        self.clock.advance(LOOK_INTERVAL_S)
        self.log_in()

    def test_what_is_no_file_is_not_read(self) -> None:
        self.staff.unlink()
        os.mkfifo(self.staff)
        self.assertIn("not a file", self.warnings()[0])

    def test_a_huge_file_is_not_read(self) -> None:
        self.patch(service, "FILE_MAX_BYTES", 10)
        self.assertIn("more than 10 bytes", self.warnings()[0])

    def test_refused_lines_are_named_and_the_others_hold(self) -> None:
        self.write(self.staff, b"bob:{SHA}x\nann:" + HASH + b"\neve:x")
        warnings = self.warnings()
        self.assertEqual(2, len(warnings))
        self.assertIn(f"auth staff: {self.staff}:1: 'bob': SHA-1", warnings[0])
        self.log_in()

    def test_a_file_of_something_else_does_not_fill_the_log(self) -> None:
        self.write(self.staff, b"line\n" * 1000)
        warnings = self.warnings()
        self.assertEqual(11, len(warnings))
        self.assertEqual("auth staff: 990 more lines are refused", warnings[-1])

    def test_a_change_counts_at_the_next_look(self) -> None:
        self.start()
        self.log_in()
        self.write(self.staff, b"ann:" + OTHER_HASH)
        self.assertEqual(GRANTED, self.successResultOf(self.check(basic())))
        self.clock.advance(LOOK_INTERVAL_S)
        self.check(basic())
        self.assertEqual([(b"secret", OTHER_HASH)], self.hashing.asked)

    def test_a_user_who_was_taken_out_is_out(self) -> None:
        self.start()
        self.log_in()
        self.write(self.staff, b"bob:" + HASH)
        self.clock.advance(LOOK_INTERVAL_S)
        asked = self.check(basic())
        self.hashing.finish(False)
        self.assertEqual(REFUSED, self.successResultOf(asked))

    def test_a_user_who_goes_while_the_password_is_hashed_is_let_in_once(self) -> None:
        self.start()
        asked = self.check(basic())
        self.write(self.staff, b"")
        self.clock.advance(LOOK_INTERVAL_S)
        self.hashing.finish(True)
        self.assertEqual(GRANTED, self.successResultOf(asked))
        self.assertNoResult(self.check(basic()))

    def test_a_file_that_is_lost_counts_as_it_was(self) -> None:
        self.start()
        self.log_in()
        self.staff.unlink()
        with capturedLogs() as events:
            self.clock.pump([LOOK_INTERVAL_S] * 3)
        self.assertEqual(1, len(events))
        self.assertEqual("its last content counts", events[0]["effect"])
        self.assertEqual(GRANTED, self.successResultOf(self.check(basic())))

    def test_an_unchanged_file_is_not_read_again(self) -> None:
        self.start()
        with capturedLogs() as events:
            self.clock.pump([LOOK_INTERVAL_S] * 3)
        self.assertEqual([], events)

    def test_a_reload_does_not_wait_for_a_look(self) -> None:
        self.start()
        self.write(self.staff, b"ann:" + OTHER_HASH)
        self.service.reload()
        self.check(basic())
        self.assertEqual([(b"secret", OTHER_HASH)], self.hashing.asked)
