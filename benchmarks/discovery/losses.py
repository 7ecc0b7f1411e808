"""What requests suffer when Consul answers, and has lost what it should say."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.discovery.agents import Agent, wait_until
from benchmarks.discovery.catalog import fill
from benchmarks.discovery.figures import Figure
from benchmarks.discovery.scene import (
    INSTANCES,
    QUIET_S,
    SERVICES,
    Scene,
    filled,
    requests,
)
from benchmarks.processes import BenchmarkError

#: Seconds for which visitors come while everything is held.
_HELD_S = 10.0

#: A token that lost its rights wakes no blocking query: it shows when they end.
_WAIT = "5s"

_REFUSED_S = 30.0

_MASTER = "11111111-2222-3333-4444-555555555555"
_RULES = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'


def lost_data(directory: Path) -> list[Figure]:
    """The agent is killed, and comes back with an empty data directory."""
    case = "empty data directory"
    agent = Agent(directory / "consul")
    try:
        with filled(directory, agent) as scene, scene.crowd() as visitor:
            time.sleep(QUIET_S)
            agent.kill()
            agent.forget()
            agent.start()
            consul = agent.wait()
            held_s = _held(scene)
            time.sleep(_HELD_S)
            fill(consul, SERVICES, INSTANCES, scene.port)
            began_s = time.monotonic()
            scene.wait_until_held(0)
            let_go_s = time.monotonic() - began_s
            return [
                *requests(case, visitor),
                Figure(case, "held and alarmed after", held_s, "s"),
                Figure(case, "nothing held after all is back", let_go_s, "s"),
            ]
    finally:
        agent.stop()


def token(directory: Path) -> list[Figure]:
    """The router's token loses its rights, gets them back, and is revoked."""
    case = "token"
    agent = Agent(directory / "consul", token=_MASTER)
    try:
        consul = agent.wait()
        policy = {"Name": "router", "Rules": _RULES}
        made = consul.put("/v1/acl/policy", policy)
        given = consul.put("/v1/acl/token", {"Policies": [{"Name": "router"}]})
        keys = {"token": given["SecretID"], "wait": _WAIT}
        with filled(directory, agent, **keys) as scene, scene.crowd() as visitor:
            time.sleep(QUIET_S)
            consul.put(f"/v1/acl/policy/{made['ID']}", {**policy, "Rules": ""})
            held_s = _held(scene)
            time.sleep(_HELD_S)
            consul.put(f"/v1/acl/policy/{made['ID']}", policy)
            scene.wait_until_held(0)
            consul.delete(f"/v1/acl/token/{given['AccessorID']}")
            refused_s = wait_until(
                lambda: "403" in scene.router.source()["error"], _REFUSED_S, "a 403"
            )
            time.sleep(_HELD_S)
            return [
                *requests(case, visitor),
                Figure(case, "without rights: held, alarmed after", held_s, "s"),
                Figure(case, "revoked: told after", refused_s, "s"),
            ]
    finally:
        agent.stop()


def _held(scene: Scene) -> float:
    """Wait until all instances are held; seconds that it took.

    :raises BenchmarkError: that was not alarmed.
    """
    began_s = time.monotonic()
    scene.wait_until_held(SERVICES * INSTANCES)
    took_s = time.monotonic() - began_s
    if not scene.router.source()["alarms"].get("guard"):
        raise BenchmarkError("no alarm of the guard")
    return took_s
