"""How containers ended: whether what they leave in Consul is to go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..interfaces import DockerError, IDockerClient
from .concurrency import for_each
from .inventory import INSPECTIONS

# Exit codes of programs that end because they were told to: by themselves, or by a
# signal, which a shell counts from 128. KILL is what stopping comes to in the end.
_STOPPED = frozenset({0, 128 + 1, 128 + 2, 128 + 3, 128 + 9, 128 + 15})


def ended_well(data: Mapping[str, Any]) -> bool:
    """Whether a container ended as it was meant to.

    Not so if it ran out of memory or crashed, whichever signal that was: registrator
    takes every code that has 128 in it for success.

    :param data: what ``/containers/ID/json`` answered.
    """
    state = data.get("State")
    if not isinstance(state, dict):
        return False
    code = state.get("ExitCode")
    return isinstance(code, int) and code in _STOPPED and not state.get("OOMKilled")


async def failed_containers(
    docker: IDockerClient, containers: Iterable[str]
) -> frozenset[str]:
    """Which of these containers, all of them ended, have failed.

    One that has been removed has not: nobody can tell any more. One that the engine
    cannot inspect counts as failed, so that nothing is lost by that.

    :raises DockerError: the engine does not answer.
    """
    failed: set[str] = set()

    async def inspect(container: str) -> None:
        try:
            data = await docker.inspect(container)
        except DockerError as error:
            if not error.status:
                # Away, or stuck with this container alone.
                await docker.ping()
            failed.add(container)
            return
        if data is not None and not ended_well(data):
            failed.add(container)

    await for_each(containers, inspect, INSPECTIONS)
    return frozenset(failed)
