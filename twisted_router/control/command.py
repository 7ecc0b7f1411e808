"""The command line of ``routerctl``."""

from __future__ import annotations

import click

from .. import __version__
from .keeping import register, unregister
from .looking import explain, routes
from .surroundings import Surroundings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Register routes in Consul, and see what a router makes of them.

    Consul is found as its own command line finds it: by CONSUL_HTTP_ADDR,
    CONSUL_HTTP_TOKEN_FILE and the like.

    Exit status: 0 done; 1 not all of it was done, and standard error says what was
    not; 2 wrong command line; 4 (explain) no instance would answer the request.
    """
    context.ensure_object(Surroundings)


for _command in (register, unregister, routes, explain):
    main.add_command(_command)
