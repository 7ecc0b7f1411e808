"""What requests and changes suffer when Consul cannot be asked."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.discovery.agents import Agent, cluster, wait_until
from benchmarks.discovery.figures import Figure
from benchmarks.discovery.relay import Relay
from benchmarks.discovery.scene import QUIET_S, Scene, filled, requests

#: Seconds of the blocking queries in the case that lets one of them hang.
_WAIT_S = 10

_BACK_S = 5.0
_LEADER_S = 15.0


def outage(directory: Path, seconds: float) -> list[Figure]:
    """Consul is killed, and comes back with what it knew."""
    case = f"Consul away for {seconds:g} s"
    agent = Agent(directory / "consul")
    try:
        with filled(directory, agent) as scene, scene.crowd() as visitor:
            time.sleep(QUIET_S)
            agent.kill()
            time.sleep(seconds)
            agent.start()
            consul = agent.wait()
            back_s = time.monotonic()
            scene.wait_for(scene.change(1, consul))
            shown_s = time.monotonic() - back_s
            wait_until(lambda: _is_well(scene), _BACK_S * 10, "all confirmed")
            well_s = time.monotonic() - back_s
            return [
                *requests(case, visitor),
                Figure(case, "its next change shows after", shown_s, "s", _BACK_S),
                Figure(case, "all is confirmed again after", well_s, "s", _BACK_S),
            ]
    finally:
        agent.stop()


def _is_well(scene: Scene) -> bool:
    source = scene.router.source()
    return not source["error"] and not source["doubtful"]


def black_hole(directory: Path) -> list[Figure]:
    """All connections to the agent hang, and nobody is told."""
    case = f"connections hang, wait {_WAIT_S} s"
    agent = Agent(directory / "consul")
    relay = Relay(agent.host, agent.port)
    keys = {"address": f"127.0.0.1:{relay.port}", "wait": f"{_WAIT_S}s"}
    try:
        with (
            filled(directory, agent, **keys) as scene,
            scene.crowd() as visitor,
        ):
            time.sleep(QUIET_S)
            relay.swallow()
            began_s = time.monotonic()
            scene.wait_for(scene.change(1))
            took_s = time.monotonic() - began_s
            # Consul adds up to a sixteenth to what it is asked to wait.
            limit_s = _WAIT_S + _WAIT_S / 16 + 10
            return [
                *requests(case, visitor),
                Figure(case, "the next change shows after", took_s, "s", limit_s),
            ]
    finally:
        relay.close()
        agent.stop()


def leader(directory: Path) -> list[Figure]:
    """The leader of three servers is killed; the router asks another one."""
    case = "the leader of 3 is killed"
    agents = cluster(directory, ["127.0.0.2", "127.0.0.3", "127.0.0.4"])
    try:
        consuls = [agent.wait() for agent in agents]
        leading = str(consuls[0].get("/v1/status/leader")).partition(":")[0]
        (killed,) = (agent for agent in agents if agent.host == leading)
        mine = next(agent for agent in agents if agent is not killed)
        with filled(directory, mine) as scene, scene.crowd() as visitor:
            time.sleep(QUIET_S)
            killed.kill()
            began_s = time.monotonic()
            # Agents take registrations always, and tell the servers when they can.
            scene.wait_for(scene.change(1))
            took_s = time.monotonic() - began_s
            return [
                *requests(case, visitor),
                Figure(case, "the next change shows after", took_s, "s", _LEADER_S),
            ]
    finally:
        for agent in agents:
            agent.stop()
