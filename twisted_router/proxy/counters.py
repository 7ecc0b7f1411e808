"""What the data plane counts: plain integers and fixed buckets, read by the status."""

from __future__ import annotations

from bisect import bisect_left
from math import exp

#: Upper bounds in seconds of the latency buckets; the last bucket is open.
LATENCY_BOUNDS_S: tuple[float, ...] = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip

_RATE_WINDOWS_S = (60.0, 300.0, 900.0)


class Counters:
    """Everything the data plane counts. One writer (the engine), many readers.

    :ivar requests: requests that were sent to an instance, each attempt counted.
    :ivar responses: responses of instances by class: index 0 is "other" (1xx
        included), 2 is 2xx ... 5 is 5xx.
    :ivar latency: requests by duration; see :data:`LATENCY_BOUNDS_S`.
    :ivar rejected: requests refused before any instance was chosen (400, 404 ...).
    :ivar errors: router-made responses by status.
    :ivar clients: client connections open now.
    :ivar in_flight: requests and tunnels under way now.
    """

    __slots__ = (
        "_rate_seen",
        "accepted",
        "bad_gateways",
        "clients",
        "connect_failures",
        "errors",
        "exhausted",
        "in_flight",
        "latency",
        "latency_total_s",
        "log_lines_dropped",
        "protocol_errors",
        "rates",
        "rejected",
        "requests",
        "responses",
        "retries",
        "tunnels",
        "upgrade_failures",
        "upgrades",
    )

    def __init__(self) -> None:
        self.requests = 0
        self.responses = [0, 0, 0, 0, 0, 0]
        self.latency = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self.latency_total_s = 0.0
        self.rejected = 0
        self.bad_gateways = 0
        self.exhausted = 0
        self.errors: dict[int, int] = {}
        self.retries = 0
        self.connect_failures = 0
        self.protocol_errors = 0
        self.upgrades = 0
        self.upgrade_failures = 0
        self.accepted = 0
        self.clients = 0
        self.in_flight = 0
        self.tunnels = 0
        self.log_lines_dropped = 0
        self.rates = [0.0, 0.0, 0.0]
        self._rate_seen = 0

    def count_response(self, status: int, duration_s: float) -> None:
        """Count one finished response of an instance."""
        group = status // 100
        self.responses[group if 2 <= group <= 5 else 0] += 1
        self.latency[bisect_left(LATENCY_BOUNDS_S, duration_s)] += 1
        self.latency_total_s += duration_s

    def count_error(self, status: int) -> None:
        """Count one response that the router made itself."""
        self.errors[status] = self.errors.get(status, 0) + 1

    def tick(self, elapsed_s: float) -> None:
        """Move the request rates (1, 5 and 15 minutes) on by ``elapsed_s``."""
        if elapsed_s <= 0:
            return
        rate = (self.requests - self._rate_seen) / elapsed_s
        self._rate_seen = self.requests
        for n, window_s in enumerate(_RATE_WINDOWS_S):
            keep = exp(-elapsed_s / window_s)
            self.rates[n] = self.rates[n] * keep + rate * (1 - keep)

    def latency_quantile_s(self, q: float) -> float:
        """The upper bound of the bucket that holds quantile ``q`` (0..1); 0 if empty.

        The open last bucket answers with the highest bound.
        """
        total = sum(self.latency)
        if not total:
            return 0.0
        wanted = q * total
        seen = 0
        for n, count in enumerate(self.latency):
            seen += count
            if seen >= wanted and count:
                return LATENCY_BOUNDS_S[min(n, len(LATENCY_BOUNDS_S) - 1)]
        return LATENCY_BOUNDS_S[-1]
