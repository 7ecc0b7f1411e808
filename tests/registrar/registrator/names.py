"""Names, IDs, tags, and what is left out."""

from __future__ import annotations

from twisted_router.config.schema import DockerConfig

from .case import TWO_PORTS, Case, Differs, OnlyOurs, Same, inspected, service

_IGNORED_PORTS = "a port that is not registered need not be told apart"
_ORDER = "tags stay in the order they were written in"
_DIGEST = "0" * 64

NAMES = (
    Case(
        "everything by default",
        inspected(),
        (Same(service()),),
    ),
    Case(
        "the image's name without registry, path and tag",
        inspected(image="registry:5000/team/app:v1"),
        (Same(service(name="app")),),
    ),
    Case(
        "an image by digest",
        inspected(image=f"team/app@sha256:{_DIGEST}"),
        (
            Same(
                service(name="app@sha256"),
                (Differs("Name", "app", "a digest is no part of the name"),),
            ),
        ),
    ),
    Case(
        "an image by digest, with registrator's names",
        inspected(image=f"team/app@sha256:{_DIGEST}"),
        (Same(service(name="app@sha256")),),
        config=DockerConfig(registrator_names=True),
    ),
    Case(
        "an image by its id, in a project of Compose",
        inspected(
            image=f"sha256:{_DIGEST}", labels={"com.docker.compose.service": "shop"}
        ),
        (
            Same(
                service(name="sha256"),
                (Differs("Name", "shop", "or all services would be called sha256"),),
            ),
        ),
    ),
    Case(
        "SERVICE_NAME as a variable",
        inspected("SERVICE_NAME=shop"),
        (Same(service(name="shop")),),
    ),
    Case(
        "a label goes before a variable",
        inspected("SERVICE_NAME=env", labels={"SERVICE_NAME": "label"}),
        (Same(service(name="label")),),
    ),
    Case(
        "what is for the port goes before what is for all, wherever it stands",
        inspected("SERVICE_80_NAME=mine", labels={"SERVICE_NAME": "all"}),
        (Same(service(name="mine")),),
    ),
    Case(
        "what is for another port",
        inspected("SERVICE_81_NAME=other", "SERVICE_080_NAME=other"),
        (Same(service()),),
    ),
    Case(
        "keys in any case, the prefix in capitals",
        inspected("SERVICE_Name=shop", "service_80_name=none"),
        (Same(service(name="shop")),),
    ),
    Case(
        "an empty name is none",
        inspected("SERVICE_NAME="),
        (Same(service()),),
    ),
    Case(
        "several ports: the name and the port",
        inspected(ports=TWO_PORTS),
        (
            Same(service(name="nginx-80")),
            Same(service(32770, id="node-1:web:443", name="nginx-443")),
        ),
    ),
    Case(
        "several ports with a name for all, and one of its own",
        inspected("SERVICE_NAME=shop", "SERVICE_443_NAME=tls", ports=TWO_PORTS),
        (
            Same(service(name="shop-80")),
            Same(service(32770, id="node-1:web:443", name="tls")),
        ),
    ),
    Case(
        "a port that is not published does not count",
        inspected(ports={**TWO_PORTS, "443/tcp": None}),
        (Same(service()),),
    ),
    Case(
        "a port that is ignored does",
        inspected("SERVICE_443_IGNORE=1", ports=TWO_PORTS),
        (Same(service(name="nginx-80"), (Differs("Name", "nginx", _IGNORED_PORTS),)),),
    ),
    Case(
        "a port that is ignored, with registrator's names",
        inspected("SERVICE_443_IGNORE=1", ports=TWO_PORTS),
        (Same(service(name="nginx-80")),),
        config=DockerConfig(registrator_names=True),
    ),
)

IDS = (
    Case(
        "SERVICE_ID",
        inspected("SERVICE_ID=shop-1"),
        (Same(service(id="shop-1")),),
    ),
    Case(
        "an ID for each port",
        inspected("SERVICE_80_ID=a", "SERVICE_443_ID=b", ports=TWO_PORTS),
        (
            Same(service(id="a", name="nginx-80")),
            Same(service(32770, id="b", name="nginx-443")),
        ),
    ),
    Case(
        "an ID that looks like a path",
        inspected("SERVICE_ID=/web"),
        (
            Same(
                service(id="/web"),
                (Differs("ID", "node-1:web:80", "Consul can never deregister it"),),
            ),
        ),
        notes=("SERVICE_ID is not heeded",),
    ),
    Case(
        "one ID for several ports",
        inspected("SERVICE_ID=x", ports=TWO_PORTS),
        (
            Same(
                service(id="x", name="nginx-80"),
                (Differs("ID", "x:80", "of one ID, only one is left in Consul"),),
            ),
            Same(
                service(32770, id="x", name="nginx-443"),
                (Differs("ID", "x:443", "of one ID, only one is left in Consul"),),
            ),
        ),
    ),
)

TAGS = (
    Case(
        "one tag",
        inspected("SERVICE_TAGS=urlprefix-/a"),
        (Same(service(tags=("urlprefix-/a",))),),
    ),
    Case(
        "several tags, and empty ones",
        inspected("SERVICE_TAGS=a,,b"),
        (Same(service(tags=("b", "a")), (Differs("Tags", ["a", "b"], _ORDER),)),),
    ),
    Case(
        "a comma that belongs to a tag",
        inspected(r"SERVICE_TAGS=a\,b"),
        (Same(service(tags=("a,b",))),),
    ),
    Case(
        "blanks around tags",
        inspected("SERVICE_TAGS=a, b"),
        (
            Same(
                service(tags=(" b", "a")),
                (Differs("Tags", ["a", "b"], "in order, and nobody looks for blanks"),),
            ),
        ),
    ),
    Case(
        "tags that say the same",
        inspected("SERVICE_TAGS=a,a"),
        (
            Same(
                service(tags=("a", "a")),
                (Differs("Tags", ["a"], "said twice, a tag means no more"),),
            ),
        ),
    ),
    Case(
        "tags of one port",
        inspected("SERVICE_TAGS=all", "SERVICE_80_TAGS=mine"),
        (Same(service(tags=("mine",))),),
    ),
    Case(
        "-tags",
        inspected("SERVICE_TAGS=mine"),
        (Same(service(tags=("mine", "all"))),),
        flags="-ip 192.0.2.1 -tags all",
        config=DockerConfig(tags="all"),
    ),
    Case(
        "-tags, a template",
        inspected(labels={"team": "shop"}),
        (Same(service(tags=("team-SHOP",))),),
        flags="-ip 192.0.2.1 -tags 'team-{{mIndex `team` .Config.Labels | toUpper}}'",
        config=DockerConfig(tags="team-{{mIndex `team` .Config.Labels | toUpper}}"),
    ),
    Case(
        "-tags, a template that does not suit the container",
        inspected(),
        (OnlyOurs(service(), "registrator exits, and with it all that it does"),),
        flags="-ip 192.0.2.1 -tags '{{.Config.Nothing}}'",
        config=DockerConfig(tags="{{.Config.Nothing}}"),
        notes=("docker.tags are left out",),
    ),
)

LEFT_OUT = (
    Case("SERVICE_IGNORE", inspected("SERVICE_IGNORE=true")),
    Case(
        "SERVICE_IGNORE for one port",
        inspected("SERVICE_80_IGNORE=yes", "SERVICE_443_NAME=tls", ports=TWO_PORTS),
        (Same(service(32770, id="node-1:web:443", name="tls")),),
    ),
    Case(
        "SERVICE_IGNORE=false",
        inspected("SERVICE_IGNORE=false"),
        (OnlyOurs(service(), "false does not mean true"),),
    ),
    Case(
        "everything ignored but one port",
        inspected("SERVICE_IGNORE=true", "SERVICE_80_IGNORE=false", ports=TWO_PORTS),
        (OnlyOurs(service(), "this registers one port of many"),),
    ),
    Case(
        "-explicit, without a name",
        inspected(),
        flags="-ip 192.0.2.1 -explicit",
        config=DockerConfig(explicit=True),
    ),
    Case(
        "-explicit, with a name for one of two ports",
        inspected("SERVICE_443_NAME=tls", ports=TWO_PORTS),
        (Same(service(32770, id="node-1:web:443", name="tls")),),
        flags="-ip 192.0.2.1 -explicit",
        config=DockerConfig(explicit=True),
    ),
)
