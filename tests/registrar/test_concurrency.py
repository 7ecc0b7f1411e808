"""Tests for ``twisted_router.registrar.concurrency``."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.concurrency import for_each


class ForEachTests(SynchronousTestCase):
    """A few at a time, and nobody is left without an owner."""

    def setUp(self) -> None:
        """Nothing started."""
        self.started: dict[str, Deferred[None]] = {}
        self.cancelled: list[str] = []

    def act(self, item: str) -> Deferred[None]:
        """A task that the test finishes."""
        self.started[item] = Deferred(lambda _: self.cancelled.append(item))
        return self.started[item]

    def start(self, items: str, limit: int) -> Deferred[None]:
        """Do one task for each letter."""
        return Deferred.fromCoroutine(for_each(items, self.act, limit))

    def test_no_more_than_the_limit(self) -> None:
        """The next begins when one has ended, whichever."""
        done = self.start("abcd", 2)
        self.assertEqual(["a", "b"], list(self.started))
        self.started["b"].callback(None)
        self.assertEqual(["a", "b", "c"], list(self.started))
        for item in "acd":
            self.assertNoResult(done)
            self.started[item].callback(None)
        self.assertIsNone(self.successResultOf(done))

    def test_nothing_to_do(self) -> None:
        """It is done at once."""
        self.assertIsNone(self.successResultOf(self.start("", 2)))

    def test_a_thousand_that_take_no_time(self) -> None:
        """They do not pile up on the stack."""
        seen: list[int] = []

        def act(item: int) -> Deferred[None]:
            seen.append(item)
            return succeed(None)

        done = Deferred.fromCoroutine(for_each(range(5000), act, 8))
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(list(range(5000)), seen)

    def test_the_first_error_ends_it(self) -> None:
        """What is under way is cancelled, the rest is not begun."""
        done = self.start("abcd", 2)
        self.started["a"].errback(KeyError("a"))
        self.failureResultOf(done, KeyError)
        self.assertEqual(["b"], self.cancelled)
        self.assertEqual(["a", "b"], list(self.started))

    def test_an_error_at_once_ends_it(self) -> None:
        """The next worker does not go on with the rest."""
        seen: list[str] = []

        async def act(item: str) -> None:
            seen.append(item)
            raise KeyError(item)

        done = Deferred.fromCoroutine(for_each("abc", act, 2))
        self.failureResultOf(done, KeyError)
        self.assertEqual(["a"], seen)

    def test_cancelling(self) -> None:
        """Reaches what is under way."""
        done = self.start("abc", 2)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(["a", "b"], self.cancelled)
        self.assertEqual(["a", "b"], list(self.started))
