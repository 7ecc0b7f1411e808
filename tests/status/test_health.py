"""Tests of twisted_router.status.health."""

from twisted_router.status.health import AlivePage, HealthPage

from .support import FakeSource, PageTestCase, facts


class HealthPageTests(PageTestCase):
    """What a load balancer reads."""

    def test_a_router_that_serves_is_ok(self) -> None:
        answer = self.read(HealthPage(facts(FakeSource())))
        self.assertEqual((200, b"ok\n"), (answer.status, answer.body))

    def test_a_router_without_routes_says_why(self) -> None:
        answer = self.read(HealthPage(facts(FakeSource(ready=False))))
        self.assertEqual(
            (503, b"no routes yet from consul\n"), (answer.status, answer.body)
        )

    def test_what_people_should_know_comes_after_the_ok(self) -> None:
        for source, line in (
            (
                FakeSource(more={"snapshot_age_s": 60.4}),
                b"consul does not answer: routes of 60 s ago, from the snapshot",
            ),
            (
                FakeSource(age_s=7.2, error="GET /v1/x at 10.0.0.5:8500: refused"),
                b"consul fails; heard 7 s ago",
            ),
            (
                FakeSource(more={"held": 12}),
                b"consul has lost 12 instances; they stay routed",
            ),
        ):
            answer = self.read(HealthPage(facts(source)))
            self.assertEqual(
                (200, b"ok\n" + line + b"\n"), (answer.status, answer.body)
            )

    def test_it_changes_with_the_facts(self) -> None:
        source = FakeSource(ready=False)
        page = HealthPage(facts(source))
        before = self.read(page).status
        source.ready = True
        self.assertEqual((503, 200), (before, self.read(page).status))

    def test_no_cache_answers_in_its_place(self) -> None:
        for source in (FakeSource(), FakeSource(ready=False)):
            answer = self.read(HealthPage(facts(source)))
            self.assertEqual("private, max-age=0", answer.header("Cache-Control"))
            self.assertEqual("0", answer.header("Expires"))

    def test_a_head_will_do(self) -> None:
        answer = self.read(HealthPage(facts(draining=True)), "HEAD")
        self.assertEqual((503, b""), (answer.status, answer.body))


class AlivePageTests(PageTestCase):
    """What a supervisor reads."""

    def test_a_process_that_answers_is_alive(self) -> None:
        answer = self.read(AlivePage())
        self.assertEqual((200, b"ok\n"), (answer.status, answer.body))
        self.assertEqual("private, max-age=0", answer.header("Cache-Control"))
