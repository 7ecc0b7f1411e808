"""Ports and addresses."""

from __future__ import annotations

from twisted_router.config.schema import DockerConfig

from .case import (
    ADDRESS,
    PORT_80,
    Case,
    Differs,
    OnlyOurs,
    OnlyTheirs,
    Same,
    inspected,
    service,
)

_UNREACHABLE = "nothing listens there"
_NO_SUCH_PAIR = "the container does not listen on the host's port"

PORTS = (
    Case("a port that is exposed and not published", inspected(ports={"80/tcp": None})),
    Case(
        "a range of ports",
        inspected(
            ports={"80/tcp": [("0.0.0.0", "8080")], "81/tcp": [("0.0.0.0", "8081")]}
        ),
        (
            Same(service(8080, name="nginx-80")),
            Same(service(8081, id="node-1:web:81", name="nginx-81")),
        ),
    ),
    Case(
        "UDP",
        inspected(ports={"53/udp": [("0.0.0.0", "53")]}),
        (Same(service(53, id="node-1:web:53:udp", tags=("udp",))),),
    ),
    Case(
        "one number over TCP and UDP, with one name of its own",
        inspected(
            "SERVICE_53_NAME=dns",
            ports={key: [("0.0.0.0", "53")] for key in ("53/tcp", "53/udp")},
        ),
        (
            Same(service(53, id="node-1:web:53", name="dns")),
            Same(service(53, id="node-1:web:53:udp", name="dns", tags=("udp",))),
        ),
    ),
    Case(
        "SCTP",
        inspected(ports={"80/sctp": [("0.0.0.0", "9")]}),
        (
            Same(
                service(9),
                (
                    Differs("ID", "node-1:web:80:sctp", "TCP may have that number too"),
                    Differs("Tags", ["sctp"], "or it looks like TCP"),
                ),
            ),
        ),
    ),
    Case(
        "the host's network: every exposed port is the host's own",
        inspected(ports={}, exposed=["80/tcp"], network="host"),
        (Same(service(80)),),
    ),
    Case(
        "IPv4 and IPv6 with numbers of their own, and IPv6 first",
        inspected(ports={"80/tcp": [("::", "32769"), ("0.0.0.0", "32768")]}),
        (
            Same(
                service(32769),
                (Differs("Port", 32768, "the address is one of IPv4"),),
            ),
        ),
    ),
)

ADDRESSES = (
    Case(
        "no -ip: registrator resolves its host's name, 127.0.1.1 on Debian",
        inspected(),
        (
            Same(
                service(address="127.0.1.1"),
                (Differs("Address", ADDRESS, "the agent's own address is reachable"),),
            ),
        ),
        flags="",
    ),
    Case(
        "no -ip, published on one address of the host",
        inspected(ports={"80/tcp": [("192.0.2.9", "8080")]}),
        (Same(service(8080, address="192.0.2.9")),),
        flags="",
    ),
    Case(
        "no -ip, published on loopback",
        inspected(ports={"80/tcp": [("127.0.0.1", "8080")]}),
        (OnlyTheirs(service(8080, address="127.0.0.1"), "no other host gets there"),),
        flags="",
        notes=("port 80/tcp is not registered",),
    ),
    Case(
        "-ip, published on loopback",
        inspected(ports={"80/tcp": [("127.0.0.1", "8080")]}),
        (OnlyTheirs(service(8080), _UNREACHABLE),),
        notes=("port 80/tcp is not registered",),
    ),
    Case(
        "no -ip, a network that the user has made, as all projects of Compose have",
        inspected(mode="shop_default", networks={"shop_default": "172.18.0.2"}),
        (
            Same(
                service(address="172.18.0.2"),
                (Differs("Address", ADDRESS, _NO_SUCH_PAIR),),
            ),
        ),
        flags="",
    ),
    Case(
        "-ip, a network that the user has made",
        inspected(mode="shop_default", networks={"shop_default": "172.18.0.2"}),
        (Same(service()),),
    ),
    Case(
        "no network at all, a port that the image exposes",
        inspected(ports={}, exposed=["80/tcp"], mode="none", networks={"none": ""}),
        (OnlyTheirs(service(80), _UNREACHABLE),),
    ),
    Case(
        "-internal",
        inspected(),
        (Same(service(80, address="172.17.0.2")),),
        flags="-internal",
        config=DockerConfig(internal=True),
    ),
    Case(
        "-internal and -ip, which is for published ports only",
        inspected(),
        (Same(service(80, address="172.17.0.2")),),
        flags="-internal -ip 192.0.2.1",
        config=DockerConfig(internal=True),
    ),
    Case(
        "-internal, a port that is not published",
        inspected(ports={"80/tcp": None}),
        (Same(service(80, address="172.17.0.2")),),
        flags="-internal",
        config=DockerConfig(internal=True),
    ),
    Case(
        "-internal, a network that the user has made",
        inspected(mode="front", networks={"front": "172.18.0.2"}),
        (Same(service(80, address="172.18.0.2")),),
        flags="-internal",
        config=DockerConfig(internal=True),
    ),
    Case(
        "-internal, several networks: registrator takes any, here the last one",
        inspected(mode="a", networks={"a": "172.18.0.2", "b": "172.19.0.2"}),
        (
            Same(
                service(80, address="172.19.0.2"),
                (Differs("Address", "172.18.0.2", "the one it was started with"),),
            ),
        ),
        flags="-internal",
        config=DockerConfig(internal=True),
    ),
    Case(
        "-internal, the host's network",
        inspected(ports={}, exposed=["80/tcp"], network="host"),
        (
            Same(
                service(80, address=""),
                (Differs("Address", ADDRESS, "it has no other"),),
            ),
        ),
        flags="-internal",
        config=DockerConfig(internal=True),
    ),
    Case(
        "-internal, in the network of another container",
        inspected(ports={}, exposed=["80/tcp"], mode="container:abc", networks={}),
        (Same(service(80, address="172.17.0.2")),),
        flags="-internal",
        config=DockerConfig(internal=True),
        lender=inspected(name="pod"),
    ),
    Case(
        "in the network of another container, which publishes the port",
        inspected(ports={}, exposed=["80/tcp"], mode="container:abc", networks={}),
        (
            Same(
                service(80, address="172.17.0.2"),
                (
                    Differs(
                        "Address", ADDRESS, "without -internal, all are the host's"
                    ),
                    Differs("Port", 32768, "it goes with the address"),
                ),
            ),
        ),
        lender=inspected(name="pod"),
    ),
    Case(
        "in the network of another container, which does not",
        inspected(ports={}, exposed=["81/tcp"], mode="container:abc", networks={}),
        (
            OnlyTheirs(
                service(81, id="node-1:web:81", address="172.17.0.2"),
                "from other hosts, only -internal gets there",
            ),
        ),
        lender=inspected(name="pod"),
    ),
    Case(
        "-useIpFromLabel, with a mask",
        inspected(labels={"lan": "10.0.0.9/24"}),
        (Same(service(address="10.0.0.9")),),
        flags="-ip 192.0.2.1 -useIpFromLabel lan",
        config=DockerConfig(use_ip_from_label="lan"),
    ),
    Case(
        "-useIpFromLabel, without that label",
        inspected(),
        (Same(service()),),
        flags="-ip 192.0.2.1 -useIpFromLabel lan",
        config=DockerConfig(use_ip_from_label="lan"),
    ),
    Case(
        "-useIpFromLabel, a label that is no address",
        inspected(labels={"lan": "somewhere else"}),
        (
            Same(
                service(address="somewhere else"),
                (Differs("Address", ADDRESS, "it is no address"),),
            ),
        ),
        flags="-ip 192.0.2.1 -useIpFromLabel lan",
        config=DockerConfig(use_ip_from_label="lan"),
        notes=("the label lan is not heeded",),
    ),
)

META = (
    Case(
        "every other variable",
        inspected("SERVICE_REGION=eu", labels={"SERVICE_URIS": "shop.example.com"}),
        (Same(service(meta={"region": "eu", "uris": "shop.example.com"})),),
    ),
    Case(
        "for one port",
        inspected("SERVICE_REGION=eu", "SERVICE_80_REGION=us"),
        (Same(service(meta={"region": "us"})),),
    ),
    Case(
        "what looks like a secret",
        inspected("SERVICE_ACCOUNT_TOKEN=hunter2"),
        (
            Same(
                service(meta={"account_token": "hunter2"}),
                (Differs("Meta", {}, "everybody can read the catalog"),),
            ),
        ),
        notes=("SERVICE_ACCOUNT_TOKEN is not published",),
    ),
    Case(
        "what looks like a secret, where that is wanted",
        inspected("SERVICE_ACCOUNT_TOKEN=hunter2"),
        (Same(service(meta={"account_token": "hunter2"})),),
        config=DockerConfig(publish_secrets=True),
    ),
    Case(
        "a name that Consul does not take",
        inspected(labels={"SERVICE_a.b": "x", "SERVICE_REGION": "eu"}),
        (OnlyOurs(service(meta={"region": "eu"}), "Consul refuses registrator's"),),
        notes=("SERVICE_A.B is not published",),
    ),
    Case(
        "a value that is too long for Consul",
        inspected("SERVICE_TEXT=" + "x" * 513, ports=PORT_80),
        (OnlyOurs(service(), "Consul refuses registrator's"),),
        notes=("SERVICE_TEXT is not published",),
    ),
)
