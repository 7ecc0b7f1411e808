"""Tests for ``twisted_router.registrar.joined``."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker_json import container_json
from twisted_router.registrar.container import Binding, Container, read_container
from twisted_router.registrar.joined import joined, lender_id


def container(**facts: Any) -> Container:
    """A container with these facts."""
    return read_container(container_json(**facts))


def member(*exposed: str) -> Container:
    """A container in the network of another; Docker says nothing of it then."""
    data = container_json(name="app", number=2, exposed=exposed)
    data["HostConfig"]["NetworkMode"] = "container:" + "1" * 64
    data["NetworkSettings"] = {"Ports": {}, "Networks": {}}
    return read_container(data)


class JoinedTests(SynchronousTestCase):
    """As in a pod: one container has the network, the others are in it."""

    def test_whose_network_it_is(self) -> None:
        """Most have their own."""
        self.assertEqual("1" * 64, lender_id(member()))
        self.assertEqual("", lender_id(container(network="host")))

    def test_ports_are_published_where_the_others_are(self) -> None:
        """By number and protocol; the rest is only exposed."""
        lender = container(ports={"80/tcp": [("0.0.0.0", "8080")], "81/tcp": None})
        found = joined(member("80/tcp", "81/tcp", "80/udp"), lender)
        self.assertEqual(
            {
                (80, "tcp"): (Binding("0.0.0.0", 8080),),
                (80, "udp"): (),
                (81, "tcp"): (),
            },
            {(each.number, each.protocol): each.bindings for each in found.ports},
        )

    def test_its_addresses_are_the_others(self) -> None:
        """Under the name of the other's network; the rest stays its own."""
        lender = container(network="front")
        found = joined(member("80/tcp"), lender)
        self.assertEqual(("app", "front"), (found.name, found.network))
        self.assertEqual({"front": "172.17.0.2"}, found.addresses)

    def test_the_hosts_network_at_second_hand(self) -> None:
        """Every port is the host's."""
        found = joined(member("80/tcp"), container(network="host"))
        self.assertEqual((Binding("", 80),), found.ports[0].bindings)
        self.assertEqual("host", found.network)
