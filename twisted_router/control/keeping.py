"""``routerctl register`` and ``routerctl unregister``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

import click

from ..config import ConfigError
from ..retry import backoff_policy
from .agent import consul_config
from .keeper import Keeper
from .lines import LINE_LIMIT_BYTES, Line
from .messages import Action, MessageError, read_message
from .parameters import Duration, HostPort, RouteUri
from .registration import RouteRegistration
from .running import run
from .surroundings import NOT_DONE, Surroundings, say


class _Desk:
    """Where wishes come in, and go to the keeper.

    :param action: what is wished for, unless a message says it.
    :param pattern: what wishes do not say.
    :ivar skipped: how many messages could not be used, or not all of them.
    """

    def __init__(
        self, keeper: Keeper, action: Action, pattern: RouteRegistration
    ) -> None:
        self._keeper = keeper
        self._action = action
        self._pattern = pattern
        self.skipped = 0

    def want(self, uri: str, place: tuple[str, int]) -> None:
        """Take a route from the command line."""
        host, port = place
        route = replace(self._pattern, uri=uri, address=host, port=port)
        self._pass_on(self._action, route)

    def take(self, line: Line) -> None:
        """Take a line with a message; say what is wrong with it."""
        try:
            if line.text is None:
                raise MessageError(f"longer than {LINE_LIMIT_BYTES} bytes")
            message = read_message(line.text, self._action, self._pattern)
        except MessageError as error:
            self.skipped += 1
            say(f"line {line.number}: skipped: {error}")
            return
        if message is None:
            return
        self.skipped += bool(message.notes)
        for note in message.notes:
            say(f"line {line.number}: {note}")
        for route in message.registrations:
            self._pass_on(message.action, route)

    def _pass_on(self, action: Action, route: RouteRegistration) -> None:
        if action is Action.REGISTER:
            self._keeper.register(route)
        else:
            self._keeper.unregister(route)


def _routes_options(command: Callable[..., None]) -> Callable[..., None]:
    """What registering and taking back have in common."""
    for option in (
        click.option(
            "--consul", default="", metavar="ADDRESS", help="The agent: host:port."
        ),
        click.option(
            "--messages",
            type=click.File("rb"),
            help="gorouter's messages, one a line; - is standard input.",
        ),
        click.option("--address", type=HostPort(), help="Where the instance listens."),
        click.option("--uri", "uris", type=RouteUri(), multiple=True, help="A route."),
    ):
        command = option(command)
    return command


@click.command()
@_routes_options
@click.option(
    "--ttl",
    type=Duration(),
    default="120s",
    show_default=True,
    help="How long a route lives that nobody refreshes; 0 = for ever.",
)
@click.option("--service", default="", help="Name of the service in Consul.")
@click.option(
    "--tag-prefix",
    default="urlprefix-",
    show_default=True,
    help="The router's consul.tag_prefix.",
)
@click.option("--once", is_flag=True, help="Do not refresh: register, and exit.")
@click.pass_obj
def register(
    surroundings: Surroundings,
    uris: tuple[str, ...],
    address: tuple[str, int] | None,
    messages: BinaryIO | None,
    consul: str,
    ttl: float,
    service: str,
    tag_prefix: str,
    once: bool,
) -> None:
    """Register routes, and keep them until this is stopped.

    Each --uri leads to the instance at --address. They are refreshed three times in
    their TTL, registered again should Consul forget them, and taken back at SIGINT or
    SIGTERM. With --once they are left as they are, and expire after their TTL unless
    they are registered again.

    With --messages, routes come from gorouter's JSON; a line may begin with
    router.register or router.unregister. A line that cannot be used is reported and
    skipped.
    """
    pattern = RouteRegistration(
        "", "", 0, ttl_s=ttl, service=service, tag_prefix=tag_prefix
    )
    _keep(surroundings, Action.REGISTER, pattern, uris, address, messages, consul, once)


@click.command()
@_routes_options
@click.pass_obj
def unregister(
    surroundings: Surroundings,
    uris: tuple[str, ...],
    address: tuple[str, int] | None,
    messages: BinaryIO | None,
    consul: str,
) -> None:
    """Take back routes that were registered, by whomever.

    A route that is not there is no error.
    """
    pattern = RouteRegistration("", "", 0)
    _keep(
        surroundings, Action.UNREGISTER, pattern, uris, address, messages, consul, True
    )


def _keep(
    surroundings: Surroundings,
    action: Action,
    pattern: RouteRegistration,
    uris: tuple[str, ...],
    address: tuple[str, int] | None,
    messages: BinaryIO | None,
    consul: str,
    once: bool,
) -> None:
    if bool(uris) != bool(address) or bool(uris) == bool(messages):
        raise click.UsageError("give --uri and --address, or --messages")
    try:
        agent = surroundings.connect(consul_config(consul, os.environ))
    except (ConfigError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    keeper = Keeper(
        agent,
        surroundings.clock,
        backoff_policy(surroundings.rng),
        say,
        refreshing=not once,
    )
    desk = _Desk(keeper, action, pattern)
    if address is not None:
        for uri in uris:
            desk.want(uri, address)
    with surroundings.pause() as pause:
        run(keeper, pause, messages, desk.take, once=once)
        undone = keeper.pending
        left = 0 if once else keeper.leave()
    if undone or left or keeper.refused or desk.skipped:
        sys.exit(NOT_DONE)
