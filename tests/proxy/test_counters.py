"""Tests of twisted_router.proxy.counters."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.proxy.counters import LATENCY_BOUNDS_S, Counters


class CountersTests(SynchronousTestCase):
    """Numbers go where readers look for them."""

    def test_responses_are_counted_by_class(self) -> None:
        counters = Counters()
        for status in (101, 200, 204, 304, 404, 502, 999):
            counters.count_response(status, 0.01)
        self.assertEqual([2, 0, 2, 1, 1, 1], counters.responses)

    def test_a_duration_on_a_bound_belongs_to_its_bucket(self) -> None:
        counters = Counters()
        counters.count_response(200, LATENCY_BOUNDS_S[3])
        self.assertEqual(1, counters.latency[3])

    def test_quantiles_are_bucket_bounds(self) -> None:
        counters = Counters()
        for _ in range(99):
            counters.count_response(200, 0.0004)
        counters.count_response(200, 3.0)
        self.assertEqual(0.0005, counters.latency_quantile_s(0.5))
        self.assertEqual(0.0005, counters.latency_quantile_s(0.99))
        self.assertEqual(5.0, counters.latency_quantile_s(1.0))

    def test_quantiles_of_nothing_are_zero_and_of_ages_the_highest_bound(self) -> None:
        counters = Counters()
        self.assertEqual(0.0, counters.latency_quantile_s(0.99))
        counters.count_response(200, 1e6)
        self.assertEqual(LATENCY_BOUNDS_S[-1], counters.latency_quantile_s(0.5))

    def test_a_steady_rate_is_approached(self) -> None:
        counters = Counters()
        for _ in range(600):
            counters.requests += 50
            counters.tick(1.0)
        self.assertApproximates(50.0, counters.rates[0], 0.1)
        self.assertGreater(counters.rates[0], counters.rates[2])

    def test_a_tick_without_time_changes_nothing(self) -> None:
        counters = Counters()
        counters.requests = 10
        counters.tick(0.0)
        self.assertEqual([0.0, 0.0, 0.0], counters.rates)

    def test_errors_are_counted_by_status(self) -> None:
        counters = Counters()
        counters.count_error(404)
        counters.count_error(404)
        self.assertEqual({404: 2}, counters.errors)
