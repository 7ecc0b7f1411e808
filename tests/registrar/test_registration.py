"""Tests for ``twisted_router.registrar.registration``."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker_json import container_json
from twisted_router.config.schema import DockerConfig, Seconds
from twisted_router.registrar.container import read_container
from twisted_router.registrar.meta import CHECK, CONTAINER, OWNER
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.reach import Host
from twisted_router.registrar.registration import (
    Registration,
    Registrations,
    is_addressable,
    registrations_of,
)

HOST = Host(Owner("node-1"), "192.0.2.1")
PORT_80 = {"80/tcp": [("0.0.0.0", "32768"), ("::", "32769")]}
TWO_PORTS = PORT_80 | {"443/tcp": [("0.0.0.0", "32770")]}


def described(host: Host = HOST, **facts: Any) -> Registrations:
    """What a container with these facts comes to."""
    return registrations_of(read_container(container_json(**facts)), host)


def services(host: Host = HOST, **facts: Any) -> tuple[Registration, ...]:
    """Its services, when there is nothing to be said about them."""
    found = described(host, **facts)
    if found.notes:
        raise AssertionError(found.notes)
    return found.services


class OnePortTests(SynchronousTestCase):
    """A container with one published port is one service."""

    def test_everything_by_default(self) -> None:
        """Its name is the image's, its ID tells node, container and port."""
        (service,) = services(name="web", image="nginx:1.25", ports=PORT_80)
        self.assertEqual(
            {
                "ID": "node-1:web:80",
                "Name": "nginx",
                "Address": "192.0.2.1",
                "Port": 32768,
                "Tags": [],
                "Meta": {OWNER: "node-1", CONTAINER: "000000000001"},
            },
            service.payload(),
        )

    def test_everything_given(self) -> None:
        """Name, ID, tags in their order, and the rest as Meta."""
        (service,) = services(
            ports=PORT_80,
            env=["SERVICE_NAME=shop", "SERVICE_URIS=shop.example.com"],
            labels={"SERVICE_TAGS": "urlprefix-/b,a", "SERVICE_ID": "shop-1"},
        )
        self.assertEqual(
            ("shop-1", "shop", ("urlprefix-/b", "a"), "shop.example.com"),
            (service.id, service.name, service.tags, service.meta["uris"]),
        )

    def test_udp_shows(self) -> None:
        """In the ID and as a tag."""
        (service,) = services(ports={"53/udp": [("0.0.0.0", "53")]})
        self.assertEqual(
            ("node-1:web:53:udp", ("udp",)),
            (service.id, service.tags),
        )

    def test_a_check(self) -> None:
        """Its digest is a mark, so that a changed check can be told."""
        (service,) = services(ports=PORT_80, env=["SERVICE_CHECK_TTL=30s"])
        self.assertEqual({"TTL": "30s"}, service.payload()["Check"])
        (other,) = services(ports=PORT_80, env=["SERVICE_CHECK_TTL=31s"])
        self.assertNotEqual(service.meta[CHECK], other.meta[CHECK])
        self.assertNotIn("check_ttl", service.meta)

    def test_a_container_that_does_not_run(self) -> None:
        """It has no services."""
        self.assertEqual((), services(ports=PORT_80, state={"Running": False}))

    def test_nothing_published(self) -> None:
        """An exposed port cannot be reached from elsewhere."""
        self.assertEqual((), services(ports={"80/tcp": None}))

    def test_the_hosts_network(self) -> None:
        """Exposed ports are there as they are."""
        (service,) = services(network="host", exposed=["8080/tcp"])
        self.assertEqual(("192.0.2.1", 8080), (service.address, service.port))

    def test_a_port_that_cannot_be_reached_is_left_out_with_a_word(self) -> None:
        """Published on loopback, while the node is known by another address."""
        found = described(ports={"80/tcp": [("127.0.0.1", "8080")]})
        self.assertEqual((), found.services)
        self.assertEqual(1, len(found.notes))
        self.assertIn("port 80/tcp is not registered", found.notes[0])

    def test_ignored(self) -> None:
        """``SERVICE_IGNORE`` keeps a container out."""
        self.assertEqual((), services(ports=PORT_80, env=["SERVICE_IGNORE=1"]))

    def test_only_what_has_a_name_when_so_configured(self) -> None:
        """``docker.explicit``."""
        host = Host(Owner("node-1"), "192.0.2.1", rules=DockerConfig(explicit=True))
        self.assertEqual((), services(host, ports=PORT_80))
        (service,) = services(host, ports=PORT_80, env=["SERVICE_NAME=web"])
        self.assertEqual("web", service.name)


class InternalTests(SynchronousTestCase):
    """``docker.internal``: the container's own address, and ports as exposed."""

    def places(
        self, rules: DockerConfig | None = None, ip: str = "", **facts: Any
    ) -> list[tuple[str, int]]:
        """Where its services are registered."""
        rules = rules or DockerConfig(internal=True)
        host = Host(Owner("node-1"), ip or "192.0.2.1", bool(ip), rules)
        return [(each.address, each.port) for each in services(host, **facts)]

    def test_published_or_not(self) -> None:
        """What is published has the same place as what is only exposed."""
        self.assertEqual(
            [("172.17.0.2", 80), ("172.17.0.2", 81)],
            self.places(ports=PORT_80, exposed=["81/tcp"]),
        )

    def test_the_hosts_address(self) -> None:
        """``docker.ip`` says where published ports are: nobody listens there."""
        self.assertEqual(
            [("172.17.0.2", 80)], self.places(ip="198.51.100.7", ports=PORT_80)
        )

    def test_the_hosts_network(self) -> None:
        """There is no other address; registrator registers an empty one."""
        self.assertEqual(
            [("192.0.2.1", 80)], self.places(network="host", exposed=["80/tcp"])
        )

    def several(self, rules: DockerConfig, mode: str = "front") -> Registrations:
        """A container in two networks."""
        data = container_json(network=mode, exposed=["80/tcp"])
        data["NetworkSettings"]["Networks"] = {
            "front": {"IPAddress": "172.18.0.2"},
            "back": {"IPAddress": "172.19.0.2"},
        }
        host = Host(Owner("node-1"), "192.0.2.1", rules=rules)
        return registrations_of(read_container(data), host)

    def test_several_networks(self) -> None:
        """The one it was started with, unless another is wanted; else the first."""
        for rules, mode, expected in (
            (DockerConfig(internal=True), "front", "172.18.0.2"),
            (DockerConfig(internal=True), "0123456789ab", "172.19.0.2"),
            (DockerConfig(internal=True, network="back"), "front", "172.19.0.2"),
        ):
            (service,) = self.several(rules, mode).services
            self.assertEqual(expected, service.address)

    def test_no_address_in_the_network_that_is_wanted(self) -> None:
        """It is left out with a word."""
        found = self.several(DockerConfig(internal=True, network="side"))
        self.assertEqual((), found.services)
        self.assertIn("no address in the network side", found.notes[0])


class GivenAddressTests(SynchronousTestCase):
    """``docker.use_ip_from_label``."""

    def test_it_goes_before_everything_else(self) -> None:
        """Before ``docker.ip``, and before the container's own."""
        label = {"lan": "10.0.0.9/8"}
        for internal, port in ((False, 32768), (True, 80)):
            rules = DockerConfig(use_ip_from_label="lan", internal=internal)
            host = Host(Owner("node-1"), "192.0.2.1", True, rules)
            data = container_json(labels=label, ports=PORT_80)
            (service,) = registrations_of(read_container(data, rules), host).services
            self.assertEqual(("10.0.0.9", port), (service.address, service.port))


class CommonTagsTests(SynchronousTestCase):
    """``docker.tags``."""

    def test_they_come_after_its_own(self) -> None:
        """Each once, and before those of the protocol."""
        rules = DockerConfig(tags="all,a")
        data = container_json(
            ports={"53/udp": [("0.0.0.0", "53")]}, env=["SERVICE_TAGS=a,b"]
        )
        host = Host(Owner("node-1"), "192.0.2.1", rules=rules)
        (service,) = registrations_of(read_container(data, rules), host).services
        self.assertEqual(("a", "b", "all", "udp"), service.tags)


class HealthTests(SynchronousTestCase):
    """``docker.healthcheck``, ``docker.only_healthy`` and ``docker.ttl``."""

    def service(self, rules: DockerConfig, **facts: Any) -> Registration:
        """The one service of a container with these facts."""
        host = Host(Owner("node-1"), "192.0.2.1", rules=rules)
        (found,) = services(host, ports=PORT_80, **facts)
        return found

    def test_a_container_with_a_healthcheck(self) -> None:
        """It begins with the status that the container has; its id is its own."""
        for health, status in (
            ("starting", "critical"),
            ("unhealthy", "critical"),
            ("healthy", "passing"),
        ):
            payload = self.service(DockerConfig(), health=health).payload()
            self.assertNotIn("Check", payload)
            (check,) = payload["Checks"]
            self.assertEqual("service:node-1:web:80:health", check["CheckID"])
            self.assertEqual(status, check["Status"])

    def test_its_status_is_no_change_of_the_service(self) -> None:
        """Or everybody who watches it would wake up twice."""
        states = ("starting", "healthy")
        found = [self.service(DockerConfig(), health=each) for each in states]
        self.assertEqual(found[0].meta, found[1].meta)
        self.assertNotIn(CHECK, self.service(DockerConfig()).meta)

    def test_a_check_of_its_own_goes_before_it(self) -> None:
        """As with registrator, which knows no other."""
        env = ["SERVICE_CHECK_TCP=1"]
        payload = self.service(DockerConfig(), health="healthy", env=env).payload()
        self.assertIn("TCP", payload["Check"])
        self.assertNotIn("Checks", payload)

    def test_it_can_be_switched_off(self) -> None:
        """``healthcheck: false``."""
        rules = DockerConfig(healthcheck=False)
        self.assertEqual(set(), self.service(rules, health="healthy").check_ids())

    def test_a_ttl(self) -> None:
        """Beside every other check, which keeps its id."""
        rules = DockerConfig(ttl=Seconds(30))
        env = ["SERVICE_CHECK_TCP=1"]
        own, alive = self.service(rules, env=env).payload()["Checks"]
        self.assertEqual("service:node-1:web:80", own["CheckID"])
        self.assertEqual(
            {
                "CheckID": "service:node-1:web:80:alive",
                "Name": "Registrar",
                "TTL": "30000ms",
                "Status": "passing",
                "DeregisterCriticalServiceAfter": "60s",
            },
            alive,
        )
        health, _ = self.service(rules, health="healthy").payload()["Checks"]
        self.assertEqual("service:node-1:web:80:health", health["CheckID"])

    def test_only_the_healthy(self) -> None:
        """Those without a health check are taken as they are."""
        host = Host(Owner("node-1"), "192.0.2.1", rules=DockerConfig(only_healthy=True))
        for health, count in (("", 1), ("healthy", 1), ("starting", 0)):
            found = services(host, ports=PORT_80, health=health)
            self.assertEqual(count, len(found), health)


class SeveralPortsTests(SynchronousTestCase):
    """A container with several is a service for each."""

    def names_and_ids(self, *env: str, **facts: Any) -> list[tuple[str, str]]:
        """Names and IDs of a container with two published ports."""
        found = services(env=env, **{"ports": TWO_PORTS, **facts})
        return [(each.name, each.id) for each in found]

    def test_names_are_told_apart_by_port(self) -> None:
        """The default one, and one that is given for all."""
        self.assertEqual(
            [("nginx-80", "node-1:web:80"), ("nginx-443", "node-1:web:443")],
            self.names_and_ids(),
        )
        self.assertEqual(
            [("shop-80", "node-1:web:80"), ("shop-443", "node-1:web:443")],
            self.names_and_ids("SERVICE_NAME=shop"),
        )

    def test_a_name_of_its_own_stays_as_it_is(self) -> None:
        """Whoever names a port has told it apart."""
        self.assertEqual(
            [("shop", "node-1:web:80"), ("nginx-443", "node-1:web:443")],
            self.names_and_ids("SERVICE_80_NAME=shop"),
        )

    def test_an_ignored_port_does_not_count(self) -> None:
        """Registrator adds the suffix all the same."""
        self.assertEqual(
            [("nginx", "node-1:web:80")],
            self.names_and_ids("SERVICE_443_IGNORE=true"),
        )

    def test_a_port_that_cannot_be_reached_does_not_count(self) -> None:
        """Nor one that is not published."""
        ports = PORT_80 | {"443/tcp": [("127.0.0.1", "443")], "81/tcp": None}
        found = described(ports=ports)
        self.assertEqual(["nginx"], [each.name for each in found.services])

    def test_an_id_for_all_is_told_apart(self) -> None:
        """With the same ID, one of the two would be lost."""
        self.assertEqual(
            [("nginx-80", "x:80"), ("nginx-443", "x:443")],
            self.names_and_ids("SERVICE_ID=x"),
        )

    def test_ids_that_consul_would_not_find_again(self) -> None:
        """Paths, tidied up, are others."""
        for text in ("", "web", "a/b", "a/", "...", ".a", "a b?", "a:80"):
            self.assertTrue(is_addressable(text), text)
        for text in ("/", "/a", "a//b", ".", "..", "a/..", "./a", "a/../b"):
            self.assertFalse(is_addressable(text), text)

    def test_an_id_of_its_own_stays_as_it_is(self) -> None:
        """As with names."""
        self.assertEqual(
            [("nginx-80", "x"), ("nginx-443", "node-1:web:443")],
            self.names_and_ids("SERVICE_80_ID=x"),
        )

    def test_the_same_number_over_tcp_and_udp(self) -> None:
        """Two services of one name, with IDs of their own."""
        ports = {key: [("0.0.0.0", "53")] for key in ("53/tcp", "53/udp")}
        self.assertEqual(
            [("nginx-53", "node-1:web:53"), ("nginx-53", "node-1:web:53:udp")],
            self.names_and_ids(ports=ports),
        )
        self.assertEqual(
            [("nginx-53", "x:53"), ("nginx-53", "x:53:udp")],
            self.names_and_ids("SERVICE_ID=x", ports=ports),
        )

    def test_what_is_left_out_is_said_once(self) -> None:
        """Not for each port again."""
        found = described(ports=TWO_PORTS, env=["SERVICE_A.B=x"])
        self.assertEqual((2, 1), (len(found.services), len(found.notes)))


class RegistratorNamesTests(SynchronousTestCase):
    """``docker.registrator_names``: who depends on odd names has them."""

    def names(self, **facts: Any) -> list[str]:
        """Names of a container's services."""
        rules = DockerConfig(registrator_names=True)
        host = Host(Owner("node-1"), "192.0.2.1", rules=rules)
        return [each.name for each in services(host, **facts)]

    def test_an_ignored_port_counts(self) -> None:
        """The other one has a suffix; one that is not published does not count."""
        ignored = ["SERVICE_443_IGNORE=1"]
        self.assertEqual(["nginx-80"], self.names(ports=TWO_PORTS, env=ignored))
        ports = PORT_80 | {"443/tcp": None}
        self.assertEqual(["nginx"], self.names(ports=ports, env=ignored))

    def test_images_by_digest_and_by_id(self) -> None:
        """What comes before the colon is the name."""
        digest = "sha256:" + "0" * 64
        for image, expected in ((f"x/app@{digest}", "app@sha256"), (digest, "sha256")):
            self.assertEqual([expected], self.names(image=image, ports=PORT_80))


class DefaultNameTests(SynchronousTestCase):
    """The image's name, without what a registry adds to it."""

    def name(self, image: str, **facts: Any) -> str:
        """Name of a service whose container was made from ``image``."""
        (service,) = services(name="box", image=image, ports=PORT_80, **facts)
        return service.name

    def test_images_with_a_name(self) -> None:
        """Registry, path, tag and digest are left out."""
        for image, expected in (
            ("nginx", "nginx"),
            ("nginx:1.25", "nginx"),
            ("library/nginx", "nginx"),
            ("registry:5000/team/app:v1", "app"),
            ("registry:5000/app", "app"),
            ("app@sha256:" + "0" * 64, "app"),
            ("registry:5000/x/app:v1@sha256:" + "0" * 64, "app"),
        ):
            self.assertEqual(expected, self.name(image), image)

    def test_images_by_id(self) -> None:
        """The service in the Compose file, else the container's name."""
        image = container_json()["Image"]
        digits = image.removeprefix("sha256:")
        compose = {"com.docker.compose.service": "front"}
        for given in (image, digits, digits[:12]):
            self.assertEqual("box", self.name(given), given)
            self.assertEqual("front", self.name(given, labels=compose), given)

    def test_a_short_name_of_hexadecimal_digits_is_a_name(self) -> None:
        """An id has twelve digits at least."""
        digits = container_json()["Image"].removeprefix("sha256:")
        self.assertEqual(digits[:4], self.name(digits[:4]))
