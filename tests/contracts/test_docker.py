"""What the registrar relies on in Docker: one suite, on the fake and on an engine."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from datetime import datetime
from inspect import isawaitable
from itertools import groupby
from typing import TYPE_CHECKING, Any

from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SkipTest, TestCase
from zope.interface.verify import verifyObject

from tests.fakes.docker import FakeDockerEngine
from tests.fakes.docker_api import FakeDockerAgent
from tests.integration.forward import Forwards
from tests.services import (
    TEST_IMAGE,
    Containers,
    docker,
    require_docker,
    running_reactor,
    wait_for,
)
from twisted_router.clients.docker import NEWEST_API, OLDEST_API, DockerClient
from twisted_router.config.schema import DockerConfig
from twisted_router.interfaces import DockerError, EventStream, IDockerClient
from twisted_router.registrar.container import read_container
from twisted_router.registrar.events import read_event

# Were it a TestCase itself, trial would run it without an engine.
if TYPE_CHECKING:
    _Suite = TestCase
else:
    _Suite = object

Event = dict[str, Any]


class DockerContract(_Suite):
    """The suite; its subclasses say which engine it is."""

    client: DockerClient

    # What a subclass has: an engine's verbs, and how to wait for it.

    async def run_container(self, name: str, **facts: Any) -> str:
        """Start a container; gives its id. ``facts`` as the fake's ``run()``."""
        raise NotImplementedError

    async def act(self, verb: str, *arguments: str) -> None:
        """``docker VERB ARGUMENTS``: start, stop, kill, pause, rename, rm ..."""
        raise NotImplementedError

    async def eventually(self, predicate: Callable[[], Any]) -> None:
        """Wait until it is true."""
        raise NotImplementedError

    async def become_healthy(self, container: str) -> None:
        """Let its health check pass for the first time."""
        raise NotImplementedError

    def cut_off(self) -> None:
        """Break all connections to the engine, as when it is killed."""
        raise NotImplementedError

    def pinned_client(self, version: str) -> DockerClient:
        """A client that insists on an API version."""
        raise NotImplementedError

    def setUp(self) -> None:
        """No events yet."""
        self.seen: list[Event] = []
        self.name = f"contract-{uuid.uuid4().hex[:8]}"

    def actions_of(self, container: str) -> list[str]:
        """What has happened to one container: others live on a real engine, too.

        A process that is told to stop before it can hear is killed in the end: the
        second kill is not counted.
        """
        actions = [
            f"{event['Type']} {event['Action']}"
            for event in self.seen
            if container
            in (event["Actor"]["ID"], event["Actor"]["Attributes"].get("container"))
        ]
        return [action for action, _ in groupby(actions)]

    def seen_of(self, container: str) -> list[Event]:
        """Events of one container."""
        return [each for each in self.seen if each["Actor"]["ID"] == container]

    async def followed(self, since: str = "") -> EventStream:
        """A stream that is open."""
        stream = self.client.events(self.seen.append, since)
        self.addCleanup(stream.ended.cancel)
        await stream.opened
        return stream

    async def seen_from(self, container: str, expected: list[str]) -> None:
        """Wait for these events of a container, and for no other."""
        await self.eventually(lambda: len(self.actions_of(container)) >= len(expected))
        self.assertEqual(expected, self.actions_of(container))

    # The suite

    def test_the_interface(self) -> None:
        """All of it is there."""
        self.assertTrue(verifyObject(IDockerClient, self.client))

    async def test_negotiation(self) -> None:
        """The version lies among those we know, and is used from then on."""
        version = await self.client.ping()
        major, minor = (int(part) for part in version.split("."))
        self.assertTrue(OLDEST_API <= (major, minor) <= NEWEST_API, version)
        info = await self.client.info()
        self.assertIn("ServerVersion", info)
        self.assertTrue(info["ID"])

    async def test_a_version_from_the_future(self) -> None:
        """It is refused, with the engine's words."""
        with self.assertRaises(DockerError) as caught:
            await self.pinned_client("1.999").containers()
        self.assertEqual(400, caught.exception.status)
        self.assertIn("too new", str(caught.exception))

    async def test_what_runs_is_listed(self) -> None:
        """What has stopped is not."""
        runs = await self.run_container(self.name, publish=["80"])
        stopped = await self.run_container(f"{self.name}-2")
        await self.act("kill", stopped)
        await self.eventually_listed(runs, stopped)
        (entry,) = [
            each for each in await self.client.containers() if each["Id"] == runs
        ]
        self.assertEqual([f"/{self.name}"], entry["Names"])
        self.assertEqual("running", entry["State"])
        ports = {(port["IP"], port["PrivatePort"]) for port in entry["Ports"]}
        self.assertIn(("0.0.0.0", 80), ports)
        for port in entry["Ports"]:
            self.assertIsInstance(port["PublicPort"], int)

    async def eventually_listed(self, runs: str, stopped: str) -> None:
        """The list is one moment behind a container's death."""

        async def look() -> bool:
            listed = {each["Id"] for each in await self.client.containers()}
            return runs in listed and stopped not in listed

        await self.eventually(look)

    async def test_inspecting(self) -> None:
        """All that the registrar reads has the shape that it reads."""
        container = await self.run_container(
            self.name,
            env=["SERVICE_NAME=web", "OTHER=x"],
            labels={"SERVICE_TAGS": "a,b"},
            publish=["80", "53/udp"],
            expose=["443"],
        )
        data = await self.client.inspect(container)
        assert data is not None
        found = read_container(data)
        self.assertEqual((container, self.name), (found.id, found.name))
        self.assertTrue(found.running)
        self.assertEqual({"name": "web", "tags": "a,b"}, found.variables)
        dns, web, unpublished = found.ports
        self.assertEqual(
            [(53, "udp"), (80, "tcp"), (443, "tcp")],
            [(port.number, port.protocol) for port in found.ports],
        )
        self.assertEqual((), unpublished.bindings)
        self.assertTrue(found.addresses[found.network])
        for port in (dns, web):
            hosts = [binding.host_ip for binding in port.bindings]
            self.assertIn("0.0.0.0", hosts)
            self.assertTrue(all(binding.host_port for binding in port.bindings))
        self.assertIsNone(data["NetworkSettings"]["Ports"]["443/tcp"])
        self.assertIn("443/tcp", data["Config"]["ExposedPorts"])
        self.assertTrue(found.image_id.startswith("sha256:"))

    async def test_inspecting_the_stopped(self) -> None:
        """It still answers, has no ports any more, and does not run."""
        container = await self.run_container(self.name, publish=["80"])
        await self.act("kill", container)

        async def ended() -> bool:
            data = await self.client.inspect(container)
            assert data is not None
            found = read_container(data)
            return not found.running and not any(p.bindings for p in found.ports)

        await self.eventually(ended)

    async def test_the_hosts_network(self) -> None:
        """Nothing is published there; what is exposed is known."""
        container = await self.run_container(self.name, expose=["8099"], network="host")
        data = await self.client.inspect(container)
        assert data is not None
        self.assertEqual({}, data["NetworkSettings"]["Ports"])
        self.assertEqual("host", data["HostConfig"]["NetworkMode"])
        (port,) = read_container(data).ports
        self.assertEqual((8099, "tcp"), (port.number, port.protocol))

    async def test_inspecting_what_is_not_there(self) -> None:
        """It was removed in between, or never was."""
        self.assertIsNone(await self.client.inspect("0" * 64))
        container = await self.run_container(self.name)
        await self.act("rm", "--force", container)
        self.assertIsNone(await self.client.inspect(container))

    async def test_events_of_starting_and_stopping(self) -> None:
        """In this order."""
        stream = await self.followed()
        container = await self.run_container(self.name, publish=["80"])
        await self.act("stop", "--time=1", container)
        await self.seen_from(
            container,
            [
                "network connect",
                "container start",
                "container kill",
                "container die",
                "network disconnect",
            ],
        )
        stream.ended.cancel()
        await stream.ended

    async def test_events_of_killing_and_removing(self) -> None:
        """Neither stop nor anything else comes with them."""
        container = await self.run_container(self.name)
        await self.followed()
        await self.act("rm", "--force", container)
        await self.seen_from(
            container,
            [
                "container kill",
                "container die",
                "network disconnect",
                "container destroy",
            ],
        )

    async def test_events_of_signals(self) -> None:
        """They tell the number; a container may live on."""
        container = await self.run_container(self.name)
        await self.followed()
        for signal in ("HUP", "TERM"):
            await self.act("kill", f"--signal={signal}", container)
        await self.eventually(lambda: len(self.seen_of(container)) == 2)
        self.assertEqual(
            [("kill", "1"), ("kill", "15")],
            [
                (event["Action"], event["Actor"]["Attributes"]["signal"])
                for event in self.seen_of(container)
            ],
        )
        data = await self.client.inspect(container)
        assert data is not None
        self.assertTrue(read_container(data).running)

    async def test_pausing(self) -> None:
        """Events, the list and the container itself tell of it."""
        container = await self.run_container(self.name)
        await self.followed()
        for verb, state in (("pause", "paused"), ("unpause", "running")):
            await self.act(verb, container)
            (entry,) = [
                each
                for each in await self.client.containers()
                if each["Id"] == container
            ]
            data = await self.client.inspect(container)
            assert data is not None
            found = read_container(data)
            self.assertEqual(
                (state, True, state == "paused"),
                (entry["State"], found.running, found.paused),
            )
        await self.seen_from(container, ["container pause", "container unpause"])

    async def test_how_a_container_is_stopped(self) -> None:
        """What it does not say itself is not there."""
        for facts, expected in (
            ({}, ("", None)),
            ({"stop_signal": "QUIT", "stop_timeout": 3}, ("QUIT", 3)),
        ):
            name = f"{self.name}-{len(facts)}"
            data = await self.client.inspect(await self.run_container(name, **facts))
            assert data is not None
            found = read_container(data)
            self.assertEqual(expected, (found.stop_signal, found.stop_timeout_s))

    async def test_a_run_begins_after_the_last_one_was_told_to_stop(self) -> None:
        """Containers and events have their times from the same clock."""
        container = await self.run_container(self.name)
        await self.followed()
        before = await self.started(container)
        await self.act("restart", "--time=0", container)
        await self.eventually(
            lambda: "start" in [event["Action"] for event in self.seen_of(container)]
        )
        killed = read_event(self.seen_of(container)[0])
        assert killed is not None and killed.at is not None
        self.assertTrue(before < killed.at < await self.started(container))

    async def started(self, container: str) -> datetime:
        """When a container's run began."""
        data = await self.client.inspect(container)
        assert data is not None
        moment = read_container(data).started
        assert moment is not None
        return moment

    async def test_health(self) -> None:
        """The list, the container itself and an event tell it."""
        container = await self.run_container(self.name, health="starting")
        await self.followed()
        self.assertEqual(("health: starting", "starting"), await self.health(container))
        await self.become_healthy(container)
        await self.seen_from(container, ["container health_status: healthy"])
        self.assertEqual(("healthy", "healthy"), await self.health(container))

    async def health(self, container: str) -> tuple[str, str]:
        """What the list says, and what the container does."""
        (entry,) = [
            each for each in await self.client.containers() if each["Id"] == container
        ]
        data = await self.client.inspect(container)
        assert data is not None
        listed = str(entry["Status"]).partition("(")[2].rstrip(")")
        return listed, read_container(data).health

    async def test_a_stream_that_is_cut_off(self) -> None:
        """It has ended, without its last chunk; the next one has what comes then."""
        stream = await self.followed()
        self.cut_off()
        await stream.ended
        await self.followed()
        container = await self.run_container(self.name)
        await self.seen_from(container, ["network connect", "container start"])

    async def test_the_event_of_renaming(self) -> None:
        """It tells the new name; the old one has a slash."""
        container = await self.run_container(self.name)
        await self.followed()
        await self.act("rename", self.name, f"{self.name}-2")
        await self.seen_from(container, ["container rename"])
        attributes = self.seen[-1]["Actor"]["Attributes"]
        self.assertEqual(f"{self.name}-2", attributes["name"])
        self.assertEqual(f"/{self.name}", attributes["oldName"])

    async def test_events_since_one(self) -> None:
        """Its own moment included."""
        stream = await self.followed()
        container = await self.run_container(self.name)
        await self.seen_from(container, ["network connect", "container start"])
        stream.ended.cancel()
        start = next(
            event
            for event in self.seen
            if event["Action"] == "start" and event["Actor"]["ID"] == container
        )
        self.seen.clear()
        since = f"{start['timeNano'] // 10**9}.{start['timeNano'] % 10**9:09}"
        await self.followed(since)
        await self.seen_from(container, ["container start"])

    async def test_a_bad_moment(self) -> None:
        """The engine refuses it; the stream has ended before it began."""
        stream = self.client.events(self.seen.append, "yesterday")
        await self.assertFailure(stream.opened, DockerError)
        await stream.ended


class FakeDockerTests(DockerContract, TestCase):
    """The fake keeps what it promises."""

    def setUp(self) -> None:
        """An engine in memory."""
        super().setUp()
        self.engine = FakeDockerEngine()
        self.agent = FakeDockerAgent(self.engine)
        self.client = DockerClient(Clock(), DockerConfig(), {}, self.agent)

    async def run_container(self, name: str, **facts: Any) -> str:
        """At once."""
        return self.engine.run(name, **facts)

    async def act(self, verb: str, *arguments: str) -> None:
        """At once; of options, only the signal makes a difference."""
        names = [each for each in arguments if not each.startswith("-")]
        options = dict(
            each[2:].split("=") for each in arguments if each.startswith("--signal=")
        )
        getattr(self.engine, {"rm": "remove"}.get(verb, verb))(*names, **options)

    async def eventually(self, predicate: Callable[[], Any]) -> None:
        """It is true already."""
        result = predicate()
        self.assertTrue(await result if isawaitable(result) else result)

    async def become_healthy(self, container: str) -> None:
        """At once."""
        self.engine.report_health(container, "healthy")

    def cut_off(self) -> None:
        """Its streams end."""
        self.engine.drop_streams()

    def pinned_client(self, version: str) -> DockerClient:
        """For the same engine."""
        environ = {"DOCKER_API_VERSION": version}
        return DockerClient(Clock(), DockerConfig(), environ, self.agent)


class RealDockerTests(DockerContract, TestCase):
    """And Docker does, too."""

    timeout = 60

    def setUp(self) -> None:
        """The machine's engine; skipped without one."""
        super().setUp()
        endpoint = require_docker(self)
        if not endpoint.startswith("unix://"):
            raise SkipTest(f"{endpoint} is not a socket that could be passed on")
        self.reactor = running_reactor()
        self.forwards = Forwards(endpoint.removeprefix("unix://"))
        # Not the test's directory: a socket's path has to be short.
        path = f"/tmp/{self.name}.sock"
        listening = self.reactor.listenUNIX(path, self.forwards)
        self.addCleanup(listening.stopListening)
        self.endpoint = f"unix://{path}"
        self.client = self.pinned_client("")
        self.containers = Containers(self)

    def cut_off(self) -> None:
        """The relay before it breaks them."""
        self.forwards.cut_off()

    async def become_healthy(self, container: str) -> None:
        """It does so by itself."""

    async def run_container(self, name: str, **facts: Any) -> str:
        """``docker run``."""
        options = ["--name", name, "--network", facts.get("network", "default")]
        for port in facts.get("expose", ()):
            options += ["--expose", port]
        if "health" in facts:
            # Long enough for who wants to see it before.
            options += ["--health-cmd", "sleep 1", "--health-interval", "1s"]
        for fact in ("stop_signal", "stop_timeout"):
            if fact in facts:
                options += [f"--{fact.replace('_', '-')}", str(facts[fact])]
        return await self.containers.run(
            "sleep",
            "1000",
            image=TEST_IMAGE,
            labels=facts.get("labels"),
            environ=dict(entry.split("=", 1) for entry in facts.get("env", ())),
            publish=facts.get("publish", ()),
            options=options,
        )

    async def act(self, verb: str, *arguments: str) -> None:
        """``docker``."""
        await docker(verb, *arguments)

    async def eventually(self, predicate: Callable[[], Any]) -> None:
        """In a few seconds."""
        await wait_for(self.reactor, predicate, 10)

    def pinned_client(self, version: str) -> DockerClient:
        """For the same engine."""
        environ = {"DOCKER_HOST": self.endpoint, "DOCKER_API_VERSION": version}
        client = DockerClient(self.reactor, DockerConfig(), {**os.environ, **environ})

        async def close() -> None:
            # What ended in this turn of the loop gives its connection back after it.
            await deferLater(self.reactor, 0)
            await client.close()

        self.addCleanup(close)
        return client
