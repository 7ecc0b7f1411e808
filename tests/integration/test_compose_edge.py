"""Edge and nodes: a router on one host, registrars on others, Consul between them.

The hosts are addresses of this machine, with one Docker engine for all.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectError
from twisted.trial.unittest import TestCase
from twisted.web.client import ResponseFailed

from tests.integration.composition import Composition
from tests.services import (
    TOP,
    Containers,
    ServiceError,
    consul_image,
    docker,
    free_port,
    request,
    require_docker,
    router_image,
    running_reactor,
    wait_for,
    web_image,
)

HOST = "web.localhost"


class EdgeAndNodesTests(TestCase):
    """``etc/docker-compose.edge.yml`` and ``etc/docker-compose.node.yml``."""

    timeout = 600  # seconds; the first build of the images takes its time

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        require_docker(self)
        self.containers = Containers(self)
        self.images = {
            "CONSUL_IMAGE": await consul_image(self),
            "ROUTER_IMAGE": await router_image(self),
        }
        # Every address that begins with 127 is this machine's.
        net = f"127.{random.randrange(1, 255)}.{random.randrange(256)}"
        self.edge_ip = f"{net}.1"
        self.edge, self.edge_status = self.composition("edge", self.edge_ip)
        self.node, self.node_status = self.composition("node", f"{net}.2")
        self.url = f"http://{self.edge_ip}:{self.port}/"

    def composition(self, shape: str, address: str) -> tuple[Composition, str]:
        """One host, and the URL of its status site."""
        status_port = free_port()
        config = Path(self.mktemp()).absolute()
        shipped = (TOP / "etc" / "docker" / f"{shape}.yml").read_text()
        ports = {"8082": status_port}
        if shape == "edge":
            ports["8081"] = self.port = free_port()
        for shipped_port, port in ports.items():
            self.assertEqual(1, shipped.count(f"port: {shipped_port}\n"), shipped)
            shipped = shipped.replace(f"port: {shipped_port}", f"port: {port}")
        config.write_text(shipped)
        composition = Composition(
            self,
            f"docker-compose.{shape}.yml",
            HOST_IP=address,
            CONSUL_API=address,
            CONSUL_JOIN=self.edge_ip,
            NODE=f"{shape}-1",
            ROUTER_CONFIG=str(config),
            **self.images,
        )
        return composition, f"http://127.0.0.1:{status_port}"

    async def ask(self) -> tuple[int, str]:
        """Ask the router for the service; ``(0, "")`` while nobody listens."""
        try:
            answer = await request("GET", self.url, headers={"Host": HOST})
        except (ConnectError, ResponseFailed):
            return 0, ""
        return answer.code, answer.body.decode().strip()

    async def until(self, predicate: Callable[[], Any], what: str) -> None:
        try:
            await wait_for(running_reactor(), predicate, 60, what=what)
        except ServiceError as error:
            logs = [
                await each.run("logs", "--tail=30") for each in (self.edge, self.node)
            ]
            raise self.failureException("\n".join([str(error), *logs])) from error

    async def until_answer(self, code: int, body: str = "") -> None:
        async def answers() -> bool:
            found, text = await self.ask()
            return found == code and (not body or text == body)

        await self.until(answers, f"{code} {body}")

    async def registrar(self) -> dict[str, Any]:
        """Its figures, and its port as a proxy."""
        varz = (await request("GET", f"{self.node_status}/varz")).json()
        return {"proxy_port": varz["proxy_port"], **varz["registrar"]}

    async def test_a_container_of_a_node_is_served_at_the_edge(self) -> None:
        """The whole story in one test, for each step begins where the last ended."""
        await self.edge.up()
        await self.node.up()
        labels = {"SERVICE_NAME": "web", "SERVICE_TAGS": f"urlprefix-{HOST}/"}
        image = await web_image(self)
        web = await self.containers.run(
            image=image, labels=labels, publish=["80"], options=()
        )
        await self.until_answer(200, web[:12])

        # It is known by its own host, at that host's address.
        consul = f"http://{self.edge_ip}:8500/v1/catalog/service/web"
        (found,) = [
            service
            for service in (await request("GET", consul)).json()
            if service["ServiceMeta"]["twisted-router-container"] == web[:12]
        ]
        self.assertEqual("node-1", found["Node"])
        self.assertEqual(self.edge_ip[:-1] + "2", found["ServiceAddress"])

        # Each does its own part and nothing else.
        registrar = await self.registrar()
        self.assertEqual((0, True), (registrar["proxy_port"], registrar["ready"]))
        edge = json.loads((await request("GET", f"{self.edge_status}/varz")).body)
        self.assertNotIn("registrar", edge)

        await docker("stop", "--time", "0", web)
        await self.until_answer(404)
        await docker("start", web)
        await self.until_answer(200, web[:12])
