"""Tests of twisted_router.status.facts."""

from twisted.trial.unittest import SynchronousTestCase

from .support import FakeSource, facts


class ComplaintTests(SynchronousTestCase):
    """Why no client should be sent to this router."""

    def test_none_when_every_source_has_been_read(self) -> None:
        self.assertEqual(
            "", facts(FakeSource("consul"), FakeSource("file")).complaint()
        )

    def test_none_without_any_source(self) -> None:
        self.assertEqual("", facts().complaint())

    def test_sources_that_were_never_read_are_named(self) -> None:
        sources = [FakeSource(name, ready=name == "b") for name in "cba"]
        self.assertEqual("no routes yet from a, c", facts(*sources).complaint())

    def test_a_source_that_was_lost_later_is_no_reason(self) -> None:
        lost = FakeSource(age_s=3600.0, error="connection refused")
        self.assertEqual("", facts(lost).complaint())

    def test_draining_comes_first(self) -> None:
        unread = FakeSource(ready=False)
        self.assertEqual("draining", facts(unread, draining=True).complaint())


class RemarksTests(SynchronousTestCase):
    """What people should know, although requests are served."""

    def test_none_of_a_source_that_is_well(self) -> None:
        self.assertEqual([], facts(FakeSource()).remarks())

    def test_why_a_source_may_see_too_little(self) -> None:
        limited = FakeSource(more={"reservation": "the token sees too little"})
        self.assertEqual(
            ["consul: the token sees too little"], facts(limited).remarks()
        )


class UuidTests(SynchronousTestCase):
    """Two runs can be told apart."""

    def test_each_run_has_its_own(self) -> None:
        self.assertNotEqual(facts().uuid, facts().uuid)
