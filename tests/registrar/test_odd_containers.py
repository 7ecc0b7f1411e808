"""One odd container never stops the others, whatever the engine says of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, TypeAlias, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.fakes.docker import FakeDockerEngine
from tests.fakes.docker_json import container_json
from tests.registrar.support import INTERVAL_S, RegistrarTestCase
from twisted_router.clients.docker import CALL_LIMIT_S
from twisted_router.config.schema import DockerConfig, Seconds
from twisted_router.registrar.comparison import Comparison, compare
from twisted_router.registrar.container import OddContainerError, read_container
from twisted_router.registrar.desired import merge
from twisted_router.registrar.ending import ended_well
from twisted_router.registrar.inventory import Inventory
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.plan import Register
from twisted_router.registrar.reach import Host

Path: TypeAlias = tuple[Any, ...]

#: Every way to read a container is in use.
RULES = (
    DockerConfig(tags="{{.Config.Image}},{{index .Config.Labels `a`}}"),
    DockerConfig(internal=True, use_ip_from_label="lan", ttl=Seconds(30)),
    DockerConfig(only_healthy=True, explicit=True, publish_secrets=True),
)

#: What a container may say of itself, and what anything may be instead.
FACTS: dict[str, Any] = {
    "ports": {"80/tcp": [("0.0.0.0", "32768"), ("::", "32769")], "81/tcp": None},
    "exposed": ["53/udp"],
    "env": ["PATH=/bin", "SERVICE_NAME=web", "SERVICE_80_CHECK_HTTP=/"],
    "labels": {"SERVICE_TAGS": "a,b", "lan": "10.0.0.9/8", "a": "x"},
    "health": "healthy",
    "stop_signal": "SIGQUIT",
    "stop_timeout": 30,
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["9" * 5000, "container:", "host", "80/tcp", "2026-01-01"]),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


def paths_in(data: Any, path: Path = ()) -> Iterator[Path]:
    """The way to every field and every item, however deep."""
    items: Any = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for key, value in items:
        yield (*path, key)
        yield from paths_in(value, (*path, key))


@st.composite
def garbled(draw: st.DrawFn, data: dict[str, Any]) -> Any:
    """``data``, of which up to three parts are missing or something else."""
    data = copy.deepcopy(data)
    for _ in range(draw(st.integers(1, 3))):
        if not data:
            break
        *way, last = draw(st.sampled_from(sorted(paths_in(data), key=repr)))
        parent: Any = data
        for key in way:
            parent = parent[key]
        if draw(st.booleans()):
            del parent[last]
        else:
            parent[last] = draw(JUNK)
    return data


class OneOddContainer:
    """An engine with one container, and another of which it says odd things."""

    def __init__(self, entry: Any, data: Any) -> None:
        self.engine = FakeDockerEngine()
        self.good = self.engine.run("good", publish=["80"], env=["SERVICE_NAME=good"])
        self._entry = entry
        self._data = data

    def containers(self) -> Deferred[list[Any]]:
        """Both of them, the odd one first."""
        return succeed([self._entry, *self.engine.list_json()])

    def inspect(self, container: str) -> Deferred[Any]:
        """What there is to say of one."""
        is_good = container == self.good
        return succeed(self.engine.inspect_json(container) if is_good else self._data)


def an_entry() -> dict[str, Any]:
    """What the list shows of a container."""
    engine = FakeDockerEngine()
    engine.run("first")
    engine.run("odd", publish=["80"], health="healthy")
    return engine.list_json()[0]


def planned(engine: OneOddContainer, rules: DockerConfig) -> Comparison:
    """What follows for an agent that holds nothing."""
    inventory = Inventory(cast(Any, engine), rules, Clock())
    for _ in range(2):
        work = Deferred.fromCoroutine(inventory.refresh())
        failures: list[Any] = []
        work.addErrback(failures.append)
        if failures:
            failures[0].raiseException()
    owner = Owner("node-1")
    desired = merge(inventory.describe(Host(owner, "192.0.2.1", rules=rules)), {})
    return compare(desired, {}, {}, owner, inventory.odd(), (), {})


class StuckContainerTests(RegistrarTestCase):
    """Something of a container hangs, and the engine with it, when asked about it."""

    def test_the_others_are_registered(self) -> None:
        """When it is clear that it is only about that one."""
        self.engine.stuck.add(self.engine.run("stuck", publish=["80"]))
        self.engine.run("web", publish=["80"])
        self.start()
        self.clock.advance(CALL_LIMIT_S)
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertEqual("", self.registrar.state()["error"])

    def test_the_next_ones_do_not_wait(self) -> None:
        """It is left alone for a while."""
        self.engine.stuck.add(self.engine.run("stuck", publish=["80"]))
        self.start()
        self.clock.advance(CALL_LIMIT_S)
        self.engine.run("web", publish=["80"])
        self.settle()
        self.assertEqual(["node-1:web:80"], self.ids())

    def test_what_it_has_stays(self) -> None:
        """It still runs; an event of it has made us ask."""
        container = self.engine.run("web", publish=["80"], health="healthy")
        self.start()
        self.written()
        self.engine.stuck.add(container)
        self.engine.report_health("web", "unhealthy")
        self.settle()
        self.clock.advance(CALL_LIMIT_S)
        self.assertEqual(["node-1:web:80"], self.ids())
        self.assertEqual([], self.written())
        self.assertEqual(1, self.registrar.state()["odd_containers"])

    def test_it_is_asked_about_again(self) -> None:
        """Later, should nothing else tell that it is better."""
        container = self.engine.run("web", publish=["80"])
        self.engine.stuck.add(container)
        self.start()
        self.clock.advance(CALL_LIMIT_S)
        self.engine.stuck.clear()
        self.clock.pump([INTERVAL_S] * 4)
        self.assertEqual(["node-1:web:80"], self.ids())


class OddContainerTests(SynchronousTestCase):
    """Parts of Docker's answers are dropped, or are not what they should be."""

    @settings(max_examples=200, deadline=None)
    @given(garbled(container_json(number=2, **FACTS)), st.sampled_from(RULES))
    def test_reading_a_container(self, data: Any, rules: DockerConfig) -> None:
        """It is read, or the reason is given why it is not."""
        try:
            read_container(data, rules)
        except OddContainerError as error:
            self.assertTrue(str(error))
            self.assertLess(len(str(error)), 200)

    @settings(max_examples=200, deadline=None)
    @given(
        garbled(an_entry()),
        garbled(container_json(number=2, **FACTS)),
        st.sampled_from(RULES),
    )
    def test_the_others_are_registered(
        self, entry: Any, data: Any, rules: DockerConfig
    ) -> None:
        """Whatever becomes of this one."""
        steps = planned(OneOddContainer(entry, data), rules).steps
        names = [step.registration.name for step in steps if isinstance(step, Register)]
        self.assertIn("good", names)

    @settings(max_examples=100, deadline=None)
    @given(garbled(container_json(state={"Running": False})))
    def test_how_it_ended(self, data: Any) -> None:
        """What cannot be told is no success."""
        self.assertIn(ended_well(data), (True, False))
