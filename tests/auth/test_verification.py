"""The queue of passwords to verify."""

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.auth.verification import TooManyError, VerificationQueue

from .hashing import SlowHashing


class VerificationQueueTests(SynchronousTestCase):
    """Two at once, three more may wait."""

    def setUp(self) -> None:
        self.hashing = SlowHashing()
        self.queue = VerificationQueue(self.hashing.run, 2, 3)

    def verify(self, name: bytes) -> Deferred[bool]:
        return self.queue.verify(name, b"p" + name, b"h")

    def test_the_outcome_is_handed_on(self) -> None:
        for right in (True, False):
            asked = self.verify(b"a")
            self.assertNoResult(asked)
            self.hashing.finish(right)
            self.assertEqual(right, self.successResultOf(asked))

    def test_only_a_few_are_under_way(self) -> None:
        for name in (b"a", b"b", b"c"):
            self.verify(name)
        self.assertEqual([(b"pa", b"h"), (b"pb", b"h")], self.hashing.asked)

    def test_the_next_begins_when_one_ends(self) -> None:
        for name in (b"a", b"b", b"c"):
            self.verify(name)
        self.hashing.finish(True)
        self.assertEqual([(b"pb", b"h"), (b"pc", b"h")], self.hashing.asked)

    def test_too_many_are_refused_at_once(self) -> None:
        waiting = [self.verify(name) for name in (b"a", b"b", b"c", b"d", b"e")]
        self.failureResultOf(self.verify(b"f"), TooManyError)
        for asked in waiting:
            self.assertNoResult(asked)
        for _ in waiting:
            self.hashing.finish(True)
        self.assertEqual([True] * 5, [self.successResultOf(it) for it in waiting])

    def test_the_same_password_is_hashed_once(self) -> None:
        first, second = self.verify(b"a"), self.verify(b"a")
        self.assertEqual([(b"pa", b"h")], self.hashing.asked)
        self.hashing.finish(True)
        self.assertEqual(
            (True, True), (self.successResultOf(first), self.successResultOf(second))
        )

    def test_who_asks_for_what_waits_already_is_never_one_too_many(self) -> None:
        for name in (b"a", b"b", b"c", b"d", b"e"):
            self.verify(name)
        self.assertNoResult(self.verify(b"e"))

    def test_a_password_that_nobody_waits_for_is_not_hashed(self) -> None:
        self.verify(b"a"), self.verify(b"b")
        left = self.verify(b"c")
        left.cancel()
        self.failureResultOf(left, CancelledError)
        self.hashing.finish(True)
        self.assertEqual([(b"pb", b"h")], self.hashing.asked)

    def test_it_is_hashed_for_those_who_still_wait(self) -> None:
        left, stays = self.verify(b"a"), self.verify(b"a")
        left.cancel()
        self.failureResultOf(left, CancelledError)
        self.hashing.finish(True)
        self.assertTrue(self.successResultOf(stays))

    def test_who_leaves_while_it_is_hashed_hears_nothing_more(self) -> None:
        left = self.verify(b"a")
        left.cancel()
        self.failureResultOf(left, CancelledError)
        joined = self.verify(b"a")
        self.hashing.finish(False)
        self.assertFalse(self.successResultOf(joined))
        self.assertEqual([], self.hashing.asked)

    def test_an_error_reaches_everybody_and_the_next_goes_on(self) -> None:
        asked = [self.verify(name) for name in (b"a", b"a", b"b", b"c")]
        self.hashing.break_down(ValueError("broken"))
        self.failureResultOf(asked[0], ValueError)
        self.failureResultOf(asked[1], ValueError)
        self.assertEqual([(b"pb", b"h"), (b"pc", b"h")], self.hashing.asked)

    def test_at_stop_nobody_waits_any_more(self) -> None:
        asked = [self.verify(name) for name in (b"a", b"a", b"b", b"c")]
        self.queue.stop()
        for it in asked:
            self.failureResultOf(it, CancelledError)

    def test_an_answer_at_once_is_as_good(self) -> None:
        queue = VerificationQueue(lambda password, hashed: succeed(True), 1, 0)
        for name in (b"a", b"a", b"b"):
            self.assertTrue(self.successResultOf(queue.verify(name, b"p", b"h")))
