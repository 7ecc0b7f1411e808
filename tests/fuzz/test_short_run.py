"""A short run of the fuzzer, and all inputs that ever failed."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from twisted_router.proxy import exchange, request_head, response_head
from twisted_router.proxy.framing import ChunkedBody

from . import chaos, requests, responses
from .cases import CHAOS, CORPUS, REQUEST_HEAD, REQUESTS, RESPONSES, Case, load
from .checks import CaseSource, Checker, fails, head_of, shrink
from .strategies import chunk_cases, request_cases, response_cases

short = settings(max_examples=200, deadline=None, derandomize=True, database=None)


class ShortRunTests(SynchronousTestCase):
    """The invariants hold, whatever comes."""

    def setUp(self) -> None:
        self.checker = Checker()

    @settings(short)
    @given(case=request_cases(REQUESTS, requests.VARIANTS))
    def test_what_clients_send(self, case: Case) -> None:
        self.checker.check(case)

    @settings(short)
    @given(case=response_cases(RESPONSES, responses.VARIANTS))
    def test_what_instances_answer(self, case: Case) -> None:
        self.checker.check(case)

    @settings(short)
    @given(case=chunk_cases())
    def test_chunked_bodies(self, case: Case) -> None:
        self.checker.check(case)

    @settings(short)
    @given(case=request_cases(REQUEST_HEAD))
    def test_request_heads(self, case: Case) -> None:
        self.checker.check(Case(REQUEST_HEAD, head_of(case.data)))

    @settings(short, max_examples=60)
    @given(case=request_cases(CHAOS, chaos.VARIANTS))
    def test_anything_in_any_order(self, case: Case) -> None:
        self.checker.check(case)

    def test_the_long_run_in_short(self) -> None:
        source = CaseSource(random.Random(1))
        passed = sum(self.checker.check(source.next()) for _ in range(1000))
        # Were nothing passed on, all this would prove nothing.
        self.assertGreater(passed, 250)


class CorpusTests(SynchronousTestCase):
    """What once failed does not fail any more."""

    def test_all_of_it(self) -> None:
        checker = Checker()
        paths = sorted(CORPUS.glob("*.json"))
        self.assertTrue(paths)
        for path in paths:
            case = load(path)
            everywhere = tuple(range(1, len(case.data)))
            for cuts in (case.cuts, everywhere):
                again = Case(case.kind, case.data, cuts, case.variant)
                self.assertEqual("", fails(again, checker), path.name)


class SensitivityTests(SynchronousTestCase):
    """An engine that is broken on purpose is found out."""

    def found(self, case: Case) -> str:
        """What is wrong with the engine for this input."""
        return fails(case, Checker())

    def test_a_length_that_is_read_leniently(self) -> None:
        case = Case(
            REQUESTS,
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: +2\r\n\r\nhi",
        )
        self.assertEqual("", self.found(case))
        self.patch(request_head, "read_length", int)
        self.assertIn("BrokenInvariantError", self.found(case))

    def test_a_broken_response_that_looks_whole(self) -> None:
        case = Case(
            RESPONSES, b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhi", variant=1
        )
        self.assertEqual("", self.found(case))
        self.patch(response_head, "read_length", lambda value, status: 2)
        self.assertIn("BrokenInvariantError", self.found(case))

    def test_a_verdict_that_depends_on_cuts(self) -> None:
        def forgetful(self: ChunkedBody, data: bytes) -> tuple[bytes, bytes]:
            self._pending = b""
            return feed(self, data)

        feed = ChunkedBody.feed
        data = (
            b"POST / HTTP/1.1\r\nHost: app.example.com\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        )
        case = Case(REQUESTS, data, (data.index(b"2\r") + 1,))
        self.assertEqual("", self.found(case))
        self.patch(ChunkedBody, "feed", forgetful)
        self.assertIn("depends on cuts", self.found(case))

    def test_a_request_that_is_not_accounted_for(self) -> None:
        case = Case(REQUESTS, b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
        self.patch(exchange, "account", lambda *_: None)
        self.assertIn("BrokenInvariantError", self.found(case))

    def test_an_exception(self) -> None:
        def broken(*_: Any) -> None:
            raise ValueError("no")

        self.patch(exchange, "request_bytes", broken)
        case = Case(REQUESTS, b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
        self.assertEqual("ValueError: no", self.found(case))

    def test_a_failing_case_is_made_smaller(self) -> None:
        def broken(*_: Any) -> None:
            raise ValueError("no")

        self.patch(exchange, "request_bytes", broken)
        case = Case(
            REQUESTS,
            b"GET /long/path HTTP/1.1\r\nHost: app.example.com\r\nA: b\r\n\r\nmore",
            (3, 50),
        )
        checker = Checker()
        smaller = shrink(case, checker)
        self.assertLess(len(smaller.data), len(case.data) - 10)
        self.assertTrue(fails(smaller, checker))
