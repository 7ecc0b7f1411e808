"""Tests of the ACL token and its file."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_router.clients.token import REREAD_S, Token
from twisted_router.config.report import RefusedError
from twisted_router.config.schema import Secret


class TokenTests(SynchronousTestCase):
    """A token that a file has."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.content: str | Exception = "one"
        self.token = Token(Secret("one", file="/run/token"), self.read, self.clock)

    def read(self, path: str) -> Secret:
        self.assertEqual("/run/token", path)
        if isinstance(self.content, Exception):
            raise self.content
        return Secret(self.content, file=path)

    def test_requests_carry_it(self) -> None:
        self.assertEqual(["one"], self.token.headers.getRawHeaders("X-Consul-Token"))

    def test_without_one_they_carry_none(self) -> None:
        token = Token(Secret(""), self.read, self.clock)
        self.assertEqual("", token.text)
        self.assertFalse(token.headers.hasHeader("X-Consul-Token"))

    def test_another_one_in_the_file_is_taken_in_time(self) -> None:
        self.content = "two"
        self.token.renew()
        self.assertEqual("one", self.token.text)
        self.clock.advance(REREAD_S)
        self.token.renew()
        self.assertEqual("two", self.token.text)
        self.assertEqual(["two"], self.token.headers.getRawHeaders("X-Consul-Token"))

    def test_a_refused_one_is_read_again_at_once(self) -> None:
        self.assertFalse(self.token.reread())
        self.content = "two"
        self.assertTrue(self.token.reread())

    def test_a_file_that_cannot_be_read_changes_nothing_and_is_told_once(self) -> None:
        events: list[str] = []

        @implementer(ILogObserver)
        def observe(event: dict[str, Any]) -> None:
            if event.get("log_level") is LogLevel.warn:
                events.append(str(event["reason"]))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.content = RefusedError("gone")
        for _ in range(2):
            self.assertFalse(self.token.reread())
        self.assertEqual(("one", ["gone"]), (self.token.text, events))

    def test_one_that_no_file_has_is_never_read(self) -> None:
        token = Token(Secret("one"), self.read, self.clock)
        self.content = AssertionError("read")
        self.clock.advance(REREAD_S)
        token.renew()
        self.assertFalse(token.reread())
        self.assertFalse(token.is_renewable)
