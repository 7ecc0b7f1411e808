"""Tests for ``twisted_router.registrar.desired``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker_json import container_json
from twisted_router.registrar.container import Container, read_container
from twisted_router.registrar.desired import merge
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.reach import Host
from twisted_router.registrar.registration import Registrations, registrations_of


def described(number: int, *env: str) -> tuple[Container, Registrations]:
    """A container with one published port; the higher the number, the younger."""
    data = container_json(
        name=f"c{number}",
        number=number,
        env=env,
        ports={"80/tcp": [("0.0.0.0", str(8000 + number))]},
    )
    container = read_container(data)
    return container, registrations_of(container, Host(Owner("n"), "192.0.2.1"))


class MergeTests(SynchronousTestCase):
    """An ID is one service's."""

    def test_all_services(self) -> None:
        """From the oldest container to the youngest."""
        desired = merge([described(2), described(1)], {})
        self.assertEqual(["n:c1:80", "n:c2:80"], [each.id for each in desired.services])
        self.assertEqual((), desired.notes)

    def test_the_oldest_keeps_an_id(self) -> None:
        """Whatever the order; and that is said of the younger."""
        old, young = described(1, "SERVICE_ID=x"), described(2, "SERVICE_ID=x")
        for pairs in ([old, young], [young, old]):
            desired = merge(pairs, {})
            self.assertEqual([8001], [each.port for each in desired.services])
            ((container, note),) = desired.notes
            self.assertEqual("c2", container.name)
            self.assertIn("000000000001 has this ID already", note)

    def test_what_containers_have_been_told(self) -> None:
        """Their notes come along."""
        ((container, note),) = merge([described(1, "SERVICE_A.B=x")], {}).notes
        self.assertEqual("c1", container.name)
        self.assertIn("SERVICE_A.B", note)

    def test_what_drains(self) -> None:
        """All services of that container, and no others, with the reason."""
        (stopping, registrations) = described(1)
        desired = merge([(stopping, registrations), described(2)], {stopping.id: "why"})
        self.assertEqual(["why", ""], [each.maintenance for each in desired.services])
