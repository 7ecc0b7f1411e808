"""What the commands need of the world; tests bring their own."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NoReturn

import click

from ..config import ConsulConfig
from .agent import ConsulRouteAgent, RouteAgent
from .running import Pause, SignalPause
from .text import printable

#: Exit statuses, besides 0 and click's own 2 for a wrong command line.
NOT_DONE, NOT_SERVED = 1, 4


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The agent, time, and who stops us.

    :ivar clock: seconds that only grow.
    """

    connect: Callable[[ConsulConfig], RouteAgent] = ConsulRouteAgent
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[], AbstractContextManager[Pause]] = SignalPause
    rng: random.Random = field(default_factory=random.SystemRandom)


def say(sentence: str) -> None:
    """Tell a person, on standard error."""
    click.echo(f"routerctl: {printable(sentence)}", err=True)


def leave_undone(sentence: str) -> NoReturn:
    """Say what could not be done, and end.

    :raises SystemExit: always.
    """
    say(sentence)
    sys.exit(NOT_DONE)
