"""The router of this repository."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from benchmarks.about import ROUTER
from benchmarks.peers.peer import TOP, Command, Setup
from benchmarks.requests import HOST

_TWISTD = Path(sys.executable).with_name("twistd")


class Router:
    """The router, with static routes instead of a catalog.

    :param routes: how many routes it has; with more than one, each has a host of its
        own and an instance of its own, all of them the same backend.
    :param watched: write down what the garbage collector does; see ``watched``.
    """

    duties = ""

    def __init__(self, routes: int = 1, *, watched: bool = False) -> None:
        self.name = ROUTER if routes == 1 else f"{ROUTER}-{routes}"
        self._routes = routes
        self._watched = watched

    def missing(self) -> str:
        """Why it cannot be run here; empty when it can."""
        return "" if _TWISTD.exists() else f"there is no {_TWISTD}"

    def command(self, setup: Setup) -> Command:
        """Write its configuration and say how it is run."""
        config = setup.directory / "router.yml"
        config.write_text(
            yaml.safe_dump(
                {
                    "host": "127.0.0.1",
                    "port": setup.port,
                    "status": {"port": setup.admin_port},
                    "access_log": {"file": str(setup.access_log)},
                    "routes": [
                        {"uri": HOST, "instances": [f"127.0.0.1:{setup.backend_port}"]}
                    ],
                }
            )
        )
        program: tuple[str, ...] = (str(_TWISTD),)
        if self._watched:
            watched = sys.executable, "-m", "benchmarks.peers.watched"
            program = *watched, str(setup.collections)
        twistd = (*program, "--nodaemon", "--pidfile=")
        here = ("PYTHONPATH", str(TOP))
        if self._routes == 1:
            return Command((*twistd, "router", "--config", str(config)), env=(here,))
        return Command(
            (*twistd, "--python", str(TOP / "benchmarks/peers/many_routes.tac")),
            env=(
                here,
                ("ROUTER_CONFIG", str(config)),
                ("ROUTER_ROUTES", str(self._routes)),
            ),
        )
