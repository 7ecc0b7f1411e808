"""Tests of twisted_router.retry."""

import random

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.retry import backoff_policy


class _Highest(random.Random):
    """A generator that always draws the upper end."""

    def random(self) -> float:
        return 1.0


class BackoffPolicyTests(SynchronousTestCase):
    """Delays grow, stay bounded, and are jittered downwards only."""

    def test_delays_double_up_to_the_maximum(self) -> None:
        policy = backoff_policy(_Highest(), initial_s=1.0, maximum_s=5.0)
        self.assertEqual([1.0, 2.0, 4.0, 5.0, 5.0], [policy(n) for n in range(1, 6)])

    def test_jitter_takes_at_most_half(self) -> None:
        policy = backoff_policy(random.Random(7), initial_s=1.0, maximum_s=8.0)
        delays = [policy(4) for _ in range(200)]
        self.assertTrue(all(4.0 <= delay <= 8.0 for delay in delays))
        self.assertGreater(len(set(delays)), 100)

    def test_an_attempt_number_of_a_long_outage_is_no_overflow(self) -> None:
        policy = backoff_policy(_Highest(), initial_s=1.0, maximum_s=30.0)
        self.assertEqual(30.0, policy(10_000_000))
