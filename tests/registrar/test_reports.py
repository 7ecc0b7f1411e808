"""Tests for ``twisted_router.registrar.reports``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker_json import container_json
from twisted_router.config.schema import DockerConfig, Seconds
from twisted_router.registrar.container import read_container
from twisted_router.registrar.reports import Report, reports_of


class ReportsTests(SynchronousTestCase):
    """Which checks a service has that are ours to report."""

    def reports(
        self, health: str, rules: DockerConfig, has_check: bool = False
    ) -> tuple[Report, ...]:
        """Those of a container with this health."""
        container = read_container(container_json(health=health))
        return reports_of("a", container, has_check, rules)

    def test_what_docker_says_holds_for_ever(self) -> None:
        """Nothing has to be repeated, and nothing is deregistered."""
        (report,) = self.reports("unhealthy", DockerConfig())
        self.assertEqual(
            Report(
                "service:a:health",
                "Docker's health check",
                "87600h",
                "critical",
                "the container is unhealthy",
            ),
            report,
        )

    def test_none_where_none_is_wanted(self) -> None:
        """No health check, another one, or switched off."""
        self.assertEqual((), self.reports("", DockerConfig()))
        self.assertEqual((), self.reports("healthy", DockerConfig(), True))
        self.assertEqual((), self.reports("healthy", DockerConfig(healthcheck=False)))

    def test_a_ttl_in_milliseconds(self) -> None:
        """As exact as Go's durations; Consul deregisters after a minute at least."""
        (report,) = self.reports("", DockerConfig(ttl=Seconds(2.5)))
        self.assertEqual(("2500ms", "60s"), (report.ttl, report.deregister_after))
        (report,) = self.reports("", DockerConfig(ttl=Seconds(90.5)))
        self.assertEqual(("90500ms", "91s"), (report.ttl, report.deregister_after))

    def test_a_definition_has_no_status(self) -> None:
        """It is what is compared."""
        (report,) = self.reports("healthy", DockerConfig())
        definition = {
            "CheckID": "service:a:health",
            "Name": "Docker's health check",
            "TTL": "87600h",
        }
        self.assertEqual(definition, report.definition())
        self.assertEqual(definition | {"Status": "passing"}, report.payload())
