"""Tests of twisted_router.proxy.engine."""

from __future__ import annotations

import random
import uuid

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.proxy.engine import RequestIds

from .harness import EngineTestCase


class RequestIdsTests(SynchronousTestCase):
    """Ids are UUIDs, and never the same."""

    def test_they_are_version_4_uuids(self) -> None:
        made = uuid.UUID(RequestIds(random.Random()).make().decode("ascii"))
        self.assertEqual(4, made.version)
        self.assertEqual(uuid.RFC_4122, made.variant)

    def test_they_differ_within_and_between_processes(self) -> None:
        one, other = RequestIds(random.Random(1)), RequestIds(random.Random(2))
        ids = {source.make() for _ in range(500) for source in (one, other)}
        self.assertEqual(1000, len(ids))

    def test_they_keep_their_length_for_ever(self) -> None:
        class _Highest(random.Random):
            def getrandbits(self, k: int, /) -> int:
                return (1 << k) - 1

        ids = RequestIds(_Highest())
        self.assertEqual({36}, {len(ids.make()) for _ in range(10)})


class DateTests(EngineTestCase):
    """Dates are IMF-fixdates, made once a second."""

    def test_the_format_is_that_of_http(self) -> None:
        self.assertEqual(b"Tue, 14 Nov 2023 22:13:20 GMT", self.engine.date())
        self.assertIs(self.engine.date(), self.engine.date())

    def test_it_moves_with_the_clock(self) -> None:
        self.engine.date()
        self.engine.wall_s = lambda: 1_700_000_001.5
        self.assertEqual(b"Tue, 14 Nov 2023 22:13:21 GMT", self.engine.date())
