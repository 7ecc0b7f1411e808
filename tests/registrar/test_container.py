"""Tests for ``twisted_router.registrar.container``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker_json import container_json
from twisted_router.config.schema import DockerConfig
from twisted_router.registrar.container import (
    Binding,
    OddContainerError,
    Port,
    read_container,
)


class ReadContainerTests(SynchronousTestCase):
    """Docker's inspect answer is taken apart once, and nothing odd gets past that."""

    def test_names_and_variables(self) -> None:
        """What it is called, and what it says of itself."""
        found = read_container(
            container_json(
                name="web",
                number=7,
                image="nginx:1",
                env=["PATH=/bin", "SERVICE_NAME=a"],
                labels={
                    "SERVICE_TAGS": "x",
                    "com.docker.compose.service": "front",
                },
            )
        )
        self.assertEqual(
            (
                "000000000007".ljust(64, "0"),
                "web",
                "nginx:1",
                {"name": "a", "tags": "x"},
                "front",
            ),
            (
                found.id,
                found.name,
                found.image,
                found.variables,
                found.compose_service,
            ),
        )

    def test_go_writes_empty_parts_as_null(self) -> None:
        """A container without environment, labels and ports is a plain one."""
        data = container_json()
        data["Config"] |= {"Env": None, "Labels": None, "ExposedPorts": None}
        data["NetworkSettings"]["Ports"] = None
        found = read_container(data)
        self.assertEqual(({}, ()), (found.variables, found.ports))

    def test_published_ports_in_order(self) -> None:
        """By number and protocol; exposed ones that are not published have no place."""
        data = container_json(
            ports={
                "443/tcp": [("0.0.0.0", "32769"), ("::", "32768")],
                "81/tcp": None,
                "53/udp": [("127.0.0.1", "53")],
            }
        )
        self.assertEqual(
            (
                Port(53, "udp", (Binding("127.0.0.1", 53),)),
                Port(81, "tcp", ()),
                Port(443, "tcp", (Binding("0.0.0.0", 32769), Binding("::", 32768))),
            ),
            read_container(data).ports,
        )

    def test_numbers_without_end(self) -> None:
        """Python refuses to read the one, and to make a float of the other."""
        data = container_json(ports={"80/tcp": [("0.0.0.0", "9" * 5000)]})
        self.assertRaises(OddContainerError, read_container, data)
        data = container_json(stop_timeout=10**400)
        self.assertEqual(10**9, read_container(data).stop_timeout_s)

    def test_an_address_that_is_none(self) -> None:
        """It is not taken for one."""
        data = container_json()
        data["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] = "invalid IP"
        self.assertEqual({}, read_container(data).addresses)

    def test_an_answer_that_is_no_container(self) -> None:
        """It is odd as a whole."""
        answer: Any = []
        self.assertRaises(OddContainerError, read_container, answer)

    def test_exposed_ports_on_the_hosts_network(self) -> None:
        """They are the host's ports, on all of its addresses."""
        data = container_json(network="host", exposed=["81/tcp", "80/tcp"])
        self.assertEqual(
            (Port(80, "tcp", (Binding("", 80),)), Port(81, "tcp", (Binding("", 81),))),
            read_container(data).ports,
        )

    def test_a_binding_without_a_number_is_not_there_yet(self) -> None:
        """An empty or zero port was asked for, not given."""
        data = container_json(ports={"80/tcp": [("", ""), ("", "0")]})
        self.assertEqual((Port(80, "tcp", ()),), read_container(data).ports)

    def test_a_range_of_exposed_ports_is_no_port(self) -> None:
        """Nobody but a client of the API gives one."""
        data = container_json(exposed=["8000-8002/tcp"])
        self.assertEqual((), read_container(data).ports)

    def test_addresses_of_its_own(self) -> None:
        """IPv4 where it has both; networks without an address are left out."""
        data = container_json(network="front")
        data["NetworkSettings"]["Networks"] = {
            "front": {"IPAddress": "172.18.0.2", "GlobalIPv6Address": "fd00::2"},
            "six": {"IPAddress": "", "GlobalIPv6Address": "fd00::3"},
            "none": {"IPAddress": ""},
            "null": None,
        }
        found = read_container(data)
        self.assertEqual("front", found.network)
        self.assertEqual({"front": "172.18.0.2", "six": "fd00::3"}, found.addresses)

    def test_the_default_network_is_the_bridge(self) -> None:
        """Docker calls it either way."""
        for mode in ("default", "bridge"):
            data = container_json(network=mode)
            self.assertEqual("bridge", read_container(data).network)

    def test_an_address_given_by_a_label(self) -> None:
        """``docker.use_ip_from_label``; a mask is cut off, as registrator does."""
        rules = DockerConfig(use_ip_from_label="lan.ip")
        for value, address, notes in (
            ("10.1.2.3/24", "10.1.2.3", 0),
            ("fd00::1", "fd00::1", 0),
            ("not an address", "", 1),
        ):
            data = container_json(labels={"lan.ip": value})
            found = read_container(data, rules)
            self.assertEqual((address, notes), (found.given_address, len(found.notes)))
        found = read_container(container_json(), rules)
        self.assertEqual(("", ()), (found.given_address, found.notes))

    def test_tags_of_every_service(self) -> None:
        """``docker.tags``, filled in for this container."""
        rules = DockerConfig(tags=r"all,{{.Config.Image}},a\,b")
        found = read_container(container_json(), rules)
        self.assertEqual(("all", "nginx:1.25", "a,b"), found.common_tags)

    def test_tags_that_do_not_suit_it(self) -> None:
        """Registrator ends at that."""
        found = read_container(container_json(), DockerConfig(tags="a,{{.Nothing}}"))
        self.assertEqual((), found.common_tags)
        self.assertEqual(
            ("docker.tags are left out: there is no .Nothing",), found.notes
        )

    def test_running(self) -> None:
        """A container that waits for its restart is called running, and is not."""
        for state, expected in (
            ({}, True),
            ({"Paused": True}, True),
            ({"Running": False}, False),
            ({"Restarting": True}, False),
        ):
            data = container_json(state=state)
            self.assertEqual(expected, read_container(data).running, state)

    def test_pausing(self) -> None:
        """It is a state of its own."""
        for paused in (True, False):
            data = container_json(state={"Paused": paused})
            self.assertEqual(paused, read_container(data).paused)

    def test_health(self) -> None:
        """As its check has it; Docker says so in two ways that there is none."""
        for status, expected in (
            ("", ""),
            ("none", ""),
            ("starting", "starting"),
            ("unhealthy", "unhealthy"),
        ):
            data = container_json(health=status)
            self.assertEqual(expected, read_container(data).health, status)

    def test_how_it_is_stopped(self) -> None:
        """By its own signal and time; and when this run of it began."""
        started = {"StartedAt": "2026-01-02T03:04:05.6Z"}
        own = read_container(
            container_json(stop_signal="SIGQUIT", stop_timeout=30, state=started)
        )
        self.assertEqual(
            ("SIGQUIT", 30, datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC)),
            (own.stop_signal, own.stop_timeout_s, own.started),
        )
        usual = read_container(container_json())
        self.assertEqual(("", None), (usual.stop_signal, usual.stop_timeout_s))

    def test_what_docker_never_answers(self) -> None:
        """Each of these is refused, with a word on what is wrong."""

        def ports(value: Any) -> Any:
            return {"NetworkSettings": {"Ports": value}}

        for change, reason in (
            ({"Id": None}, "Id is None"),
            ({"Config": []}, "Config is []"),
            ({"Config": {"Env": [1]}}, "Env is 1"),
            ({"Config": {"Labels": {"a": 1}}}, "Labels is 1"),
            ({"Config": {"Image": "x", "StopTimeout": "1"}}, "StopTimeout is '1'"),
            (ports({"eighty": [{"HostPort": "1"}]}), "'eighty' is no port"),
            (ports({"80/tcp": 1}), "Ports is 1"),
            (ports({"70000/tcp": [{"HostPort": "1"}]}), "'70000/tcp' is no port"),
            (ports({"80/tcp": [{"HostPort": "x"}]}), "port 'x'"),
            (ports({"80/tcp": [{"HostPort": "65536"}]}), "port '65536'"),
            (ports({"80/tcp": [{"HostPort": 80}]}), "HostPort is 80"),
        ):
            data = container_json() | change
            error = self.assertRaises(OddContainerError, read_container, data)
            self.assertIn(reason, str(error))
