"""``--registrar-dry-run`` and ``--once``: commands that let a registrar look once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError

from .clients.consul import ConsulClient
from .clients.docker import DockerClient
from .config.schema import Config
from .interfaces import RouterError
from .registrar.once import OneLook

#: Seconds for all of it. Each question has a limit of its own; there may be hundreds.
LIMIT_S = 60.0


async def look_once(
    reactor: Any, config: Config, environ: Mapping[str, str], is_dry: bool
) -> None:
    """Look once, in bounded time; for :func:`twisted.internet.task.react`.

    :param config: with a ``docker`` and a ``consul`` section.
    :param environ: of the process.
    :param is_dry: write to standard output what would be written to Consul and why,
        instead of writing it to Consul.
    :raises SystemExit: it could not be done, or not all of it; with the reason.
    """
    work = Deferred.fromCoroutine(_look(reactor, config, environ, is_dry))
    work.addTimeout(LIMIT_S, reactor)
    reactor.addSystemEventTrigger("before", "shutdown", work.cancel)
    try:
        await work
    except (RouterError, OSError, ValueError) as error:
        raise SystemExit(f"twisted_router: {error}") from error
    except TimeoutError as error:
        raise SystemExit(f"twisted_router: not done in {LIMIT_S:g} s") from error
    except CancelledError as error:
        raise SystemExit("twisted_router: told to stop") from error


async def _look(
    reactor: Any, config: Config, environ: Mapping[str, str], is_dry: bool
) -> None:
    assert config.docker is not None and config.consul is not None
    docker = DockerClient(reactor, config.docker, environ)
    consul = ConsulClient(reactor, config.consul)
    look = OneLook(docker, consul, config.docker, reactor)
    try:
        if is_dry:
            plan = await look.plan()
            sys.stdout.write("".join(f"{line}\n" for line in plan))
        elif not await look.reconcile():
            raise SystemExit("twisted_router: Consul did not take all of it")
    finally:
        await consul.close()
        await docker.close()
